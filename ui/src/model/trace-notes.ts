/** What is odd about a trace as a whole: parents that are not there, clocks that disagree. */
import { DUPLICATE, MISSING_PARENT, serviceName, SKEWED, type Trace } from "./trace";

export interface TraceNotes {
  missingParents: number;
  duplicates: number;
  skew: Skew | null;
}

export interface Skew {
  spans: number;
  /** The most that a span starts before its parent, microseconds. */
  most: number;
  /** The services of the span with the most, and of its parent. */
  child: string;
  parent: string;
}

export function notesOf(trace: Trace): TraceNotes {
  const notes: TraceNotes = { missingParents: 0, duplicates: 0, skew: null };
  for (let row = 0; row < trace.size; row++) {
    const flags = trace.flags[row];
    if (flags & MISSING_PARENT) notes.missingParents += 1;
    if (flags & DUPLICATE) notes.duplicates += 1;
    if (flags & SKEWED) notes.skew = withSpan(trace, row, notes.skew);
  }
  return notes;
}

function withSpan(trace: Trace, row: number, before: Skew | null): Skew {
  const parent = trace.parent[row];
  const by = trace.start[parent] - trace.start[row];
  const spans = (before?.spans ?? 0) + 1;
  if (before && before.most >= by) return { ...before, spans };
  return { spans, most: by, child: serviceName(trace, row), parent: serviceName(trace, parent) };
}
