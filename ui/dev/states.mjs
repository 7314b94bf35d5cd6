// Pictures of what opens, moves or is dragged. `node dev/states.mjs BASE_URL DIRECTORY`
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "./browser.mjs";

const [base, directory] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });
const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
page.on("pageerror", (error) => console.log(`page: ${error.stack}`));
const shot = (name) => page.screenshot({ path: join(directory, `${name}.png`) });
const open = async (path) => {
  await page.goto(base + path);
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(200);
};
const drag = async (locator, from, to) => {
  const box = await locator.boundingBox();
  await page.mouse.move(box.x + box.width * from, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, box.y + box.height / 2, { steps: 8 });
  return () => page.mouse.up();
};

await open("/services");
await page.keyboard.press("?");
await shot("key-help");
await page.keyboard.press("Escape");
await page.getByTestId("time-range").click();
await shot("time-menu");
await page.keyboard.press("Escape");
await page.keyboard.press("/");
await page.keyboard.type("exec");
await page.waitForTimeout(300);
await shot("quick-search");

await open("/metric/pipeline_execution_duration_seconds?by=pipeline_id");
await page.getByTestId("exemplar").nth(10).hover();
await shot("exemplar-hover");
await (await drag(page.locator(".u-over").first(), 0.4, 0.6))();
await page.waitForTimeout(200);
await shot("selection");

await open("/traces");
await page.getByTestId("scatter-dot").last().hover();
await shot("scatter-hover");
const drop = await drag(page.locator(".scatter-plot"), 0.8, 0.95);
await shot("scatter-drag");
await drop();
await page.waitForTimeout(2500);
await shot("scatter-zoomed");

await page.getByTestId("trace-row").first().click();
await page.getByTestId("span-row").first().waitFor();
await (await drag(page.locator(".minimap-plot"), 0.3, 0.6))();
await page.keyboard.press("c");
await page.keyboard.press("f");
await page.keyboard.type("agent");
await page.keyboard.press("Enter");
await page.waitForTimeout(300);
await shot("trace-zoom-find");

await open("/logs?live=1");
await page.getByTestId("log-list").hover();
await page.mouse.wheel(0, 400);
await page.waitForTimeout(9000);
await shot("live-frozen");
await open("/logs?service=worker&severity=WARN");
await page.getByTestId("log-row").nth(2).locator(".log-main").click();
await page.waitForTimeout(200);
await shot("log-open");
await browser.close();
