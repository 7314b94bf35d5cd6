/** The stretch of a trace that is shown, as fractions of its duration. */
import type { Trace } from "../../model/trace";

export type Zoom = [number, number];

/** The address keeps five digits. */
const LEAST = 0.00002;

export function clamped(from: number, width: number): Zoom {
  const size = Math.min(1, Math.max(LEAST, width));
  const start = Math.min(1 - size, Math.max(0, from));
  return [start, start + size];
}

/** Wider or narrower around the middle of what one looks at, if that is in sight. */
export function scaled([from, to]: Zoom, by: number, around?: Zoom): Zoom {
  const seen = around && around[0] < to && around[1] > from ? [Math.max(around[0], from), Math.min(around[1], to)] : [from, to];
  const width = (to - from) * by;
  return clamped((seen[0] + seen[1]) / 2 - width / 2, width);
}

export const shifted = ([from, to]: Zoom, by: number): Zoom => clamped(from + (to - from) * by, to - from);

/** A span, with a little room around it. */
export function spanZoom(trace: Trace, row: number): Zoom {
  const total = trace.total || 1;
  const width = trace.duration[row] / total;
  return clamped(trace.start[row] / total - width * 0.05, width * 1.1);
}
