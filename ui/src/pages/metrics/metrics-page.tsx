/** All metrics on the left, the chosen one on the right. */
import { fetchMetadata, fetchMetricNames } from "../../api/metrics";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { listMetrics } from "../../model/promql";
import { useLoad } from "../../state/load";
import { clock, timeWindow } from "../../state/time-range";
import { href, param, route } from "../../state/url";
import { MetricList } from "./metric-list";
import { QueryView } from "./query-view";
import { MetricView } from "./metric-view";

export function MetricsPage({ name }: { name: string }) {
  void route.value;
  const window = timeWindow.value;
  const metrics = useLoad("metrics", `${window.start}-${window.end}-${clock.value}`, async (signal) => {
    const [metadata, names] = await Promise.all([fetchMetadata(signal), fetchMetricNames(window, signal)]);
    return listMetrics(metadata, names);
  });
  const metric = metrics.data?.find((one) => one.name === name);
  const custom = param("q");
  return (
    <main class={`page page-fill metrics-page${name ? " has-metric" : ""}`} id="main">
      <aside class="metrics-side" aria-label="Metrics">
        {metrics.error && <ErrorNote error={metrics.error} retry={metrics.retry} what="The metrics" />}
        {!metrics.data && !metrics.error && <Skeleton rows={12} height={34} />}
        {metrics.data && <MetricList metrics={metrics.data} chosen={name} />}
      </aside>
      <div class="metrics-main">
        {metric && <MetricView key={metric.name} metric={metric} />}
        {!name && metrics.data && <QueryView />}
        {!name && !custom && metrics.data && (
          <Empty title={metrics.data.length === 0 ? "No metrics yet." : "Choose a metric, or write a query."}>
            {metrics.data.length === 0 ? (
              <>
                See <a href={href("/setup")}>how to send some</a>.
              </>
            ) : (
              "Each opens with a query that suits its type; dots on the chart are real measurements that open their trace."
            )}
          </Empty>
        )}
        {name && metrics.data && !metric && (
          <Empty title={`There is no metric ${name}.`}>
            Choose one of the list, or a longer window of time. <a href={href("/metric")}>All metrics</a>
          </Empty>
        )}
        {name && !metrics.data && !metrics.error && <Skeleton rows={8} />}
      </div>
    </main>
  );
}
