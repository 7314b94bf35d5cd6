/** One span in full, read from the trace's source when somebody looks at it. */
import type { JaegerReference, JaegerSpan, KeyValue } from "../api/traces";
import { between, momentOf } from "./trace-clock";
import { childrenOf, DUPLICATE, FAILED, MISSING_PARENT, operationName, serviceName, SKEWED, type Trace } from "./trace";
import { parentReference } from "./trace-source";

export interface SpanEvent {
  /** Since the trace's start. */
  at: number;
  name: string;
  fields: KeyValue[];
}

export interface SpanLink {
  traceId: string;
  spanId: string;
  attributes: KeyValue[];
}

export interface Span {
  row: number;
  key: string;
  id: string;
  parentId: string;
  service: string;
  operation: string;
  kind: string;
  start: number;
  duration: number;
  selfTime: number;
  children: number;
  error: boolean;
  statusText: string;
  attributes: KeyValue[];
  resource: KeyValue[];
  scope: KeyValue[];
  events: SpanEvent[];
  links: SpanLink[];
  warnings: string[];
  missingParent: boolean;
  duplicate: boolean;
  /** How long before its parent it starts, or 0. */
  skew: number;
}

const SCOPE = "otel.scope.";

export const tagOf = (tags: readonly KeyValue[] | null, key: string) => tags?.find((one) => one.key === key)?.value;

/** The span as it came. Of the rows in sight each is asked for several times, so that the latest are kept. */
export function sourceOf(trace: Trace, row: number): JaegerSpan {
  let latest = kept.get(trace);
  if (!latest) kept.set(trace, (latest = new Map()));
  let span = latest.get(row);
  if (!span) {
    if (latest.size >= MOST_KEPT) latest.clear();
    latest.set(row, (span = trace.source.span(trace.origin[row])));
  }
  return span;
}

const MOST_KEPT = 500;
const kept = new WeakMap<Trace, Map<number, JaegerSpan>>();

export function spanAt(trace: Trace, row: number): Span {
  const raw = sourceOf(trace, row);
  const tags = raw.tags ?? [];
  const parent = parentReference(raw);
  const flag = (bit: number) => (trace.flags[row] & bit) !== 0;
  return {
    row,
    key: trace.keys[row],
    id: raw.spanID,
    parentId: parent?.spanID ?? "",
    service: serviceName(trace, row),
    operation: operationName(trace, row),
    kind: String(tagOf(tags, "span.kind") ?? "internal"),
    start: trace.start[row],
    duration: trace.duration[row],
    selfTime: trace.self[row],
    children: childrenOf(trace, row).length,
    error: flag(FAILED),
    statusText: String(tagOf(tags, "otel.status_description") ?? ""),
    attributes: tags.filter((tag) => !tag.key.startsWith(SCOPE)),
    resource: trace.source.resource(trace.origin[row]),
    scope: tags.filter((tag) => tag.key.startsWith(SCOPE)).map((tag) => ({ ...tag, key: tag.key.slice(SCOPE.length) })),
    events: eventsAt(trace, row),
    links: (raw.references ?? []).filter((one) => one !== parent).map(linkOf),
    warnings: raw.warnings ?? [],
    missingParent: flag(MISSING_PARENT),
    duplicate: flag(DUPLICATE),
    skew: flag(SKEWED) ? trace.start[trace.parent[row]] - trace.start[row] : 0,
  };
}

const linkOf = (one: JaegerReference): SpanLink => ({ traceId: one.traceID, spanId: one.spanID, attributes: one.tags ?? [] });

export function eventsAt(trace: Trace, row: number): SpanEvent[] {
  const { logs } = sourceOf(trace, row);
  if (!logs || logs.length === 0) return [];
  return logs.map((log) => ({
    at: between(trace.first, momentOf(log.timeUnixNano, log.timestamp)),
    name: String(tagOf(log.fields, "event") ?? "event"),
    fields: log.fields.filter((field) => field.key !== "event"),
  }));
}
