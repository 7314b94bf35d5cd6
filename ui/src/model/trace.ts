/**
 * A trace as a tree, in columns: all spans as rows, parents before their children, siblings by start. The spans below row `i` are the
 * rows `i + 1` to `i + below[i]`, so that collapsing, self times and sums are walks over arrays. Times are microseconds since the
 * trace's start.
 *
 * All is linear, but for sorting where spans didn't come by start. What is asked of one span at a time is read when it is
 * (`trace-span.ts`).
 */
import type { Moment } from "./trace-clock";
import type { TraceSource } from "./trace-source";
import { orderTree } from "./trace-tree";

/** Bits of `flags`. */
export const FAILED = 1;
/** It names a parent that the trace doesn't hold. */
export const MISSING_PARENT = 2;
/** It starts before its parent, which is mostly a clock that is off. */
export const SKEWED = 4;
/** A span before it has the same id. */
export const DUPLICATE = 8;

export interface ServiceCount {
  name: string;
  spans: number;
  errors: number;
}

export interface Trace {
  id: string;
  /** How many spans; the length of every column. */
  size: number;
  /** What tells rows apart, also in the address: the span's id, with `~2` behind it for the second of that id. */
  keys: readonly string[];
  start: Float64Array;
  duration: Float64Array;
  /** Duration without the time in which a child was at work. */
  self: Float64Array;
  /** A row, or -1. */
  parent: Int32Array;
  depth: Int32Array;
  /** How many spans are below. */
  below: Int32Array;
  /** Index into `services`. */
  service: Uint32Array;
  /** Index into `operations`. */
  operation: Uint32Array;
  flags: Uint8Array;
  /** The one with most spans first. */
  services: readonly ServiceCount[];
  operations: readonly string[];
  /** The row one means by "the root". */
  root: number;
  /** When the trace began, exactly. */
  first: Moment;
  /** The same in milliseconds since the Unix epoch. */
  startMs: number;
  /** From the first start to the last end. */
  total: number;
  errors: number;
  maxDepth: number;
  source: TraceSource;
  /** Which span of the source a row is. */
  origin: Uint32Array;
}

export function buildTrace(source: TraceSource): Trace | undefined {
  const { size, starts, durations, first } = source;
  if (size === 0) return undefined;
  const { order, parent, depth, below, cut } = orderTree(source.parents, starts);
  const start = new Float64Array(size);
  const duration = new Float64Array(size);
  const operation = new Uint32Array(size);
  const flags = new Uint8Array(size);
  for (let row = 0; row < size; row++) {
    const at = order[row];
    start[row] = starts[at];
    duration[row] = durations[at];
    operation[row] = source.operation[at];
    if (source.failed.has(at)) flags[row] |= FAILED;
    if (source.repeated.has(at)) flags[row] |= DUPLICATE;
    if (source.orphans.has(at) || cut.has(at)) flags[row] |= MISSING_PARENT;
    if (parent[row] >= 0 && start[row] < start[parent[row]]) flags[row] |= SKEWED;
  }
  const { services, service } = countServices(source, order, flags);
  return {
    id: source.id,
    size,
    keys: Array.from(order, (at) => source.keys[at]),
    start,
    duration,
    self: selfTimes(start, duration, below),
    parent,
    depth,
    below,
    service,
    operation,
    flags,
    services,
    operations: source.operations,
    root: mainRoot(parent, below, flags),
    first,
    startMs: first[0] / 1000,
    total: lastEnd(start, duration),
    errors: services.reduce((sum, one) => sum + one.errors, 0),
    maxDepth: depth.reduce((most, one) => Math.max(most, one), 0),
    source,
    origin: order,
  };
}

/** The services, numbered by how many spans they have. */
function countServices(source: TraceSource, order: Uint32Array, flags: Uint8Array): Pick<Trace, "services" | "service"> {
  const counts = source.services.map((name) => ({ name, spans: 0, errors: 0 }));
  order.forEach((at, row) => {
    const count = counts[source.service[at]];
    count.spans += 1;
    count.errors += flags[row] & FAILED;
  });
  const services = [...counts].sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name));
  const places = counts.map((one) => services.indexOf(one));
  return { services, service: order.map((at) => places[source.service[at]]) };
}

/** Children come by start, so that one pass over them counts overlaps once. */
function selfTimes(start: Float64Array, duration: Float64Array, below: Int32Array): Float64Array {
  return duration.map((took, row) => {
    const end = start[row] + took;
    const last = row + below[row];
    let covered = 0;
    let reached = start[row];
    for (let child = row + 1; child <= last; child += below[child] + 1) {
      const from = Math.max(start[child], reached);
      const to = Math.min(start[child] + duration[child], end);
      if (to <= from) continue;
      covered += to - from;
      reached = to;
    }
    return Math.max(0, took - covered);
  });
}

function lastEnd(start: Float64Array, duration: Float64Array): number {
  let most = 0;
  for (let row = 0; row < start.length; row++) most = Math.max(most, start[row] + duration[row]);
  return most;
}

/** A span without a parent, the one with the most below it; else the first of the orphans. */
function mainRoot(parent: Int32Array, below: Int32Array, flags: Uint8Array): number {
  let best = -1;
  let bestOrphan = 0;
  for (let row = 0; row < parent.length; row += below[row] + 1) {
    if (flags[row] & MISSING_PARENT) bestOrphan = below[row] > below[bestOrphan] ? row : bestOrphan;
    else if (best < 0 || below[row] > below[best]) best = row;
  }
  return best < 0 ? bestOrphan : best;
}

export const serviceName = (trace: Trace, row: number) => trace.services[trace.service[row]].name;
export const operationName = (trace: Trace, row: number) => trace.operations[trace.operation[row]];
export const isFailed = (trace: Trace, row: number) => (trace.flags[row] & FAILED) !== 0;

const rowIndexes = new WeakMap<Trace, Map<string, number>>();

/** The row of a key, or -1. */
export function rowOf(trace: Trace, key: string): number {
  if (key === "") return -1;
  let rows = rowIndexes.get(trace);
  if (!rows) rowIndexes.set(trace, (rows = new Map(trace.keys.map((one, row) => [one, row]))));
  return rows.get(key) ?? -1;
}

/** The rows directly below one. */
export function childrenOf(trace: Trace, row: number): number[] {
  const children: number[] = [];
  const last = row + trace.below[row];
  for (let child = row + 1; child <= last; child += trace.below[child] + 1) children.push(child);
  return children;
}
