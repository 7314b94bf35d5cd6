/** An alert's query over a window, with its level as a line and its pending and firing times shaded. */
import { useEffect } from "preact/hooks";
import type { PastAlert } from "../../api/alerts";
import { queryRange } from "../../api/metrics";
import { ExploreChart } from "../../components/explore-chart";
import { Empty, ErrorNote, SkeletonBlock } from "../../components/feedback";
import { seriesHue } from "../../lib/color";
import { unitOf } from "../../lib/format";
import { shadesOf } from "../../model/alerts";
import { conditionOf } from "../../model/condition";
import { measureOf } from "../../model/measure";
import { seriesName, stepFor } from "../../model/promql";
import { useLoad } from "../../state/load";
import type { Window } from "../../state/time-range";

const MOST_SERIES = 50;

interface Props {
  expr: string;
  alerts: readonly PastAlert[];
  window: Window;
  /** Hears the values, whenever they come. */
  values?: (values: number[]) => void;
}

export function ConditionChart({ expr, alerts, window, values }: Props) {
  const condition = conditionOf(expr);
  const query = condition?.query ?? expr;
  const step = stepFor(window.end - window.start);
  const { data, error, retry } = useLoad(`condition ${query}`, `${window.start}-${window.end}`, async (signal) => {
    const answer = await queryRange({ expr: query, window, step }, signal);
    const series = answer.slice(0, MOST_SERIES).map((one, i) => ({
      name: seriesName(one.metric, query),
      query,
      labels: one.metric,
      hue: seriesHue(i),
      points: one.values.map(([at, value]): [number, number] => [at, Number(value)]).filter(([, value]) => !Number.isNaN(value)),
    }));
    return { series, window, more: answer.length - series.length };
  });
  useEffect(() => {
    if (data) values?.(data.series.flatMap(({ points }) => points.map(([, value]) => value)));
  }, [data]);
  if (error) return <ErrorNote error={error} retry={retry} what="The query" title="The query failed." />;
  if (!data) return <SkeletonBlock height={260} />;
  if (data.series.every(({ points }) => points.length === 0)) return <Empty title="The query found no points in this window.">An alert on it would not have fired.</Empty>;
  const name = /[a-zA-Z_:][\w:]*(?=[{[\s)]|$)/.exec(query)?.[0] ?? "";
  return (
    <>
      <ExploreChart
        title="The query of the alert"
        series={data.series}
        window={data.window}
        measure={measureOf(/\b(rate|irate|increase|count|deriv)\b/.test(query) ? "none" : unitOf(name))}
        step={step}
        height={220}
        thresholds={condition ? [{ value: condition.bound, tone: "error" }] : []}
        shades={shadesOf(alerts, data.window)}
      />
      {data.more > 0 && <p class="faint">{data.more} more series are not drawn.</p>}
    </>
  );
}
