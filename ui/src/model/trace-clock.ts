/** When spans began, exactly: nanoseconds since the epoch don't fit a number, so whole microseconds and the rest go apart. */
import type { JaegerSpan } from "../api/traces";

/** A moment: whole microseconds since the epoch, and the rest of one. */
export type Moment = [number, number];

const microsOf = (nanos: string): Moment => [Number(nanos.slice(0, -3)), Number(nanos.slice(-3)) / 1000];

export const momentOf = (nanos: string | undefined, micros: number): Moment => (nanos ? microsOf(nanos) : [micros, 0]);

/** Microseconds from one to the other. */
export const between = (from: Moment, to: Moment) => to[0] - from[0] + (to[1] - from[1]);

/** The first start, and every start since then, in microseconds. */
export function startsOf(spans: readonly JaegerSpan[]): { first: Moment; starts: Float64Array } {
  const starts = new Float64Array(spans.length);
  const parts = new Float64Array(spans.length);
  let origin = Infinity;
  let originPart = 0;
  spans.forEach((span, i) => {
    const [whole, part] = momentOf(span.startTimeUnixNano, span.startTime);
    starts[i] = whole;
    parts[i] = part;
    if (whole < origin || (whole === origin && part < originPart)) [origin, originPart] = [whole, part];
  });
  for (let i = 0; i < starts.length; i++) starts[i] = starts[i] - origin + (parts[i] - originPart);
  return { first: [origin, originPart], starts };
}
