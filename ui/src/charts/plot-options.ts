/** What uPlot is told of a chart: scales, axes, series, and what is drawn behind and above them. */
import uPlot from "uplot";
import { hueColor, withAlpha } from "../lib/color";
import { formatTick } from "../lib/format";
import type { ChartSeries } from "../model/chart-data";
import { increments } from "../model/measure";
import type { Placed } from "./exemplar-dots";
import type { ChartPoint, TimeChartProps } from "./time-chart";

interface Hooks {
  setCursor: (index: number | null) => void;
  place: (u: uPlot) => void;
}

/** Seconds between two times of the axis. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, ...[1, 2, 7, 14, 28, 91, 182, 365].map((days) => days * 86400)];

/** A press that moves less is a click. */
const CLICK_PX = 4;

export function plotOptions(width: number, height: number, latest: { current: TimeChartProps }, dark: boolean, hooks: Hooks): uPlot.Options {
  const { compact = false, measure, rightMeasure = measure, sync, series } = latest.current;
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = { stroke: color("--faint"), font: "11px system-ui, sans-serif", grid: { stroke: color("--grid"), width: 1 }, ticks: { show: false } };
  return {
    width,
    height,
    legend: { show: false },
    padding: [10, 8, 0, 0],
    cursor: {
      drag: { x: latest.current.select !== undefined, y: false, setScale: false, dist: CLICK_PX },
      points: { size: 7 },
      y: false,
      // Of what others do, only the crosshair is shared: a drag on one chart selects on that one.
      ...(sync ? { sync: { key: sync, filters: { pub: (type: string) => type === "mousemove" || type === "mouseleave", sub: () => true } } } : {}),
    },
    scales: {
      x: { range: () => [latest.current.window.start / 1000, latest.current.window.end / 1000] },
      y: { ...(latest.current.log ? { distr: 3 as const, log: latest.current.log === 10 ? 10 : 2 } : {}), range: (_, low, high) => verticalRange(low, high, latest.current) },
      ...(series.some((one) => one.right) ? { right: { range: (_: uPlot, low: number | null, high: number | null) => verticalRange(low, high, { ...latest.current, ...NO_ENDS }) } } : {}),
    },
    axes: [
      { ...axis, size: 26, gap: 6, space: compact ? 64 : 72, incrs: TIME_STEPS, values: (_, ticks) => ticks.map((tick) => formatTick(tick * 1000, latest.current.window.end - latest.current.window.start)) },
      { ...axis, size: axisSize(compact ? 46 : 66), gap: 6, space: compact ? 26 : 32, incrs: increments(measure.round), values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : latest.current.measure.format(tick))) },
      ...(series.some((one) => one.right)
        ? [{ ...axis, scale: "right", side: 1, grid: { show: false }, size: axisSize(compact ? 46 : 66), gap: 6, space: compact ? 26 : 32, incrs: increments(rightMeasure.round), values: (_: uPlot, ticks: number[]) => ticks.map((tick) => rightMeasure.format(tick)) }]
        : []),
    ],
    series: [{}, ...series.map((_, i) => seriesOptions(latest.current, i, dark))],
    bands: stackedAreas(latest.current) ? series.slice(1).flatMap((next, i): uPlot.Band[] => (next.alone ? [] : [{ series: [i + 1, i + 2], fill: paint(series[i], dark, series[i].fill ?? 0.35) }])) : [],
    hooks: {
      init: [(u) => openOnClick(u, latest)],
      setCursor: [(u) => hooks.setCursor(u.cursor.idx ?? null)],
      drawClear: [(u) => drawShades(u, latest.current, color)],
      draw: [(u) => drawThresholds(u, latest.current, color), hooks.place],
      setSelect: [
        (u) => {
          if (u.select.width < CLICK_PX) return;
          const at = (px: number) => u.posToVal(px, "x") * 1000;
          latest.current.select?.({ start: at(u.select.left), end: at(u.select.left + u.select.width) });
        },
      ],
    },
  };
}

/** The axis at the right is not the one that ends, thresholds and exemplars are of. */
const NO_ENDS = { least: undefined, most: undefined, thresholds: [], exemplars: [] };

/** The colour of a series with so much of it. */
const paint = (one: ChartSeries, dark: boolean, alpha = 1) => (one.color ? withAlpha(one.color, alpha) : hueColor(one.hue, dark, alpha));

/** As wide as what is written at it. */
const axisSize = (least: number) => (_: uPlot, values: string[] | null) => Math.max(least, 14 + (values ?? []).reduce((most, text) => Math.max(most, text.length), 0) * 6.3);

const PATHS = { smooth: () => uPlot.paths.spline!(), stepBefore: () => uPlot.paths.stepped!({ align: -1 }), stepAfter: () => uPlot.paths.stepped!({ align: 1 }) };

const stackedAreas = ({ stacked, draw }: TimeChartProps) => stacked === true && draw !== "bars";

function seriesOptions(props: TimeChartProps, i: number, dark: boolean): uPlot.Series {
  const { series, stacked, nulls = "gap", draw = "line" } = props;
  const one = series[i];
  const bars = (one.draw ?? (draw === "bars" ? "bars" : "line")) === "bars";
  const inStack = stacked === true && !one.alone;
  const last = i === series.length - 1 || series[i + 1].alone === true;
  // A stack is filled between its lines (`bands`), and below the last one; bars of a stack hide those of the sums behind them.
  const alpha = bars ? (inStack ? 1 : 0.75) : inStack ? (last ? (one.fill ?? 0.35) : 0) : (one.fill ?? (draw === "area" ? 0.18 : series.length === 1 ? 0.1 : 0));
  return {
    label: one.name,
    ...(one.right ? { scale: "right" } : {}),
    stroke: paint(one, dark),
    width: bars ? 0 : (one.width ?? 1.6),
    spanGaps: nulls === "join",
    ...(one.dashed ? { dash: [5, 4] } : {}),
    ...(alpha > 0 ? { fill: paint(one, dark, alpha) } : {}),
    ...(bars ? { paths: uPlot.paths.bars!({ size: [0.75, 48], align: 0 }) } : {}),
    ...(!bars && one.path ? { paths: PATHS[one.path]() } : {}),
    points: bars ? { show: false } : { show: one.marks === "always" || (one.marks !== "never" && one.points.length < 3) || one.points.length === 1, size: 5 },
  };
}

/** Room for exemplars, but not so much that one of them flattens the lines: those beyond are drawn at the edge. */
function verticalRange(low: number | null, high: number | null, props: TimeChartProps): [number, number] {
  const { fromZero = false, exemplars = [], exemplarsOnScale, thresholds = [], draw, stacked } = props;
  if (props.log) return logRange(low, high, props);
  const lineHigh = high ?? 1;
  const beside = [...(exemplarsOnScale ? exemplars : []), ...thresholds].reduce((most, one) => Math.max(most, one.value), 0);
  const most = Math.max(lineHigh, Math.min(beside, lineHigh > 0 ? lineHigh * 3 : beside));
  const zero = fromZero || stacked === true || draw === "bars";
  const least = zero ? Math.min(0, low ?? 0) : (low ?? 0);
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  const ends: [number, number] = [props.least ?? (zero && least === 0 ? 0 : least - room), props.most ?? most + room];
  return ends[1] > ends[0] ? ends : [ends[0], ends[0] + 1];
}

/** Whole powers around what there is: zero has no place on such an axis. */
function logRange(low: number | null, high: number | null, { log = 10, least, most }: TimeChartProps): [number, number] {
  const power = (value: number, round: (value: number) => number) => log ** round(Math.log(value) / Math.log(log));
  const bottom = least && least > 0 ? least : power(low && low > 0 ? low : 0.1, Math.floor);
  const top = most && most > bottom ? most : power(high && high > bottom ? high : bottom * log, Math.ceil);
  return [bottom, top > bottom ? top : bottom * log];
}

function openOnClick(u: uPlot, latest: { current: TimeChartProps }): void {
  let pressed = 0;
  u.over.addEventListener("mousedown", (event) => (pressed = event.clientX));
  u.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressed) >= CLICK_PX) return;
    const { left = 0, top = 0, idx } = u.cursor;
    const point = idx === null || idx === undefined ? null : pointAt(u, idx, top);
    const open = latest.current.openPoint;
    if (open && point) open({ ...point, at: u.posToVal(left, "x") * 1000 });
  });
}

/** The visible series whose value at an index is nearest to a height in the plot. */
export function pointAt(u: uPlot, index: number, top: number | null): ChartPoint | null {
  let best: (ChartPoint & { distance: number }) | null = null;
  for (let i = 1; i < u.series.length; i++) {
    const value = u.data[i][index];
    if (value === null || value === undefined || u.series[i].show === false) continue;
    const distance = top === null ? -value : Math.abs(u.valToPos(value, "y") - top);
    if (!best || distance < best.distance) best = { at: u.data[0][index] * 1000, series: i - 1, value, distance };
  }
  return best && { at: best.at, series: best.series, value: best.value };
}

const TONES = { ok: "--accent", warn: "--warn-fill", error: "--error", plain: "--faint" };

function drawThresholds(u: uPlot, { thresholds = [] }: TimeChartProps, color: (name: string) => string): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  for (const { value, tone } of thresholds) {
    const y = Math.round(u.valToPos(value, "y", true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = color(TONES[tone]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

function drawShades(u: uPlot, { shades = [] }: TimeChartProps, color: (name: string) => string): void {
  const { ctx, bbox } = u;
  const x = (at: number) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, u.valToPos(at / 1000, "x", true)));
  ctx.save();
  for (const { start, end, tone, label } of shades) {
    const [left, right] = [x(start), x(end)];
    ctx.fillStyle = color(TONES[tone]);
    ctx.globalAlpha = end > start ? 0.12 : 0.8;
    ctx.fillRect(left, bbox.top, Math.max(devicePixelRatio, right - left), bbox.height);
    if (!label) continue;
    ctx.globalAlpha = 0.9;
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.fillText(label, left + 4 * devicePixelRatio, bbox.top + 3 * devicePixelRatio, Math.max(40, bbox.left + bbox.width - left));
  }
  ctx.restore();
}

const CELL_PX = 9;
const MOST_DOTS = 150;

/** Where each exemplar goes; of several in one place the one with the greatest value stands for all. */
export function placeExemplars(u: uPlot, { exemplars = [], exemplarsOnScale, window }: TimeChartProps): Placed[] {
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
