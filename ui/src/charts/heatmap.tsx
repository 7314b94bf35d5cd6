/**
 * How often what was measured, over time: a column a step, a band a bucket, the deeper the colour the more there were. A drag selects a box,
 * a click opens what is behind a cell, dots are exemplars. By keyboard: arrows move, Shift with them selects, Enter opens. A canvas draws
 * the cells, so thousands cost as much as ten.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatClock, formatNumber, formatTick } from "../lib/format";
import { axisTicks, cellAt, columnAt, depthOf, positionOf, valueAt, type Cell, type Heat } from "../model/heatmap";
import type { Measure } from "../model/measure";
import { theme } from "../state/theme";
import type { Window } from "../state/time-range";
import { ExemplarDots, type ExemplarPoint, type Placed } from "./exemplar-dots";
import "../styles/heatmap.css";

/** A part of the picture: from and to a time, and between two values. */
export interface Box extends Window {
  low: number;
  high: number;
}

export interface HeatmapProps {
  title: string;
  heat: Heat;
  window: Window;
  measure: Measure;
  height?: number;
  compact?: boolean;
  exemplars?: ExemplarPoint[];
  openExemplar?: (exemplar: ExemplarPoint) => void;
  openTrace?: string;
  /** A cell, by its middle. */
  openCell?: (at: number, value: number) => void;
  select?: (box: Box) => void;
  selection?: Box | null;
}

const LEFT = 66;
const COMPACT_LEFT = 58;
const BOTTOM = 22;
const TOP = 8;
const CLICK_PX = 4;
const DOT_PX = 9;
const MOST_DOTS = 80;

interface Spot {
  column: number;
  value: number;
}

export function Heatmap(props: HeatmapProps) {
  const { title, heat, window, measure, compact = false, exemplars = [], height = compact ? 180 : 240, selection = null } = props;
  const left = compact ? COMPACT_LEFT : LEFT;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [spot, setSpot] = useState<Spot | null>(null);
  const [drag, setDrag] = useState<Box | null>(null);
  const pressed = useRef<{ x: number; y: number } | null>(null);
  const anchor = useRef<Spot | null>(null);
  const dark = theme.value === "dark";
  const size = { width: Math.max(0, width - left), height: height - BOTTOM - TOP };
  const x = (seconds: number) => ((seconds * 1000 - window.start) / (window.end - window.start)) * size.width;
  const y = (value: number) => size.height * (1 - positionOf(value, heat.axis));

  useLayoutEffect(() => {
    const element = canvas.current!.parentElement!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (size.width > 0) paint(canvas.current!, heat, window, size);
  }, [heat, window, width, height, dark]);

  const placed = useMemo(() => place(exemplars, window, heat, x, y), [exemplars, heat, window, width]);
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return { x: Math.min(size.width, Math.max(0, event.clientX - box.left)), y: Math.min(size.height, Math.max(0, event.clientY - box.top)) };
  };
  const timeAt = (px: number) => window.start + (px / (size.width || 1)) * (window.end - window.start);
  const valueOf = (px: number) => valueAt(1 - px / size.height, heat.axis);
  const boxOf = (a: { x: number; y: number }, b: { x: number; y: number }): Box => ({
    start: timeAt(Math.min(a.x, b.x)),
    end: timeAt(Math.max(a.x, b.x)),
    low: valueOf(Math.max(a.y, b.y)),
    high: valueOf(Math.min(a.y, b.y)),
  });
  const open = (one: Spot) => {
    const column = heat.columns[one.column];
    const cell = cellAt(column, one.value);
    if (column && cell) props.openCell?.((column.at - heat.step / 2) * 1000, middleOf(cell, heat));
  };

  const shownBox = drag ?? selection;
  const cell = spot ? cellAt(heat.columns[spot.column], spot.value) : undefined;
  return (
    <div class={`heatmap${compact ? " is-compact" : ""}`} data-testid="heatmap">
      <div class="heatmap-frame" style={{ height: `${height}px`, paddingLeft: `${left}px` }}>
        {axisTicks(heat.axis, compact ? 4 : 6).map((tick) => (
          <span key={tick} class="heatmap-y" aria-hidden="true" style={{ top: `${TOP + y(tick)}px`, width: `${left - 8}px` }}>
            {measure.format(tick)}
          </span>
        ))}
        <canvas ref={canvas} style={{ left: `${left}px`, top: `${TOP}px`, width: `${size.width}px`, height: `${size.height}px` }} aria-hidden="true" />
        <div
          class={`heatmap-plot${props.openCell ? " opens" : ""}`}
          style={{ left: `${left}px`, top: `${TOP}px`, width: `${size.width}px`, height: `${size.height}px` }}
          role="slider"
          tabIndex={0}
          aria-label={`${title}: how often what was measured, over time`}
          aria-valuemin={0}
          aria-valuemax={heat.columns.length - 1}
          aria-valuenow={spot?.column ?? heat.columns.length - 1}
          aria-valuetext={spot ? spoken(spot, cell, heat, measure) : "arrows move, Enter opens the traces of a cell"}
          data-testid="heatmap-plot"
          onPointerDown={(event) => event.button === 0 && (pressed.current = at(event))}
          onPointerMove={(event) => {
            const here = at(event);
            const from = pressed.current;
            if (from && props.select && Math.hypot(here.x - from.x, here.y - from.y) >= CLICK_PX) {
              event.currentTarget.setPointerCapture(event.pointerId);
              setDrag(boxOf(from, here));
            }
            setSpot({ column: columnAt(heat, timeAt(here.x) / 1000), value: valueOf(here.y) });
          }}
          onPointerUp={(event) => {
            const from = pressed.current;
            pressed.current = null;
            if (drag) props.select?.(drag);
            else if (from) open({ column: columnAt(heat, timeAt(at(event).x) / 1000), value: valueOf(at(event).y) });
            setDrag(null);
          }}
          onPointerCancel={() => {
            pressed.current = null;
            setDrag(null);
          }}
          onPointerLeave={() => setSpot(null)}
          onBlur={() => setSpot(null)}
          onKeyDown={(event) => {
            const next = moved(event.key, spot, heat);
            if (next) {
              if (!event.shiftKey) anchor.current = null;
              else anchor.current ??= spot;
              setSpot(next);
              const from = anchor.current;
              if (from) props.select?.(boxBetween(from, next, heat));
            } else if (event.key === "Enter" && spot) open(spot);
            else return;
            event.preventDefault();
          }}
        >
          {spot && cell && <Outline cell={cell} column={heat.columns[spot.column].at} step={heat.step} x={x} y={y} />}
          {shownBox && (
            <i class="heatmap-box" style={{ left: `${x(shownBox.start / 1000)}px`, width: `${x(shownBox.end / 1000) - x(shownBox.start / 1000)}px`, top: `${y(shownBox.high)}px`, height: `${Math.max(2, y(shownBox.low) - y(shownBox.high))}px` }} />
          )}
          {spot && cell && !drag && (
            <div class={`tip heatmap-tip${x(heat.columns[spot.column].at) > size.width / 2 ? " tip-left" : ""}`} style={{ left: `${x(heat.columns[spot.column].at)}px`, top: `${Math.min(size.height - 64, Math.max(0, y(middleOf(cell, heat)) - 30))}px` }}>
              <b>{rangeText(cell, measure)}</b>
              <span>{formatNumber(Math.round(cell.count * 10) / 10)} measured</span>
              <span class="faint">
                {formatClock((heat.columns[spot.column].at - heat.step) * 1000)} – {formatClock(heat.columns[spot.column].at * 1000)}
              </span>
            </div>
          )}
        </div>
        {props.openExemplar && placed.length > 0 && (
          <div class="heatmap-dots" style={{ left: `${left}px`, top: `${TOP}px`, width: `${size.width}px`, height: `${size.height}px` }}>
            <ExemplarDots placed={placed} format={measure.format} open={props.openExemplar} {...(props.openTrace ? { openTrace: props.openTrace } : {})} />
          </div>
        )}
        <div class="heatmap-x" aria-hidden="true" style={{ left: `${left}px` }}>
          {ticksOf(window, width < 560 ? 3 : 6).map((tick) => (
            <span key={tick} style={{ left: `${x(tick / 1000)}px` }}>
              {formatTick(tick, window.end - window.start)}
            </span>
          ))}
        </div>
      </div>
      {!compact && (
        <p class="heatmap-legend">
          <span>few</span>
          <i aria-hidden="true" />
          <span>{formatNumber(Math.round(heat.most * 10) / 10)} in {heat.step} s</span>
        </p>
      )}
    </div>
  );
}

function Outline({ cell, column, step, x, y }: { cell: Cell; column: number; step: number; x: (seconds: number) => number; y: (value: number) => number }) {
  const [from, to] = [Math.max(0, x(column - step)), x(column)];
  return <i class="heatmap-cell" style={{ left: `${from}px`, width: `${to - from}px`, top: `${y(cell.high)}px`, height: `${y(cell.low) - y(cell.high)}px` }} />;
}

const SHADES = 24;

/** Each cell is one rectangle on whole pixels, so that neighbours neither overlap nor part. */
function paint(canvas: HTMLCanvasElement, heat: Heat, window: Window, size: { width: number; height: number }): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(size.width * ratio);
  canvas.height = Math.round(size.height * ratio);
  const context = canvas.getContext("2d")!;
  const style = getComputedStyle(document.documentElement);
  const [few, many] = ["--heat-few", "--heat-many"].map((name) => style.getPropertyValue(name).trim());
  const shades = Array.from({ length: SHADES }, (_, i) => `color-mix(in oklab, ${many} ${(i / (SHADES - 1)) * 100}%, ${few})`);
  const x = (seconds: number) => Math.round(((seconds * 1000 - window.start) / (window.end - window.start)) * canvas.width);
  const y = (value: number) => Math.round((1 - positionOf(value, heat.axis)) * canvas.height);
  for (const { at, cells } of heat.columns) {
    const [left, right] = [Math.max(0, x(at - heat.step)), Math.min(canvas.width, x(at))];
    if (right <= left) continue;
    for (const cell of cells) {
      const [top, bottom] = [y(cell.high), y(cell.low)];
      context.fillStyle = shades[Math.round(depthOf(cell.count, heat.most) * (SHADES - 1))];
      context.fillRect(left, top, right - left - (right - left > 5 ? 1 : 0), Math.max(1, bottom - top - (bottom - top > 5 ? 1 : 0)));
    }
  }
}

/** One a cell, so that the picture stays to be seen; those of the emptiest cells first, as these are what one asks about. */
function place(exemplars: readonly ExemplarPoint[], window: Window, heat: Heat, x: (seconds: number) => number, y: (value: number) => number): Placed[] {
  const spots = new Map<string, Placed & { count: number }>();
  for (const exemplar of exemplars) {
    if (exemplar.at * 1000 < window.start || exemplar.at * 1000 > window.end) continue;
    const column = columnAt(heat, exemplar.at);
    const cell = cellAt(heat.columns[column], exemplar.value);
    const key = cell ? `${column}:${cell.low}` : `${Math.round(x(exemplar.at) / DOT_PX)}:${Math.round(y(exemplar.value) / DOT_PX)}`;
    const known = spots.get(key);
    if (known && known.exemplar.value >= exemplar.value) continue;
    spots.set(key, { exemplar, x: x(exemplar.at), y: y(exemplar.value), beyond: exemplar.value > heat.axis.high, count: cell?.count ?? 0 });
  }
  const rare = [...spots.values()].sort((a, b) => a.count - b.count).slice(0, MOST_DOTS);
  return rare.sort((a, b) => a.x - b.x);
}

/** Where an arrow leads: to the cell of the next column that is nearest in value, or to the next cell of the column. */
function moved(key: string, spot: Spot | null, heat: Heat): Spot | null {
  const across = { ArrowLeft: -1, ArrowRight: 1 }[key] ?? 0;
  const along = { ArrowUp: 1, ArrowDown: -1 }[key] ?? 0;
  if (across === 0 && along === 0) return null;
  const filled = heat.columns.flatMap((column, i) => (column.cells.length > 0 ? [i] : []));
  if (filled.length === 0) return null;
  if (!spot || spot.column < 0) return { column: filled[filled.length - 1], value: middleOf(heat.columns[filled[filled.length - 1]].cells.at(-1)!, heat) };
  const next = filled.findIndex((i) => i >= spot.column) + across;
  const column = across === 0 ? spot.column : filled[Math.min(filled.length - 1, Math.max(0, next))];
  const cells = heat.columns[column].cells;
  if (cells.length === 0) return spot;
  const distance = (cell: Cell) => Math.abs(positionOf(middleOf(cell, heat), heat.axis) - positionOf(spot.value, heat.axis));
  const nearest = cells.reduce((best, cell, i) => (distance(cell) < distance(cells[best]) ? i : best), 0);
  return { column, value: middleOf(cells[Math.min(cells.length - 1, Math.max(0, nearest + along))], heat) };
}

function boxBetween(a: Spot, b: Spot, heat: Heat): Box {
  const [first, last] = [heat.columns[Math.min(a.column, b.column)], heat.columns[Math.max(a.column, b.column)]];
  const cells = [cellAt(heat.columns[a.column], a.value), cellAt(heat.columns[b.column], b.value)].filter((cell) => cell !== undefined);
  const bound = (value: number) => Math.min(heat.axis.high, Math.max(heat.axis.low, value));
  return {
    start: (first.at - heat.step) * 1000,
    end: last.at * 1000,
    low: bound(Math.min(...cells.map((cell) => cell.low), a.value, b.value)),
    high: bound(Math.max(...cells.map((cell) => cell.high), a.value, b.value)),
  };
}

function middleOf({ low, high }: Cell, { axis }: Heat): number {
  const ends = [positionOf(low, axis), positionOf(high, axis)];
  return valueAt((ends[0] + ends[1]) / 2, axis);
}

const rangeText = ({ low, high }: Cell, { format }: Measure) =>
  high === Infinity ? `above ${format(low)}` : low === -Infinity ? `at most ${format(high)}` : `${format(low)} – ${format(high)}`;

function spoken(spot: Spot, cell: Cell | undefined, heat: Heat, measure: Measure): string {
  const column = heat.columns[spot.column];
  if (!column || !cell) return "nothing measured here";
  return `${formatClock(column.at * 1000)}: ${formatNumber(Math.round(cell.count))} of ${rangeText(cell, measure)}`;
}

const TICK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400].map((seconds) => seconds * 1000);

/** Round local times, about as many as asked for. */
function ticksOf({ start, end }: Window, count: number): number[] {
  const step = TICK_STEPS.find((one) => (end - start) / one <= count) ?? Math.ceil((end - start) / count / 86_400_000) * 86_400_000;
  const offset = new Date(start).getTimezoneOffset() * 60_000;
  const first = Math.ceil((start - offset) / step) * step + offset;
  return Array.from({ length: Math.max(0, Math.floor((end - first) / step) + 1) }, (_, i) => first + i * step);
}
