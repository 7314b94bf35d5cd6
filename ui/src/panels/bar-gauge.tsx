/** A bar a value, each as long as the value is large. */
import { figuresOf, partOf, type Figure } from "../model/dashboard/figures";
import { textOf } from "../model/dashboard/units";
import { Links } from "./links";
import type { PanelProps } from "./props";

export function BarGaugePanel({ panel, frames, scope, width, height, dark }: PanelProps) {
  const figures = figuresOf(frames, panel, dark);
  const { orientation = "auto", display = "gradient" } = panel.options;
  const upright = orientation === "vertical" || (orientation === "auto" && width > height && figures.length > 1 && width / figures.length > 64);
  return (
    <ul class={`bar-gauges${upright ? " is-upright" : ""} is-${display}`} data-testid="bar-gauges" tabIndex={0} aria-label={panel.title}>
      {figures.map((figure) => (
        <li key={figure.name} class="bar-gauge">
          <span class="bar-gauge-name" title={figure.name}>
            {figure.name}
          </span>
          <Bar figure={figure} upright={upright} />
          <b class="bar-gauge-value" style={figure.shown.color ? { "--value": figure.shown.color } : {}}>
            {textOf(figure.shown)}
          </b>
          <Links links={figure.field.config.links ?? []} scope={scope} value={figure.value} name={figure.name} labels={figure.field.labels} />
        </li>
      ))}
    </ul>
  );
}

function Bar({ figure, upright }: { figure: Figure; upright: boolean }) {
  const length = `${(partOf(figure) * 100).toFixed(2)}%`;
  return (
    <span class="bar-gauge-track" aria-hidden="true">
      <i style={{ ...(upright ? { height: length } : { width: length }), ...(figure.shown.color ? { "--bar-color": figure.shown.color } : {}) }} />
    </span>
  );
}
