/** An arc from least to most, filled as far as the value has come, with the thresholds around it. */
import { thresholdColor, thresholdValues } from "../model/dashboard/field";
import { cssColor } from "../model/dashboard/colors";
import { figuresOf, partOf, type Figure } from "../model/dashboard/figures";
import { textOf } from "../model/dashboard/units";
import { Links } from "./links";
import type { PanelProps } from "./props";

export function GaugePanel({ panel, frames, scope, width, height, dark }: PanelProps) {
  const figures = figuresOf(frames, panel, dark).map(withEnds);
  const { orientation = "auto", thresholdMarkers = true } = panel.options;
  const across = orientation === "vertical" || (orientation === "auto" && width > height);
  const count = Math.max(1, figures.length);
  const size = Math.max(48, Math.min(across ? width / count : width, across ? height * 1.16 : (height / count) * 1.16, 320));
  return (
    <div class={`gauges${across ? " is-across" : ""}`}>
      {figures.map((figure) => (
        <div key={figure.name} class="gauge" data-testid="gauge">
          <Arc figure={figure} size={size} markers={thresholdMarkers} named={figures.length > 1} dark={dark} />
          {figures.length > 1 && <span class="gauge-name">{figure.name}</span>}
          <Links links={figure.field.config.links ?? []} scope={scope} value={figure.value} name={figure.name} labels={figure.field.labels} />
        </div>
      ))}
    </div>
  );
}

/** A scale that nobody set goes to 100, or to 1 where that is all. */
function withEnds(figure: Figure): Figure {
  const { min, max, unit } = figure.field.config;
  const all = unit === "percentunit" ? 1 : unit === "percent" ? 100 : undefined;
  const [low, high] = [min ?? 0, max ?? all ?? Math.max(100, figure.max)];
  return { ...figure, min: low, max: high > low ? high : low + 1 };
}

const FROM = -210;
const SWEEP = 240;
const R = 80;

function point(part: number, r: number): string {
  const angle = ((FROM + SWEEP * part) * Math.PI) / 180;
  return `${(100 + r * Math.cos(angle)).toFixed(2)} ${(100 + r * Math.sin(angle)).toFixed(2)}`;
}

const arc = (from: number, to: number, r: number) => `M ${point(from, r)} A ${r} ${r} 0 ${(to - from) * SWEEP > 180 ? 1 : 0} 1 ${point(to, r)}`;

function Arc({ figure, size, markers, named, dark }: { figure: Figure; size: number; markers: boolean; named: boolean; dark: boolean }) {
  const { min, max, shown, field } = figure;
  const part = partOf(figure);
  const ends: [number, number] = [min, max];
  const marks = [{ value: min, color: thresholdColor(min, { ...field.config, min, max }, dark, ends) ?? "" }, ...thresholdValues({ ...field.config, min, max }, ends).map((one) => ({ value: one.value, color: cssColor(one.color, dark) ?? "" }))];
  const places = marks.map((mark, i) => ({ color: mark.color, from: clamp((mark.value - min) / (max - min)), to: clamp(((marks[i + 1]?.value ?? max) - min) / (max - min)) })).filter(({ from, to }) => to > from);
  const text = textOf(shown);
  return (
    <svg class="gauge-arc" viewBox="0 4 200 152" style={{ width: `${size}px` }} role="img" aria-label={`${named ? `${figure.name}: ` : ""}${text}, from ${min} to ${max}`}>
      <path d={arc(0, 1, R)} class="gauge-track" />
      {part > 0.002 && <path d={arc(0, part, R)} class="gauge-fill" style={{ stroke: shown.color ?? "var(--accent)" }} />}
      {markers && places.map((place) => <path key={place.from} d={arc(place.from, place.to, R + 14)} class="gauge-mark" style={{ stroke: place.color }} />)}
      <text x="100" y="112" text-anchor="middle" class="gauge-value" style={{ fill: shown.color ?? "var(--text)", fontSize: `${Math.min(38, 250 / Math.max(4, text.length))}px` }}>
        {text}
      </text>
    </svg>
  );
}

const clamp = (part: number) => Math.min(1, Math.max(0, part));
