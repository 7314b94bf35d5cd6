/** The values that queries of variables find: `label_values(…)`, `label_names()`, `metrics(…)`, `query_result(…)`, or series. */
import { patternOf } from "../model/dashboard/field";
import { legendOf } from "../model/dashboard/frames";
import type { Window } from "../state/time-range";
import type { Source } from "./dashboards";
import { getJson } from "./http";
import { fetchSeries, pathLabel, type Labels } from "./metrics";

const LABEL_VALUES = /^label_values\(\s*(?:([\s\S]+),\s*)?([a-zA-Z_][\w.]*)\s*\)$/;
const LABEL_NAMES = /^label_names\(\s*([\s\S]*)\)$/;
const METRICS = /^metrics\(([\s\S]*)\)$/;
const QUERY_RESULT = /^query_result\(([\s\S]*)\)$/;

interface Answer {
  data: string[];
}

interface Vector {
  data: { resultType: string; result: { metric: Labels; value: [number, string] }[] | [number, string] };
}

export async function fetchVariableValues(query: string, source: Source, window: Window, signal: AbortSignal): Promise<string[]> {
  const text = query.trim();
  const loki = source === "loki";
  const base = loki ? "/loki/api/v1" : "/api/v1";
  const nanos = (ms: number) => `${Math.floor(ms)}000000`;
  const times = loki ? { start: nanos(window.start), end: nanos(window.end) } : { start: window.start / 1000, end: window.end / 1000 };
  const values = LABEL_VALUES.exec(text);
  if (values) {
    const [, selector = "", label] = values;
    return (await getJson<Answer>(`${base}/label/${pathLabel(label)}/values`, { ...times, [loki ? "query" : "match[]"]: selector.trim() }, signal)).data;
  }
  const names = LABEL_NAMES.exec(text);
  if (names) return (await getJson<Answer>(`${base}/labels`, { ...times, "match[]": loki ? "" : names[1].trim() }, signal)).data;
  const metrics = METRICS.exec(text);
  if (metrics) {
    const pattern = patternOf(metrics[1].trim().replace(/^["']|["']$/g, ""));
    return (await getJson<Answer>("/api/v1/label/__name__/values", times, signal)).data.filter((name) => pattern?.test(name) ?? true);
  }
  const result = QUERY_RESULT.exec(text);
  if (result) return lines((await getJson<Vector>("/api/v1/query", { query: result[1], time: window.end / 1000 }, signal)).data);
  if (text === "") return [];
  return (await fetchSeries(text, window, signal)).map((labels) => legendOf(labels, "", ""));
}

/** A line a series: its name and labels, its value, its time in milliseconds. */
function lines({ resultType, result }: Vector["data"]): string[] {
  if (resultType !== "vector") {
    const [at, value] = result as [number, string];
    return [`${value} ${Math.round(at * 1000)}`];
  }
  return (result as { metric: Labels; value: [number, string] }[]).map(({ metric, value: [at, value] }) => `${legendOf(metric, "", "{}")} ${value} ${Math.round(at * 1000)}`);
}
