// What the first page costs: its compressed scripts and styles, and how soon one can use it. Fails beyond 250 kB or 500 ms.
// `node dev/first-page.mjs http://127.0.0.1:4319` asks a running server. For a figure that means something: a release build with data, and a
// machine that does nothing else.
import { gzipSync } from "node:zlib";
import { launch } from "./browser.mjs";

const MOST_BYTES = 250_000;
const MOST_MS = 500;
const RUNS = 5;

const base = process.argv[2]?.replace(/\/$/, "");
if (!base) {
  console.error("usage: first-page.mjs URL");
  process.exit(2);
}

/** In the page: notes when the first service with its link is there and the main thread is free to answer a click on it. */
function watch() {
  const observer = new MutationObserver(() => {
    if (!document.querySelector("[data-testid=service-row] a[href]")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => (globalThis.usableAt = performance.now())));
  });
  observer.observe(document, { childList: true, subtree: true });
}

const browser = await launch();
const times = [];
const files = new Map();
for (let run = 0; run < RUNS; run++) {
  // A context of its own has no cache: each run is a first visit.
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.on("response", async (response) => {
    const { pathname } = new URL(response.url());
    if (/\.(js|css)$/.test(pathname) && !files.has(pathname)) files.set(pathname, response.body().then((body) => gzipSync(body).length));
  });
  await page.addInitScript(watch);
  await page.goto(`${base}/`);
  await page.waitForFunction(() => globalThis.usableAt > 0);
  times.push(await page.evaluate(() => globalThis.usableAt));
  await page.context().close();
}
await browser.close();

const sizes = await Promise.all([...files].map(async ([path, size]) => [path, await size]));
const bytes = sizes.reduce((sum, [, size]) => sum + size, 0);
const median = [...times].sort((a, b) => a - b)[Math.floor(RUNS / 2)];
for (const [path, size] of sizes) console.log(`${String(size).padStart(8)} B  ${path}`);
console.log(`${String(bytes).padStart(8)} B  in all, compressed (at most ${MOST_BYTES})`);
console.log(`${median.toFixed(0).padStart(8)} ms until the services can be used, the median of ${times.map((time) => time.toFixed(0)).join(", ")} (at most ${MOST_MS})`);
if (bytes > MOST_BYTES || median > MOST_MS) process.exit(1);
