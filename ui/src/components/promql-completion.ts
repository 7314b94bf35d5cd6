/** What the box for PromQL proposes: names, labels and values that the chosen window of time has. Answers are kept for a while. */
import { fetchLabelNames, fetchLabelValues, fetchMetadata, fetchMetricNames, type Metadata } from "../api/metrics";
import { selector } from "../model/promql";
import { timeWindow } from "../state/time-range";

/** As `@prometheus-io/codemirror-promql` asks for them. */
interface Source {
  metricNames: () => Promise<string[]>;
  labelNames: (metric?: string) => Promise<string[]>;
  labelValues: (label: string, metric?: string) => Promise<string[]>;
  metricMetadata: () => Promise<Record<string, Metadata[]>>;
  series: () => Promise<Map<string, string>[]>;
  flags: () => Promise<Record<string, string>>;
}

const KEEP_MS = 20_000;

/** A question that fails proposes nothing, and is asked anew. */
export function completionSource(): Source {
  const kept = new Map<string, { at: number; answer: Promise<unknown> }>();
  const ask = <T>(key: string, none: T, load: () => Promise<T>): Promise<T> => {
    const known = kept.get(key);
    if (known && Date.now() - known.at < KEEP_MS) return known.answer as Promise<T>;
    const answer = load().catch(() => {
      kept.delete(key);
      return none;
    });
    kept.set(key, { at: Date.now(), answer });
    return answer;
  };
  const matching = (metric = "") => (metric ? selector(metric) : "");
  return {
    metricNames: () => ask("names", [], () => fetchMetricNames(timeWindow.peek())),
    labelNames: (metric) => ask(`labels ${metric}`, [], () => fetchLabelNames(matching(metric), timeWindow.peek())),
    labelValues: (label, metric) => ask(`values ${label} ${metric}`, [], () => fetchLabelValues(label, matching(metric), timeWindow.peek())),
    metricMetadata: () => ask("metadata", {}, () => fetchMetadata()),
    series: () => Promise.resolve([]),
    flags: () => Promise.resolve({}),
  };
}
