/** Rate, errors and durations of a service's operations, from the series that the server counts from spans. */
import { selector } from "../model/promql";
import type { Window } from "../state/time-range";
import { queryInstant } from "./instant";
import { queryRange, type Labels } from "./metrics";

export interface OperationStats {
  name: string;
  /** `server`, `client`, `producer`, `consumer`, `internal`. */
  kind: string;
  calls: number;
  /** Calls a second. */
  rate: number;
  errors: number;
  errorRatio: number;
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
  rateByStep: (number | null)[];
  errorsByStep: (number | null)[];
  p95ByStep: (number | null)[];
}

const STEPS = 30;
/** What hardly happens is written once a minute: a shorter stretch would hold one sample, which is no rate. */
const LEAST_RANGE = 150;

const BY = "span_name, span_kind";

export async function fetchOperationStats(service: string, window: Window, signal?: AbortSignal): Promise<OperationStats[]> {
  const seconds = Math.max(1, Math.round((window.end - window.start) / 1000));
  const step = Math.max(1, Math.ceil(seconds / STEPS));
  const range = Math.max(LEAST_RANGE, step * 2);
  const of = (metric: string, more: { key: string; value: string }[] = []) => selector(metric, [{ key: "service_name", value: service }, ...more]);
  const calls = of("traces_span_metrics_calls_total");
  const failed = of("traces_span_metrics_calls_total", [{ key: "status_code", value: "STATUS_CODE_ERROR" }]);
  const buckets = of("traces_span_metrics_duration_milliseconds_bucket");
  const quantile = (q: number, over: number) => `histogram_quantile(${q}, sum by (${BY}, le) (increase(${buckets}[${over}s])))`;
  const instant = (query: string) => queryInstant(query, window.end, signal).then((values) => new Map(values.map(({ metric, value }) => [keyOf(metric), value])));
  const steps = async (expr: string) => {
    const series = await queryRange({ expr, window, step }, signal);
    return new Map(series.map(({ metric, values }) => [keyOf(metric), alignedTo(values, window, step)]));
  };
  const [known, errors, p50, p95, p99, rates, errorRates, p95s] = await Promise.all([
    queryInstant(`sum by (${BY}) (increase(${calls}[${seconds}s])) > 0`, window.end, signal),
    instant(`sum by (${BY}) (increase(${failed}[${seconds}s]))`),
    instant(quantile(0.5, seconds)),
    instant(quantile(0.95, seconds)),
    instant(quantile(0.99, seconds)),
    steps(`sum by (${BY}) (rate(${calls}[${range}s]))`),
    steps(`sum by (${BY}) (rate(${failed}[${range}s]))`),
    steps(quantile(0.95, range)),
  ]);
  return known.map(({ metric, value }) => {
    const key = keyOf(metric);
    const failures = errors.get(key) ?? 0;
    return {
      name: metric.span_name ?? "",
      kind: (metric.span_kind ?? "").replace("SPAN_KIND_", "").toLowerCase(),
      calls: value,
      rate: value / seconds,
      errors: failures,
      errorRatio: Math.min(1, failures / value),
      p50Ms: p50.get(key) ?? null,
      p95Ms: p95.get(key) ?? null,
      p99Ms: p99.get(key) ?? null,
      rateByStep: rates.get(key) ?? [],
      errorsByStep: errorRates.get(key) ?? [],
      p95ByStep: p95s.get(key) ?? [],
    };
  });
}

const keyOf = (metric: Labels) => `${metric.span_kind}\0${metric.span_name}`;

/** One value a step of the window, null where there is none. */
function alignedTo(values: [number, string][], window: Window, step: number): (number | null)[] {
  const first = Math.floor(window.start / 1000 / step);
  const steps: (number | null)[] = new Array<number | null>(Math.ceil(window.end / 1000 / step) - first + 1).fill(null);
  for (const [at, text] of values) {
    const value = Number(text);
    if (Number.isFinite(value)) steps[Math.round(at / step) - first] = value;
  }
  return steps;
}
