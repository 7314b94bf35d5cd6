/** Answers of Prometheus' API as tables: a series a table, all in one, or the buckets of a histogram. */
import type { Target } from "../../api/dashboards";
import type { Labels } from "../../api/metrics";
import { field, legendOf, TIME, VALUE, type Frame, type Value } from "./frames";

/** `data` of an answer. */
export interface PromData {
  resultType: "matrix" | "vector" | "scalar" | "string" | "streams";
  result: unknown;
}

interface Series {
  labels: Labels;
  /** Seconds and the value as text. */
  points: [number, string][];
}

export interface Naming {
  refId: string;
  expr: string;
  legend: string;
  /** Puts variables into a text. */
  fill: (text: string) => string;
}

export const nameFor = (target: Target, expr: string, fill: (text: string) => string): Naming => ({ refId: target.refId, expr, legend: target.legend, fill });

interface RawSeries {
  metric: Labels;
  values?: [number, string][];
  value?: [number, string];
}

function seriesOf({ resultType, result }: PromData): Series[] {
  if (resultType === "scalar" || resultType === "string") return [{ labels: {}, points: [result as [number, string]] }];
  if (resultType === "streams") return [];
  return (result as RawSeries[]).map(({ metric, values, value }) => ({ labels: metric, points: values ?? (value ? [value] : []) }));
}

const number = (text: string): number => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text));

/** A table of times and values for each series. */
export function seriesFrames(data: PromData, { refId, expr, legend, fill }: Naming): Frame[] {
  return seriesOf(data).map(({ labels, points }) => ({
    refId,
    fields: [
      field(TIME, "time", points.map(([at]) => at * 1000), { refId }),
      field(VALUE, "number", points.map(([, value]) => number(value)), { labels, refId, display: fill(legendOf(labels, legend, expr)) }),
    ],
  }));
}

/** One table: times, a column a label, values; the column of values says which query where there are several. */
export function tableFrame(data: PromData, { refId }: Naming, many: boolean): Frame[] {
  const series = seriesOf(data);
  const names = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const rows = series.flatMap(({ labels, points }) => points.map(([at, value]) => ({ at, labels, value })));
  const fields = [
    field(TIME, "time", rows.map(({ at }) => at * 1000), { refId }),
    ...names.map((name) => field(name, "string", rows.map(({ labels }) => labels[name] ?? null), { refId })),
    field(many ? `${VALUE} #${refId}` : VALUE, "number", rows.map((row) => number(row.value)), { refId }),
  ];
  return [{ refId, fields }];
}

/** Buckets in order of their bounds, each with what is in it alone. */
export function bucketFrame(data: PromData, naming: Naming): Frame[] {
  const series = seriesOf(data)
    .filter(({ labels }) => labels.le !== undefined)
    .sort((a, b) => number(a.labels.le) - number(b.labels.le));
  if (series.length === 0) return seriesFrames(data, naming);
  const times = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const at = series.map(({ points }) => new Map(points.map(([time, value]) => [time, number(value)])));
  const column = (i: number): Value[] => times.map((time) => (at[i].has(time) ? Math.max(0, at[i].get(time)! - (i > 0 ? (at[i - 1].get(time) ?? 0) : 0)) : null));
  const fields = [
    field(TIME, "time", times.map((time) => time * 1000), { refId: naming.refId }),
    ...series.map(({ labels }, i) => field(labels.le, "number", column(i), { labels, refId: naming.refId, display: labels.le })),
  ];
  return [{ refId: naming.refId, fields }];
}
