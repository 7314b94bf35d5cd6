// Walks a running Tripod as a person would. BASE_URL is one with data (the demo's or any that has exemplars), EMPTY_URL one without;
// what has no address is skipped. A span is sent to the empty one, to see the page move on (the stand-in of dev/mock.mjs --empty fills
// itself; EMPTY_FILLS_ITSELF=1 waits for that). SCREENSHOT_DIR keeps pictures.
// `BASE_URL=http://127.0.0.1:4319 node --test e2e/two-clicks.mjs`
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const empty = process.env.EMPTY_URL?.replace(/\/$/, "");
const pictures = process.env.SCREENSHOT_DIR;
// Pages that don't move under one's hands. RANGE chooses another window of time than the page does, for pictures.
const view = `refresh=off${process.env.RANGE ? `&range=${process.env.RANGE}` : ""}`;
const WAIT = { timeout: 15_000 };

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
  page.setDefaultTimeout(WAIT.timeout);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
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

const api = async (path) => {
  const response = await fetch(base + path);
  assert.equal(response.status, 200, `${path} answers ${response.status}`);
  return response.json();
};

/** A metric with exemplars of the last minutes whose spans have logs. */
async function metricWithExemplars() {
  const end = Date.now() / 1000;
  const window = `start=${end - 840}&end=${end}`;
  const metadata = (await api("/api/v1/metadata")).data;
  const histograms = Object.keys(metadata).filter((name) => metadata[name][0].type === "histogram");
  const isDuration = (name) => name.startsWith("pipeline_") && name.endsWith("_seconds");
  histograms.sort((a, b) => Number(isDuration(b)) - Number(isDuration(a)));
  for (const name of histograms) {
    for (const series of [`${name}_bucket`, name]) {
      const found = (await api(`/api/v1/query_exemplars?query=${series}&${window}`)).data.flatMap((one) => one.exemplars);
      for (const { labels } of found.slice(-20)) {
        const { logs } = await api(`/api/logs?trace_id=${labels.trace_id}&limit=5`);
        if (logs.length > 0) return name;
      }
    }
  }
  return assert.fail(`no histogram of ${histograms.length} has an exemplar of the last minutes whose trace has logs`);
}

/** The dot one would click, the highest; but one whose trace has logs. */
async function dotWithLogs(page) {
  const dots = page.getByTestId("exemplar");
  const ids = await dots.evaluateAll((all) => all.sort((a, b) => a.offsetTop - b.offsetTop).map((dot) => dot.dataset.traceId));
  for (const id of ids) {
    const { logs } = await api(`/api/logs?trace_id=${id}&limit=100`);
    if (logs.length > 0) return { id, logs };
  }
  return assert.fail(`none of ${ids.length} exemplars on the chart leads to a trace with logs`);
}

test("metrics, exemplar, trace, log: two clicks from the chart to what was logged", { skip: !base && "BASE_URL is not set" }, () =>
  walk({}, async (page) => {
    const metric = await metricWithExemplars();
    await page.goto(`${base}/metric?${view}`);
    await page.getByRole("searchbox", { name: "Find a metric" }).fill(metric);
    await page.getByTestId(`metric-${metric}`).click();
    await page.getByRole("heading", { level: 1 }).getByText(metric).waitFor();
    await page.getByTestId("exemplar").first().waitFor();
    await picture(page, "metrics");

    const { id, logs } = await dotWithLogs(page);
    await page.locator(`[data-testid=exemplar][data-trace-id="${id}"]`).first().click();
    const drawer = page.getByTestId("trace-drawer");
    await drawer.getByTestId("span-row").first().waitFor();
    assert.equal(new URL(page.url()).searchParams.get("trace"), id, "the drawer's trace is in the URL");
    assert.ok(await page.getByTestId("chart").first().isVisible(), "the chart stays beside the drawer");

    const lines = drawer.getByTestId("log-line");
    await page.waitForLoadState("networkidle");
    if ((await lines.count()) === 0) await drawer.locator(".span-row", { has: page.locator(".badge-logs") }).first().click();
    await lines.first().waitFor();
    const text = await lines.first().locator(".log-body").innerText();
    const bodies = logs.map((log) => (typeof log.body === "string" ? log.body : JSON.stringify(log.body)));
    assert.ok(bodies.some((body) => body.includes(text.trim())), `“${text}” is one of the trace's logs`);
    await picture(page, "exemplar-trace-log");

    await page.reload();
    await page.getByTestId("trace-drawer").getByTestId("log-line").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("trace-drawer").waitFor({ state: "detached" });
    await page.goBack();
    await page.getByTestId("trace-drawer").waitFor();
  }),
);

test("services, traces, trace: figures lead to what is behind them", { skip: !base && "BASE_URL is not set" }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/?${view}`);
    const rows = page.getByTestId("service-row");
    await rows.first().waitFor();
    await picture(page, "services");

    const service = (await rows.first().getByRole("rowheader").innerText()).trim();
    await rows.first().getByRole("link", { name: "Traces" }).click();
    await page.getByTestId("trace-row").first().waitFor();
    assert.equal(new URL(page.url()).searchParams.get("service"), service);
    assert.equal(await page.getByTestId("service").inputValue(), service);
    await page.getByTestId("scatter-dot").first().waitFor();
    await picture(page, "traces");

    const failed = page.locator(".trace-row.is-error");
    await ((await failed.count()) > 0 ? failed : page.getByTestId("trace-row")).first().click();
    await page.getByTestId("span-row").first().waitFor();
    assert.match(new URL(page.url()).pathname, /^\/traces\/[0-9a-f]{16,32}$/);
    await page.getByTestId("span-row").first().click();
    await page.getByTestId("span-panel").waitFor();
    if ((await page.getByRole("button", { name: "Next error" }).count()) > 0) {
      await page.keyboard.press("e");
      await page.getByTestId("span-error").waitFor();
    }
    await picture(page, "trace");

    await page.goBack();
    await page.getByTestId("trace-row").first().waitFor();
    await page.goBack();
    await page.getByTestId("services-table").waitFor();
  }),
);

test("services: errors and slow calls lead to just those traces", { skip: !base && "BASE_URL is not set" }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/services?${view}`);
    await page.getByTestId("service-row").first().waitFor();
    const failing = page.locator("[data-testid=service-row] a.error-text").first();
    if ((await failing.count()) > 0) {
      await failing.click();
      await page.getByTestId("trace-row").first().waitFor();
      const params = new URL(page.url()).searchParams;
      assert.equal(params.get("errors"), "1");
      assert.equal(await page.locator(".trace-row:not(.is-error)").count(), 0, "every trace found has a failed span");
      const named = await page.locator(".trace-row").evaluateAll((rows, name) => rows.filter((row) => ![...row.querySelectorAll(".has-error .service-name")].some((one) => one.textContent === name)).length, params.get("service"));
      assert.equal(named, 0, "in each of them the service itself failed");
      await page.goBack();
    }
    const slow = page.getByTitle("Traces in which it takes at least this long").first();
    await slow.click();
    await page.getByTestId("trace-row").first().waitFor();
    const { searchParams } = new URL(page.url());
    const least = Number.parseFloat(searchParams.get("min"));
    const found = await page.evaluate(async (query) => (await fetch(`/api/trace-summaries?${query}`)).json(), new URLSearchParams({ service: searchParams.get("service"), minDuration: searchParams.get("min"), limit: "5000" }).toString());
    assert.ok(least > 0 && found.summaries.length > 0);
    for (const one of found.summaries) assert.ok(Number(one.duration_ns) / 1e6 >= least * 0.99, `${one.traceID} is not as slow as ${least} ms`);
  }),
);

test("traces: many are found, few of their rows are on the page, and the picture shows where they are", { skip: !base && "BASE_URL is not set" }, () =>
  walk({}, async (page) => {
    const { summaries } = await api("/api/trace-summaries?limit=1000");
    await page.goto(`${base}/traces?refresh=off&range=24h`);
    await page.getByTestId("scatter-dot").first().waitFor();
    assert.ok((await page.getByTestId("scatter-dot").count()) >= Math.min(1000, summaries.length), "every trace is a dot");
    const rows = await page.getByTestId("trace-row").count();
    assert.ok(rows < 60, `${rows} rows are on the page`);
    await page.getByRole("button", { name: "Show the whole window" }).click();
    assert.equal(new URL(page.url()).searchParams.get("axis"), "whole");
    await page.getByRole("button", { name: /^Zoom to/ }).click();
    await page.mouse.wheel(0, 100_000);
    const total = await page.locator(".trace-list li").last().getAttribute("aria-setsize");
    await page.locator(`.trace-list li[aria-posinset="${total}"]`).waitFor();
    await page.getByTestId("scatter-dot").last().dispatchEvent("click");
    await page.getByTestId("span-row").first().waitFor();
  }),
);

test("metrics: every one has a card with its line, and the card opens it", { skip: !base && "BASE_URL is not set" }, () =>
  walk({}, async (page) => {
    const metric = await metricWithExemplars();
    await page.goto(`${base}/metric?${view}`);
    await page.locator(".metric-card .mini-line polyline").first().waitFor({ state: "attached" });
    await picture(page, "metrics-start");
    const cards = await page.locator(".metric-card").count();
    await page.getByRole("searchbox", { name: "Find a metric" }).fill(metric);
    await page.waitForFunction((before) => document.querySelectorAll(".metric-card").length < before, cards);
    const card = page.getByTestId(`card-${metric}`);
    await card.locator("polyline").first().waitFor();
    assert.match(await card.innerText(), /p95\s*[\d.]+ (µs|ms|s)/);
    await card.click();
    await page.getByTestId("chart").first().waitFor();
  }),
);

test("logs: search, severity, attributes and the way to the trace", { skip: !base && "BASE_URL is not set" }, () =>
  walk({ colorScheme: "dark" }, async (page) => {
    await page.goto(`${base}/logs?${view}`);
    await page.getByTestId("log-row").first().waitFor();
    await page.getByTestId("volume").waitFor();
    await picture(page, "logs-dark");
    const word = (await page.locator(".log-row .log-body").first().innerText()).trim().split(/\s+/)[0];
    await page.getByRole("searchbox", { name: "Search the logs" }).fill(word);
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("q") === word);
    await page.getByTestId("log-row").first().locator(".log-main").click();
    await page.getByTestId("log-detail").waitFor();
    const links = page.getByTestId("log-trace");
    for (const [i, id] of (await links.evaluateAll((all) => all.map((link) => link.title.split(" ").pop()))).entries()) {
      // A log may name a trace that was not sampled: one that is there is wanted.
      if (!(await fetch(`${base}/api/traces/${id}`)).ok) continue;
      await links.nth(i).click();
      await page.getByTestId("trace-drawer").getByTestId("span-row").first().waitFor();
      break;
    }
    await page.goto(`${base}/logs?${view}&q=${encodeURIComponent('"no such words, surely not"')}`);
    await page.getByTestId("empty").waitFor();
  }),
);

test("the keyboard alone: go to traces, choose one, walk its spans, read the key map, change the theme", { skip: !base && "BASE_URL is not set" }, () =>
  walk({}, async (page) => {
    await page.goto(`${base}/services?${view}`);
    await page.getByTestId("service-row").first().waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.getByTestId("trace-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByTestId("span-row").first().waitFor();
    await page.keyboard.press("j");
    const first = await page.locator(".span-row.is-selected").getAttribute("data-span-id");
    assert.equal(new URL(page.url()).searchParams.get("span"), first, "the selected span is in the URL");
    const total = await page.getByTestId("span-row").count();
    if (total > 1) {
      await page.keyboard.press("x");
      await page.waitForFunction((count) => document.querySelectorAll(".span-row").length < count, total);
      await page.keyboard.press("x");
      await page.keyboard.press("j");
      assert.notEqual(await page.locator(".span-row.is-selected").getAttribute("data-span-id"), first);
    }
    const trace = new URL(page.url()).pathname.split("/").pop();

    await page.keyboard.press("?");
    await page.getByTestId("key-help").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("key-help").waitFor({ state: "detached" });

    const background = () => page.evaluate(() => getComputedStyle(document.body.parentElement).backgroundColor);
    const light = await background();
    await page.keyboard.press("T");
    assert.notEqual(await background(), light, "the theme changed");
    await page.reload();
    await page.getByTestId("span-row").first().waitFor();
    assert.notEqual(await background(), light, "and is remembered");

    await page.goto(`${base}/services?${view}`);
    await page.getByTestId("service-row").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type(trace);
    await page.getByRole("option", { name: trace }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.pathname === `/traces/${trace}`);
  }),
);

test("a failing query says why, where one wrote it", { skip: !base && "BASE_URL is not set" }, async () => {
  const metric = await metricWithExemplars();
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${base}/metric/${metric}?${view}`);
  await page.getByTestId("promql").fill("sum(");
  await page.keyboard.press("Enter");
  await page.getByTestId("query-error").getByRole("alert").waitFor();
  assert.match(await page.getByTestId("query-error").innerText(), /400/);
  await page.getByRole("button", { name: "Back to the default" }).click();
  await page.getByTestId("chart").first().waitFor();
  await context.close();
});

test("narrow screens: every page fits and nothing sticks out", { skip: !base && "BASE_URL is not set" }, () =>
  walk({ viewport: { width: 390, height: 844 } }, async (page) => {
    const { data } = await api("/api/traces?limit=1");
    for (const path of ["/services", "/traces", `/traces/${data[0].traceID}`, "/metric", "/logs", "/setup"]) {
      await page.goto(`${base}${path}?${view}`);
      await page.locator("main").waitFor();
      await page.waitForLoadState("networkidle");
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 390, `${path} is ${width} px wide`);
      await picture(page, `narrow-${path.split("/")[1]}${path.split("/").length > 2 ? "-one" : ""}`);
    }
  }),
);

test("an empty store waits for data and says how to send some", { skip: !empty && "EMPTY_URL is not set" }, () =>
  walk({}, async (page) => {
    await page.goto(empty);
    const waiting = page.getByTestId("waiting");
    await waiting.getByRole("heading", { name: "Waiting for data" }).waitFor();
    const { endpoints } = await (await fetch(`${empty}/api/status`)).json();
    await waiting.getByText(`OTEL_EXPORTER_OTLP_ENDPOINT=http://${endpoints.otlp_http}`).first().waitFor();
    await picture(page, "waiting");

    const otlp = JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "first-service" } }] },
          scopeSpans: [
            {
              spans: [
                {
                  traceId: "0af7651916cd43dd8448eb211c80319c",
                  spanId: "b7ad6b7169203331",
                  name: "first span",
                  kind: 2,
                  startTimeUnixNano: `${Date.now() - 20}000000`,
                  endTimeUnixNano: `${Date.now()}000000`,
                },
              ],
            },
          ],
        },
      ],
    });
    const sent = await fetch(`http://${endpoints.otlp_http}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body: otlp }).catch(() => null);
    if (process.env.EMPTY_FILLS_ITSELF) await waiting.waitFor({ state: "detached", timeout: 30_000 });
    else {
      assert.equal(sent?.status, 200, "the server takes a span");
      await page.getByTestId("service-first-service").waitFor();
    }
  }),
);
