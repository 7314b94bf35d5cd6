/**
 * What a trace is built from: all spans in columns, in any order, and each in full when it is asked for. Jaeger's JSON becomes one
 * (files), and so do the lines that the server answers the page with (`trace-columns.ts`).
 */
import type { JaegerSpan, JaegerTrace, KeyValue } from "../api/traces";
import { between, momentOf, startsOf, type Moment } from "./trace-clock";

export interface TraceSource {
  id: string;
  size: number;
  /** What tells spans apart: the id, with `~2` behind it for the second of that id. */
  keys: string[];
  /** Spans with an id that one before them has. */
  repeated: ReadonlySet<number>;
  /** Places in the list, or -1. */
  parents: Int32Array;
  /** Spans that name a parent that they do not hang on. */
  orphans: ReadonlySet<number>;
  first: Moment;
  /** Microseconds since `first`. */
  starts: Float64Array;
  durations: Float64Array;
  /** Indexes into `services` and `operations`. */
  service: Uint32Array;
  operation: Uint32Array;
  services: string[];
  operations: string[];
  failed: ReadonlySet<number>;
  span: (at: number) => JaegerSpan;
  resource: (at: number) => KeyValue[];
}

export function fromJaeger(trace: JaegerTrace): TraceSource {
  const { spans, processes } = trace;
  const { keys, places, repeated } = nameSpans(spans.map((span) => span.spanID));
  const parents = new Int32Array(spans.length);
  const orphans = new Set<number>();
  const failed = new Set<number>();
  const services = new Texts();
  const operations = new Texts();
  const service = new Uint32Array(spans.length);
  const operation = new Uint32Array(spans.length);
  spans.forEach((span, at) => {
    const parent = parentReference(span)?.spanID ?? "";
    const place = places.get(parent);
    parents[at] = place === undefined || place === at ? -1 : place;
    if (parents[at] < 0 && parent !== "") orphans.add(at);
    if (hasFailed(span)) failed.add(at);
    service[at] = services.numberOf(processes[span.processID]?.serviceName || UNKNOWN);
    operation[at] = operations.numberOf(span.operationName);
  });
  return {
    id: trace.traceID,
    size: spans.length,
    keys,
    repeated,
    parents,
    orphans,
    ...startsOf(spans),
    durations: Float64Array.from(spans, durationOf),
    service,
    operation,
    services: services.all,
    operations: operations.all,
    failed,
    span: (at) => spans[at],
    resource: (at) => processes[spans[at].processID]?.tags ?? [],
  };
}

export const UNKNOWN = "unknown";

/** Keys that are unique, and which span an id means: the first that has it. */
function nameSpans(ids: readonly string[]): { keys: string[]; places: Map<string, number>; repeated: Set<number> } {
  const places = new Map<string, number>();
  const repeated = new Set<number>();
  ids.forEach((id, at) => (places.has(id) ? repeated.add(at) : places.set(id, at)));
  return { keys: uniqueKeys(ids, repeated), places, repeated };
}

export function uniqueKeys(ids: readonly string[], repeated: Iterable<number>): string[] {
  const keys = [...ids];
  const times = new Map<string, number>();
  for (const at of repeated) {
    const time = (times.get(ids[at]) ?? 1) + 1;
    times.set(ids[at], time);
    keys[at] = `${ids[at]}~${time}`;
  }
  return keys;
}

/** The reference that makes a span a child within its trace. */
export const parentReference = (span: JaegerSpan) =>
  span.references?.find((one) => one.refType === "CHILD_OF" && one.traceID === span.traceID);

/** Nanoseconds where the API has them. */
function durationOf(span: JaegerSpan): number {
  if (!span.endTimeUnixNano || !span.startTimeUnixNano) return Math.max(0, span.duration);
  return Math.max(0, between(momentOf(span.startTimeUnixNano, 0), momentOf(span.endTimeUnixNano, 0)));
}

function hasFailed({ tags }: JaegerSpan): boolean {
  return tags?.some(({ key, value }) => (key === "error" && (value === true || value === "true")) || (key === "otel.status_code" && value === "ERROR")) ?? false;
}

/** Names as numbers, in the order they come up. */
export class Texts {
  readonly all: string[] = [];
  readonly #known = new Map<string, number>();

  numberOf(text: string): number {
    const at = this.#known.get(text);
    if (at !== undefined) return at;
    this.#known.set(text, this.all.length);
    return this.all.push(text) - 1;
  }
}
