// The page of logs against a running Tripod (BASE_URL as in two-clicks.mjs), with records that these tests send themselves.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch } from "../dev/browser.mjs";

const base = process.env.BASE_URL?.replace(/\/$/, "");
const skip = !base && "BASE_URL is not set";
const service = `logs-e2e-${process.pid}-${Date.now() % 100000}`;
const SENT = 60;

let browser;
let otlp;

const value = (of) => (typeof of === "number" ? { intValue: String(of) } : { stringValue: String(of) });
const pairs = (of) => Object.entries(of).map(([key, one]) => ({ key, value: value(one) }));

/** Sends records: `{ body, at (ms), severity, attributes }`. */
async function send(records, name = service) {
  const logRecords = records.map(({ body, at = Date.now(), severity = 9, attributes = {}, traceId }) => ({
    timeUnixNano: `${Math.floor(at)}000000`,
    severityNumber: severity,
    body: value(body),
    attributes: pairs(attributes),
    ...(traceId ? { traceId, spanId: "b7ad6b7169203331" } : {}),
  }));
  const request = { resourceLogs: [{ resource: { attributes: pairs({ "service.name": name, zone: "e2e" }) }, scopeLogs: [{ scope: { name: "e2e" }, logRecords }] }] };
  const sent = await fetch(`http://${otlp}/v1/logs`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request) });
  assert.equal(sent.status, 200, await sent.text());
}

before(async () => {
  browser = await launch();
  if (!base) return;
  const status = await (await fetch(`${base}/api/status`)).json();
  otlp = status.endpoints.otlp_http;
  const trace = (await (await fetch(`${base}/api/traces?limit=1`)).json()).data[0].traceID;
  const now = Date.now() - 5_000;
  const records = Array.from({ length: SENT }, (_, i) => {
    const common = { at: now - i * 1000, traceId: i === 0 ? trace : undefined };
    if (i % 3 === 0) return { ...common, severity: 17, body: `card ${4000 + i} was refused`, attributes: { route: "/pay", user: `user-${i}` } };
    return { ...common, body: `request ${i} took ${i * 7}.5 ms`, attributes: { route: i % 2 ? "/cart" : "/list", user: `user-${i}` } };
  });
  await send(records);
  await send(records, `${service}-tail`);
  await send([{ at: now - 20_000, body: '{"order":17,"lines":["a","b"]}', attributes: { route: "/json" } }], `${service}-json`);
});
after(() => browser?.close());

/** One page with what went wrong in it; `address` is the query of /logs. */
async function walk(options, address, visit) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(`page: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && faults.push(message.text()));
  await page.goto(`${base}/logs?refresh=off&${address}`);
  await page.getByTestId("log-row").first().waitFor();
  await visit(page);
  assert.deepEqual(faults, []);
  await context.close();
}

const q = (text) => `q=${encodeURIComponent(text)}`;
const of = `service=${service}`;
const query = (page) => new URL(page.url()).searchParams.get("q") ?? "";
const found = (page, count) => page.locator("[data-testid=found]", { hasText: new RegExp(`^${count} record`) }).waitFor();
const facetValue = (page, key, name) => page.getByTestId(`facet-${key}`).locator(".log-facet-value", { hasText: name });

test("facets: a click asks for a value, a second one for another as well, alt-click and the minus leave one out", { skip }, () =>
  walk({ colorScheme: "dark" }, q(of), async (page) => {
    await found(page, SENT);
    const pay = facetValue(page, "route", "/pay");
    assert.equal(await pay.locator(".log-facet-count").innerText(), "20");
    await pay.locator(".log-facet-choose").click();
    await found(page, 20);
    assert.equal(query(page), `${of} route=/pay`);
    // The others are still there to be chosen.
    await facetValue(page, "route", "/cart").locator(".log-facet-choose").click();
    await found(page, 40);
    await page.getByTestId("facet-route").getByRole("button", { name: "clear" }).click();
    await found(page, SENT);
    await facetValue(page, "severity", "ERROR").locator(".log-facet-choose").click({ modifiers: ["Alt"] });
    await found(page, 40);
    assert.equal(query(page), `${of} severity!=ERROR`);
    await facetValue(page, "severity", "ERROR").getByRole("button", { name: /^Without/ }).click();
    await found(page, SENT);
    await page.getByRole("searchbox", { name: "Find a field" }).fill("rout");
    await page.getByTestId("facet-severity").waitFor({ state: "detached" });
  }),
);

test("patterns: lines that are alike are one, which can be asked for and left out", { skip }, () =>
  walk({}, q(of), async (page) => {
    await page.getByTestId("patterns-tab").click();
    await page.getByTestId("pattern-row").nth(1).waitFor();
    assert.equal(await page.getByTestId("pattern-row").count(), 2);
    const row = (text) => page.getByTestId("pattern-row").filter({ hasText: text });
    assert.match(await row("was refused").locator(".pattern-count").innerText(), /20[\s\S]*33%/);
    await row("request").getByRole("button", { name: "Show an example" }).click();
    assert.match(await page.getByTestId("pattern-detail").innerText(), /request \d+ took \d+\.5 ms/);
    await row("was refused").locator(".pattern-text").click();
    await found(page, 20);
    await page.getByTestId("log-row").first().waitFor();
    assert.match(await page.getByTestId("log-row").first().innerText(), /was refused/);
    await page.getByTestId("chip").getByRole("button").click();
    await found(page, SENT);
    await page.getByTestId("patterns-tab").click();
    await row("was refused").getByTestId("pattern-not").click();
    await found(page, 40);
    await row("was refused").waitFor({ state: "detached" });
  }),
);

test("a record opens in place; its values filter, leave out and become columns, which the address remembers", { skip }, () =>
  walk({}, q(of), async (page) => {
    await page.getByTestId("log-row").first().locator(".log-main").click();
    const detail = page.getByTestId("log-detail");
    await detail.getByRole("button", { name: "A column for user" }).click();
    await detail.getByRole("button", { name: "A column for zone" }).click();
    const heads = page.getByTestId("log-heads");
    await heads.getByText("zone").waitFor();
    await heads.getByRole("button", { name: "Move zone to the left" }).click();
    await page.waitForURL((url) => url.searchParams.getAll("col").join() === "zone,user");
    await page.reload();
    await page.getByTestId("log-detail").waitFor();
    assert.deepEqual(await page.locator(".log-head-name").allInnerTexts(), ["zone", "user"]);
    assert.match(await page.getByTestId("log-row").nth(1).locator(".log-column").first().innerText(), /e2e/);
    await heads.getByRole("button", { name: "Remove the column zone" }).click();
    await page.getByTestId("columns").click();
    await page.getByTestId("columns-menu").getByRole("checkbox", { name: "user" }).uncheck();
    await heads.waitFor({ state: "detached" });
    await page.keyboard.press("Escape");
    await page.getByTestId("columns-menu").waitFor({ state: "detached" });
    await detail.getByRole("button", { name: "Only records with route=/pay" }).click();
    await found(page, 20);
    await page.getByTestId("log-row").first().locator(".log-main").click();
    await detail.getByRole("button", { name: "No records with severity=ERROR" }).click();
    await page.getByTestId("empty").waitFor();
  }),
);

test("context: what stands around a record, of its source or of all", { skip }, () =>
  walk({}, q(`${of} "card 4030"`), async (page) => {
    await found(page, 1);
    await page.getByTestId("log-row").locator(".log-main").click();
    await page.getByTestId("show-context").click();
    await page.getByTestId("context").waitFor();
    const marked = page.locator(".log-row.is-marked");
    await marked.waitFor();
    assert.match(await marked.innerText(), /card 4030/);
    assert.ok(await marked.isVisible());
    const around = await page.getByTestId("log-row").allInnerTexts();
    assert.ok(around.some((text) => text.includes("request 29 ")) && around.some((text) => text.includes("request 31 ")));
    await page.getByRole("button", { name: "everything" }).click();
    await page.waitForURL((url) => url.searchParams.get("of") === "all");
    await marked.waitFor();
    await page.getByTestId("context-back").click();
    await found(page, 1);
    assert.equal(query(page), `${of} "card 4030"`);
  }),
);

test("from a record to its trace, and back", { skip }, () =>
  walk({}, q(`${of} "card 4000"`), async (page) => {
    await page.getByTestId("log-trace").click();
    await page.getByTestId("trace-drawer").getByTestId("span-row").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("trace-drawer").waitFor({ state: "detached" });
    await page.getByTestId("log-row").waitFor();
  }),
);

test("words are marked, LogQL is understood, and what is wrong with it is said", { skip }, () =>
  walk({}, q(`${of} REFUSED -"card 4000"`), async (page) => {
    await found(page, 19);
    assert.equal(await page.locator("mark").first().innerText(), "refused");
    const box = page.getByRole("searchbox", { name: "Search the logs" });
    await box.fill(`{service_name="${service}"} |= "refused" | route="/pay"`);
    await box.press("Enter");
    await found(page, 20);
    await facetValue(page, "route", "/pay").waitFor();
    await box.fill("{service_name=");
    await box.press("Enter");
    await page.getByRole("alert").first().waitFor();
    assert.match(await page.getByRole("alert").first().innerText(), /parse error at line 1/);
  }),
);

test("a body of JSON is spread out, long lines are wrapped, and what is shown can be had as a file", { skip }, () =>
  walk({}, q(`service=${service}-json`), async (page) => {
    const row = page.getByTestId("log-row");
    const before = (await row.boundingBox()).height;
    await page.keyboard.press("J");
    await page.locator(".log-json").waitFor();
    await page.waitForFunction((height) => document.querySelector(".log-row").getBoundingClientRect().height > height * 2, before);
    const download = page.waitForEvent("download");
    await page.getByTestId("download").click();
    const file = await download;
    const lines = (await readFile(await file.path(), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((line) => [line.service, line.attributes.route]), [[`${service}-json`, "/json"]]);
    assert.match(file.suggestedFilename(), /^logs-.*\.jsonl$/);
  }),
);

test("live tail: what arrives is shown once; scrolling or f freezes, and what waits is counted", { skip }, () =>
  walk({}, q(`service=${service}-tail`), async (page) => {
    await found(page, SENT);
    await page.getByTestId("live").click();
    await page.locator(".is-live").waitFor();
    const say = (...bodies) => send(bodies.map((body) => ({ body })), `${service}-tail`);
    await say("tail one");
    const row = (text) => page.getByTestId("log-row").filter({ hasText: text });
    await row("tail one").waitFor();
    assert.equal(await row("tail one").count(), 1);
    await page.keyboard.press("f");
    await page.getByTestId("resume").waitFor();
    await say("tail two", "tail three");
    await page.getByTestId("resume").filter({ hasText: "2 new" }).waitFor();
    assert.equal(await row("tail two").count(), 0);
    await page.keyboard.press("f");
    await row("tail two").waitFor();
    await page.getByTestId("resume").waitFor({ state: "detached" });
    await page.getByTestId("log-list").evaluate((list) => list.scrollTo({ top: 300 }));
    await page.getByTestId("resume").waitFor();
    await say("tail four");
    await page.getByTestId("resume").filter({ hasText: "1 new" }).waitFor();
    await page.getByTestId("resume").click();
    await row("tail four").waitFor();
    for (const text of ["tail one", "tail two", "tail three", "tail four"]) assert.equal(await row(text).count(), 1, text);
  }),
);

test("many records: few rows are on the page, and scrolling brings the older ones", { skip }, async () => {
  const many = `${service}-many`;
  const now = Date.now() - 60_000;
  for (let batch = 0; batch < 3; batch++) await send(Array.from({ length: 1_000 }, (_, i) => ({ at: now - batch * 1000 - i, body: `line ${batch * 1000 + i}` })), many);
  await walk({}, q(`service=${many}`), async (page) => {
    await found(page, "3,000");
    assert.ok((await page.getByTestId("log-row").count()) < 120);
    const list = page.getByTestId("log-list");
    for (let page_ = 0; page_ < 3; page_++) {
      const height = await list.evaluate((one) => one.scrollHeight);
      await list.evaluate((one) => one.scrollTo({ top: one.scrollHeight }));
      if (height < 3000 * 26) await page.waitForFunction((before) => document.querySelector(".log-rows").scrollHeight > before, height);
    }
    await page.getByTestId("log-row").filter({ hasText: "line 2999" }).waitFor();
    assert.ok((await page.getByTestId("log-row").count()) < 120);
  });
});

test("by keyboard alone: search, walk, open, context, back, patterns", { skip }, () =>
  walk({}, "", async (page) => {
    await page.keyboard.press("s");
    await page.keyboard.type(`${of} severity=error`);
    await page.keyboard.press("Enter");
    await found(page, 20);
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByTestId("log-detail").waitFor();
    assert.match(await page.locator(".log-row.is-current").innerText(), /card 4003/);
    await page.keyboard.press("c");
    await page.locator(".log-row.is-marked").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("context").waitFor({ state: "detached" });
    await page.keyboard.press("p");
    await page.getByTestId("pattern-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByTestId("chip").waitFor();
  }),
);

test("narrow screens: all is there, and nothing sticks out", { skip }, () =>
  walk({ viewport: { width: 390, height: 844 } }, q(of), async (page) => {
    await found(page, SENT);
    const fits = async (what) => assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390, what);
    await fits("records");
    assert.equal(await page.getByTestId("facets").count(), 0, "the list comes first");
    await page.getByTestId("fields").click();
    await facetValue(page, "route", "/pay").locator(".log-facet-choose").click();
    await found(page, 20);
    await page.getByTestId("fields").click();
    await page.getByTestId("log-row").first().locator(".log-main").click();
    await page.getByTestId("log-detail").waitFor();
    await fits("an open record");
    await page.getByTestId("patterns-tab").click();
    await page.getByTestId("pattern-row").first().waitFor();
    await fits("patterns");
  }),
);
