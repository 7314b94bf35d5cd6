/** Large figures, each with its name and, behind it, how it went. */
import { figuresOf, type Figure } from "../model/dashboard/figures";
import { isNumber } from "../model/dashboard/frames";
import type { Window } from "../state/time-range";
import { Links } from "./links";
import type { PanelProps } from "./props";

export function StatPanel({ panel, frames, window, scope, width, height, dark }: PanelProps) {
  const figures = figuresOf(frames, panel, dark);
  const { orientation = "auto", colorMode = "value", graph = "area", text = "auto", justify = "auto" } = panel.options;
  const across = orientation === "vertical" || (orientation === "auto" && width > height * 1.2);
  const count = Math.max(1, figures.length);
  const room = across ? { width: width / count, height } : { width, height: height / count };
  const named = text === "value_and_name" || text === "name" || (text === "auto" && figures.length > 1);
  return (
    <div class={`stats${across ? " is-across" : ""} is-${justify}`} data-testid="stats">
      {figures.map((figure) => (
        <Stat key={figure.name} figure={figure} named={named} valued={text !== "name" && text !== "none"} mode={colorMode} graph={graph === "area" && room.height > 52} window={window} room={room} scope={scope} />
      ))}
    </div>
  );
}

interface StatProps {
  figure: Figure;
  named: boolean;
  valued: boolean;
  mode: "none" | "value" | "background";
  graph: boolean;
  window: Window;
  room: { width: number; height: number };
  scope: PanelProps["scope"];
}

function Stat({ figure, named, valued, mode, graph, window, room, scope }: StatProps) {
  const { shown } = figure;
  const color = mode === "none" ? undefined : shown.color;
  const length = shown.prefix.length + shown.text.length + shown.suffix.length * 0.6;
  const size = Math.max(14, Math.min(64, room.height * (named ? 0.34 : 0.42), (room.width * 1.5) / Math.max(3, length)));
  const style = { ...(color ? { "--stat": color } : {}) };
  return (
    <div class={`stat is-${color ? mode : "none"}`} style={style} data-testid="stat">
      {graph && figure.trend && figure.time && <Trend figure={figure} window={window} />}
      <div class="stat-text">
        {named && <span class="stat-name">{figure.name}</span>}
        {valued && (
          <span class="stat-value" style={{ fontSize: `${size}px` }}>
            {shown.prefix}
            {shown.text}
            <small>{shown.suffix}</small>
          </span>
        )}
        <Links links={figure.field.config.links ?? []} scope={scope} value={figure.value} name={figure.name} labels={figure.field.labels} />
      </div>
    </div>
  );
}

const WIDTH = 200;
const HEIGHT = 60;

function Trend({ figure, window }: { figure: Figure; window: Window }) {
  const values = figure.trend!.values;
  const pairs = figure.time!.values.flatMap((at, i): [number, number][] => {
    const value = values[i];
    return isNumber(at) && isNumber(value) && Number.isFinite(value) ? [[at, value]] : [];
  });
  if (pairs.length < 2) return null;
  const low = pairs.reduce((least, [, value]) => Math.min(least, value), Infinity);
  const high = pairs.reduce((most, [, value]) => Math.max(most, value), -Infinity);
  const x = (at: number) => ((at - window.start) / (window.end - window.start || 1)) * WIDTH;
  const y = (value: number) => HEIGHT - 2 - ((value - low) / (high - low || 1)) * (HEIGHT - 6);
  const line = pairs.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  return (
    <svg class="stat-trend" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`${x(pairs[0][0]).toFixed(1)},${HEIGHT} ${line} ${x(pairs[pairs.length - 1][0]).toFixed(1)},${HEIGHT}`} />
      <polyline points={line} />
    </svg>
  );
}
