import { describe, expect, test } from "vitest";
import { fitAxis } from "../src/model/axis";

const window = { start: 0, end: 600_000 };

describe("the time axis of the found traces", () => {
  test("is the whole window when they fill most of it", () => {
    expect(fitAxis(window, [30_000, 590_000])).toEqual(window);
  });

  test("is the window when there is none", () => {
    expect(fitAxis(window, [])).toEqual(window);
  });

  test("is where they are, with a little room, when they fill a small part", () => {
    expect(fitAxis(window, [500_000, 550_000, 600_000])).toEqual({ start: 498_000, end: 600_000 });
  });

  test("is never shorter than ten seconds, and never leaves the window", () => {
    const { start, end } = fitAxis(window, [300_000]);
    expect(end - start).toBeGreaterThanOrEqual(10_000);
    expect(fitAxis(window, [0]).start).toBe(0);
    expect(fitAxis(window, [600_000]).end).toBe(600_000);
  });
});
