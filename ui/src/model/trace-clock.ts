/** When spans began, exactly: nanoseconds since the epoch don't fit a number, so whole microseconds and the rest go apart. */
import type { JaegerSpan } from "../api/traces";

/** Whole microseconds since the epoch, and the rest of one. */
export const microsOf = (nanos: string): [number, number] => [Number(nanos.slice(0, -3)), Number(nanos.slice(-3)) / 1000];

/** The least start, in microseconds since the epoch, and every start since then. */
export function startsOf(spans: readonly JaegerSpan[]): { originMicros: number; starts: Float64Array } {
  const starts = new Float64Array(spans.length);
  const parts = new Float64Array(spans.length);
  let origin = Infinity;
  let originPart = 0;
  spans.forEach((span, i) => {
    const [whole, part] = span.startTimeUnixNano ? microsOf(span.startTimeUnixNano) : [span.startTime, 0];
    starts[i] = whole;
    parts[i] = part;
    if (whole < origin || (whole === origin && part < originPart)) [origin, originPart] = [whole, part];
  });
  for (let i = 0; i < starts.length; i++) starts[i] = starts[i] - origin + (parts[i] - originPart);
  return { originMicros: origin, starts };
}
