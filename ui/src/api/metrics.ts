/** Prometheus' API: names, series, range queries and exemplars. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";

export type Labels = Record<string, string>;

export type MetricType = "counter" | "gauge" | "histogram" | "summary" | "info" | "unknown";

export interface Metadata {
  type: string;
  help: string;
  unit: string;
}

export interface RangeSeries {
  metric: Labels;
  /** Pairs of seconds and the value as text. */
  values: [number, string][];
  /** Native histograms, which have no plain value. */
  histograms?: [number, HistogramPoint][];
}

export interface HistogramPoint {
  count: string;
  sum: string;
  /** How its bounds belong to it, the two bounds, how many. */
  buckets?: [number, string, string, string][];
}

export interface ExemplarSeries {
  seriesLabels: Labels;
  exemplars: { labels: Labels; value: string; timestamp: number }[];
}

interface Answer<T> {
  status: string;
  data: T;
  warnings?: string[];
}

const seconds = (window: Window) => ({ start: window.start / 1000, end: window.end / 1000 });

export async function fetchMetadata(signal?: AbortSignal): Promise<Record<string, Metadata[]>> {
  return (await getJson<Answer<Record<string, Metadata[]>>>("/api/v1/metadata", {}, signal)).data;
}

export async function fetchMetricNames(window: Window, signal?: AbortSignal): Promise<string[]> {
  return (await getJson<Answer<string[]>>("/api/v1/label/__name__/values", seconds(window), signal)).data;
}

export async function fetchLabelNames(matching: string, window: Window, signal?: AbortSignal): Promise<string[]> {
  return (await getJson<Answer<string[]>>("/api/v1/labels", { "match[]": matching, ...seconds(window) }, signal)).data;
}

export async function fetchLabelValues(name: string, matching: string, window: Window, signal?: AbortSignal): Promise<string[]> {
  const path = `/api/v1/label/${encodeURIComponent(pathLabel(name))}/values`;
  return (await getJson<Answer<string[]>>(path, { "match[]": matching, limit: 2000, ...seconds(window) }, signal)).data;
}

/** A label's name as a path takes it: Prometheus' `U__` form where the old rules for names forbid it. */
export function pathLabel(name: string): string {
  if (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return name;
  const escaped = [...name].map((char) => (char === "_" ? "__" : /[a-zA-Z0-9]/.test(char) ? char : `_${char.codePointAt(0)!.toString(16)}_`));
  return `U__${escaped.join("")}`;
}

/** How many series each metric has at a moment, in milliseconds. */
export async function fetchSeriesCounts(at: number, signal?: AbortSignal): Promise<Map<string, number>> {
  const query = { query: 'count by (__name__) ({__name__!=""})', time: at / 1000 };
  const answer = await getJson<Answer<{ result: { metric: Labels; value: [number, string] }[] }>>("/api/v1/query", query, signal);
  return new Map(answer.data.result.map(({ metric, value }) => [metric.__name__, Number(value[1])]));
}

export async function fetchSeries(selector: string, window: Window, signal?: AbortSignal): Promise<Labels[]> {
  const query = { "match[]": selector, limit: 2000, ...seconds(window) };
  return (await getJson<Answer<Labels[]>>("/api/v1/series", query, signal)).data;
}

/** The times, in seconds, of a selector's samples in the last part of the window. */
export async function fetchSampleTimes(selector: string, lookback: string, window: Window, signal?: AbortSignal): Promise<number[]> {
  const query = { query: `${selector}[${lookback}]`, time: window.end / 1000 };
  const answer = await getJson<Answer<{ result: RangeSeries[] }>>("/api/v1/query", query, signal);
  return answer.data.result[0]?.values?.map(([time]) => time) ?? [];
}

export interface RangeQuery {
  expr: string;
  window: Window;
  /** Seconds. */
  step: number;
}

/** The matrix of a range query; a scalar or a vector answer is shown as a series of one name. */
export async function queryRange({ expr, window, step }: RangeQuery, signal?: AbortSignal): Promise<RangeSeries[]> {
  const { start, end } = alignToStep(window, step);
  const answer = await getJson<Answer<{ resultType: string; result: RangeSeries[] }>>(
    "/api/v1/query_range",
    { query: expr, start, end, step },
    signal,
  );
  return answer.data.result.map((series) => ({ ...series, values: series.values ?? [] }));
}

/** Aligned times make the points of two refreshes the same ones, so that lines don't shimmer. */
export function alignToStep(window: Window, step: number): { start: number; end: number } {
  const { start, end } = seconds(window);
  return { start: Math.floor(start / step) * step, end: Math.ceil(end / step) * step };
}

export async function queryExemplars(expr: string, window: Window, signal?: AbortSignal): Promise<ExemplarSeries[]> {
  return (await getJson<Answer<ExemplarSeries[]>>("/api/v1/query_exemplars", { query: expr, ...seconds(window) }, signal))
    .data;
}
