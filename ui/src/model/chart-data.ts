/** Series as the columns that a chart draws: one row of times for all, gaps as null, sums where they are stacked. */

export interface ChartSeries {
  name: string;
  /** Seconds and value, in order of time. */
  points: [number, number][];
  hue: number;
  /** Otherwise as the chart draws. */
  draw?: "line" | "bars";
  dashed?: boolean;
  /** A colour of its own, as CSS, instead of that of the hue. */
  color?: string;
  /** Of the line, in pixels; how much of the area below it is filled, up to 1; whether points are marked. */
  width?: number;
  fill?: number;
  marks?: "always" | "never";
  path?: "smooth" | "stepBefore" | "stepAfter";
  /** Measured on the axis at the right. */
  right?: boolean;
  /** How its values are written, where not as the chart's are. */
  write?: (value: number) => string;
  /** Not part of the stack. Those that are not come last. */
  alone?: boolean;
  /** The PromQL it is of, and its labels there: what a click on one of its points asks about. */
  query?: string;
  labels?: Record<string, string>;
}

export type Column = (number | null)[];

/** What stands where a series has no value: nothing, the line between its neighbours, or a zero. */
export type Nulls = "gap" | "join" | "zero";

/** Times of all series, and a column for each. With `step`, seconds, a longer silence of all of them is a gap too. */
export function align(series: readonly Pick<ChartSeries, "points">[], step = 0): [number[], ...Column[]] {
  const times = withSilences([...new Set(series.flatMap((one) => one.points.map(([time]) => time)))].sort((a, b) => a - b), step);
  const index = new Map(times.map((time, i) => [time, i]));
  const columns = series.map((one) => {
    const column: Column = new Array<number | null>(times.length).fill(null);
    for (const [time, value] of one.points) column[index.get(time)!] = Number.isFinite(value) ? value : null;
    return column;
  });
  return [times, ...columns];
}

function withSilences(times: number[], step: number): number[] {
  if (step <= 0) return times;
  return times.flatMap((time, i) => (i > 0 && time - times[i - 1] > step * 1.5 ? [times[i - 1] + step, time] : [time]));
}

/** Each column is the sum of its own values and those of the columns after it; what is hidden counts nothing. */
export function stack(columns: readonly Column[], hidden: (index: number) => boolean = () => false): Column[] {
  const sums: Column[] = [];
  let below: Column = columns[0]?.map(() => 0) ?? [];
  for (let i = columns.length - 1; i >= 0; i--) {
    const floor = below;
    if (!hidden(i)) below = columns[i].map((value, at) => (value ?? 0) + (floor[at] ?? 0));
    sums[i] = below;
  }
  return sums;
}

export const fillNulls = (columns: readonly Column[]): Column[] => columns.map((column) => column.map((value) => value ?? 0));

export interface Figures {
  last: number | null;
  mean: number | null;
  min: number | null;
  max: number | null;
  sum: number | null;
}

export function figuresOf(points: readonly [number, number][]): Figures {
  const values = points.map(([, value]) => value).filter(Number.isFinite);
  if (values.length === 0) return { last: null, mean: null, min: null, max: null, sum: null };
  const sum = values.reduce((total, value) => total + value, 0);
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return { last: values[values.length - 1], mean: sum / values.length, min: least, max: most, sum };
}
