import { expect, test } from "vitest";
import { increments, measureKey, measureOf } from "../src/model/measure";

test("a figure carries its unit and what follows it", () => {
  expect(measureOf("seconds").format(0.0417)).toBe("41.7 ms");
  expect(measureOf("bytes", " /s").format(2048)).toBe("2 KiB /s");
});

test("lines of an axis stand at round figures of the unit", () => {
  expect(increments("binary")).toContain(1024);
  expect(increments("binary")).not.toContain(1000);
  expect(increments("seconds")).toContain(300);
  expect(increments("milliseconds")).toContain(300_000);
  expect(increments("decimal")).toContain(0.25);
});

test.each(["decimal", "binary", "seconds", "milliseconds"] as const)("distances grow, for %s", (round) => {
  const all = increments(round);
  expect(all).toEqual([...all].sort((a, b) => a - b));
  expect(new Set(all).size).toBe(all.length);
});

test("measures that write alike have one key", () => {
  expect(measureKey(measureOf("seconds"))).toBe(measureKey(measureOf("seconds")));
  expect(measureKey(measureOf("seconds"))).not.toBe(measureKey(measureOf("bytes")));
  expect(measureKey(measureOf("none"))).not.toBe(measureKey(measureOf("none", " /s")));
});
