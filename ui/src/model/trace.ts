/**
 * A trace as a tree: parents, depth, self time and the critical path, from the flat list that the API answers.
 *
 * Nothing here recurses, since a trace may be a chain of ten thousand spans; all is linear but for sorting siblings. Times are
 * microseconds since the trace's start.
 */
import type { JaegerSpan, JaegerTrace, KeyValue } from "../api/traces";

export interface SpanEvent {
  at: number;
  name: string;
  fields: KeyValue[];
}

export interface Span {
  id: string;
  parentId: string;
  service: string;
  operation: string;
  kind: string;
  start: number;
  duration: number;
  error: boolean;
  statusText: string;
  tags: KeyValue[];
  resource: KeyValue[];
  events: SpanEvent[];
  links: { traceId: string; spanId: string }[];
  warnings: string[];
  parent: Span | null;
  children: Span[];
  depth: number;
  /** Spans below this one. */
  descendants: number;
  /** It names a parent that the trace doesn't hold. */
  missingParent: boolean;
  /** It starts before its parent, which is mostly a clock that is off. */
  skewed: boolean;
  selfTime: number;
  /** The parts of this span that the trace's duration is made of. */
  critical: [number, number][];
}

export interface Trace {
  id: string;
  /** All spans, parents before children, siblings by start. */
  spans: Span[];
  byId: Map<string, Span>;
  root: Span;
  /** Milliseconds since the Unix epoch. */
  startMs: number;
  duration: number;
  services: { name: string; spans: number; errors: number }[];
  errors: number;
  maxDepth: number;
}

export function buildTrace(raw: JaegerTrace): Trace | undefined {
  if (raw.spans.length === 0) return undefined;
  const starts = raw.spans.map(startNanos);
  const origin = starts.reduce((least, start) => (start < least ? start : least));
  const spans = raw.spans.map((span, i) => readSpan(span, raw, starts[i], origin));
  const byId = new Map<string, Span>();
  for (const span of spans) if (!byId.has(span.id)) byId.set(span.id, span);
  const ordered = orderSpans(spans, linkParents(spans, byId));
  countDescendants(ordered);
  ordered.forEach((span) => (span.selfTime = selfTime(span)));
  const root = mainRoot(ordered);
  markCriticalPath(root, ordered);
  return {
    id: raw.traceID,
    spans: ordered,
    byId,
    root,
    startMs: Number(origin / 1000n) / 1000,
    duration: ordered.reduce((most, span) => Math.max(most, span.start + span.duration), 0),
    services: servicesOf(ordered),
    errors: ordered.filter((span) => span.error).length,
    maxDepth: ordered.reduce((most, span) => Math.max(most, span.depth), 0),
  };
}

const startNanos = (span: JaegerSpan) =>
  span.startTimeUnixNano ? BigInt(span.startTimeUnixNano) : BigInt(Math.round(span.startTime)) * 1000n;

function readSpan(raw: JaegerSpan, trace: JaegerTrace, start: bigint, origin: bigint): Span {
  const tags = raw.tags ?? [];
  const tag = (key: string) => tags.find((one) => one.key === key)?.value;
  const references = raw.references ?? [];
  const parent = references.find((one) => one.refType === "CHILD_OF" && one.traceID === raw.traceID);
  const process = trace.processes[raw.processID];
  const startOfTraceMicros = Number(origin / 1000n);
  return {
    id: raw.spanID,
    parentId: parent?.spanID ?? "",
    service: process?.serviceName ?? "unknown",
    operation: raw.operationName,
    kind: String(tag("span.kind") ?? "internal"),
    start: Number(start - origin) / 1000,
    duration: raw.endTimeUnixNano ? Number(BigInt(raw.endTimeUnixNano) - start) / 1000 : raw.duration,
    error: tag("error") === true || tag("error") === "true" || tag("otel.status_code") === "ERROR",
    statusText: String(tag("otel.status_description") ?? ""),
    tags,
    resource: process?.tags ?? [],
    events: (raw.logs ?? []).map((log) => ({
      at: log.timestamp - startOfTraceMicros,
      name: String(log.fields.find((field) => field.key === "event")?.value ?? "event"),
      fields: log.fields.filter((field) => field.key !== "event"),
    })),
    links: references.filter((one) => one !== parent).map((one) => ({ traceId: one.traceID, spanId: one.spanID })),
    warnings: raw.warnings ?? [],
    parent: null,
    children: [],
    depth: 0,
    descendants: 0,
    missingParent: false,
    skewed: false,
    selfTime: 0,
    critical: [],
  };
}

/** Hangs children on their parents and returns the roots. */
function linkParents(spans: Span[], byId: Map<string, Span>): Span[] {
  const roots: Span[] = [];
  for (const span of spans) {
    const parent = span.parentId ? byId.get(span.parentId) : undefined;
    if (parent && parent !== span) {
      span.parent = parent;
      span.skewed = span.start < parent.start;
      parent.children.push(span);
    } else {
      span.missingParent = span.parentId !== "";
      roots.push(span);
    }
  }
  for (const span of spans) span.children.sort(byStart);
  return roots.sort(byStart);
}

const byStart = (a: Span, b: Span) => a.start - b.start || b.duration - a.duration;

/** Depth first. Spans that are each other's ancestors hang on no root; they are shown as roots, cut at the first seen. */
function orderSpans(spans: Span[], roots: Span[]): Span[] {
  const ordered: Span[] = [];
  const seen = new Set<Span>();
  const walk = (from: Span) => {
    const stack = [from];
    for (let span = stack.pop(); span; span = stack.pop()) {
      if (seen.has(span)) continue;
      seen.add(span);
      span.depth = span.parent ? span.parent.depth + 1 : 0;
      ordered.push(span);
      for (let i = span.children.length - 1; i >= 0; i--) stack.push(span.children[i]);
    }
  };
  roots.forEach(walk);
  for (const span of spans) {
    if (seen.has(span)) continue;
    if (span.parent) span.parent.children = span.parent.children.filter((child) => child !== span);
    span.parent = null;
    span.missingParent = true;
    walk(span);
  }
  return ordered;
}

function countDescendants(ordered: Span[]): void {
  for (let i = ordered.length - 1; i >= 0; i--) {
    const { parent, descendants } = ordered[i];
    if (parent) parent.descendants += descendants + 1;
  }
}

/** Duration without the time in which at least one child was at work. */
function selfTime(span: Span): number {
  const end = span.start + span.duration;
  let covered = 0;
  let reached = span.start;
  for (const child of span.children) {
    const from = Math.max(child.start, reached);
    const to = Math.min(child.start + child.duration, end);
    if (to > from) {
      covered += to - from;
      reached = to;
    }
  }
  return Math.max(0, span.duration - covered);
}

/** The root one means: a span without a parent, the one with the most below it; else the first of the orphans. */
function mainRoot(ordered: Span[]): Span {
  const roots = ordered.filter((span) => span.parent === null);
  const proper = roots.filter((span) => !span.missingParent);
  return (proper.length > 0 ? proper : roots).reduce((best, span) => (span.descendants > best.descendants ? span : best));
}

/**
 * Walks back from the moment all was done: whoever ended last before the moment looked at was what one waited for; what lies between
 * is the parent's own time. A child counts with all below it, as work handed to a queue ends long after the span that sent it.
 */
function markCriticalPath(root: Span, ordered: readonly Span[]): void {
  const ends = subtreeEnds(ordered);
  const stack = [root];
  for (let span = stack.pop(); span; span = stack.pop()) {
    const { start, critical } = span;
    const ownEnd = start + span.duration;
    const own = (from: number, to: number) => {
      if (Math.min(to, ownEnd) > Math.max(from, start)) critical.push([Math.max(from, start), Math.min(to, ownEnd)]);
    };
    let cursor = ends.get(span)!;
    for (const child of [...span.children].sort((a, b) => ends.get(b)! - ends.get(a)!)) {
      const childEnd = ends.get(child)!;
      if (childEnd > cursor || childEnd <= child.start || child.start < start) continue;
      own(childEnd, cursor);
      stack.push(child);
      cursor = child.start;
    }
    own(start, cursor);
  }
}

/** When a span and all below it were done. */
function subtreeEnds(ordered: readonly Span[]): Map<Span, number> {
  const ends = new Map<Span, number>();
  for (let i = ordered.length - 1; i >= 0; i--) {
    const span = ordered[i];
    const below = span.children.reduce((most, child) => Math.max(most, ends.get(child) ?? 0), 0);
    ends.set(span, Math.max(span.start + span.duration, below));
  }
  return ends;
}

function servicesOf(spans: Span[]): Trace["services"] {
  const services = new Map<string, { name: string; spans: number; errors: number }>();
  for (const span of spans) {
    const entry = services.get(span.service) ?? { name: span.service, spans: 0, errors: 0 };
    entry.spans += 1;
    if (span.error) entry.errors += 1;
    services.set(span.service, entry);
  }
  return [...services.values()].sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name));
}

/** The rows to show: all spans but those below a collapsed one. */
export function visibleSpans(trace: Trace, collapsed: ReadonlySet<string>): Span[] {
  if (collapsed.size === 0) return trace.spans;
  const rows: Span[] = [];
  for (let i = 0; i < trace.spans.length; i++) {
    const span = trace.spans[i];
    rows.push(span);
    if (collapsed.has(span.id)) i += span.descendants;
  }
  return rows;
}

/** Spans whose name, service, id or attributes hold the words. */
export function findSpans(trace: Trace, query: string): Span[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return trace.spans.filter((span) => {
    const text = searchText(span);
    return words.every((word) => text.includes(word));
  });
}

const searchTexts = new WeakMap<Span, string>();

/** Made once a span, as one searches while typing. */
function searchText(span: Span): string {
  const known = searchTexts.get(span);
  if (known !== undefined) return known;
  const text = allText(span);
  searchTexts.set(span, text);
  return text;
}

function allText(span: Span): string {
  const tags = span.tags.map((tag) => `${tag.key}=${tag.value}`);
  const events = span.events.flatMap((event) => [event.name, ...event.fields.map((field) => `${field.key}=${field.value}`)]);
  return [span.service, span.operation, span.id, ...tags, ...events].join("\n").toLowerCase();
}
