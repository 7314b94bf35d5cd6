import { expect, test, vi } from "vitest";
import { decodeSelected, encodeSelected } from "../src/model/differs";

// The modules read the address bar when they are loaded; outside a browser there is none.
vi.stubGlobal("location", { pathname: "/metric", search: "" });
const { nearParams, readNear, windowAround } = await import("../src/model/near");
const { changed } = await import("../src/state/url");

const point = { query: 'rate(x{a="1"}[1m])', labels: { job: "shop", path: "/a=b" }, at: 1_000_000, value: 0.25 };

test("a point survives the address bar", () => {
  expect(readNear(changed(new URLSearchParams(), nearParams(point)))).toEqual(point);
  expect(readNear(changed(new URLSearchParams(), nearParams({ ...point, labels: {}, value: null })))).toEqual({ ...point, labels: {}, value: null });
});

test("an address that names no point, or half of one, opens nothing", () => {
  for (const text of ["", "near=up", "near.at=5", "near=up&near.at=never"]) expect(readNear(new URLSearchParams(text)), text).toBeNull();
  expect(readNear(new URLSearchParams("near=up&near.at=5&near.value=much"))!.value).toBeNull();
});

test("one looks back as far as the query does, and a little around", () => {
  expect(windowAround({ ...point, query: "rate(x[5m])", at: 1e6 }, 900_000)).toEqual({ start: 1e6 - 300_000, end: 1e6 + 30_000 });
  expect(windowAround({ ...point, query: "x", at: 1e6 }, 900_000)).toEqual({ start: 1e6 - 30_000, end: 1e6 + 30_000 });
  expect(windowAround({ ...point, query: "x", at: 1e9 }, 86_400_000).end).toBe(1e9 + 150_000);
});

test("what was selected survives the address bar, and nonsense selects nothing", () => {
  const selected = { window: { start: 10, end: 20 }, service: "shop & co", operation: "", min: "120ms", max: "", traces: ["aa", "bb"] };
  expect(decodeSelected(encodeSelected(selected))).toEqual(selected);
  for (const text of ["", "from=5&to=1", "from=x&to=y"]) expect(decodeSelected(text), text).toBeNull();
});
