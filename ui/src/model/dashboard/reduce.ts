/** Figures of a field, by the names that Grafana gives them. */
import { isNumber, type Value } from "./frames";

type Calc = (values: readonly Value[], times?: readonly Value[]) => Value;

const numbers = (values: readonly Value[]) => values.filter((value): value is number => isNumber(value) && !Number.isNaN(value));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const extreme = (pick: (a: number, b: number) => number): Calc => (values) => {
  const all = numbers(values);
  return all.length === 0 ? null : all.reduce((a, b) => pick(a, b));
};
const ofSome = (does: (all: number[]) => number): Calc => (values) => {
  const all = numbers(values);
  return all.length === 0 ? null : does(all);
};

const mean = (all: readonly number[]) => sum(all) / all.length;
const variance = (all: readonly number[]) => sum(all.map((value) => (value - mean(all)) ** 2)) / all.length;

/** The value below which a part of all are, between two of them as it falls. */
function quantile(all: readonly number[], part: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(sorted.length - 1, low + 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** The increase, where a counter may have begun anew. */
const delta = (all: readonly number[]) => sum(all.slice(1).map((value, i) => (value >= all[i] ? value - all[i] : value)));

const isSome = (value: Value) => value !== null && !(isNumber(value) && Number.isNaN(value));

const CALCS: Record<string, Calc> = {
  lastNotNull: (values) => values.findLast(isSome) ?? null,
  last: (values) => values[values.length - 1] ?? null,
  firstNotNull: (values) => values.find(isSome) ?? null,
  first: (values) => values[0] ?? null,
  min: extreme(Math.min),
  max: extreme(Math.max),
  mean: ofSome(mean),
  sum: ofSome(sum),
  count: (values) => values.length,
  range: ofSome((all) => all.reduce((a, b) => Math.max(a, b)) - all.reduce((a, b) => Math.min(a, b))),
  diff: ofSome((all) => all[all.length - 1] - all[0]),
  diffperc: ofSome((all) => (all[all.length - 1] - all[0]) / all[0]),
  delta: ofSome(delta),
  step: ofSome((all) => all.slice(1).reduce((least, value, i) => Math.min(least, value - all[i]), Infinity)),
  logmin: (values) => CALCS.min(values.filter((value) => isNumber(value) && value > 0)),
  median: ofSome((all) => quantile(all, 0.5)),
  variance: ofSome(variance),
  stdDev: ofSome((all) => Math.sqrt(variance(all))),
  changeCount: (values) => values.filter((value, i) => i > 0 && value !== values[i - 1]).length,
  distinctCount: (values) => new Set(values).size,
  allIsZero: (values) => values.every((value) => value === 0),
  allIsNull: (values) => values.every((value) => value === null),
  allValues: (values) => values.join(", "),
  uniqueValues: (values) => [...new Set(values)].join(", "),
};

const NAMES: Record<string, string> = {
  lastNotNull: "Last *",
  last: "Last",
  firstNotNull: "First *",
  first: "First",
  min: "Min",
  max: "Max",
  mean: "Mean",
  sum: "Total",
  count: "Count",
  range: "Range",
  diff: "Difference",
  delta: "Delta",
  step: "Step",
  median: "Median",
  variance: "Variance",
  stdDev: "StdDev",
  diffperc: "Difference %",
  changeCount: "Changes",
  distinctCount: "Distinct",
};

/** A figure; one that is not known is the last value. Names of before Grafana 7 mean what they did. */
export function reduce(calc: string, values: readonly Value[]): Value {
  const percentile = /^p(\d{1,2})$/.exec(calc);
  if (percentile) return ofSome((all) => quantile(all, Number(percentile[1]) / 100))(values);
  const old: Record<string, string> = { avg: "mean", current: "lastNotNull", total: "sum" };
  return (CALCS[old[calc] ?? calc] ?? CALCS.lastNotNull)(values);
}

/** What the column of a figure is called. */
export const calcName = (calc: string) => NAMES[calc] ?? calc;
