/** All metrics on the left; on the right the chosen one, or all of them at a glance. */
import { fetchMetadata, fetchMetricNames, fetchSeriesCounts } from "../../api/metrics";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { listMetrics } from "../../model/promql";
import { useLoad } from "../../state/load";
import { clock, rangeName, timeWindow } from "../../state/time-range";
import { href, param, route } from "../../state/url";
import { MetricGrid } from "./metric-grid";
import { MetricList, matching } from "./metric-list";
import { QueryView } from "./query-view";
import { MetricView } from "./metric-view";

export function MetricsPage({ name }: { name: string }) {
  void route.value;
  const window = timeWindow.value;
  const metrics = useLoad("metrics", `${window.start}-${window.end}-${clock.value}`, async (signal) => {
    const [metadata, names] = await Promise.all([fetchMetadata(signal), fetchMetricNames(window, signal)]);
    return { metadata, names };
  });
  // All series are counted for it, so not again at every refresh.
  const counts = useLoad("series counts", `${rangeName.value}-${timeWindow.value.moving ? "" : window.end}`, (signal) => fetchSeriesCounts(window.end, signal));
  const list = metrics.data && listMetrics(metrics.data.metadata, metrics.data.names, counts.data);
  const metric = list?.find((one) => one.name === name);
  const custom = param("q");
  return (
    <main class={`page page-fill metrics-page${name ? " has-metric" : ""}`} id="main">
      <aside class="metrics-side" aria-label="Metrics">
        {metrics.error && <ErrorNote error={metrics.error} retry={metrics.retry} what="The metrics" />}
        {!metrics.data && !metrics.error && <Skeleton rows={12} height={34} />}
        {list && <MetricList metrics={list} chosen={name} />}
      </aside>
      <div class="metrics-main">
        {metric && <MetricView key={metric.name} metric={metric} />}
        {!name && list && <QueryView />}
        {!name && !custom && list && list.length > 0 && <MetricGrid metrics={matching(list, param("filter")).filter((one) => one.present)} />}
        {!name && !custom && list?.length === 0 && (
          <Empty title="No metrics yet.">
            See <a href={href("/setup")}>how to send some</a>.
          </Empty>
        )}
        {name && list && !metric && (
          <Empty title={`There is no metric ${name}.`}>
            Choose one of the list, or a longer window of time. <a href={href("/metric")}>All metrics</a>
          </Empty>
        )}
        {name && !list && !metrics.error && <Skeleton rows={8} />}
      </div>
    </main>
  );
}
