/** A chart of some PromQL queries over the page's window, with their exemplars: what most pages want of a chart. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { fetchExemplarPoints } from "../api/exemplars";
import { queryRange, type RangeSeries } from "../api/metrics";
import type { ExemplarPoint } from "../charts/exemplar-dots";
import type { Shade } from "../charts/time-chart";
import { seriesHue } from "../lib/color";
import type { ChartSeries } from "../model/chart-data";
import type { Measure } from "../model/measure";
import { seriesName, stepFor, type View } from "../model/promql";
import { useLoad } from "../state/load";
import { timeWindow, type Window } from "../state/time-range";
import { AlertLink } from "./alert-link";
import { ExploreChart } from "./explore-chart";
import { Empty, ErrorNote, SkeletonBlock } from "./feedback";

interface Props {
  view: View;
  measure: Measure;
  fromZero: boolean;
  /** The one service it is about, or "". */
  service: string;
  height?: number;
  hues?: readonly number[];
  shades?: Shade[];
  /** Hears why the query failed, or "". */
  failed?: (message: string) => void;
  /** What to try when there is nothing to draw. */
  hint?: ComponentChildren;
}

const NO_EXEMPLARS: ExemplarPoint[] = [];

export function QueryChart({ view, measure, fromZero, service, height = 260, hues, shades, failed, hint }: Props) {
  const window = timeWindow.value;
  const version = `${window.start}-${window.end}`;
  const step = stepFor(window.end - window.start);
  const subject = view.queries.map((query) => query.expr).join("\n");
  const drawn = useLoad<{ series: ChartSeries[]; window: Window }>(`range ${subject}`, version, async (signal) => {
    const answers = await Promise.all(view.queries.map((query) => queryRange({ expr: query.expr, window, step }, signal)));
    return { window, series: toSeries(view, answers, hues) };
  });
  const exemplars = useLoad(view.exemplars ? `exemplars ${view.exemplars}` : null, version, (signal) => fetchExemplarPoints(view.exemplars, window, signal));
  const failure = drawn.error?.message ?? "";
  useEffect(() => failed?.(failure), [failure]);
  const points = exemplars.data ?? NO_EXEMPLARS;
  const empty = useMemo(() => drawn.data?.series.every((one) => one.points.length === 0), [drawn.data]);

  return (
    <section class="chart-card" aria-label={view.title}>
      <header class="chart-head">
        <h2>{view.title}</h2>
        {points.length > 0 && (
          <span class="faint">
            <i class="exemplar-sample" /> {points.length} exemplars
            <span class="wide-only">: click one to open its trace</span>
          </span>
        )}
        {exemplars.error && !drawn.error && <span class="error-text">Exemplars: {exemplars.error.message}</span>}
        <AlertLink expr={view.queries[view.queries.length > 1 ? 1 : 0].expr} />
      </header>
      {drawn.error && (
        <div data-testid="query-error">
          <ErrorNote error={drawn.error} retry={drawn.retry} what="The query" title="The query failed." />
        </div>
      )}
      {!drawn.data && !drawn.error && <SkeletonBlock height={height} />}
      {empty && <Empty title="The query found no points in this window.">{hint ?? "A rate needs two samples at least: try a longer window, or wait for the next report."}</Empty>}
      {drawn.data && !empty && (
        <ExploreChart
          title={view.title}
          series={drawn.data.series}
          window={drawn.data.window}
          measure={measure}
          height={height}
          step={step}
          fromZero={fromZero}
          exemplars={points}
          exemplarsOnScale={view.exemplarsOnScale}
          service={service}
          {...(shades ? { shades } : {})}
        />
      )}
    </section>
  );
}

function toSeries(view: View, answers: RangeSeries[][], hues: readonly number[] | undefined): ChartSeries[] {
  const series = answers.flatMap((answer, i) =>
    answer.map((one) => ({
      name: answers.length > 1 ? view.queries[i].name : seriesName(one.metric, view.queries[i].name),
      query: view.queries[i].expr,
      labels: one.metric,
      points: one.values.map(([time, value]): [number, number] => [time, Number(value)]).filter(([, value]) => !Number.isNaN(value)),
    })),
  );
  return series.map((one, i) => ({ ...one, name: unique(series, i), hue: hues?.[i] ?? seriesHue(i) }));
}

/** Two series of one name would be one to the legend. */
function unique(series: { name: string }[], i: number): string {
  const before = series.slice(0, i).filter((one) => one.name === series[i].name).length;
  return before === 0 ? series[i].name : `${series[i].name} (${before + 1})`;
}
