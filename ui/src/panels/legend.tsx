/** A panel's legend: names, or names with figures. A click shows one series alone, with Ctrl or ⌘ one more or less; again, all. */
import type { LegendOptions } from "../api/dashboards";
import { swatchStyle } from "../lib/color";
import { showText } from "../model/dashboard/field";
import { calcName, reduce } from "../model/dashboard/reduce";
import type { Series } from "../model/dashboard/series";
import { compareValues } from "../model/dashboard/transform";

const MOST = 100;
const LINE_PX = 20;

interface Props {
  options: LegendOptions;
  series: Series[];
  only: ReadonlySet<string>;
  setOnly: (names: ReadonlySet<string>) => void;
  beside: boolean;
  height: number;
}

/** The room it takes below a chart: what it needs, up to a third. */
export function legendSize({ table }: LegendOptions, count: number, height: number): number {
  if (count === 0) return 0;
  const lines = table ? count + 1 : Math.ceil(count / 3);
  return Math.min(Math.max(LINE_PX + 6, Math.round(height * 0.36)), lines * LINE_PX + 6);
}

export function Legend({ options, series, only, setOnly, beside, height }: Props) {
  if (series.length === 0) return null;
  const press = (name: string, add: boolean) => {
    if (!add) return setOnly(only.size === 1 && only.has(name) ? new Set() : new Set([name]));
    const next = new Set(only.size === 0 ? series.map((one) => one.name) : only);
    if (!next.delete(name)) next.add(name);
    setOnly(next.size === series.length ? new Set() : next);
  };
  const { calcs } = options;
  const by = calcs.find((calc) => calc === options.sortBy || calcName(calc) === options.sortBy);
  const sorted = by ? [...series].sort((a, b) => compareValues(reduce(by, a.field.values), reduce(by, b.field.values)) * (options.sortDesc ? -1 : 1)) : series;
  const listed = sorted.slice(0, MOST);
  const name = (one: Series) => (
    <button type="button" class="legend-name" aria-pressed={only.has(one.name)} title={`${one.name}: show it alone`} onClick={(event) => press(one.name, event.ctrlKey || event.metaKey)}>
      <i class="swatch" style={swatchStyle({ hue: one.hue, ...(one.color ? { color: one.color } : {}) })} />
      {one.name}
    </button>
  );
  const muted = (one: Series) => (only.size > 0 && !only.has(one.name) ? "muted" : "");
  const figure = (one: Series, calc: string) => showText(reduce(calc, one.field.values), one.field.config);
  const more = series.length > MOST && <p class="faint">{series.length - MOST} more series are drawn but not listed.</p>;
  const style = { maxHeight: `${height}px` };
  if (options.table) {
    return (
      <div class={`panel-legend${beside ? " is-beside" : ""}`} style={style} tabIndex={0} role="region" aria-label="Legend">
        <table class="legend">
          <thead>
            <tr>
              <th scope="col">Name</th>
              {calcs.map((calc) => (
                <th key={calc} scope="col">
                  {calcName(calc)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {listed.map((one) => (
              <tr key={one.name} class={muted(one)}>
                <td>{name(one)}</td>
                {calcs.map((calc) => (
                  <td key={calc}>{figure(one, calc)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {more}
      </div>
    );
  }
  return (
    <div class={`panel-legend${beside ? " is-beside" : ""}`} style={style} tabIndex={0} role="region" aria-label="Legend">
      <ul class="panel-legend-list">
        {listed.map((one) => (
          <li key={one.name} class={muted(one)}>
            {name(one)}
            {calcs.map((calc) => (
              <span key={calc} class="faint">
                {calcName(calc)}: {figure(one, calc)}
              </span>
            ))}
          </li>
        ))}
      </ul>
      {more}
    </div>
  );
}
