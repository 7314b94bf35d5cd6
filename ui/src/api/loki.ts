/** Loki's API: the lines that LogQL finds. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";
import type { Labels } from "./metrics";

export interface LokiLine {
  /** Milliseconds. */
  at: number;
  line: string;
  labels: Labels;
}

interface Answer {
  data: { resultType: string; result: { stream: Labels; values: [string, string, Labels?][] }[] };
}

export async function fetchLokiLines(query: string, window: Window, limit: number, signal?: AbortSignal): Promise<LokiLine[]> {
  const nanos = (ms: number) => `${Math.floor(ms)}000000`;
  const answer = await getJson<Answer>("/loki/api/v1/query_range", { query, start: nanos(window.start), end: nanos(window.end), limit }, signal);
  if (answer.data.resultType !== "streams") return [];
  return answer.data.result.flatMap(({ stream, values }) => values.map(([at, line, more]) => ({ at: Number(at) / 1e6, line, labels: { ...stream, ...more } })));
}
