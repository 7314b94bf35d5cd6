/** Which stretch of a window a picture of its traces shows: all of it, or, where most would be empty, the part they are in. */
import type { Window } from "../state/time-range";

/** A part this large is no reason to leave the rest out. */
const ENOUGH = 0.7;
/** No picture of less than this, in milliseconds. */
const LEAST = 10_000;

export function fitAxis(window: Window, starts: readonly number[]): Window {
  if (starts.length === 0) return window;
  const first = starts.reduce((a, b) => Math.min(a, b));
  const last = starts.reduce((a, b) => Math.max(a, b));
  const span = Math.max(last - first, LEAST);
  const start = Math.max(window.start, first - span * 0.02);
  const end = Math.min(window.end, Math.max(last, first + span) + span * 0.02);
  return end - start < (window.end - window.start) * ENOUGH ? { start, end } : window;
}
