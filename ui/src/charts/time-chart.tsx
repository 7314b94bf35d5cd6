/**
 * Values over time: lines, areas or bars, stacked or not, with a crosshair, a legend, exemplars as dots, thresholds and shaded times. A
 * drag selects a window of time, a click opens what is behind a point. uPlot draws; what one can press are buttons above it. By
 * keyboard the plot is a slider along time: arrows move, Shift with them selects, Enter opens.
 *
 * A panel of a dashboard needs `title`, `series`, `window` and `measure`, and `compact`.
 */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { align, fillNulls, stack, type ChartSeries, type Column, type Nulls } from "../model/chart-data";
import { measureKey, type Measure } from "../model/measure";
import { theme } from "../state/theme";
import type { Window } from "../state/time-range";
import { ChartTip } from "./chart-tip";
import { ExemplarDots, type ExemplarPoint, type Placed } from "./exemplar-dots";
import { Legend, type FigureName } from "./legend";
import { plotOptions, placeExemplars } from "./plot-options";
import { useTimeSlider } from "./time-slider";

export type { ChartSeries } from "../model/chart-data";

export interface Threshold {
  value: number;
  tone: "ok" | "warn" | "error";
}

/** A stretch of time that is shaded, or, where it ends as it starts, a line. */
export interface Shade extends Window {
  tone: "ok" | "warn" | "error" | "plain";
  label: string;
}

/** A point of a line: when, in milliseconds, and of which series. */
export interface ChartPoint {
  at: number;
  series: number;
  value: number;
}

export interface TimeChartProps {
  title: string;
  series: ChartSeries[];
  window: Window;
  measure: Measure;
  /** Of the axis at the right, where series are measured on one. */
  rightMeasure?: Measure;
  /** The base of a logarithmic axis. */
  log?: number;
  /** Of the plot, in pixels. */
  height?: number;
  draw?: "line" | "area" | "bars";
  stacked?: boolean;
  nulls?: Nulls;
  /** Seconds between two points, so that a silence of all series is seen. */
  step?: number;
  fromZero?: boolean;
  /** Fixes one end of the vertical axis, or both. */
  least?: number;
  most?: number;
  thresholds?: Threshold[];
  shades?: Shade[];
  /** For a panel among others: figures at the pointer, a legend of names, narrow axes. */
  compact?: boolean;
  legend?: "table" | "list" | "none";
  /** Columns of the table. */
  figures?: FigureName[];
  /** Charts of one name show the crosshair at the same time. */
  sync?: string;
  exemplars?: ExemplarPoint[];
  /** Exemplars' values share the axis; otherwise they stand at the bottom. */
  exemplarsOnScale?: boolean;
  openExemplar?: (exemplar: ExemplarPoint) => void;
  openTrace?: string;
  openPoint?: (point: ChartPoint) => void;
  select?: (window: Window) => void;
  /** The stretch that was selected and still is. */
  selection?: Window | null;
}

const HEIGHT = 260;
const COMPACT_HEIGHT = 180;
const NONE: ExemplarPoint[] = [];

export function TimeChart(props: TimeChartProps) {
  const { series, window, measure, stacked = false, nulls = "gap", step = 0, exemplars = NONE, compact = false } = props;
  const height = props.height ?? (compact ? COMPACT_HEIGHT : HEIGHT);
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef<Window | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [cursor, setCursor] = useState<number | null>(null);
  const [placed, setPlaced] = useState<Placed[]>([]);
  const [muted, setMuted] = useState<ReadonlySet<string>>(new Set());
  const dark = theme.value === "dark";
  const raw = useMemo(() => align(series, step), [series, step]);
  const data = useMemo((): [number[], ...Column[]] => {
    const [times, ...columns] = raw;
    if (stacked) {
      const sums = stack(columns, (i) => series[i].alone === true || muted.has(series[i].name));
      return [times, ...sums.map((sum, i) => (series[i].alone ? columns[i] : sum))];
    }
    return nulls === "zero" ? [times, ...fillNulls(columns)] : raw;
  }, [raw, stacked, nulls, stacked && muted]);
  const extras = JSON.stringify([props.thresholds, props.shades, props.least, props.most]);
  const shape = [dark, compact, height, stacked, nulls, props.draw, props.sync, props.log, measureKey(measure), ...series.map((one) => [one.name, one.hue, one.draw, one.dashed, one.color, one.width, one.fill, one.marks, one.path, one.right, one.alone].join(":"))].join("|");

  useLayoutEffect(() => {
    const element = host.current!;
    const place = (u: uPlot) => setPlaced(placeExemplars(u, latest.current));
    const chart = new uPlot(plotOptions(element.clientWidth, height, latest, dark, { setCursor, place }), data, element);
    plot.current = chart;
    const observer = new ResizeObserver(() => element.clientWidth > 0 && chart.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(data), [data, window.start, window.end, exemplars, extras]);

  const selection = props.selection ?? null;
  useEffect(() => {
    // Without one before or now there is nothing to draw, and one that is just being dragged must not be wiped out.
    if (plot.current && (selection || shown.current)) showSelection(plot.current, selection);
    shown.current = selection;
  }, [selection, data, shape]);

  useEffect(() => {
    series.forEach((one, i) => plot.current?.setSeries(i + 1, { show: !muted.has(one.name) }));
  }, [muted, shape]);

  const slider = useTimeSlider(plot, raw, props);
  /** A click shows one series alone; another click on it shows all again. */
  const isolate = (name: string) => {
    const others = series.map((one) => one.name).filter((one) => one !== name);
    const alone = !muted.has(name) && others.every((one) => muted.has(one));
    setMuted(new Set(alone ? [] : others));
  };
  return (
    <div class={`time-chart${compact ? " is-compact" : ""}${props.openPoint ? " opens-points" : ""}`} data-testid="chart">
      <div class="chart-canvas" style={{ minHeight: `${height}px` }}>
        <div ref={host} class="chart-plot" {...slider} />
        {exemplars.length > 0 && props.openExemplar && (
          <ExemplarDots placed={placed} format={measure.format} open={props.openExemplar} {...(props.openTrace ? { openTrace: props.openTrace } : {})} />
        )}
        {compact && cursor !== null && plot.current && <ChartTip plot={plot.current} at={cursor} data={raw} series={series} muted={muted} format={measure.format} />}
      </div>
      <Legend
        kind={props.legend ?? (compact ? "list" : "table")}
        figures={props.figures ?? ["last", "mean", "max"]}
        series={series}
        data={raw}
        cursor={cursor}
        muted={muted}
        isolate={isolate}
        format={measure.format}
      />
    </div>
  );
}

function showSelection(u: uPlot, selection: Window | null): void {
  const left = selection ? u.valToPos(selection.start / 1000, "x") : 0;
  const right = selection ? u.valToPos(selection.end / 1000, "x") : 0;
  u.setSelect({ left, top: 0, width: right - left, height: u.over.clientHeight }, false);
}
