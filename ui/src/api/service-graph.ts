/** Who calls whom: the series that the server counts from spans; where it counts none, Jaeger's dependencies, which know only how often. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";
import { queryInstant, type InstantValue } from "./instant";

export interface Call {
  from: string;
  to: string;
  /** A broker is between them. */
  messaging: boolean;
  /** Calls a second. */
  rate: number;
  /** 0 to 1; null where it is not known. */
  errorRatio: number | null;
  p95Ms: number | null;
}

/** The edges of a window, the busiest first. */
export async function fetchCalls(window: Window, signal?: AbortSignal): Promise<Call[]> {
  const seconds = Math.max(1, Math.round((window.end - window.start) / 1000));
  const over = (metric: string) => `increase(traces_service_graph_request_${metric}[${seconds}s])`;
  const by = "sum by (client, server, connection_type)";
  const ask = (query: string) => queryInstant(query, window.end, signal);
  const [total, failed, p95] = await Promise.all([
    ask(`${by} (${over("total")}) > 0`),
    ask(`${by} (${over("failed_total")})`),
    ask(`histogram_quantile(0.95, sum by (client, server, connection_type, le) (${over("server_seconds_bucket")}))`),
  ]);
  if (total.length === 0) return fetchDependencies(window, seconds, signal);
  const failures = byEdge(failed);
  const durations = byEdge(p95);
  const calls = total.map(({ metric, value }): Call => {
    const key = keyOf(metric);
    const slow = durations.get(key);
    return {
      from: metric.client ?? "",
      to: metric.server ?? "",
      messaging: metric.connection_type === "messaging_system",
      rate: value / seconds,
      errorRatio: Math.min(1, (failures.get(key) ?? 0) / value),
      p95Ms: slow === undefined ? null : slow * 1000,
    };
  });
  return calls.sort((a, b) => b.rate - a.rate);
}

const keyOf = (metric: InstantValue["metric"]) => [metric.client, metric.server, metric.connection_type].join("\0");

const byEdge = (values: readonly InstantValue[]) => new Map(values.map(({ metric, value }) => [keyOf(metric), value]));

async function fetchDependencies(window: Window, seconds: number, signal?: AbortSignal): Promise<Call[]> {
  const query = { endTs: Math.round(window.end), lookback: Math.round(window.end - window.start) };
  const answer = await getJson<{ data: { parent: string; child: string; callCount: number }[] | null }>("/api/dependencies", query, signal);
  const calls = (answer.data ?? []).map(({ parent, child, callCount }): Call => ({ from: parent, to: child, messaging: false, rate: callCount / seconds, errorRatio: null, p95Ms: null }));
  return calls.sort((a, b) => b.rate - a.rate);
}
