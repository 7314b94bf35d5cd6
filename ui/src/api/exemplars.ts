/** Exemplars of a query as points of a chart. */
import type { ExemplarPoint } from "../charts/exemplar-dots";
import type { Window } from "../state/time-range";
import { queryExemplars, type ExemplarSeries } from "./metrics";

export const fetchExemplarPoints = async (query: string, window: Window, signal?: AbortSignal): Promise<ExemplarPoint[]> => toPoints(await queryExemplars(query, window, signal));

/** Exemplars that lead somewhere; a measurement is on several buckets' series at times, and shown once. */
function toPoints(answer: ExemplarSeries[]): ExemplarPoint[] {
  const points = new Map<string, ExemplarPoint>();
  for (const { seriesLabels, exemplars } of answer) {
    for (const { labels, value, timestamp } of exemplars) {
      const { trace_id: traceId, span_id: spanId = "", ...more } = labels;
      if (!traceId) continue;
      points.set(`${traceId} ${spanId} ${timestamp} ${value}`, { at: timestamp, value: Number(value), traceId, spanId, labels: { ...seriesLabels, ...more } });
    }
  }
  return [...points.values()];
}
