import { expect, test } from "vitest";
import { align, figuresOf, fillNulls, stack } from "../src/model/chart-data";

const series = (points: [number, number][]) => ({ points });

test("series of different times share one row of times, with nothing where one has no value", () => {
  const [times, a, b] = align([series([[1, 10], [3, 30]]), series([[2, 5], [3, NaN]])]);
  expect(times).toEqual([1, 2, 3]);
  expect(a).toEqual([10, null, 30]);
  expect(b).toEqual([null, 5, null]);
});

test("a silence of all series is a gap when the step is known", () => {
  const [times, a] = align([series([[0, 1], [10, 1], [50, 1]])], 10);
  expect(times).toEqual([0, 10, 20, 50]);
  expect(a).toEqual([1, 1, null, 1]);
});

test("a stack adds from the last series up, and what is hidden counts nothing", () => {
  const columns = [[1, 2], [10, null], [100, 200]];
  expect(stack(columns)).toEqual([[111, 202], [110, 200], [100, 200]]);
  expect(stack(columns, (i) => i === 2)).toEqual([[11, 2], [10, 0], [0, 0]]);
  expect(stack([])).toEqual([]);
});

test("nulls become zeros only where that is asked for", () => {
  expect(fillNulls([[null, 3]])).toEqual([[0, 3]]);
});

test("figures leave out what is no number, and say nothing of nothing", () => {
  expect(figuresOf([[1, 4], [2, Infinity], [3, 2]])).toEqual({ last: 2, mean: 3, min: 2, max: 4, sum: 6 });
  expect(figuresOf([]).max).toBeNull();
});
