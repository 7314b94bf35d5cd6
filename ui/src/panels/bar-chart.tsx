/** Bars beside each other for each value of one field; over time they are a chart of time. */
import { useMemo } from "preact/hooks";
import { extent, seriesColor, showText } from "../model/dashboard/field";
import { isNumber, nameOf, rowsOf, type Field, type Frame } from "../model/dashboard/frames";
import { Legend } from "./legend";
import type { PanelProps } from "./props";
import { TimeSeriesPanel } from "./time-series";

const MOST_BARS = 200;
/** So that the figure above the longest bar has a place. */
const HEADROOM = 1.08;

export function BarChartPanel(props: PanelProps) {
  const { panel, frames } = props;
  const frame = frames.find((one) => one.fields.some(({ type }) => type === "number"));
  const x = frame && axisOf(frame, panel.options.xField);
  if (!frame || !x) {
    const asBars = frames.map((one) => ({ ...one, fields: one.fields.map((field) => ({ ...field, config: { draw: "bars" as const, ...(panel.options.stacking && panel.options.stacking !== "none" ? { stacking: { mode: panel.options.stacking, group: "" } } : {}), ...field.config } })) }));
    return <TimeSeriesPanel {...props} frames={asBars} />;
  }
  return <Bars {...props} frame={frame} x={x} />;
}

/** The field that names the bars: the one that is chosen, or the first of texts. */
const axisOf = (frame: Frame, chosen: string | undefined) => (chosen ? frame.fields.find((one) => nameOf(one) === chosen || one.name === chosen) : undefined) ?? frame.fields.find((one) => one.type === "string");

function Bars({ panel, title, frame, x, width, height, dark }: PanelProps & { frame: Frame; x: Field }) {
  const { stacking = "none", showValue = "auto", orientation = "auto" } = panel.options;
  const fields = useMemo(() => frame.fields.filter((one) => one.type === "number" && one !== x && one.config.hideChart !== true), [frame, x]);
  const rows = Math.min(MOST_BARS, rowsOf(frame));
  const stacked = stacking !== "none";
  const sums = Array.from({ length: rows }, (_, row) => fields.reduce((sum, one) => sum + Math.max(0, Number(one.values[row] ?? 0)), 0));
  const [low, high] = extent(fields);
  const config = fields[0]?.config ?? {};
  const most = config.max ?? (stacking === "percent" ? 1 : stacked ? Math.max(...sums, 0) * HEADROOM : Math.max(0, high) * HEADROOM);
  const least = config.min ?? Math.min(0, low);
  const colors = fields.map((one, i) => seriesColor(one, i, dark, [low, high]));
  const lying = orientation === "horizontal";
  const legend = panel.options.legend ?? { show: fields.length > 1, table: false, right: false, calcs: [], sortDesc: false };
  const part = (value: number) => Math.max(0, (value - least) / (most - least || 1));
  const share = (row: number, value: number) => (stacking === "percent" ? (sums[row] > 0 ? value / sums[row] : 0) : value);
  const crowded = (lying ? height : width) / rows < 34;
  const bar = (one: Field, i: number, row: number) => {
    const value = one.values[row];
    const number = isNumber(value) && Number.isFinite(value) ? value : 0;
    const length = `${(part(share(row, number)) * 100).toFixed(2)}%`;
    const text = showText(value, one.config);
    const shown = showValue === "always" || (showValue === "auto" && !crowded && !stacked);
    return (
      <i key={nameOf(one)} style={{ ...(lying ? { width: length } : { height: length }), background: colors[i] }} title={`${String(x.values[row] ?? "")}, ${nameOf(one)}: ${text}`}>
        {shown && <b>{text}</b>}
      </i>
    );
  };
  const description = Array.from({ length: Math.min(rows, 20) }, (_, row) => `${String(x.values[row] ?? "")} ${fields.map((one) => showText(one.values[row], one.config)).join(" ")}`).join(", ");
  return (
    <div class="bar-chart-panel">
      <div class={`bar-chart${lying ? " is-lying" : ""}${stacked ? " is-stacked" : ""}`} role="img" aria-label={`${title}: ${description}`} data-testid="bar-chart">
        <div class="bar-chart-scale" aria-hidden="true">
          {[1, 0.75, 0.5, 0.25, 0].map((at) => (
            <span key={at}>{stacking === "percent" ? `${at * 100}%` : showText(least + (most - least) * at, config)}</span>
          ))}
        </div>
        <div class="bar-chart-rows">
          {Array.from({ length: rows }, (_, row) => (
            <div key={row} class="bar-chart-row">
              <div class="bar-chart-bars">{fields.map((one, i) => bar(one, i, row))}</div>
              <span class="bar-chart-name" title={String(x.values[row] ?? "")}>
                {showText(x.values[row], x.config)}
              </span>
            </div>
          ))}
        </div>
      </div>
      {legend.show && fields.length > 1 && (
        <Legend options={legend} series={fields.map((one, i) => ({ name: nameOf(one), points: [], hue: 0, color: colors[i], field: one }))} only={new Set()} setOnly={() => undefined} beside={false} height={60} />
      )}
    </div>
  );
}
