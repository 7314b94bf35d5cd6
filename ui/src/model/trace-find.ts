/** Finding spans by words in their names, services, ids, attributes and events. */
import type { JaegerSpan, KeyValue } from "../api/traces";
import { inSlices } from "../lib/slices";
import { operationName, serviceName, type Trace } from "./trace";

export interface Found {
  /** In the order of the trace. */
  rows: number[];
  marks: Uint8Array;
}

/** Spans that hold all the words. Looks in slices, as a large trace takes a while. */
export async function findSpans(trace: Trace, query: string, signal: AbortSignal): Promise<Found> {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Found = { rows: [], marks: new Uint8Array(trace.size) };
  if (words.length === 0) return found;
  await inSlices(trace.size, signal, (row) => {
    const text = textOf(trace, row);
    if (!words.every((word) => text.includes(word))) return;
    found.rows.push(row);
    found.marks[row] = 1;
  });
  return found;
}

const kept = new WeakMap<Trace, string[]>();

/** Made once a span, as one searches while typing. */
function textOf(trace: Trace, row: number): string {
  let texts = kept.get(trace);
  if (!texts) kept.set(trace, (texts = []));
  return (texts[row] ??= `${serviceName(trace, row)}\n${operationName(trace, row)}\n${detailText(trace.source.span(trace.origin[row]))}`.toLowerCase());
}

function detailText({ spanID, tags, logs }: JaegerSpan): string {
  let text = spanID + pairs(tags);
  for (const log of logs ?? []) text += pairs(log.fields);
  return text;
}

function pairs(tags: readonly KeyValue[] | null): string {
  let text = "";
  for (const { key, value } of tags ?? []) text += `\n${key}=${value}`;
  return text;
}
