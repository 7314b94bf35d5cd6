/** Parts of a whole, as a pie or a ring. A click on a name leaves only that part; its share of all stays what it was. */
import { useState } from "preact/hooks";
import { paletteColor } from "../model/dashboard/colors";
import { seriesColor } from "../model/dashboard/field";
import { figuresOf, type Figure } from "../model/dashboard/figures";
import { isNumber } from "../model/dashboard/frames";
import { textOf } from "../model/dashboard/units";
import type { PanelProps } from "./props";

interface Part extends Figure {
  share: number;
  color: string;
}

export function PiePanel({ panel, title, frames, width, height, dark }: PanelProps) {
  const [chosen, setChosen] = useState("");
  const figures = figuresOf(frames, panel, dark).filter(({ value }) => isNumber(value) && value > 0);
  const total = figures.reduce((sum, { value }) => sum + Number(value), 0);
  const mode = (figure: Figure) => figure.field.config.color?.mode ?? "palette-classic";
  const colorOf = (figure: Figure, i: number) => (mode(figure).startsWith("palette") ? (figures.length > 1 && figure.field === figures[0].field && i > 0 ? paletteColor(i, dark) : seriesColor(figure.field, i, dark, [figure.min, figure.max])) : (figure.shown.color ?? paletteColor(i, dark)));
  const parts = figures.map((figure, i): Part => ({ ...figure, share: Number(figure.value) / total, color: colorOf(figure, i) })).sort((a, b) => b.share - a.share);
  const legend = panel.options.legend ?? { show: true, table: false, right: true, calcs: [], sortDesc: false };
  const beside = legend.show && (legend.right || width > height * 1.5) && width > 400;
  const size = Math.max(60, Math.min(beside ? width * 0.5 : width, legend.show && !beside ? height * 0.62 : height));
  const labels = panel.options.pieLabels ?? [];
  return (
    <div class={`pie${beside ? " is-beside" : ""}`} data-testid="pie">
      <svg viewBox="-104 -104 208 208" style={{ width: `${size}px`, height: `${size}px` }} role="img" aria-label={`${title}: ${parts.map((part) => `${part.name} ${percent(part.share)}`).join(", ")}`}>
        {slices(parts).map(({ part, from }) => (
          <g key={part.name} class={chosen && chosen !== part.name ? "muted" : ""}>
            <path d={slice(from, from + part.share, panel.options.donut ? 58 : 0)} fill={part.color} class="pie-part">
              <title>{`${part.name}: ${textOf(part.shown)} (${percent(part.share)})`}</title>
            </path>
            {labels.length > 0 && part.share > 0.05 && (
              <text x={Math.cos(angle(from + part.share / 2)) * 76} y={Math.sin(angle(from + part.share / 2)) * 76} text-anchor="middle" dominant-baseline="middle" class="pie-label">
                {labels.map((label) => (label === "name" ? part.name : label === "percent" ? percent(part.share) : textOf(part.shown))).join(" ")}
              </text>
            )}
          </g>
        ))}
      </svg>
      {legend.show && (
        <ul class="pie-legend" style={{ maxHeight: `${beside ? height : height - size}px` }}>
          {parts.map((part) => (
            <li key={part.name}>
              <button type="button" class="legend-name" aria-pressed={chosen === part.name} title={part.name} onClick={() => setChosen(chosen === part.name ? "" : part.name)}>
                <i class="swatch" style={{ background: part.color }} />
                {part.name}
              </button>
              <span class="pie-figure">{textOf(part.shown)}</span>
              <span class="faint">{percent(part.share)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function slices(parts: readonly Part[]): { part: Part; from: number }[] {
  let from = 0;
  return parts.map((part) => {
    const at = from;
    from += part.share;
    return { part, from: at };
  });
}

const percent = (share: number) => `${share < 0.1 ? Math.round(share * 1000) / 10 : Math.round(share * 100)}%`;
const angle = (part: number) => (part - 0.25) * 2 * Math.PI;

function slice(from: number, to: number, inner: number): string {
  // A whole circle has no ends that an arc could go between.
  const end = Math.min(to, from + 0.99999);
  const at = (part: number, r: number) => `${(Math.cos(angle(part)) * r).toFixed(3)} ${(Math.sin(angle(part)) * r).toFixed(3)}`;
  const large = end - from > 0.5 ? 1 : 0;
  const outer = `M ${at(from, 100)} A 100 100 0 ${large} 1 ${at(end, 100)}`;
  return inner === 0 ? `${outer} L 0 0 Z` : `${outer} L ${at(end, inner)} A ${inner} ${inner} 0 ${large} 0 ${at(from, inner)} Z`;
}
