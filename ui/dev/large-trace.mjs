// Measures the trace view on a made-up trace: `node dev/large-trace.mjs BASE_URL [SPANS]`. Prints the time from the answer to the first
// row, and the long tasks (over 50 ms) while one scrolls, selects and searches.
import { launch } from "./browser.mjs";

const [base, count = "20000"] = process.argv.slice(2);
const services = ["backend", "worker", "signal-generator", "trigger-dispatcher"];
const id = "a".repeat(32);
const spans = Array.from({ length: Number(count) }, (_, i) => ({
  traceID: id,
  spanID: i.toString(16).padStart(16, "0"),
  operationName: `step ${i}`,
  references: i === 0 ? [] : [{ refType: "CHILD_OF", traceID: id, spanID: Math.floor((i - 1) / 7).toString(16).padStart(16, "0") }],
  startTime: 1.795e15 + i * 40,
  duration: i === 0 ? Number(count) * 50 : 300 + ((i * 7919) % 5000),
  tags: [{ key: "span.kind", type: "string", value: "internal" }, { key: "step", type: "int64", value: i }, { key: "http.route", type: "string", value: "/api/v1/things" }],
  logs: [],
  processID: `p${i % 4}`,
}));
const processes = Object.fromEntries(services.map((serviceName, i) => [`p${i}`, { serviceName, tags: [] }]));
const body = JSON.stringify({ data: [{ traceID: id, spans, processes }] });

const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
await page.route(`**/api/traces/${id}`, (route) => route.fulfill({ contentType: "application/json", body }));
await page.route("**/api/logs?*", (route) => route.fulfill({ contentType: "application/json", body: '{"logs":[]}' }));
await page.addInitScript(() => {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => list.getEntries().forEach((one) => globalThis.longTasks.push(Math.round(one.duration)))).observe({ type: "longtask" });
});
await page.goto(`${base}/traces/${id}`);
await page.getByTestId("span-row").first().waitFor();
const shown = await page.evaluate(() => {
  const answer = performance.getEntriesByType("resource").find((one) => one.name.includes("/api/traces/"));
  return Math.round(performance.now() - answer.responseEnd);
});
const phase = async (name, run) => {
  await page.evaluate(() => (globalThis.longTasks.length = 0));
  await run();
  await page.waitForTimeout(300);
  console.log(`${name}: long tasks ${JSON.stringify(await page.evaluate(() => globalThis.longTasks))} ms`);
};
console.log(`${count} spans (${(body.length / 1e6).toFixed(1)} MB): at most ${shown} ms from the answer to the first row`);
await phase("scrolling", async () => {
  await page.getByTestId("waterfall").hover();
  for (let i = 0; i < 60; i++) await page.mouse.wheel(0, i % 10 === 9 ? 40_000 : 600);
});
await phase("selecting", async () => {
  for (let i = 0; i < 20; i++) await page.keyboard.press("j");
});
await phase("searching", async () => {
  await page.keyboard.press("f");
  await page.keyboard.type("step 199");
});
await browser.close();
