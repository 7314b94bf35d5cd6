/** How long something was in which state: a series as stretches of the same value. */
import { isNumber, type Field, type Value } from "./frames";

export interface Stretch {
  start: number;
  end: number;
  value: Value;
}

/** Stretches of a field; equal neighbours are one if asked for. A point holds until the next one, and at most two steps. */
export function stretchesOf(time: Field, one: Field, stepMs: number, end: number, merge: boolean): Stretch[] {
  const out: Stretch[] = [];
  const times = time.values.filter(isNumber);
  times.forEach((at, i) => {
    const value = one.values[i] ?? null;
    const until = Math.min(times[i + 1] ?? end, at + 2 * stepMs, Math.max(end, at));
    if (value === null || (isNumber(value) && Number.isNaN(value))) return;
    const last = out[out.length - 1];
    if (merge && last && last.value === value && last.end >= at) last.end = until;
    else out.push({ start: at, end: until, value });
  });
  return out;
}
