/**
 * The picture of the service map. A drag moves it, the wheel with Ctrl (or two fingers) and the buttons change its size. By keyboard, one
 * service is in the tab order: arrows go to the nearest one in their direction, Enter chooses it; lines follow in the tab order.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Call } from "../../api/service-graph";
import { hueStyle, serviceHue } from "../../lib/color";
import { formatMillis, formatPercent, significant } from "../../lib/format";
import { layered, turned, type Point } from "../../model/layered";
import { edgePath, fitView, nearest, radiusOf, zoomAt, type MapView } from "../../model/map-view";
import { useKeys } from "../../state/keys";

export interface MapNode {
  name: string;
  rate: number;
  errorRatio: number;
  p95Ms: number | null;
}

export interface Chosen {
  node?: string;
  call?: { from: string; to: string };
}

interface Props {
  nodes: MapNode[];
  calls: Call[];
  chosen: Chosen | null;
  choose: (chosen: Chosen | null) => void;
}

const SPACING = { x: 240, y: 112 };
/** Where there is no room to the right, callers stand above what they call. */
const NARROW = 560;
const NARROW_SPACING = { x: 128, y: 168 };
/** From so large a share of failures on, a line or a ring says so. */
const FAILING = 0.01;
const ZOOM_STEP = 1.3;

export function MapCanvas({ nodes, calls, chosen, choose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [moved, setMoved] = useState<MapView | null>(null);
  const [hovered, setHovered] = useState<Chosen | null>(null);
  const [current, setCurrent] = useState("");
  const drag = useRef<{ x: number; y: number; view: MapView } | null>(null);
  const shape = JSON.stringify([nodes.map((one) => one.name).sort(), calls.map(({ from, to }) => [from, to]).sort()]);
  const down = size.width > 0 && size.width < NARROW;
  const drawing = useMemo(() => {
    const names = nodes.map((one) => one.name);
    return down ? turned(layered(names, calls, NARROW_SPACING)) : layered(names, calls, SPACING);
  }, [shape, down]);
  const byPair = useMemo(() => new Map(calls.map((call) => [pairOf(call), call])), [calls]);
  const busiest = nodes.reduce((most, node) => Math.max(most, node.rate), 0);
  const fitted = fitView(drawing, size);
  const view = moved ?? fitted;

  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setSize({ width: box.current!.clientWidth, height: box.current!.clientHeight }));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => setMoved(null), [shape, down]);
  // Preact listens passively to wheels, and a page must not scroll or zoom along.
  const latest = useRef(view);
  latest.current = view;
  useEffect(() => {
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { left, top } = box.current!.getBoundingClientRect();
      setMoved(zoomAt(latest.current, Math.exp(-event.deltaY / 200), { x: event.clientX - left, y: event.clientY - top }));
    };
    box.current!.addEventListener("wheel", onWheel, { passive: false });
    return () => box.current?.removeEventListener("wheel", onWheel);
  }, []);
  const zoom = (factor: number) => setMoved(zoomAt(view, factor, { x: size.width / 2, y: size.height / 2 }));
  useKeys("Service map", [
    { keys: ["+", "="], does: "Larger", run: () => zoom(ZOOM_STEP) },
    { keys: ["-"], does: "Smaller", run: () => zoom(1 / ZOOM_STEP) },
    { keys: ["0"], does: "All of it", run: () => setMoved(null) },
  ]);

  const focusNode = (name: string) => {
    setCurrent(name);
    box.current?.querySelector<SVGGElement>(`[data-node="${CSS.escape(name)}"]`)?.focus();
  };
  const onNodeKey = (event: KeyboardEvent, name: string) => {
    const direction = ARROWS[event.key];
    if (direction) focusNode(nearest(drawing.nodes, name, direction));
    else if (event.key === "Enter" || event.key === " ") choose({ node: name });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const first = nodes.some((one) => one.name === current) ? current : ([...drawing.nodes.keys()][0] ?? "");
  const shown = hovered ?? chosen;
  const near = shown ? neighbours(shown, calls) : null;

  return (
    <div class="map-frame" style={{ "--map-height": `${Math.round(Math.min(640, Math.max(440, drawing.height + 40)))}px` }}>
      <div
        ref={box}
        class="map-canvas"
        data-testid="service-map"
        onPointerDown={(event) => {
          if (event.button === 0) drag.current = { x: event.clientX, y: event.clientY, view };
        }}
        onPointerMove={(event) => {
          const from = drag.current;
          if (!from || Math.hypot(event.clientX - from.x, event.clientY - from.y) < 4) return;
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) event.currentTarget.setPointerCapture(event.pointerId);
          setMoved({ ...from.view, x: from.view.x + event.clientX - from.x, y: from.view.y + event.clientY - from.y });
        }}
        onPointerUp={() => (drag.current = null)}
        onPointerCancel={() => (drag.current = null)}
      >
        <svg width="100%" height="100%" role="group" aria-label={`Service map: ${nodes.length} services. The table below says the same.`}>
          <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
            {drawing.edges.map(({ edge, points }) => {
              const call = byPair.get(pairOf(edge)) ?? edge;
              const radii: [number, number] = [radiusOf(rateOf(nodes, edge.from), busiest), radiusOf(rateOf(nodes, edge.to), busiest)];
              return (
                <Line
                  key={pairOf(edge)}
                  call={call}
                  points={points}
                  radii={radii}
                  down={down}
                  active={isCall(shown, call)}
                  faded={near !== null && !near.has(pairOf(call))}
                  labelled={calls.length <= 14 || isCall(shown, call) || (near !== null && near.has(pairOf(call)))}
                  choose={() => choose({ call: { from: call.from, to: call.to } })}
                  hover={(on) => setHovered(on ? { call: { from: call.from, to: call.to } } : null)}
                />
              );
            })}
            {nodes.map((node) => (
              <Service
                key={node.name}
                node={node}
                at={drawing.nodes.get(node.name) ?? { x: 0, y: 0 }}
                radius={radiusOf(node.rate, busiest)}
                chosen={chosen?.node === node.name}
                faded={near !== null && !near.has(node.name)}
                tabIndex={node.name === first ? 0 : -1}
                choose={() => choose({ node: node.name })}
                hover={(on) => setHovered(on ? { node: node.name } : null)}
                onKeyDown={(event) => onNodeKey(event, node.name)}
              />
            ))}
          </g>
        </svg>
      </div>
      <div class="map-tools" role="group" aria-label="Size of the map">
        <button type="button" class="icon-button" aria-label="Larger" title="Larger (+)" onClick={() => zoom(ZOOM_STEP)}>
          +
        </button>
        <button type="button" class="icon-button" aria-label="Smaller" title="Smaller (−)" onClick={() => zoom(1 / ZOOM_STEP)}>
          −
        </button>
        <button type="button" class="button small" disabled={moved === null} onClick={() => setMoved(null)}>
          Fit
        </button>
      </div>
    </div>
  );
}

const ARROWS: Record<string, Point> = { ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 } };

const pairOf = ({ from, to }: { from: string; to: string }) => `${from}\0${to}`;

const rateOf = (nodes: readonly MapNode[], name: string) => nodes.find((one) => one.name === name)?.rate ?? 0;

const isCall = (chosen: Chosen | null, call: Call) => chosen?.call?.from === call.from && chosen.call.to === call.to;

/** What stays bright while something is pointed at: it, its lines, their ends. */
function neighbours({ node, call }: Chosen, calls: readonly Call[]): Set<string> {
  if (call) return new Set([call.from, call.to, pairOf(call)]);
  const own = calls.filter(({ from, to }) => from === node || to === node);
  return new Set([node ?? "", ...own.flatMap((one) => [one.from, one.to, pairOf(one)])]);
}

interface ServiceProps {
  node: MapNode;
  at: Point;
  radius: number;
  chosen: boolean;
  faded: boolean;
  tabIndex: number;
  choose: () => void;
  hover: (on: boolean) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

function Service({ node, at, radius, chosen, faded, tabIndex, choose, hover, onKeyDown }: ServiceProps) {
  const around = 2 * Math.PI * radius;
  const shown = node.name.length > 28 ? `${node.name.slice(0, 27)}…` : node.name;
  const figures = `${significant(node.rate)}/s · ${formatPercent(node.errorRatio)} · ${formatMillis(node.p95Ms)}`;
  return (
    <g
      class={`map-node${chosen ? " is-chosen" : ""}${faded ? " is-faded" : ""}${node.errorRatio >= FAILING ? " is-failing" : ""}`}
      transform={`translate(${at.x} ${at.y - 14})`}
      style={hueStyle(serviceHue(node.name))}
      role="button"
      aria-pressed={chosen}
      tabindex={tabIndex}
      data-node={node.name}
      data-testid="map-node"
      onClick={choose}
      onKeyDown={onKeyDown}
      onPointerEnter={() => hover(true)}
      onPointerLeave={() => hover(false)}
    >
      <circle class="map-halo" r={radius + 7} />
      <circle class="map-disc" r={radius} />
      <circle class="map-ring" r={radius} />
      {node.errorRatio > 0 && <circle class="map-errors" r={radius} stroke-dasharray={`${Math.max(2, around * Math.min(1, node.errorRatio))} ${around}`} transform="rotate(-90)" />}
      <text class="map-name" y={radius + 17}>
        {shown}
      </text>
      <text class="map-figures" y={radius + 32}>
        {figures}
      </text>
      <title>{`${node.name} ${figures}: calls a second, share that fails, p95`}</title>
    </g>
  );
}

interface LineProps {
  call: Call;
  points: Point[];
  radii: [number, number];
  down: boolean;
  active: boolean;
  faded: boolean;
  labelled: boolean;
  choose: () => void;
  hover: (on: boolean) => void;
}

function Line({ call, points, radii, down, active, faded, labelled, choose, hover }: LineProps) {
  const { path, tip, angle, middle } = edgePath(points.map(({ x, y }) => ({ x, y: y - 14 })), radii, call.from === call.to, down);
  const failing = (call.errorRatio ?? 0) >= FAILING;
  const label = [`${significant(call.rate)}/s`, call.errorRatio ? formatPercent(call.errorRatio) : "", call.p95Ms === null ? "" : formatMillis(call.p95Ms)].filter(Boolean).join(" · ");
  const width = Math.min(6, 1.4 + Math.log10(1 + call.rate) * 1.6);
  return (
    <g
      class={`map-edge${active ? " is-chosen" : ""}${faded ? " is-faded" : ""}${failing ? " is-failing" : ""}${call.messaging ? " is-messaging" : ""}`}
      role="button"
      tabindex={0}
      aria-pressed={active}
      aria-label={`${call.from} calls ${call.to}: ${label}`}
      data-testid="map-edge"
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        choose();
      }}
      onPointerEnter={() => hover(true)}
      onPointerLeave={() => hover(false)}
    >
      <path class="map-reach" d={path} />
      <path class="map-line" d={path} stroke-width={width} />
      <path class="map-tip" d="M0 0 L-9 -4.5 L-9 4.5 Z" transform={`translate(${tip.x} ${tip.y}) rotate(${angle})`} />
      {labelled && (
        <text class={`map-label${down ? " is-beside" : ""}`} x={down ? middle.x + 9 : middle.x} y={down ? middle.y + 32 : middle.y - 7}>
          {label}
        </text>
      )}
      <title>{`${call.from} → ${call.to}: ${label}`}</title>
    </g>
  );
}
