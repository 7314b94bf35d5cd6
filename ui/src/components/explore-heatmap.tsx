/** A heatmap one can ask, as `explore-chart.tsx` is a chart: cells and dots open traces, a box says what differs in it. */
import { useMemo, useState } from "preact/hooks";
import { Heatmap, type Box, type HeatmapProps } from "../charts/heatmap";
import { significant } from "../lib/format";
import { param, route } from "../state/url";
import { SelectionBar, type Selection } from "./selection-bar";
import { openPoint, openTrace } from "./trace-drawer";

interface Props extends Omit<HeatmapProps, "select" | "selection" | "openCell" | "openExemplar" | "openTrace"> {
  /** The PromQL of the picture. */
  query: string;
  service?: string;
  /** Microseconds in one of what is measured, where that is how long something took. */
  micros?: number;
}

export function ExploreHeatmap({ query, service = "", micros = 0, ...heatmap }: Props) {
  void route.value;
  const [box, setBox] = useState<Box | null>(null);
  const { exemplars = [], measure } = heatmap;
  const selection = useMemo(() => box && selectionOf(box, micros, exemplars, measure.format), [box, micros, exemplars]);
  return (
    <div class="explore-chart">
      <Heatmap
        {...heatmap}
        select={setBox}
        selection={box}
        openCell={(at, value) => openPoint({ query, labels: {}, at, value })}
        openExemplar={(exemplar) => openTrace(exemplar.traceId, exemplar.spanId)}
        openTrace={param("trace")}
      />
      {selection && <SelectionBar selection={selection} service={service} close={() => setBox(null)} />}
    </div>
  );
}

/** Durations select spans; of other measures, exemplars in the box say which traces are meant. */
function selectionOf(box: Box, micros: number, exemplars: NonNullable<HeatmapProps["exemplars"]>, format: (value: number) => string): Selection {
  const within = exemplars.filter(({ at, value }) => at * 1000 >= box.start && at * 1000 <= box.end && value >= box.low && value <= box.high);
  const words = `${format(box.low)} – ${format(box.high)}`;
  const { start, end } = box;
  if (micros === 0) return { start, end, words, traces: [...new Set(within.map((one) => one.traceId))] };
  return { start, end, words, min: duration(box.low * micros), max: duration(box.high * micros) };
}

/** As the search of traces reads it: three digits, in a unit without decimals where that goes. */
function duration(micros: number): string {
  if (micros < 1) return "";
  const [scale, unit] = micros >= 1e6 ? [1e6, "s"] : micros >= 1e3 ? [1e3, "ms"] : [1, "us"];
  return `${significant(micros / scale)}${unit}`;
}
