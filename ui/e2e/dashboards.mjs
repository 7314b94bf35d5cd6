// Dashboards against a running demo, as in two-clicks.mjs: every type of panel, variables, repeats, importing, editing and saving. What is saved
// is deleted again.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const pictures = process.env.SCREENSHOT_DIR;
const skip = !base && "BASE_URL is not set";
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };
const view = "refresh=off&range=15m";

let browser;
before(async () => {
  browser = await launch();
  if (pictures) mkdirSync(pictures, { recursive: true });
});
after(async () => {
  await browser?.close();
  if (base) for (const { uid, origin, title, revision } of (await list()).dashboards) if (origin === "saved" && title.startsWith("Browser test")) await fetch(`${base}/api/dashboards/${uid}`, { method: "DELETE", headers: { "if-match": revision } });
});

const list = async () => (await fetch(`${base}/api/dashboards`)).json();

const source = { type: "prometheus", uid: "${datasource}" };
const calls = 'sum by (service_name) (rate(traces_span_metrics_calls_total{service_name=~"$service"}[$__rate_interval]))';
let next = 0;
const panel = (type, title, expr, more = {}) => {
  const i = next++;
  return { id: i + 1, type, title, datasource: source, gridPos: { x: (i % 3) * 8, y: Math.floor(i / 3) * 7, w: 8, h: 7 }, targets: [{ refId: "A", expr, legendFormat: "{{service_name}}", ...more.target }], fieldConfig: { defaults: { unit: "ops", ...more.defaults }, overrides: [] }, options: more.options ?? {} };
};
const table = { target: { format: "table", instant: true } };

/** Each type of panel over metrics that every Tripod has of its spans. */
function everything(title) {
  next = 0;
  return {
    title,
    schemaVersion: 41,
    time: { from: "now-15m", to: "now" },
    kept: { byEditors: true },
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus" },
        { name: "service", type: "query", datasource: source, query: "label_values(traces_span_metrics_calls_total, service_name)", multi: true, includeAll: true, allValue: ".*", sort: 1, current: { value: ["$__all"] } },
        { name: "note", type: "textbox", query: "first words" },
      ],
    },
    panels: [
      panel("timeseries", "Lines", calls, { options: { legend: { showLegend: true, calcs: ["max"], displayMode: "table" } } }),
      panel("stat", "Stat", `sum(${calls})`),
      panel("gauge", "Gauge", `sum(${calls})`, { defaults: { min: 0, max: 1000, thresholds: { mode: "absolute", steps: [{ value: null, color: "green" }, { value: 900, color: "red" }] } } }),
      panel("bargauge", "Bar gauge", calls, { options: { orientation: "horizontal" } }),
      panel("barchart", "Bar chart", calls, table),
      panel("piechart", "Pie", calls),
      panel("heatmap", "Heatmap", "sum by (le) (increase(traces_span_metrics_duration_milliseconds_bucket[$__rate_interval]))", { target: { format: "heatmap", legendFormat: "{{le}}" }, options: { yAxis: { unit: "ms" } } }),
      panel("table", "Table", calls, table),
      panel("state-timeline", "States", "sum by (service_name) (rate(traces_span_metrics_calls_total[1m])) > bool 0", { defaults: { mappings: [{ type: "value", options: { 1: { text: "busy", color: "green" }, 0: { text: "idle", color: "blue" } } }] } }),
      panel("text", "Text", "", { options: { mode: "markdown", content: "## $note\n\n<script>window.ran = true</script> **bold** [bad](javascript:window.ran=true)" } }),
      panel("news", "News", ""),
    ],
  };
}

async function save(dashboard) {
  const response = await fetch(`${base}/api/dashboards`, { method: "POST", body: JSON.stringify(dashboard) });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()).uid;
}

/** Runs a walk on a fresh page and fails when the page complained meanwhile. */
async function walk(options, steps) {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && !/the server responded with a status of 4/.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await steps(page);
    assert.deepEqual(complaints, [], "the page logged errors");
  } catch (error) {
    if (pictures) await page.screenshot({ path: join(pictures, "dashboards-failed.png") });
    throw error;
  } finally {
    await context.close();
  }
}

const DRAWN = {
  Lines: "[data-testid=chart] canvas",
  Stat: "[data-testid=stat] .stat-value",
  Gauge: "[data-testid=gauge] .gauge-fill",
  "Bar gauge": ".bar-gauge-track i",
  "Bar chart": ".bar-chart-bars i",
  Pie: ".pie-part",
  Heatmap: "[data-testid=heatmap] canvas",
  Table: "[data-testid=panel-table] tbody td",
  States: ".states-line i",
  Text: ".text-panel strong",
};

for (const [colorScheme, viewport] of [["light", WIDE], ["dark", NARROW]]) {
  test(`every type of panel is drawn of the demo's data, ${colorScheme}, ${viewport.width} px wide`, { skip }, () =>
    walk({ colorScheme, viewport }, async (page) => {
      const uid = await save(everything("Browser test of panels"));
      await page.goto(`${base}/dashboards/${uid}?${view}`);
      for (const [title, selector] of Object.entries(DRAWN)) {
        const section = page.getByRole("region", { name: title, exact: true });
        await section.scrollIntoViewIfNeeded();
        await section.locator(selector).first().waitFor({ state: "attached" });
      }
      const news = page.getByRole("region", { name: "News", exact: true });
      await news.scrollIntoViewIfNeeded();
      await news.getByText("panels of type news are not drawn").first().waitFor();
      assert.equal(await page.evaluate(() => globalThis.ran), undefined, "nothing of a text runs");
      assert.equal(await page.locator(".text-panel a").count(), 0, "a link that would run something is none");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
    }),
  );
}

test("variables are in the address, and what repeats stands once for each value", { skip }, () =>
  walk({}, async (page) => {
    const dashboard = everything("Browser test of variables");
    dashboard.panels = [{ ...dashboard.panels[1], title: "Calls of $service", repeat: "service", maxPerRow: 4 }, { ...dashboard.panels[9] }];
    const uid = await save(dashboard);
    await page.goto(`${base}/dashboards/${uid}?${view}`);
    const names = (await (await fetch(`${base}/api/v1/label/service_name/values?match[]=traces_span_metrics_calls_total`)).json()).data;
    assert.ok(names.length > 1, `the demo has several services: ${names}`);
    for (const name of names) await page.getByRole("region", { name: `Calls of ${name}`, exact: true }).waitFor();
    await page.getByTestId("var-service").getByRole("button").click();
    await page.getByRole("checkbox", { name: names[0], exact: true }).check();
    await page.getByRole("region", { name: `Calls of ${names[1]}`, exact: true }).waitFor({ state: "detached" });
    assert.deepEqual(new URL(page.url()).searchParams.getAll("var-service"), [names[0]]);
    await page.getByRole("region", { name: `Calls of ${names[0]}`, exact: true }).locator(".stat-value").waitFor();
    await page.keyboard.press("Escape");
    await page.getByLabel("note").fill("other words");
    await page.getByLabel("note").press("Enter");
    await page.getByRole("heading", { name: "other words" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "other words" }).waitFor();
    assert.equal(await page.getByRole("region", { name: /^Calls of/ }).count(), 1, "a link shows another person the same");
  }),
);

test("a dashboard is imported, changed, undone and saved; what the editor doesn't know is kept", { skip }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/dashboards?${view}`);
    await page.getByTestId("import").click();
    const box = page.getByTestId("import-json");
    await box.fill('{\n  "title": "Broken",\n  "panels": [}');
    await page.getByTestId("import-error").getByText("line 3, column 14").waitFor();
    assert.ok(await page.getByTestId("import-save").isDisabled());
    await box.fill(JSON.stringify({ dashboard: everything("Browser test of editing"), meta: {} }));
    await page.getByTestId("import-preview").getByText("11 panels").waitFor();
    await page.getByTestId("import-preview").getByText("things are not drawn").or(page.getByTestId("import-preview").getByText("thing is not drawn")).click();
    await page.getByTestId("import-preview").getByText("panels of type news").waitFor();
    await page.getByTestId("import-save").click();
    await page.waitForURL(/\/dashboards\/[0-9a-f]+/);
    const uid = new URL(page.url()).pathname.split("/").pop();

    const stat = page.getByRole("region", { name: "Stat", exact: true });
    await stat.locator(".stat-value").waitFor();
    await stat.hover();
    await page.getByTestId("menu-2").click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    const editor = page.getByTestId("panel-editor");
    await editor.getByLabel("Title").fill("Renamed");
    await editor.getByLabel("Title").press("Enter");
    await page.getByRole("region", { name: "Renamed", exact: true }).waitFor();
    await editor.getByLabel("Unit").selectOption("percent");
    await page.getByRole("region", { name: "Renamed", exact: true }).locator(".stat-value small").getByText("%").waitFor();
    await page.getByTestId("undo").click();
    await page.getByRole("region", { name: "Renamed", exact: true }).locator(".stat-value small").getByText("/s").waitFor();
    await page.getByTestId("save").click();
    await page.getByText("Saved", { exact: true }).waitFor();

    const { dashboard } = await (await fetch(`${base}/api/dashboards/${uid}`)).json();
    assert.equal(dashboard.panels[1].title, "Renamed");
    assert.equal(dashboard.panels[1].fieldConfig.defaults.unit, "ops");
    assert.deepEqual(dashboard.kept, { byEditors: true });

    // Somebody else saves: this editor is told, and overwrites nothing.
    const current = await (await fetch(`${base}/api/dashboards/${uid}`)).json();
    await fetch(`${base}/api/dashboards/${uid}`, { method: "PUT", headers: { "if-match": current.revision }, body: JSON.stringify({ ...dashboard, description: "theirs" }) });
    await editor.getByLabel("Title").fill("Mine");
    await editor.getByLabel("Title").press("Enter");
    await page.getByRole("region", { name: "Mine", exact: true }).waitFor();
    await page.getByTestId("save").click();
    await page.getByTestId("save-error").getByText("changed meanwhile").waitFor();
    assert.equal((await (await fetch(`${base}/api/dashboards/${uid}`)).json()).dashboard.panels[1].title, "Renamed");
  }),
);

test("by keyboard: find one, open it, edit, move a panel, save a copy", { skip }, () =>
  walk({}, async (page) => {
    await save(everything("Browser test by keys"));
    await page.goto(`${base}/services?${view}`);
    await page.getByTestId("service-row").first().waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await page.getByTestId("dashboard-list").first().waitFor();
    await page.keyboard.press("f");
    await page.keyboard.type("by keys");
    const found = page.locator(".dashboard-row");
    await page.waitForFunction(() => document.querySelectorAll(".dashboard-row").length === 1);
    await found.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Stat", exact: true }).waitFor();
    await page.keyboard.press("e");
    const handle = page.getByTestId("move-1");
    await handle.focus();
    await page.keyboard.press("Shift+ArrowRight");
    const place = () => page.locator(".grid-item", { has: page.getByTestId("move-1") }).getAttribute("data-grid");
    await page.waitForFunction(() => document.querySelector("[data-testid=move-1]")?.closest(".grid-item")?.dataset.grid === "0,0,9,7");
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction(() => document.querySelector("[data-testid=move-1]")?.closest(".grid-item")?.dataset.grid !== "0,0,9,7");
    assert.match(await place(), /^0,[1-9]\d*,9,7$/);
    await page.getByTestId("dashboard-menu").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Save a copy" }).press("Enter");
    await page.getByRole("heading", { level: 1, name: "Browser test by keys (copy)" }).waitFor();
  }),
);

test("a panel alone, and from a point of its chart to the trace", { skip }, () =>
  walk({}, async (page) => {
    const uid = await save(everything("Browser test of one panel"));
    await page.goto(`${base}/dashboards/${uid}?${view}&viewPanel=1`);
    const chart = page.getByTestId("panel-1").getByTestId("chart");
    await chart.locator(".u-over").waitFor();
    assert.equal(await page.locator(".panel").count(), 1);
    const slider = chart.getByRole("slider");
    await slider.focus();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    await page.getByTestId("trace-drawer").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("trace-drawer").waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.getByTestId("panel-2").waitFor();
  }),
);
