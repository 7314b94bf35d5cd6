/**
 * A chart one can ask: a click on an exemplar or on a point opens the drawer with the trace behind it, a drag offers what can be done with
 * the selected time. Every chart of PromQL in the product is one of these. It takes what `TimeChart` takes; each series says its
 * `query` and `labels`, so that a point knows what it is of.
 */
import { useState } from "preact/hooks";
import { TimeChart, type ChartPoint, type TimeChartProps } from "../charts/time-chart";
import { param, route } from "../state/url";
import type { Window } from "../state/time-range";
import { SelectionBar } from "./selection-bar";
import { openPoint, openTrace } from "./trace-drawer";

interface Props extends Omit<TimeChartProps, "select" | "selection" | "openPoint" | "openExemplar" | "openTrace"> {
  /** The one service the chart is about, where there is just one. */
  service?: string;
  operation?: string;
}

export function ExploreChart({ service = "", operation = "", ...chart }: Props) {
  void route.value;
  const [selection, setSelection] = useState<Window | null>(null);
  const open = ({ at, series, value }: ChartPoint) => {
    const { query, labels = {} } = chart.series[series];
    if (query) openPoint({ query, labels, at, value: chart.exemplarsOnScale ? value : null });
  };
  return (
    <div class="explore-chart">
      <TimeChart
        {...chart}
        select={setSelection}
        selection={selection}
        openPoint={open}
        openExemplar={(exemplar) => openTrace(exemplar.traceId, exemplar.spanId)}
        openTrace={param("trace")}
      />
      {selection && <SelectionBar selection={selection} service={service} operation={operation} close={() => setSelection(null)} />}
    </div>
  );
}
