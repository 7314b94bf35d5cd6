// Alerts as a person meets them: from a chart to a rule that fires, silenced, found in the history, changed and deleted. BASE_URL is a
// running Tripod with data (the demo's); what the walk makes it takes away again. SCREENSHOT_DIR keeps pictures.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const pictures = process.env.SCREENSHOT_DIR;
const NAME = "Walked by the test";
const NARROW = { width: 390, height: 844 };
const skip = !base && "BASE_URL is not set";

let browser;
before(async () => {
  browser = await launch();
  if (pictures) mkdirSync(pictures, { recursive: true });
});
after(async () => {
  await browser?.close();
  if (!base) return;
  for (const name of [NAME, "By keyboard"]) await fetch(`${base}/api/rules/own/${encodeURIComponent(name)}`, { method: "DELETE" });
  for (const { id, comment } of await json("/api/v2/silences")) if (comment === "walked") await fetch(`${base}/api/v2/silence/${id}`, { method: "DELETE" });
});

async function walk(options, steps) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await steps(page, complaints);
    assert.deepEqual(complaints, [], "the page logged errors");
  } catch (error) {
    if (pictures) await page.screenshot({ path: join(pictures, "alerts-failed.png") });
    throw error;
  } finally {
    await context.close();
  }
}

async function picture(page, name) {
  if (!pictures) return;
  await page.waitForLoadState("networkidle");
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

const put = (name, rule) => fetch(`${base}/api/rules/own/${encodeURIComponent(name)}`, { method: "PUT", body: JSON.stringify(rule) });
const json = async (path) => (await fetch(base + path)).json();

async function until(what, look) {
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`never: ${what}`);
}

test("from a chart to an alert that fires, is silenced, has a history, and goes", { skip }, () =>
  walk({}, async (page, complaints) => {
    await page.goto(`${base}/metric?q=${encodeURIComponent('count({__name__=~".+_total"})')}&refresh=5`);
    await page.getByTestId("alert-on-this").click();
    await page.getByTestId("rule-form").waitFor();
    assert.match(page.url(), /\/alerts\/new\?.*expr=count/);
    // Without a bound it would have fired all the time; with one that is never passed not at all.
    await page.getByTestId("would-have-fired").getByText(/Would have fired once/).waitFor();
    await page.getByTestId("rule-bound").fill("1e9");
    await page.getByTestId("would-have-fired").getByText(/Would not have fired/).waitFor();
    await page.getByTestId("rule-bound").fill("0");
    await page.getByTestId("would-have-fired").getByText(/Would have fired/).waitFor();
    await page.getByTestId("rule-for").fill("soon");
    await page.getByTestId("preview-error").getByText(/must be a duration/).waitFor();
    await page.getByTestId("rule-for").fill("");
    await page.getByTestId("rule-name").fill(NAME);
    await page.getByLabel("Look every").fill("1s");
    await page.getByLabel("Severity").selectOption("critical");
    await page.getByLabel("Summary").fill("there are {{ $value }} of them");
    await picture(page, "alerts-new");
    await page.getByTestId("save-rule").click();
    const card = page.getByTestId("group-firing").getByRole("article", { name: NAME });
    await card.waitFor();
    await card.getByText(/there are \d+ of them/).waitFor();
    await page.getByTestId("firing-badge").waitFor();
    await picture(page, "alerts-list");

    await card.getByTestId("silence").click();
    const form = page.getByTestId("silence-form");
    assert.match(await form.locator("textarea").inputValue(), new RegExp(`alertname="${NAME}"`));
    await form.getByLabel("Why").fill("walked");
    await form.getByRole("button", { name: "Silence" }).click();
    await page.getByTestId("group-silenced").getByRole("article", { name: NAME }).waitFor();
    assert.equal((await json(`/api/v2/alerts?silenced=false&filter=${encodeURIComponent(`alertname="${NAME}"`)}`)).length, 0);
    await page.getByRole("link", { name: "Silences" }).click();
    const row = page.getByTestId("silences").getByRole("row", { name: /active.*walked/ });
    await row.getByText("fits 1 alert").waitFor();
    await picture(page, "alerts-silences");
    await row.getByTestId("expire").click();
    await page.getByTestId("silences").getByRole("row", { name: /expired.*walked/ }).first().waitFor();

    await page.getByRole("link", { name: "History" }).click();
    await page.getByTestId("transitions").getByRole("row", { name: new RegExp(`firing ${NAME}`) }).first().waitFor();
    await picture(page, "alerts-history");
    await page.getByRole("link", { name: "Rules", exact: true }).click();
    await page.getByTestId("group-firing").getByRole("article", { name: NAME }).getByRole("button", { name: NAME }).click();
    await page.getByTestId("transitions").waitFor();
    await page.getByTestId("chart").waitFor();
    await picture(page, "alerts-open");
    await page.getByTestId("group-firing").getByRole("article", { name: NAME }).getByRole("link", { name: "Edit" }).click();
    assert.equal(await page.getByTestId("rule-bound").inputValue(), "0");
    await page.getByTestId("delete-rule").click();
    await page.waitForURL(/\/alerts(\?|$)/);
    await page.getByRole("article", { name: NAME }).waitFor({ state: "detached" });
    // What was wrong on purpose.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of 400/.test(text)));
  }),
);

test("by keyboard: to the alerts, to a rule, its silence, a new one that has a name already", { skip }, async () => {
  const expr = "sum(pipeline_execution_duration_seconds_bucket) > 0";
  assert.ok((await put("By keyboard", { expr, interval: "1s" })).ok);
  const firing = ({ labels, state, annotations }) => labels.alertname === "By keyboard" && state === "firing" && annotations.tripod_traces;
  await until("it fires and has traces", async () => (await json("/api/v1/alerts")).data.alerts.find(firing));
  await walk({ colorScheme: "dark" }, async (page, complaints) => {
    await page.goto(`${base}/services?refresh=off`);
    await page.locator("main").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    const card = page.getByTestId("group-firing").getByRole("article", { name: "By keyboard" });
    await card.waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    for (let i = 0; i < 40 && (await focused()) !== "By keyboard"; i++) await page.keyboard.press("j");
    assert.equal(await focused(), "By keyboard");
    await page.keyboard.press("Enter");
    await page.getByTestId("transitions").waitFor();
    await card.getByTestId("alert-trace").first().focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("trace-drawer").waitFor();
    assert.match(page.url(), /[?&]trace=[0-9a-f]{32}/);
    await page.keyboard.press("Escape");
    await page.getByTestId("trace-drawer").waitFor({ state: "detached" });
    await card.getByTestId("silence").focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("silence-form").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("silence-form").waitFor({ state: "detached" });
    await page.keyboard.press("n");
    await page.getByTestId("rule-form").waitFor();
    await page.getByTestId("rule-name").fill("By keyboard");
    await page.getByTestId("rule-expr").locator("visible=true").first().click();
    await page.keyboard.type("vector(2)");
    await page.getByTestId("rule-name").focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("rule-error").getByText(/There is an own rule|there is an own rule/).waitFor();
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of 412/.test(text)));
    await picture(page, "alerts-keyboard-dark");
  });
});

test("on a narrow screen nothing is wider than it", { skip }, () =>
  walk({ viewport: NARROW, colorScheme: "dark" }, async (page) => {
    for (const path of ["/alerts", "/alerts/history", "/alerts/silences", "/alerts/new?expr=up"]) {
      await page.goto(`${base}${path}${path.includes("?") ? "&" : "?"}refresh=off`);
      await page.locator("main h1").waitFor();
      await page.waitForLoadState("networkidle");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
      await picture(page, `alerts-narrow${path.replace(/\W+/g, "-")}`);
    }
  }),
);
