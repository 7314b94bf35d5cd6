import { beforeAll, expect, test, vi } from "vitest";

// The modules read the address bar when they are loaded; outside a browser there is none.
beforeAll(() => {
  vi.stubGlobal("location", { pathname: "/traces", search: "?range=1h&service=backend" });
});

const url = () => import("../src/state/url");
const timeRange = () => import("../src/state/time-range");

test("changes replace, remove and repeat parameters, and leave the others alone", async () => {
  const { changed, encode } = await url();
  const before = new URLSearchParams("a=1&b=2&tag=x");
  expect(encode(changed(before, { a: 3, b: null, tag: ["p=q", "r=s"] }))).toBe("?a=3&tag=p%3Dq&tag=r%3Ds");
  expect(before.toString()).toBe("a=1&b=2&tag=x");
  expect(encode(new URLSearchParams())).toBe("");
});

test("addresses that people guess and alerts carry reach their pages", async () => {
  const { canonical } = await url();
  expect(["/metrics/up", "/metrics", "/trace/5b8e", "/traces/5b8e", "/traced"].map(canonical)).toEqual(["/metric/up", "/metric", "/traces/5b8e", "/traces/5b8e", "/traced"]);
});

test("another page keeps the window of time and drops what belongs to this one", async () => {
  const { href, hrefWith } = await url();
  expect(href("/logs", { q: "slow" })).toBe("/logs?range=1h&q=slow");
  expect(hrefWith({ service: null })).toBe("/traces?range=1h");
});

test("a range is a number and a unit", async () => {
  const { parseRange } = await timeRange();
  expect(["15m", "6h", "2d", "0m", "m", "1y", "999999m"].map(parseRange)).toEqual([900e3, 21_600e3, 172_800e3, undefined, undefined, undefined, undefined]);
});

test("the window is the fixed one when both ends are there, else the range that ends now", async () => {
  const { windowOf } = await timeRange();
  const now = 10_000_000;
  expect(windowOf(new URLSearchParams("from=1000&to=2000"), now)).toEqual({ start: 1000, end: 2000, moving: false });
  expect(windowOf(new URLSearchParams("from=2000&to=1000"), now)).toMatchObject({ end: now, moving: true });
  expect(windowOf(new URLSearchParams("range=5m"), now)).toEqual({ start: now - 300e3, end: now, moving: true });
  expect(windowOf(new URLSearchParams("range=nonsense"), now)).toEqual({ start: now - 900e3, end: now, moving: true });
});

test("the zoom of a trace survives the URL, and nonsense shows all", async () => {
  const { formatZoom, parseZoom } = await import("../src/pages/trace/trace-url");
  expect(parseZoom(formatZoom([0.25, 0.5])!)).toEqual([0.25, 0.5]);
  expect(formatZoom([0, 1])).toBeNull();
  expect(["", "1-0", "x-y", "-1-2"].map(parseZoom)).toEqual([[0, 1], [0, 1], [0, 1], [0, 1]]);
});
