/**
 * Histograms over time as a picture: one column a step, in it the buckets with their counts. Classic histograms (`le`), native and
 * exponential ones give the same.
 */
import type { HistogramPoint, RangeSeries } from "../api/metrics";

export interface Cell {
  /** Above this value, … */
  low: number;
  /** … and at most this; infinite for what is beyond the last bound. */
  high: number;
  count: number;
}

export interface Column {
  /** The end of the step, in seconds. */
  at: number;
  cells: Cell[];
}

export interface Heat {
  columns: Column[];
  /** Seconds. */
  step: number;
  /** The greatest count of a cell. */
  most: number;
  axis: Axis;
}

/** Where a value stands between the bottom, 0, and the top, 1. */
export interface Axis {
  low: number;
  high: number;
  logarithmic: boolean;
}

/** Series of `sum by (le) (increase(…_bucket))`, whose values add up over the bounds. */
export function columnsOfBuckets(series: readonly RangeSeries[]): Column[] {
  const bounds = series
    .map(({ metric, values }) => ({ le: Number(metric.le === "+Inf" ? Infinity : (metric.le ?? NaN)), values: new Map(values.map(([at, text]) => [at, Number(text)])) }))
    .filter(({ le }) => !Number.isNaN(le))
    .sort((a, b) => a.le - b.le);
  const times = [...new Set(bounds.flatMap(({ values }) => [...values.keys()]))].sort((a, b) => a - b);
  return times.map((at) => {
    let below = 0;
    let low = bounds[0].le > 0 ? 0 : -Infinity;
    const cells: Cell[] = [];
    for (const { le, values } of bounds) {
      const upTo = values.get(at);
      // A bound that has no value at this time adds its part to the next one.
      if (upTo === undefined || !Number.isFinite(upTo)) continue;
      const count = upTo - below;
      if (count > 1e-9) cells.push({ low, high: le, count });
      [below, low] = [Math.max(below, upTo), le];
    }
    return { at, cells };
  });
}

/** Native histograms, as a range query answers them. */
export const columnsOfNative = (points: readonly [number, HistogramPoint][]): Column[] =>
  points.map(([at, { buckets = [] }]) => ({
    at,
    cells: buckets.map(([, low, high, count]) => ({ low: Number(low), high: Number(high), count: Number(count) })).filter(({ count }) => count > 0),
  }));

/** Bands of an axis; more are too fine to be seen or pointed at. */
const MOST_BANDS = 40;

/** The picture of columns; undefined when nothing was measured. */
export function heatOf(columns: readonly Column[], step: number): Heat | undefined {
  const cells = columns.flatMap((column) => column.cells);
  if (cells.length === 0) return undefined;
  const axis = axisOf(cells);
  const banded = columns.map((column) => ({ ...column, cells: merge(column.cells.map((cell) => bounded(cell, axis)), axis) }));
  const most = banded.flatMap((column) => column.cells).reduce((greatest, cell) => Math.max(greatest, cell.count), 0);
  return { columns: banded, step, most, axis };
}

/** All that was measured, in powers where it is all positive. */
function axisOf(cells: readonly Cell[]): Axis {
  const ends = cells.flatMap(({ low, high }) => [low, high]).filter(Number.isFinite);
  const least = Math.min(...ends);
  const most = Math.max(...ends);
  const positive = ends.filter((end) => end > 0);
  if (least < 0 || positive.length === 0) return { low: least, high: most > least ? most : least + 1, logarithmic: false };
  const first = Math.min(...positive);
  // A bucket from zero, and one without an end, get some room.
  const low = least > 0 ? least : first / 2;
  const high = cells.some((cell) => cell.high === Infinity) || most === low ? most * 2 : most;
  return { low, high, logarithmic: true };
}

const bounded = (cell: Cell, { low, high }: Axis): Cell & { shownLow: number; shownHigh: number } => ({ ...cell, shownLow: Math.max(low, cell.low), shownHigh: Math.min(high, cell.high) });

/** Exponential buckets are often finer than can be seen: neighbours become one band. */
function merge(cells: (Cell & { shownLow: number; shownHigh: number })[], axis: Axis): Cell[] {
  const thin = cells.some((cell) => positionOf(cell.shownHigh, axis) - positionOf(cell.shownLow, axis) < 1 / MOST_BANDS - 1e-9);
  if (!thin) return cells.map(({ low, high, count }) => ({ low, high, count }));
  const bands = new Map<number, Cell>();
  for (const { low, high, count, shownLow, shownHigh } of cells) {
    const middle = (positionOf(shownLow, axis) + positionOf(shownHigh, axis)) / 2;
    const band = Math.min(MOST_BANDS - 1, Math.max(0, Math.floor(middle * MOST_BANDS)));
    const known = bands.get(band);
    if (known) bands.set(band, { low: Math.min(known.low, low), high: Math.max(known.high, high), count: known.count + count });
    else bands.set(band, { low, high, count });
  }
  return [...bands.values()].sort((a, b) => a.low - b.low);
}

export function positionOf(value: number, { low, high, logarithmic }: Axis): number {
  if (value <= low) return 0;
  if (value >= high) return 1;
  return logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

export const valueAt = (position: number, { low, high, logarithmic }: Axis): number =>
  logarithmic ? low * (high / low) ** position : low + (high - low) * position;

/** How deep a cell's colour is, 0 to 1: roots show the few beside the many, which is what one looks for. */
export const depthOf = (count: number, most: number): number => (most > 0 ? Math.sqrt(Math.min(1, count / most)) : 0);

/** Round values for the axis, about as many as asked for. */
export function axisTicks({ low, high, logarithmic }: Axis, count: number): number[] {
  const decades = logarithmic ? Math.log10(high / low) : 0;
  if (!logarithmic || decades < 0.6) {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? raw;
    return Array.from({ length: Math.floor(high / step) - Math.ceil(low / step) + 1 }, (_, i) => (Math.ceil(low / step) + i) * step);
  }
  const parts = decades > count ? [1] : decades * 2 > count ? [1, 3] : [1, 2, 5];
  const skip = Math.max(1, Math.ceil(decades / count));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    if (power % skip !== 0) continue;
    for (const part of parts) ticks.push(part * 10 ** power);
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

export const columnAt = (heat: Heat, seconds: number): number => heat.columns.findIndex(({ at }) => seconds > at - heat.step && seconds <= at);

export const cellAt = (column: Column | undefined, value: number): Cell | undefined => column?.cells.find(({ low, high }) => value > low && value <= high);
