/** The spans of a trace in another order than the tree's. */
import type { Trace } from "./trace";

export const SPAN_ORDERS = ["start", "service", "operation", "duration", "self"] as const;
export type SpanOrder = (typeof SPAN_ORDERS)[number];

/** The rows that are shown, in order; equal ones by start. Texts are ranked first, so that the sort itself compares numbers. */
export function sortRows(trace: Trace, order: SpanOrder, down: boolean, shown: (row: number) => boolean): Uint32Array {
  const rows = Uint32Array.from(trace.start.keys()).filter(shown);
  const { start } = trace;
  const by = columnOf(trace, order);
  const sign = down ? -1 : 1;
  return rows.sort((a, b) => sign * (by(a) - by(b)) || start[a] - start[b] || a - b);
}

function columnOf(trace: Trace, order: SpanOrder): (row: number) => number {
  if (order === "duration") return (row) => trace.duration[row];
  if (order === "self") return (row) => trace.self[row];
  if (order === "start") return (row) => trace.start[row];
  const service = ranks(trace.services.map((one) => one.name));
  if (order === "service") return (row) => service[trace.service[row]];
  const operation = ranks(trace.operations);
  return (row) => operation[trace.operation[row]];
}

function ranks(texts: readonly string[]): number[] {
  const sorted = texts.map((text, i) => ({ text, i })).sort((a, b) => a.text.localeCompare(b.text));
  const rank: number[] = [];
  sorted.forEach(({ i }, place) => (rank[i] = place));
  return rank;
}
