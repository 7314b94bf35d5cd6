/** The charts of a service, from the series that the server counts from its spans. */
import { selector, type View } from "./promql";

/** Spans that answer somebody; a service that only starts work by itself has none, and then its own spans count. */
export function entryKinds(kinds: readonly string[]): string[] {
  const answering = ["server", "consumer"].filter((kind) => kinds.includes(kind));
  return answering.length > 0 ? answering : ["internal"];
}

/** A selector with what must match a pattern. */
function spans(metric: string, service: string, kinds: readonly string[], failed = false): string {
  const plain = selector(metric, [{ key: "service_name", value: service }, ...(failed ? [{ key: "status_code", value: "STATUS_CODE_ERROR" }] : [])]);
  return plain.replace(/\}$/, `,span_kind=~"${kinds.map((kind) => `SPAN_KIND_${kind.toUpperCase()}`).join("|")}"}`);
}

const CALLS = "traces_span_metrics_calls_total";
const BUCKETS = "traces_span_metrics_duration_milliseconds_bucket";

export function serviceViews(service: string, kinds: readonly string[], rateWindow: string): { rate: View; errors: View; durations: View } {
  const rate = (failed: boolean) => `sum (rate(${spans(CALLS, service, kinds, failed)}[${rateWindow}]))`;
  const quantile = (q: number) => `histogram_quantile(${q}, sum by (le) (rate(${spans(BUCKETS, service, kinds)}[${rateWindow}])))`;
  const counted = { exemplars: "", exemplarsOnScale: false };
  return {
    rate: { ...counted, title: "Calls", queries: [{ expr: rate(false), name: "calls" }], perSecond: true },
    // Without a failure there is no series of failures, which is a share of nothing rather than no share.
    errors: { ...counted, title: "Share that fails", queries: [{ expr: `(${rate(true)} or vector(0)) / ${rate(false)}`, name: "failed" }], perSecond: false },
    durations: {
      title: "Durations",
      queries: [{ expr: quantile(0.5), name: "p50" }, { expr: quantile(0.95), name: "p95" }, { expr: quantile(0.99), name: "p99" }],
      exemplars: spans(BUCKETS, service, kinds),
      exemplarsOnScale: true,
      perSecond: false,
    },
  };
}
