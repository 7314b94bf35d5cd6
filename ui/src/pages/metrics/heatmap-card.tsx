/** The distribution of a histogram over time. */
import { fetchExemplarPoints } from "../../api/exemplars";
import { queryRange } from "../../api/metrics";
import type { ExemplarPoint } from "../../charts/exemplar-dots";
import { AlertLink } from "../../components/alert-link";
import { ExploreHeatmap } from "../../components/explore-heatmap";
import { Empty, ErrorNote, SkeletonBlock } from "../../components/feedback";
import type { Unit } from "../../lib/format";
import { columnsOfBuckets, columnsOfNative, heatOf } from "../../model/heatmap";
import { measureOf } from "../../model/measure";
import { heatmapQuery, heatmapStep, type Filter, type MetricInfo, type View } from "../../model/promql";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";

interface Props {
  metric: MetricInfo;
  filters: Filter[];
  unit: Unit;
  service: string;
  /** Seconds between two reports of the source. */
  interval: number;
  /** The quantiles' chart, whose query an alert is about, and whose exemplars are these too. */
  view: View;
}

const NO_EXEMPLARS: ExemplarPoint[] = [];
const MICROS: Partial<Record<Unit, number>> = { seconds: 1e6, milliseconds: 1e3 };

export function HeatmapCard({ metric, filters, unit, service, interval, view }: Props) {
  const window = timeWindow.value;
  const version = `${window.start}-${window.end}`;
  const step = heatmapStep(window.end - window.start, interval);
  const query = heatmapQuery(metric, filters, step);
  const drawn = useLoad(`heat ${query}`, version, async (signal) => {
    const series = await queryRange({ expr: query, window, step }, signal);
    const columns = metric.native ? columnsOfNative(series[0]?.histograms ?? []) : columnsOfBuckets(series);
    return { window, heat: heatOf(columns, step) };
  });
  const exemplars = useLoad(`exemplars ${view.exemplars}`, version, (signal) => fetchExemplarPoints(view.exemplars, window, signal));
  return (
    <section class="chart-card" aria-label="Distribution">
      <header class="chart-head">
        <h2>Distribution</h2>
        <span class="faint wide-only">drag a box to see what differs in it</span>
        <AlertLink expr={view.queries[view.queries.length > 1 ? 1 : 0].expr} />
      </header>
      {drawn.error && <ErrorNote error={drawn.error} retry={drawn.retry} what="The distribution" />}
      {!drawn.data && !drawn.error && <SkeletonBlock height={240} />}
      {drawn.data && !drawn.data.heat && <Empty title="Nothing was measured in this window.">Try a longer one, or wait for the next report.</Empty>}
      {drawn.data?.heat && (
        <ExploreHeatmap
          title={`Distribution of ${metric.name}`}
          heat={drawn.data.heat}
          window={drawn.data.window}
          measure={measureOf(unit)}
          query={query}
          service={service}
          {...(MICROS[unit] ? { micros: MICROS[unit] } : {})}
          exemplars={exemplars.data ?? NO_EXEMPLARS}
        />
      )}
    </section>
  );
}
