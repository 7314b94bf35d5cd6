/** What a chart's series are called, with figures as a table or by name alone. A click shows one series by itself. */
import { swatchStyle } from "../lib/color";
import { formatDateTime } from "../lib/format";
import { figuresOf, type ChartSeries, type Column, type Figures } from "../model/chart-data";

export type FigureName = keyof Figures;

interface Props {
  kind: "table" | "list" | "none";
  figures: FigureName[];
  series: ChartSeries[];
  data: [number[], ...Column[]];
  /** The row of the data that the pointer is at. */
  cursor: number | null;
  muted: ReadonlySet<string>;
  isolate: (name: string) => void;
  format: (value: number) => string;
}

const MOST = 50;
const TITLES: Record<FigureName, string> = { last: "Last", mean: "Mean", min: "Min", max: "Max", sum: "Sum" };

export function Legend(props: Props) {
  const { kind, series } = props;
  if (kind === "none" || series.length === 0) return null;
  return (
    <>
      {kind === "table" ? <Table {...props} /> : <Names {...props} />}
      {series.length > MOST && <p class="faint">{series.length - MOST} more series are drawn but not listed.</p>}
    </>
  );
}

function Names({ series, muted, isolate }: Props) {
  return (
    <ul class="legend-list" aria-label="Series">
      {series.slice(0, MOST).map((one) => (
        <li key={one.name} class={muted.has(one.name) ? "muted" : ""}>
          <SeriesName one={one} isolate={isolate} />
        </li>
      ))}
    </ul>
  );
}

function Table({ figures, series, data: [times, ...columns], cursor, muted, isolate, format }: Props) {
  const write = (value: number | null | undefined) => (value === null || value === undefined ? "–" : format(value));
  const at = cursor !== null && times[cursor] !== undefined ? cursor : null;
  return (
    <table class="legend">
      <thead>
        <tr>
          <th scope="col">{at === null ? "Series" : formatDateTime(times[at] * 1000)}</th>
          {figures.map((name, i) => (
            <th key={name} scope="col">
              {at !== null && i === 0 ? "Here" : TITLES[name]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {series.slice(0, MOST).map((one, row) => {
          const known = figuresOf(one.points);
          return (
            <tr key={one.name} class={muted.has(one.name) ? "muted" : ""}>
              <td>
                <SeriesName one={one} isolate={isolate} />
              </td>
              {figures.map((name, i) => (
                <td key={name}>{write(at !== null && i === 0 ? columns[row]?.[at] : known[name])}</td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const SeriesName = ({ one, isolate }: { one: ChartSeries; isolate: (name: string) => void }) => (
  <button type="button" class="legend-name" onClick={() => isolate(one.name)} title="Show this series alone">
    <i class="swatch" style={swatchStyle(one)} />
    {one.name}
  </button>
);
