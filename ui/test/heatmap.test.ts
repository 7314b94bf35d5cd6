import { expect, test } from "vitest";
import { axisTicks, cellAt, columnAt, columnsOfBuckets, columnsOfNative, depthOf, heatOf, positionOf, valueAt } from "../src/model/heatmap";

const bucket = (le: string, values: [number, string][]) => ({ metric: { le }, values });

test("cumulative buckets become cells with what is between two bounds", () => {
  const [column] = columnsOfBuckets([bucket("+Inf", [[60, "10"]]), bucket("0.1", [[60, "4"]]), bucket("1", [[60, "9"]])]);
  expect(column).toEqual({
    at: 60,
    cells: [
      { low: 0, high: 0.1, count: 4 },
      { low: 0.1, high: 1, count: 5 },
      { low: 1, high: Infinity, count: 1 },
    ],
  });
});

test("a bound without a value adds its part to the next, and what falls back counts nothing", () => {
  const [first, second] = columnsOfBuckets([bucket("1", [[60, "4"], [120, "5"]]), bucket("2", [[120, "4.5"]]), bucket("5", [[60, "9"], [120, "6"]])]);
  expect(first.cells).toEqual([{ low: 0, high: 1, count: 4 }, { low: 1, high: 5, count: 5 }]);
  expect(second.cells).toEqual([{ low: 0, high: 1, count: 5 }, { low: 2, high: 5, count: 1 }]);
});

test("no series, or labels that are no bounds, give no columns", () => {
  expect(columnsOfBuckets([])).toEqual([]);
  expect(columnsOfBuckets([bucket("much", [[60, "4"]])])).toEqual([]);
  expect(heatOf([], 10)).toBeUndefined();
  expect(heatOf([{ at: 1, cells: [] }], 10)).toBeUndefined();
});

test("native histograms give the same cells, without the empty ones", () => {
  const columns = columnsOfNative([[60, { count: "3", sum: "1", buckets: [[0, "0.25", "0.5", "3"], [0, "0.5", "1", "0"]] }], [120, { count: "0", sum: "0" }]]);
  expect(columns).toEqual([{ at: 60, cells: [{ low: 0.25, high: 0.5, count: 3 }] }, { at: 120, cells: [] }]);
});

test("the axis is in powers when all is positive, with room for a bucket from zero and one without an end", () => {
  const heat = heatOf([{ at: 60, cells: [{ low: 0, high: 0.1, count: 1 }, { low: 1, high: Infinity, count: 4 }] }], 10)!;
  expect(heat.axis).toEqual({ low: 0.05, high: 2, logarithmic: true });
  expect(heat.most).toBe(4);
  expect(heatOf([{ at: 1, cells: [{ low: -2, high: 4, count: 1 }] }], 10)!.axis.logarithmic).toBe(false);
});

test("buckets finer than can be seen become bands, and no measurement is lost", () => {
  const cells = Array.from({ length: 320 }, (_, i) => ({ low: 1.04 ** i, high: 1.04 ** (i + 1), count: 1 }));
  const heat = heatOf([{ at: 60, cells }], 10)!;
  expect(heat.columns[0].cells.length).toBeLessThanOrEqual(40);
  expect(heat.columns[0].cells.reduce((sum, cell) => sum + cell.count, 0)).toBe(320);
});

test.each([{ low: 0.001, high: 50, logarithmic: true }, { low: -5, high: 20, logarithmic: false }])("a place on the axis and the value there are each other's inverse: %o", (axis) => {
  for (const part of [0.1, 0.5, 0.93]) expect(positionOf(valueAt(part, axis), axis)).toBeCloseTo(part, 9);
  expect(positionOf(-1e9, axis)).toBe(0);
  expect(positionOf(Infinity, axis)).toBe(1);
});

test("ticks are round, within the axis, and few", () => {
  const ticks = axisTicks({ low: 0.004, high: 12, logarithmic: true }, 6);
  expect(ticks).toContain(0.01);
  expect(ticks.every((tick) => tick >= 0.004 && tick <= 12)).toBe(true);
  expect(ticks.length).toBeLessThanOrEqual(8);
  expect(axisTicks({ low: 0, high: 10, logarithmic: false }, 5)).toEqual([0, 2, 4, 6, 8, 10]);
  expect(axisTicks({ low: 100, high: 180, logarithmic: true }, 5).length).toBeGreaterThan(2);
  expect(axisTicks({ low: 1e-9, high: 1e12, logarithmic: true }, 6).length).toBeLessThanOrEqual(8);
});

test("a moment and a value find their cell", () => {
  const heat = heatOf([{ at: 60, cells: [{ low: 0, high: 1, count: 1 }] }, { at: 70, cells: [{ low: 1, high: 2, count: 1 }] }], 10)!;
  expect(columnAt(heat, 55)).toBe(0);
  expect(columnAt(heat, 61)).toBe(1);
  expect(columnAt(heat, 99)).toBe(-1);
  expect(cellAt(heat.columns[1], 1.5)?.low).toBe(1);
  expect(cellAt(heat.columns[-1], 1.5)).toBeUndefined();
});

test("few are seen beside many", () => {
  expect(depthOf(1, 100)).toBeCloseTo(0.1);
  expect(depthOf(100, 100)).toBe(1);
  expect(depthOf(5, 0)).toBe(0);
});
