/** The flame graph: what is wide is what takes the time. A click zooms, arrows move, Enter zooms, Escape shows all. Drawn on a canvas. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ServiceDot } from "../../components/service-tag";
import { hueColor, serviceHue } from "../../lib/color";
import { formatCounted, formatDuration, formatPercent } from "../../lib/format";
import { rowOf, type Trace } from "../../model/trace";
import { boxAt, flameOf, neighbour, type Flame, type FlameBox, type Move } from "../../model/trace-flame";
import { theme } from "../../state/theme";
import { param, setParams } from "../../state/url";
import { joined } from "./trace-url";
import type { ViewProps } from "./view-props";
import "../../styles/trace-views.css";

const LINE = 22;
const MOVES: Record<string, Move> = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" };

export function FlameGraph({ trace, state, found }: ViewProps) {
  const hidden = joined(state.hidden);
  const flame = useMemo(() => flameOf(trace, state.hidden), [trace, hidden]);
  const zoomRow = rowOf(trace, param("flame"));
  const zoomed = zoomRow < 0 ? -1 : flame.boxOf[zoomRow];
  const [pointed, setPointed] = useState(-1);
  const [focused, setFocused] = useState(-1);
  const matches = useMemo(() => (state.find.trim() === "" ? null : new Set(found.rows.map((row) => flame.boxOf[row]))), [flame, found, state.find]);
  const view = viewOf(flame, zoomed);
  const zoomTo = (box: number) => setParams({ flame: box < 0 ? null : trace.keys[flame.boxes[box].row] }, "replace");
  const onKeyDown = (event: KeyboardEvent) => {
    const at = focused < 0 ? Math.max(0, zoomed) : focused;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) setFocused(focused < 0 ? at : neighbour(flame, at, MOVES[event.key]));
    else if (event.key === "Enter" || event.key === " ") zoomTo(at);
    else if (event.key === "Escape" && zoomed >= 0) zoomTo(flame.boxes[zoomed].parent);
    else if (event.key === "0") zoomTo(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const told = pointed >= 0 ? pointed : focused >= 0 ? focused : zoomed;
  return (
    <div class="flame" data-testid="flame">
      <Told trace={trace} flame={flame} box={told} zoomed={zoomed} reset={() => zoomTo(-1)} />
      <Boxes
        trace={trace}
        flame={flame}
        view={view}
        matches={matches}
        marked={pointed >= 0 ? pointed : focused}
        reveal={focused}
        onKeyDown={onKeyDown}
        point={setPointed}
        press={(box) => {
          setFocused(box);
          if (box >= 0) zoomTo(box);
        }}
      />
    </div>
  );
}

/** The stretch of the whole that is shown. */
interface View {
  left: number;
  width: number;
}

const viewOf = (flame: Flame, zoomed: number): View => (zoomed < 0 || flame.boxes[zoomed].width === 0 ? { left: 0, width: 1 } : flame.boxes[zoomed]);

interface ToldProps {
  trace: Trace;
  flame: Flame;
  box: number;
  zoomed: number;
  reset: () => void;
}

/** The box one points at, in words. */
function Told({ trace, flame, box, zoomed, reset }: ToldProps) {
  const one = flame.boxes[box];
  return (
    <p class="flame-told" aria-live="polite" data-testid="flame-told">
      {one ? (
        <>
          <span class="flame-name">
            <ServiceDot name={trace.services[one.service].name} /> <b>{trace.services[one.service].name}</b> {trace.operations[one.operation]}
          </span>
          <span>{formatCounted(one.spans, "span")}</span>
          <span>{formatDuration(one.total)}</span>
          <span>
            {formatDuration(one.self)} self{one.total > 0 ? ` (${formatPercent(one.self / one.total)})` : ""}
          </span>
          {one.errors > 0 && <span class="error-text">{one.errors} failed</span>}
        </>
      ) : (
        <span class="faint">Point at a box, or focus the graph and use the arrows. Enter or a click zooms, Escape goes back.</span>
      )}
      <span class="flame-actions">
        {one && (
          <button type="button" class="button small" onClick={() => setParams({ as: null, span: trace.keys[one.row] })}>
            In the waterfall
          </button>
        )}
        {zoomed >= 0 && (
          <button type="button" class="button small" onClick={reset}>
            Show all
          </button>
        )}
      </span>
    </p>
  );
}

interface BoxesProps {
  trace: Trace;
  flame: Flame;
  view: View;
  matches: ReadonlySet<number> | null;
  marked: number;
  /** Scrolled into sight when it changes. */
  reveal: number;
  point: (box: number) => void;
  press: (box: number) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

/** Only the lines in sight are drawn, so that a very deep trace costs no more than a flat one. */
function Boxes({ trace, flame, view, matches, marked, reveal, point, press, onKeyDown }: BoxesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [top, setTop] = useState(0);
  const dark = theme.value === "dark";
  useEffect(() => {
    const element = scroller.current!;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (size.width > 0) draw(canvas.current!, { trace, flame, view, matches, marked, dark, top, ...size });
  }, [trace, flame, view.left, view.width, matches, marked, dark, top, size]);
  useEffect(() => {
    const element = scroller.current!;
    const line = (flame.boxes[reveal]?.depth ?? 0) * LINE;
    if (reveal >= 0 && (line < element.scrollTop || line + LINE > element.scrollTop + element.clientHeight)) element.scrollTop = line - element.clientHeight / 2;
  }, [reveal]);
  const at = (event: MouseEvent) => {
    const frame = scroller.current!.getBoundingClientRect();
    const x = view.left + ((event.clientX - frame.left) / size.width) * view.width;
    return boxAt(flame, x, Math.floor((event.clientY - frame.top + top) / LINE));
  };
  return (
    <div
      ref={scroller}
      class="flame-boxes"
      tabIndex={0}
      role="application"
      aria-label={`Flame graph of ${flame.boxes.length} boxes on ${flame.depth} lines`}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onPointerMove={(event) => point(at(event))}
      onPointerLeave={() => point(-1)}
      onClick={(event) => press(at(event))}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: `${flame.depth * LINE}px` }}>
        <canvas ref={canvas} style={{ width: `${size.width}px`, height: `${size.height}px` }} />
      </div>
    </div>
  );
}

interface Picture {
  trace: Trace;
  flame: Flame;
  view: View;
  matches: ReadonlySet<number> | null;
  marked: number;
  dark: boolean;
  top: number;
  width: number;
  height: number;
}

/** Narrower boxes are left out; a pixel can't be read. */
const LEAST_PX = 0.4;
const LEAST_TEXT_PX = 34;

function draw(canvas: HTMLCanvasElement, picture: Picture): void {
  const { trace, flame, view, top, width, height } = picture;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  context.font = `11.5px ${style.fontFamily}`;
  context.textBaseline = "middle";
  const text = style.getPropertyValue("--panel");
  const outline = style.getPropertyValue("--text");
  const failed = style.getPropertyValue("--error");
  const shape = (box: FlameBox) => ({ x: ((box.left - view.left) / view.width) * width, y: box.depth * LINE - top, w: (box.width / view.width) * width });
  flame.boxes.forEach((box, i) => {
    const { x, y, w } = shape(box);
    if (w < LEAST_PX || x > width || x + w < 0 || y + LINE < 0 || y > height) return;
    const faded = picture.matches !== null && !picture.matches.has(i);
    context.globalAlpha = faded ? 0.28 : 1;
    context.fillStyle = hueColor(serviceHue(trace.services[box.service].name), picture.dark);
    context.fillRect(x, y, Math.max(0.5, w - 1), LINE - 2);
    if (box.errors > 0) {
      context.fillStyle = failed;
      context.fillRect(x, y + LINE - 5, Math.max(0.5, w - 1), 3);
    }
    const from = Math.max(0, x) + 5;
    const room = Math.min(width, x + w) - from - 4;
    if (room > LEAST_TEXT_PX) {
      context.fillStyle = text;
      context.fillText(fitted(context, nameOf(trace, box), room), from, y + LINE / 2 - 1);
    }
    context.globalAlpha = 1;
  });
  const marked = flame.boxes[picture.marked];
  if (!marked) return;
  const { x, y, w } = shape(marked);
  context.strokeStyle = outline;
  context.lineWidth = 2;
  context.strokeRect(Math.max(1, x), y, Math.max(2, Math.min(width - 2, x + w - 1) - Math.max(1, x)), LINE - 2);
}

const nameOf = (trace: Trace, box: FlameBox) => `${trace.operations[box.operation]}${box.spans > 1 ? ` ×${box.spans}` : ""}  ${formatDuration(box.total)}`;

function fitted(context: CanvasRenderingContext2D, text: string, room: number): string {
  const width = context.measureText(text).width;
  if (width <= room) return text;
  return `${text.slice(0, Math.max(1, Math.floor((text.length * room) / width) - 1))}…`;
}
