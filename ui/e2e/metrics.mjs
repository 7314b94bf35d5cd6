// Metrics and services as a person walks them: the box for PromQL, the heatmap, each way of two clicks from a chart to a trace to its logs,
// the service map. BASE_URL as in two-clicks.mjs.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const pictures = process.env.SCREENSHOT_DIR;
const view = `refresh=off&range=${process.env.RANGE ?? "5m"}`;
const skip = !base && "BASE_URL is not set";
const METRIC = "pipeline_execution_duration_seconds";

let browser;
before(async () => {
  browser = await launch();
  if (pictures) mkdirSync(pictures, { recursive: true });
});
after(() => browser?.close());

/** Runs a walk on a fresh page and fails when the page complained meanwhile. */
async function walk(options, steps) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && !options.expects?.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await steps(page);
    assert.deepEqual(complaints, [], "the page logged errors");
  } catch (error) {
    if (pictures) await page.screenshot({ path: join(pictures, "failed.png") });
    throw error;
  } finally {
    await context.close();
  }
}

async function picture(page, name) {
  if (!pictures) return;
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(250);
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

const api = async (path) => (await fetch(base + path)).json();
const params = (page) => new URL(page.url()).searchParams;

/** The box once CodeMirror is there. */
const codeBox = (page) => page.locator(".cm-content[data-testid=promql]");

/** Presses a point of a chart's lines, near its newest end, where no exemplar is in the way. */
async function clickLine(page, plot) {
  await plot.scrollIntoViewIfNeeded();
  const place = await plot.evaluate((over) => {
    const { left, top, width, height } = over.getBoundingClientRect();
    for (const across of [0.97, 0.95, 0.92, 0.9, 0.87, 0.84, 0.8]) {
      for (const down of [0.3, 0.15, 0.5, 0.7]) {
        const [x, y] = [left + width * across, top + height * down];
        if (document.elementFromPoint(x, y) === over) return { x, y };
      }
    }
    return null;
  });
  assert.ok(place, "some part of the chart is free of dots");
  await page.mouse.click(place.x, place.y);
}

async function drag(page, locator, [fromX, fromY], [toX, toY]) {
  await locator.scrollIntoViewIfNeeded();
  const box = await locator.boundingBox();
  await page.mouse.move(box.x + box.width * fromX, box.y + box.height * fromY);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * toX, box.y + box.height * toY, { steps: 5 });
  await page.mouse.up();
}

/** From the open drawer: its trace says why it is there, and one of its spans shows a log. The second click of two. */
async function seeLogsOfSpan(page) {
  const drawer = page.getByTestId("trace-drawer");
  await drawer.getByTestId("near-trace").first().waitFor();
  await drawer.getByTestId("span-row").first().waitFor();
  assert.match(params(page).get("trace"), /^[0-9a-f]{32}$/, "the nearest trace is in the URL");
  assert.match(await drawer.getByTestId("near-reason").innerText(), /^(By exemplar|Inferred): /);
  const withLogs = drawer.locator(".span-row", { has: page.locator(".badge-logs") }).first();
  await withLogs.click();
  await drawer.getByTestId("log-line").first().waitFor();
}

test("the box for PromQL completes, runs, marks what is wrong, and lets one go, all by keyboard", { skip }, () =>
  walk({ expects: /400/ }, async (page) => {
    await page.goto(`${base}/metric?${view}`);
    await codeBox(page).waitFor();
    await codeBox(page).focus();
    await page.keyboard.type("sum(rate(pipeline_executions_to");
    await page.locator(".cm-tooltip-autocomplete li").first().getByText("pipeline_executions_total").waitFor();
    await page.keyboard.press("Tab");
    await codeBox(page).getByText("sum(rate(pipeline_executions_total))").waitFor();
    await page.keyboard.type("[1m");
    await codeBox(page).getByText("sum(rate(pipeline_executions_total[1m]))").waitFor();
    await page.keyboard.press("Enter");
    await page.getByTestId("chart").waitFor();
    assert.equal(params(page).get("q"), "sum(rate(pipeline_executions_total[1m]))");

    await page.keyboard.press("End");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("+ nothing_of_that_name(1)");
    await page.getByTestId("promql-problem").getByText(/./).waitFor();
    await page.locator(".cm-lintRange-error").first().waitFor();
    await page.keyboard.press("Enter");
    await page.getByTestId("promql-problem").getByText("nothing_of_that_name").waitFor();
    assert.equal(await codeBox(page).locator(".cm-line").count(), 2, "Shift-Enter broke the line, Enter did not");

    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    assert.equal(await codeBox(page).evaluate((element) => element === document.activeElement), false, "Escape, then Tab, leaves the box");
  }),
);

test("without the editor's file the plain box does its work", { skip }, () =>
  walk({ expects: /ERR_FAILED|Failed to fetch/ }, async (page) => {
    await page.route(/promql-code/, (route) => route.abort());
    await page.goto(`${base}/metric?${view}`);
    const plain = page.locator("textarea[data-testid=promql]");
    await plain.fill("sum(rate(pipeline_executions_total[1m]))");
    await plain.press("Enter");
    await page.getByTestId("chart").waitFor();
    assert.equal(params(page).get("q"), "sum(rate(pipeline_executions_total[1m]))");
  }),
);

test("two clicks from a point of a line: its nearest trace, and a span's logs", { skip }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/metric/${METRIC}?${view}`);
    await page.getByTestId("chart").first().waitFor();
    await page.getByTestId("exemplar").first().waitFor();
    await clickLine(page, page.locator(".u-over").first());
    await seeLogsOfSpan(page);
    assert.ok(await page.getByTestId("chart").first().isVisible(), "the chart stays beside the drawer");
    await picture(page, "point-trace-log");
    await page.reload();
    await page.getByTestId("trace-drawer").getByTestId("log-line").first().waitFor();
    await page.getByTestId("near-trace").nth(1).click();
    await page.getByTestId("trace-drawer").getByTestId("span-row").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("trace-drawer").waitFor({ state: "detached" });
    assert.equal(params(page).get("near"), null);
  }),
);

test("the same by keyboard: along the chart, into the trace, to a span", { skip }, () =>
  walk({ colorScheme: "dark" }, async (page) => {
    await page.goto(`${base}/metric/${METRIC}?${view}`);
    const chart = page.getByTestId("chart").first().getByRole("slider");
    await chart.waitFor();
    await chart.focus();
    const before = await chart.getAttribute("aria-valuetext");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction((text) => document.activeElement.getAttribute("aria-valuetext") !== text, before);
    await page.keyboard.press("Enter");
    const drawer = page.getByTestId("trace-drawer");
    await drawer.getByTestId("span-row").first().waitFor();
    await page.keyboard.press("j");
    await drawer.getByTestId("span-panel").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });

    await chart.focus();
    await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Shift+ArrowLeft");
    await page.getByTestId("selection").waitFor();
  }),
);

test("a drag on a chart offers its traces, its logs, a closer look; and a chart leads to an alert on it", { skip }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/metric/pipeline_executions_total?${view}`);
    await page.getByTestId("chart").first().waitFor();
    const alert = new URL(await page.getByTestId("alert-on-this").first().getAttribute("href"), base);
    assert.equal(alert.pathname, "/alerts/new");
    assert.match(alert.searchParams.get("expr"), /rate\(pipeline_executions_total/);
    await drag(page, page.locator(".u-over").first(), [0.6, 0.3], [0.9, 0.3]);
    const bar = page.getByTestId("selection");
    for (const [name, path] of [["Traces in this window", "/traces"], ["Logs in this window", "/logs"]]) {
      const target = new URL(await bar.getByRole("link", { name }).getAttribute("href"), base);
      const length = Number(target.searchParams.get("to")) - Number(target.searchParams.get("from"));
      assert.equal(target.pathname, path);
      assert.ok(length > 60_000 && length < 120_000, `${length} ms are three tenths of five minutes`);
    }
    await bar.getByRole("button", { name: "Zoom in" }).click();
    await bar.waitFor({ state: "detached" });
    assert.ok(Number(params(page).get("to")) - Number(params(page).get("from")) < 120_000);
  }),
);

test("the heatmap is painted in both themes; a box says what differs in it, a cell leads to its trace", { skip }, async () => {
  for (const colorScheme of ["light", "dark"]) {
    await walk({ colorScheme }, async (page) => {
      await page.goto(`${base}/metric/${METRIC}?${view}`);
      const plot = page.getByTestId("heatmap-plot");
      await plot.waitFor();
      const colors = () =>
        page.locator(".heatmap canvas").evaluate((canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const seen = new Set();
          for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
          return seen.size;
        });
      await page.waitForFunction(() => document.querySelector(".heatmap canvas")?.width > 100);
      assert.ok((await colors()) >= 2, "cells have colours");
      if (colorScheme === "dark") return picture(page, "heatmap-dark");

      await drag(page, plot, [0.7, 0.05], [0.99, 0.95]);
      await page.getByTestId("selection").getByRole("button", { name: "What differs here" }).click();
      const drawer = page.getByTestId("differences");
      await drawer.getByTestId("difference").or(drawer.getByTestId("empty")).first().waitFor();
      assert.match(await drawer.innerText(), /at least .* at most /);
      await picture(page, "what-differs");
      await page.keyboard.press("Escape");
      await drawer.waitFor({ state: "detached" });

      await plot.focus();
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("ArrowLeft");
      await page.waitForFunction(() => / of /.test(document.activeElement.getAttribute("aria-valuetext")));
      await page.keyboard.press("Enter");
      await seeLogsOfSpan(page);
    });
  }
});

test("an exponential histogram has a heatmap as a classic one has", { skip }, async () => {
  const { endpoints } = await api("/api/status");
  const name = `e2e_native_${Date.now()}`;
  const now = Math.floor(Date.now() / 1000);
  const nanos = (seconds) => `${seconds}000000000`;
  const dataPoints = Array.from({ length: 12 }, (_, i) => ({
    startTimeUnixNano: nanos(now - 130),
    timeUnixNano: nanos(now - 120 + i * 10),
    count: String(6 * i),
    sum: 3 * i,
    scale: 2,
    zeroCount: "0",
    positive: { offset: -6, bucketCounts: [0, 1, 2, 3].map((count) => String(count * i)) },
    attributes: [{ key: "queue", value: { stringValue: "fast" } }],
  }));
  const metric = { name, unit: "s", description: "made by a test", exponentialHistogram: { aggregationTemporality: 2, dataPoints } };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "e2e" } }] };
  const body = JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [metric] }] }] });
  const sent = await fetch(`http://${endpoints.otlp_http}/v1/metrics`, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(sent.status, 200);
  await walk({}, async (page) => {
    await page.goto(`${base}/metric/${name}_seconds?${view}`);
    await page.getByTestId("heatmap-plot").waitFor();
    await page.getByTestId("heatmap-plot").focus();
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(() => /\d+ of .*ms/.test(document.activeElement.getAttribute("aria-valuetext")));
    await page.getByTestId("chart").first().waitFor();
  });
});

test("a service: its operations in order, two clicks from its durations to a log", { skip }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/services?${view}`);
    await page.getByTestId("service-backend").click();
    const rows = page.getByTestId("operation-row");
    await rows.first().waitFor();
    await page.getByTestId("operations").getByRole("button", { name: "p95" }).click();
    await page.waitForURL((url) => url.searchParams.get("ops") === "-p95");
    const figures = await rows.locator("td:nth-last-child(2) .figure").allInnerTexts();
    const scale = { µs: 1e-3, ms: 1, s: 1e3, min: 6e4 };
    const millis = figures.map((text) => (text === "–" ? -1 : Number(text.split(" ")[0]) * scale[text.split(" ")[1]]));
    assert.deepEqual(millis, [...millis].sort((a, b) => b - a), "the slowest first");
    assert.match(await rows.first().getByRole("rowheader").getByRole("link").getAttribute("href"), /^\/traces\?.*service=backend&operation=/);
    await page.getByTestId("instances").waitFor();
    await picture(page, "service");

    const durations = page.locator(".chart-card", { has: page.getByRole("heading", { name: "Durations" }) });
    await durations.getByTestId("chart").waitFor();
    await clickLine(page, durations.locator(".u-over"));
    await seeLogsOfSpan(page);
    assert.equal(params(page).getAll("near").length, 1);
  }),
);

test("the service map: by keyboard to a service's operations, by a line to its traces and their logs, and the same as a table", { skip }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/services?${view}`);
    await page.getByRole("link", { name: "Map", exact: true }).click();
    const nodes = page.getByTestId("map-node");
    await nodes.first().waitFor();
    const lines = page.getByTestId("map-edge");
    assert.equal(await lines.count(), await page.getByTestId("call-row").count(), "the table has what the picture has");
    assert.ok((await lines.count()) >= 2);

    await page.locator("[data-testid=map-node][tabindex='0']").focus();
    const first = await page.evaluate(() => document.activeElement.dataset.node);
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((name) => document.activeElement.dataset.node && document.activeElement.dataset.node !== name, first);
    const next = await page.evaluate(() => document.activeElement.dataset.node);
    await page.keyboard.press("Enter");
    await page.getByTestId("map-panel").getByTestId("operation-row").first().waitFor();
    assert.equal(params(page).get("node"), next);
    await picture(page, "service-map");
    await page.keyboard.press("Escape");
    await page.getByTestId("map-panel").waitFor({ state: "detached" });

    await page.getByTestId("call-row").first().getByRole("button", { name: "Traces" }).click();
    await page.getByTestId("call-trace").first().click();
    const drawer = page.getByTestId("trace-drawer");
    await drawer.getByTestId("span-panel").waitFor();
    await drawer.locator(".span-row", { has: page.locator(".badge-logs") }).first().click();
    await drawer.getByTestId("log-line").first().waitFor();
    assert.ok(await page.getByTestId("service-map").isVisible(), "the map stays beside the drawer");
  }),
);

test("narrow and dark: metrics, a service and the map fit", { skip }, () =>
  walk({ viewport: { width: 390, height: 844 }, colorScheme: "dark" }, async (page) => {
    for (const [path, shown] of [
      [`/metric/${METRIC}`, "heatmap"],
      ["/services/map", "map-node"],
      ["/services/service/backend", "operations"],
    ]) {
      await page.goto(`${base}${path}?${view}`);
      await page.getByTestId(shown).first().waitFor();
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, `${path} is too wide`);
    }
  }),
);
