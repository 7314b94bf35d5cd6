/**
 * The critical path: the parts of spans that the trace's duration is made of. Walks back from the moment all was done: whoever ended
 * last before the moment looked at was what one waited for; what lies between is the parent's own time. A child counts with all
 * below it, as work handed to a queue ends long after the span that sent it.
 */
import { childrenOf, type Trace } from "./trace";

/** By row, the stretches of its time that count; rows off the path have none. */
export type CriticalPath = ReadonlyMap<number, readonly [number, number][]>;

const known = new WeakMap<Trace, CriticalPath>();

export function criticalPath(trace: Trace): CriticalPath {
  const before = known.get(trace);
  if (before) return before;
  const path = walkBack(trace);
  known.set(trace, path);
  return path;
}

function walkBack(trace: Trace): CriticalPath {
  const path = new Map<number, [number, number][]>();
  const ends = subtreeEnds(trace);
  const stack = [trace.root];
  for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
    const start = trace.start[row];
    const ownEnd = start + trace.duration[row];
    const parts: [number, number][] = [];
    const own = (from: number, to: number) => {
      if (Math.min(to, ownEnd) > Math.max(from, start)) parts.push([Math.max(from, start), Math.min(to, ownEnd)]);
    };
    let cursor = ends[row];
    for (const child of childrenOf(trace, row).sort((a, b) => ends[b] - ends[a])) {
      if (ends[child] > cursor || ends[child] <= trace.start[child] || trace.start[child] < start) continue;
      own(ends[child], cursor);
      stack.push(child);
      cursor = trace.start[child];
    }
    own(start, cursor);
    if (parts.length > 0) path.set(row, parts);
  }
  return path;
}

/** When a span and all below it were done. */
function subtreeEnds({ start, duration, parent }: Trace): Float64Array {
  const ends = start.map((at, row) => at + duration[row]);
  for (let row = ends.length - 1; row > 0; row--) if (parent[row] >= 0 && ends[row] > ends[parent[row]]) ends[parent[row]] = ends[row];
  return ends;
}
