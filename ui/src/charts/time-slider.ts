/** A chart by keyboard: a slider along its times. Arrows move, Shift with them selects, Enter opens the point, Home and End go to the ends. */
import type { RefObject } from "preact";
import { useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { formatDateTime } from "../lib/format";
import type { Column } from "../model/chart-data";
import { pointAt } from "./plot-options";
import type { TimeChartProps } from "./time-chart";

/** Figures that are read out; more is noise. */
const SPOKEN = 4;

export function useTimeSlider(plot: RefObject<uPlot | null>, [times, ...columns]: [number[], ...Column[]], props: TimeChartProps) {
  const { title, series, measure, openPoint, select } = props;
  const [at, setAt] = useState<number | null>(null);
  const anchor = useRef<number | null>(null);
  const last = times.length - 1;
  const index = Math.min(at ?? last, last);
  const figures = series.flatMap((one, i) => {
    const value = columns[i]?.[index] ?? null;
    return value === null ? [] : [`${one.name} ${measure.format(value)}`];
  });

  const show = (to: number) => {
    const u = plot.current;
    if (!u) return;
    const point = pointAt(u, to, null);
    u.setCursor({ left: u.valToPos(times[to], "x"), top: point ? u.valToPos(point.value, "y") : 0 });
  };
  const move = (to: number, selecting: boolean) => {
    const next = Math.min(last, Math.max(0, to));
    if (!selecting) anchor.current = null;
    else anchor.current ??= index;
    setAt(next);
    show(next);
    const from = anchor.current;
    if (from !== null && from !== next) select?.({ start: times[Math.min(from, next)] * 1000, end: times[Math.max(from, next)] * 1000 });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (last < 0 || event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) return;
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (by !== undefined) move(index + by, event.shiftKey);
    else if (event.key === "Home" || event.key === "End") move(event.key === "Home" ? 0 : last, event.shiftKey);
    else if (event.key === "Enter" && openPoint && plot.current) {
      const point = pointAt(plot.current, index, null);
      if (point) openPoint(point);
    } else return;
    event.preventDefault();
  };
  return {
    role: "slider" as const,
    tabIndex: 0,
    "aria-label": `${title}: ${series.length} series over time`,
    "aria-orientation": "horizontal" as const,
    "aria-valuemin": 0,
    "aria-valuemax": Math.max(0, last),
    "aria-valuenow": Math.max(0, index),
    "aria-valuetext": last < 0 ? "no points" : `${formatDateTime(times[index] * 1000)}: ${figures.slice(0, SPOKEN).join(", ") || "no value"}`,
    onKeyDown,
    onFocus: () => last >= 0 && document.activeElement?.matches(":focus-visible") && show(index),
    onBlur: () => plot.current?.setCursor({ left: -10, top: -10 }),
  };
}
