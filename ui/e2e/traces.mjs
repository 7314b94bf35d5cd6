// The trace half of the app in a browser: a trace and its views, two traces compared, files, the search. BASE_URL as in two-clicks.mjs.
// `BASE_URL=http://127.0.0.1:4319 node --test e2e/traces.mjs`
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const skip = { skip: !base && "BASE_URL is not set" };
const WIDE = { viewport: { width: 1440, height: 900 }, colorScheme: "light" };
const NARROW = { viewport: { width: 390, height: 844 }, colorScheme: "dark" };

let browser;
/** The failed trace of the last minutes with most spans, and another that begins alike. */
let failed;
let other;
before(async () => {
  browser = await launch();
  if (!base) return;
  const { summaries } = await api("/api/trace-summaries?limit=1000");
  const bySpans = summaries.filter((one) => one.services.length > 1).sort((a, b) => b.spans - a.spans);
  failed = bySpans.find((one) => one.errors > 0);
  other = bySpans.find((one) => one.operation === failed.operation && one.traceID !== failed.traceID && one.spans < failed.spans);
});
after(() => browser?.close());

async function api(path) {
  const response = await fetch(base + path);
  assert.equal(response.status, 200, `${path} answers ${response.status}`);
  return response.json();
}

/** Runs a walk on a fresh page and fails when the page complained meanwhile; `expected` complaints don't count. */
async function walk(options, path, steps, expected = /^$/) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await page.goto(base + path);
    await steps(page);
    assert.deepEqual(complaints, [], "the page logged errors");
  } finally {
    await context.close();
  }
}

const params = (page) => new URL(page.url()).searchParams;
const rowCount = async (page) => Number((await page.getByTestId("waterfall").getAttribute("aria-label")).match(/(\d+) rows/)[1]);
const waitForRows = (page, count) => page.locator(`[data-testid=waterfall][aria-label$=" ${count} rows"]`).waitFor();
const choose = async (page, opener, item) => {
  await opener.click();
  await page.getByRole("menuitem", { name: item }).click();
};

test("the waterfall collapses by span, level and service, hides, filters, and shows it in the address", skip, () =>
  walk(WIDE, `/traces/${failed.traceID}`, async (page) => {
    await waitForRows(page, failed.spans);
    await page.getByTestId("span-row").first().getByRole("button", { name: "Collapse" }).click();
    await waitForRows(page, 1);
    await page.getByTestId("span-row").first().getByRole("button", { name: "Expand" }).click();
    await page.getByRole("button", { name: "One level less" }).click();
    assert.ok((await rowCount(page)) < failed.spans, "the deepest level is collapsed");
    await page.reload();
    await page.getByTestId("span-row").first().waitFor();
    assert.ok((await rowCount(page)) < failed.spans, "and still is after a reload");
    await page.getByRole("button", { name: "One level more" }).click();
    await waitForRows(page, failed.spans);

    const [service] = failed.services;
    await choose(page, page.getByTestId(`service-choice-${service.name}`), "Hide its spans");
    await waitForRows(page, failed.spans - service.spans);
    await page.getByRole("button", { name: "Show all services" }).click();
    await page.getByRole("button", { name: "Errors only" }).click();
    assert.ok((await rowCount(page)) >= failed.errors && (await rowCount(page)) < failed.spans);
    await page.getByRole("button", { name: "Errors only" }).click();
    await page.getByRole("button", { name: "Critical path" }).click();
    await page.locator(".span-critical").first().waitFor();

    const plot = await page.locator(".minimap-plot").boundingBox();
    await page.mouse.move(plot.x + plot.width * 0.25, plot.y + 20);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width * 0.75, plot.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL((url) => /^0\.2\d+-0\.7\d+$/.test(url.searchParams.get("zoom") ?? ""));
    await page.getByRole("button", { name: "Show all", exact: true }).click();
    await page.waitForURL((url) => !url.searchParams.has("zoom"));
  }),
);

test("a value of the panel is found, leads to other traces and leaves them out", skip, () =>
  walk(WIDE, `/traces/${failed.traceID}`, async (page) => {
    await page.getByTestId("span-row").nth(1).click();
    const value = page.locator("[data-testid=span-panel] button.attribute-value").first();
    await choose(page, value, "Find in this trace");
    await page.getByTestId("find-count").filter({ hasText: /[1-9]/ }).waitFor();
    const matches = Number((await page.getByTestId("find-count").innerText()).split("/").pop());
    await page.getByRole("button", { name: "Matches only" }).click();
    await page.locator(".span-row.is-match").first().waitFor();
    assert.ok((await rowCount(page)) >= matches);
    await choose(page, value, "Traces without this value");
    await page.getByTestId("exclusions").waitFor();
    await page.waitForURL((url) => /^\..+=/.test(url.searchParams.get("not") ?? ""));
    const { summaries } = await api(`/api/trace-summaries?limit=5000&tags=${encodeURIComponent(JSON.stringify(Object.fromEntries([params(page).get("not").slice(1).split(/=(.*)/s).slice(0, 2)])))}`);
    const left = new Set(summaries.map((one) => one.traceID));
    await page.locator("[data-testid=trace-row], [data-testid=empty]").first().waitFor();
    const shown = await page.getByTestId("trace-row").evaluateAll((rows) => rows.map((row) => row.dataset.trace));
    assert.deepEqual(shown.filter((id) => left.has(id)), [], "no trace with the value is listed");
  }),
);

test("flame graph, statistics and list show the same trace, by keys alone", skip, () =>
  walk(WIDE, `/traces/${failed.traceID}`, async (page) => {
    await page.getByTestId("span-row").first().waitFor();
    await page.keyboard.press("2");
    await page.locator(".flame-boxes").focus();
    await page.keyboard.press("ArrowDown");
    await page.getByTestId("flame-told").filter({ hasText: failed.operation }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/[?&]flame=/);
    await page.keyboard.press("0");
    await page.waitForURL((url) => !url.searchParams.has("flame"));

    await page.keyboard.press("3");
    const counts = page.locator("[data-testid=stat-row] td:nth-child(2)");
    await counts.first().waitFor();
    const more = page.getByRole("button", { name: /^Show all/ });
    if ((await more.count()) > 0) await more.click();
    const sum = (await counts.allInnerTexts()).reduce((total, text) => total + Number(text.replace(/,/g, "")), 0);
    assert.equal(sum, failed.spans, "every span is counted once");
    await page.getByRole("columnheader", { name: "Errors" }).getByRole("button").press("Enter");
    await page.waitForURL((url) => url.searchParams.get("spansort") === "-errors");
    assert.notEqual(await page.locator("[data-testid=stat-row] td:last-child").first().innerText(), "0");

    await page.keyboard.press("4");
    await page.getByTestId("list-row").first().waitFor();
    await page.getByRole("button", { name: /^Duration/ }).press("Enter");
    const longest = await page.getByTestId("list-row").first().getAttribute("id");
    await page.locator(".span-list-rows").focus();
    await page.keyboard.press("j");
    await page.getByTestId("span-panel").waitFor();
    await page.waitForURL((url) => `span-${url.searchParams.get("span")}` === longest);
    await page.keyboard.press("f");
    await page.keyboard.type("zzz-nowhere");
    await page.getByTestId("span-list-count").filter({ hasText: /^0 of/ }).waitFor();
  }),
);

test("two traces are picked in the list, compared by structure, swapped, and one is chosen anew", skip, () =>
  walk(WIDE, "/traces?refresh=off&range=24h", async (page) => {
    await page.getByTestId("trace-row").first().waitFor();
    await page.getByTestId("trace-row").first().focus();
    await page.keyboard.press("c");
    await page.keyboard.press("j");
    await page.keyboard.press("c");
    await page.getByRole("link", { name: "Compare them" }).click();
    await page.getByTestId("diff").waitFor();

    await page.goto(`${base}/traces/compare?a=${failed.traceID}&b=${other.traceID}&show=tree`);
    await page.getByTestId("diff-row").first().waitFor();
    assert.match(await page.getByTestId("diff-counts").innerText(), /^[\d,]+ paths?: [\d,]+ only in B, [\d,]+ only in A, [\d,]+ changed$/);
    const verdict = await page.getByTestId("verdict").locator("b").innerText();
    await page.keyboard.press("s");
    await page.waitForURL((url) => url.searchParams.get("a") === other.traceID);
    const swapped = await page.getByTestId("verdict").locator("b").innerText();
    assert.deepEqual([verdict.slice(1), verdict[0] === swapped[0]], [swapped.slice(1), false], "the difference has the other sign");
    await page.getByTestId("diff-row").first().locator(".diff-figure").first().click();
    await page.getByTestId("span-panel").waitFor();
    await page.waitForURL((url) => url.pathname === `/traces/${other.traceID}`);

    await page.getByTestId("compare").click();
    await page.getByTestId("candidate").first().click();
    await page.getByTestId("diff").waitFor();
  }),
);

test("a downloaded trace is dropped back in and shown without the server; what can't be read says why", skip, () =>
  walk(WIDE, `/traces/${failed.traceID}`, async (page) => {
    await page.getByTestId("span-row").first().waitFor();
    const saved = [];
    for (const kind of ["Jaeger JSON", "OTLP JSON"]) {
      const download = page.waitForEvent("download");
      await choose(page, page.getByTestId("download"), kind);
      saved.push(await (await download).path());
    }
    for (const file of saved) {
      await page.goto(`${base}/traces?refresh=off`);
      await page.getByTestId("file-input").setInputFiles(file);
      await waitForRows(page, failed.spans);
      await page.waitForURL((url) => url.pathname === `/traces/file/${failed.traceID}`);
      assert.equal(await page.getByTestId("trace-root").innerText(), failed.operation);
    }
    await page.goto(`${base}/traces?refresh=off`);
    await page.getByTestId("file-input").waitFor({ state: "attached" });
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['{"data":[{"spans":[{"traceID":"1","spanID":2}]}]}'], "broken.json"));
      return transfer;
    });
    await page.dispatchEvent("main", "dragover", { dataTransfer: data });
    await page.getByTestId("drop-zone").waitFor();
    await page.dispatchEvent("main", "drop", { dataTransfer: data });
    const fault = await page.getByTestId("file-fault").innerText();
    assert.match(fault, /broken\.json could not be read[\s\S]*trace 1, span 1: `spanID` is the number 2, not a text/);
  }),
);

test("the search narrows by facets, leaves out, takes TraceQL and a box in the picture", skip, () =>
  walk(
    WIDE,
    "/traces?refresh=off",
    async (page) => {
      const facet = page.getByTestId("facet-status");
      await facet.getByRole("button", { name: /^Leave out failed/ }).click();
      await page.getByTestId("exclusions").waitFor();
      await page.getByTestId("trace-row").first().waitFor();
      assert.equal(await page.locator(".trace-row.is-error").count(), 0);
      await page.getByRole("button", { name: /^No longer leave out/ }).click();
      const service = page.getByTestId("facet-service").locator(".facet-choose").nth(1);
      const name = await service.locator(".facet-name").innerText();
      await service.click();
      await page.waitForURL((url) => url.searchParams.get("service") === name);

      await page.keyboard.press("q");
      await page.getByTestId("traceql").fill("{ status = }");
      await page.keyboard.press("Enter");
      await page.getByTestId("traceql-fault").filter({ hasText: "position" }).waitFor();
      await page.getByTestId("traceql").fill("{ status = error }");
      await page.keyboard.press("Enter");
      await page.locator(".trace-row.is-error").first().waitFor();
      assert.equal(await page.locator(".trace-row:not(.is-error)").count(), 0);
      await page.getByTestId("facet-service").locator(".facet-choose").first().click();
      await page.waitForURL((url) => / && \{ resource\.service\.name = /.test(url.searchParams.get("q")));
      await page.locator(".trace-row.is-error").first().click();
      await page.getByTestId("span-panel").waitFor();

      await page.goto(`${base}/traces?refresh=off&range=24h`);
      await page.getByTestId("scatter-dot").first().waitFor();
      const plot = await page.locator(".scatter-plot").boundingBox();
      await page.mouse.move(plot.x + 1, plot.y + plot.height * 0.05);
      await page.mouse.down();
      await page.mouse.move(plot.x + plot.width - 1, plot.y + plot.height * 0.6, { steps: 4 });
      await page.mouse.up();
      await page.waitForURL((url) => url.searchParams.has("took") && url.searchParams.has("from"));
      await page.getByTestId("exclusions").filter({ hasText: /takes .* to / }).waitFor();
      const nothing = `${base}/traces?service=nobody&range=5m`;
      await page.goto(nothing);
      await page.getByRole("link", { name: "Without the service nobody" }).click();
      await page.getByTestId("trace-row").first().waitFor();
    },
    /status of 400/,
  ),
);

test("on a narrow screen nothing sticks out, and every view is there", skip, async () => {
  const paths = ["/traces?refresh=off", `/traces/compare?a=${failed.traceID}&b=${other.traceID}`, ...["waterfall", "flame", "stats", "spans"].map((view) => `/traces/${failed.traceID}?as=${view}`)];
  for (const path of paths) {
    await walk(NARROW, path, async (page) => {
      await page.locator("[data-testid=trace-row], [data-testid=diff-row], [data-testid=span-row], .flame canvas, [data-testid=stat-row], [data-testid=list-row]").first().waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${path} is ${over} px wider than the screen`);
    });
  }
});
