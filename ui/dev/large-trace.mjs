// Measures the trace view on a made-up trace: `node dev/large-trace.mjs BASE_URL [SPANS]`. Prints the time from the answer to the first
// painted rows and the long tasks (over 50 ms) while one scrolls, selects, searches, filters and looks at it in the other ways; fails when
// the first paint takes a second or scrolling has a long task. Best on a quiet machine: what else runs counts.
import { launch } from "./browser.mjs";

const PAINT_MS = 1000;
const [base, count = "20000"] = process.argv.slice(2);
const services = ["backend", "worker", "signal-generator", "trigger-dispatcher"];
const id = "a".repeat(32);
const all = Array.from({ length: Number(count) }, (_, i) => i);
const columns = {
  traceID: id,
  start_unix_nano: "1795000000000000250",
  ids: all.map((i) => i.toString(16).padStart(16, "0")).join(""),
  repeated: [],
  parents: all.map((i) => (i === 0 ? -1 : Math.floor((i - 1) / 7))),
  missing: {},
  starts: all.map((i) => i * 40_000 + (i % 7)),
  durations: all.map((i) => (i === 0 ? Number(count) * 50_000 : 300_000 + ((i * 7919) % 5000) * 1000 + 500)),
  operations: Array.from({ length: 500 }, (_, i) => `step ${i}`),
  operation: all.map((i) => i % 500),
  processes: services.map((serviceName) => ({ serviceName, tags: [] })),
  process: all.map((i) => i % 4),
  failed: all.filter((i) => i % 997 === 5),
};
const text = (key, value) => ({ key, type: "string", value });
const details = (i) => ({
  tags: [{ key: "step", type: "int64", value: i }, text("http.route", "/api/v1/things"), text("span.kind", "internal"), text("otel.scope.name", "things")],
  ...(i % 50 === 0 ? { logs: [{ timestamp: 1.795e15 + i * 40, timeUnixNano: `${1.795e15 + i * 40}000`, fields: [text("event", "cache.miss")] }] } : {}),
});
const body = [JSON.stringify(columns), ...all.map((i) => JSON.stringify(details(i)))].join("\n");

const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
await page.route(`**/api/trace-columns/${id}`, (route) => route.fulfill({ contentType: "text/plain; charset=utf-8", body }));
await page.route("**/api/logs?*", (route) => route.fulfill({ contentType: "application/json", body: '{"logs":[]}' }));
await page.addInitScript(() => {
  globalThis.longTasks = [];
  new PerformanceObserver((list) => list.getEntries().forEach((one) => globalThis.longTasks.push(Math.round(one.duration)))).observe({ type: "longtask" });
  // A frame that begins with rows on the page has painted them when the next one begins.
  const look = () => {
    if (!document.querySelector("[data-testid=span-row]")) return requestAnimationFrame(look);
    requestAnimationFrame((at) => (globalThis.firstPaint = at));
  };
  requestAnimationFrame(look);
});
// What the main thread itself computed, whatever else the machine does meanwhile.
const cdp = await page.context().newCDPSession(page);
await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
const computed = async () => (await cdp.send("Performance.getMetrics")).metrics.find((one) => one.name === "TaskDuration").value * 1000;

await page.goto(`${base}/traces/${id}`);
await page.waitForFunction(() => globalThis.firstPaint);
const untilPaint = await computed();
const painted = await page.evaluate(() => {
  const { responseEnd } = performance.getEntriesByType("resource").find((one) => one.name.includes("/api/trace-columns/"));
  return globalThis.firstPaint - responseEnd;
});

let failed = false;
const verdict = (good) => {
  failed ||= !good;
  return good ? "" : "  << too long";
};
const phase = async (name, run, most = Infinity) => {
  await page.evaluate(() => (globalThis.longTasks.length = 0));
  const before = await computed();
  await run();
  await page.waitForTimeout(400);
  const tasks = await page.evaluate(() => globalThis.longTasks);
  console.log(`${name}: ${tasks.length === 0 ? "no long task" : `long tasks of ${tasks.join(", ")} ms`}, ${Math.round((await computed()) - before)} ms computed${verdict(Math.max(0, ...tasks) <= most)}`);
};
console.log(`${count} spans, ${(body.length / 1e6).toFixed(1)} MB`);
console.log(`first paint: ${Math.round(painted)} ms after the answer, ${Math.round(untilPaint)} ms computed since the page began${verdict(painted < PAINT_MS)}`);
await phase("after it: the overview", () => page.waitForTimeout(600));
await phase("scrolling", async () => {
  await page.getByTestId("waterfall").hover();
  for (let i = 0; i < 120; i++) await page.mouse.wheel(0, i % 10 === 9 ? 40_000 : 600);
}, 50);
await phase("selecting", async () => {
  for (let i = 0; i < 20; i++) await page.keyboard.press("j");
});
await phase("searching", async () => {
  await page.keyboard.press("f");
  await page.keyboard.type("step 199");
  await page.getByTestId("find-count").filter({ hasText: /[1-9]/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
});
await phase("errors only, then levels", async () => {
  for (const key of ["E", "E", "<", "<", ">", ">"]) await page.keyboard.press(key);
});
await phase("critical path", () => page.keyboard.press("c"));
for (const [key, testId] of [["2", "flame"], ["3", "trace-stats"], ["4", "span-list"]]) {
  await phase(testId, async () => {
    await page.keyboard.press(key);
    await page.getByTestId(testId).waitFor();
  });
}
await browser.close();
process.exit(failed ? 1 : 0);
