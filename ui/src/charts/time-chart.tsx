/**
 * Lines over time with a crosshair, a legend with figures, exemplars as dots one can click or reach by keyboard, and a window
 * selected by dragging. uPlot draws the lines; the dots are buttons above them.
 */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatUnit, formatDateTime, formatTick, type Unit } from "../lib/format";
import { hueColor, hueStyle } from "../lib/color";
import { theme } from "../state/theme";
import type { Window } from "../state/time-range";
import { ExemplarDots, type ExemplarPoint, type Placed } from "./exemplar-dots";

export interface ChartSeries {
  name: string;
  /** Seconds and value, in order of time. */
  points: [number, number][];
  hue: number;
}

interface Props {
  title: string;
  series: ChartSeries[];
  window: Window;
  unit: Unit;
  suffix?: string;
  fromZero: boolean;
  exemplars: ExemplarPoint[];
  exemplarsOnScale: boolean;
  select: (window: Window) => void;
  /** The stretch that was selected and still is. */
  selection: Window | null;
  openExemplar: (exemplar: ExemplarPoint) => void;
  openTrace?: string;
}

const HEIGHT = 260;

export function TimeChart(props: Props) {
  const { series, window, unit, suffix = "", exemplars } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef<Window | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [cursor, setCursor] = useState<number | null>(null);
  const [placed, setPlaced] = useState<Placed[]>([]);
  const [muted, setMuted] = useState<ReadonlySet<string>>(new Set());
  const dark = theme.value === "dark";
  const data = useMemo(() => align(series), [series]);
  const shape = `${dark}|${unit}|${suffix}|${series.map((one) => `${one.name}:${one.hue}`).join("|")}`;
  const format = (value: number | null | undefined) => (value === null || value === undefined ? "–" : formatUnit(value, unit) + suffix);

  useLayoutEffect(() => {
    const element = host.current!;
    const place = (u: uPlot) => setPlaced(placeExemplars(u, latest.current));
    const chart = new uPlot(options(element.clientWidth, latest, dark, format, { setCursor, place }), data, element);
    plot.current = chart;
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => plot.current?.setData(data), [data, window.start, window.end, exemplars]);

  useEffect(() => {
    // Without one before or now there is nothing to draw, and one that is just being dragged must not be wiped out.
    if (plot.current && (props.selection || shown.current)) showSelection(plot.current, props.selection);
    shown.current = props.selection;
  }, [props.selection, data, shape]);

  useEffect(() => {
    series.forEach((one, i) => plot.current?.setSeries(i + 1, { show: !muted.has(one.name) }));
  }, [muted, shape]);

  /** A click shows one series alone; another click on it shows all again. */
  const isolate = (name: string) => {
    const others = series.map((one) => one.name).filter((one) => one !== name);
    const alone = !muted.has(name) && others.every((one) => muted.has(one));
    setMuted(new Set(alone ? [] : others));
  };

  return (
    <div class="time-chart" data-testid="chart">
      <div class="chart-canvas">
        <div ref={host} role="img" aria-label={`${props.title}: ${series.length} series over time`} />
        <ExemplarDots placed={placed} format={format} open={props.openExemplar} openTrace={props.openTrace} />
      </div>
      <table class="legend">
        <thead>
          <tr>
            <th scope="col">{cursor === null ? "Series" : formatDateTime(data[0][cursor] * 1000)}</th>
            <th scope="col">{cursor === null ? "Last" : "Here"}</th>
            <th scope="col">Mean</th>
            <th scope="col">Max</th>
          </tr>
        </thead>
        <tbody>
          {series.slice(0, 50).map((one, i) => {
            const figures = summaryOf(one.points);
            return (
              <tr key={one.name} class={muted.has(one.name) ? "muted" : ""}>
                <td>
                  <button type="button" class="legend-name" onClick={() => isolate(one.name)} title="Show this series alone">
                    <i class="swatch" style={hueStyle(one.hue)} />
                    {one.name}
                  </button>
                </td>
                <td>{format(cursor === null ? figures.last : (data[i + 1] as (number | null)[])[cursor])}</td>
                <td>{format(figures.mean)}</td>
                <td>{format(figures.max)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {series.length > 50 && <p class="faint">{series.length - 50} more series are drawn but not listed.</p>}
    </div>
  );
}

interface Hooks {
  setCursor: (index: number | null) => void;
  place: (u: uPlot) => void;
}

function options(width: number, latest: { current: Props }, dark: boolean, format: (value: number) => string, hooks: Hooks): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: color("--faint"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: color("--grid"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [10, 8, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 7 }, y: false },
    scales: {
      x: { range: () => [latest.current.window.start / 1000, latest.current.window.end / 1000] },
      y: { range: (_, low, high) => verticalRange(low, high, latest.current) },
    },
    axes: [
      { ...axis, size: 26, gap: 6, space: 90, values: (_, ticks) => ticks.map((tick) => formatTick(tick * 1000, latest.current.window.end - latest.current.window.start)) },
      { ...axis, size: 66, gap: 6, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...latest.current.series.map((one, i): uPlot.Series => ({
        label: one.name,
        stroke: hueColor(one.hue, dark),
        width: 1.6,
        ...(latest.current.series.length === 1 && i === 0 ? { fill: hueColor(one.hue, dark, 0.1) } : {}),
        points: { show: one.points.length < 3, size: 5 },
      })),
    ],
    hooks: {
      setCursor: [(u) => hooks.setCursor(u.cursor.idx ?? null)],
      draw: [hooks.place],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          const at = (px: number) => u.posToVal(px, "x") * 1000;
          latest.current.select({ start: at(u.select.left), end: at(u.select.left + u.select.width) });
        },
      ],
    },
  };
}

/** Room for exemplars, but not so much that one of them flattens the lines: those beyond are drawn at the edge. */
function verticalRange(low: number | null, high: number | null, { fromZero, exemplars, exemplarsOnScale }: Props): [number, number] {
  const lineHigh = high ?? 1;
  const dotHigh = exemplarsOnScale ? Math.max(0, ...exemplars.map((one) => one.value)) : 0;
  const most = Math.max(lineHigh, Math.min(dotHigh, lineHigh > 0 ? lineHigh * 3 : dotHigh));
  const least = fromZero ? Math.min(0, low ?? 0) : (low ?? 0);
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  return [fromZero && least === 0 ? 0 : least - room, most + room];
}

function showSelection(u: uPlot, selection: Window | null): void {
  const left = selection ? u.valToPos(selection.start / 1000, "x") : 0;
  const right = selection ? u.valToPos(selection.end / 1000, "x") : 0;
  u.setSelect({ left, top: 0, width: right - left, height: u.over.clientHeight }, false);
}

const CELL_PX = 9;
const MOST_DOTS = 150;

/** Where each exemplar goes; of several in one place the one with the greatest value stands for all. */
function placeExemplars(u: uPlot, { exemplars, exemplarsOnScale, window }: Props): Placed[] {
  const cells = new Map<string, Placed>();
  const { offsetLeft, offsetTop, clientHeight } = u.over;
  const best = exemplars.filter((one) => one.at * 1000 >= window.start && one.at * 1000 <= window.end).sort((a, b) => b.value - a.value);
  for (const exemplar of best) {
    if (cells.size >= MOST_DOTS) break;
    const x = u.valToPos(exemplar.at, "x");
    const y = exemplarsOnScale ? u.valToPos(exemplar.value, "y") : clientHeight - 6;
    const inside = Math.min(clientHeight - 4, Math.max(5, y));
    const key = `${Math.round(x / CELL_PX)}:${Math.round(inside / CELL_PX)}`;
    if (!cells.has(key)) cells.set(key, { exemplar, x: x + offsetLeft, y: inside + offsetTop, beyond: y < 5 });
  }
  return [...cells.values()].sort((a, b) => a.x - b.x);
}

/** One column of times for all series, with null where a series has no point. */
export function align(series: readonly ChartSeries[]): uPlot.AlignedData {
  const times = [...new Set(series.flatMap((one) => one.points.map(([time]) => time)))].sort((a, b) => a - b);
  const index = new Map(times.map((time, i) => [time, i]));
  const columns = series.map((one) => {
    const column: (number | null)[] = new Array<number | null>(times.length).fill(null);
    for (const [time, value] of one.points) column[index.get(time)!] = Number.isFinite(value) ? value : null;
    return column;
  });
  return [times, ...columns];
}

function summaryOf(points: [number, number][]): { last?: number; mean?: number; max?: number } {
  const values = points.map(([, value]) => value).filter(Number.isFinite);
  if (values.length === 0) return {};
  const sum = values.reduce((total, value) => total + value, 0);
  return { last: values[values.length - 1], mean: sum / values.length, max: values.reduce((most, value) => Math.max(most, value), -Infinity) };
}

