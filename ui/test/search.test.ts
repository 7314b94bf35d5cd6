import { expect, test } from "vitest";
import { normaliseDuration, parseTag, parseTraceId, tagsObject } from "../src/model/search";

test("durations get the unit they lack, and nonsense is refused", () => {
  expect(["100ms", " 1.5 s", "500µs", "20", "2min", "fast", "-1s", ""].map(normaliseDuration)).toEqual(["100ms", "1.5s", "500us", "20ms", "2m", undefined, undefined, undefined]);
});

test("a condition is split at the first equals sign, quotes around the value go", () => {
  expect(parseTag("http.url=a=b")).toEqual({ key: "http.url", value: "a=b" });
  expect(parseTag('name="a b"')).toEqual({ key: "name", value: "a b" });
  expect(parseTag("=x")).toBeUndefined();
  expect(parseTag("word")).toBeUndefined();
  expect(tagsObject(["a=1", "nonsense", "b=2", "a=3"])).toEqual({ a: "3", b: "2" });
});

test("a trace id is known in any of the shapes people paste", () => {
  const id = "0af7651916cd43dd8448eb211c80319c";
  expect(parseTraceId(` ${id.toUpperCase()} `)).toBe(id);
  expect(parseTraceId(`00-${id}-b7ad6b7169203331-01`)).toBe(id);
  expect(parseTraceId("0af76519-16cd-43dd-8448-eb211c80319c")).toBe(id);
  expect(parseTraceId("8448eb211c80319c")).toBe("8448eb211c80319c");
  expect(parseTraceId("backend")).toBeUndefined();
  expect(parseTraceId("decade")).toBeUndefined();
});
