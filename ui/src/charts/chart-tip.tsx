/** The figures at the pointer, greatest first, for a chart whose legend doesn't show them. */
import type uPlot from "uplot";
import { swatchStyle } from "../lib/color";
import { formatDateTime } from "../lib/format";
import type { ChartSeries, Column } from "../model/chart-data";

const MOST = 10;

interface Props {
  plot: uPlot;
  at: number;
  data: [number[], ...Column[]];
  series: ChartSeries[];
  muted: ReadonlySet<string>;
  format: (value: number) => string;
}

export function ChartTip({ plot, at, data: [times, ...columns], series, muted, format }: Props) {
  if (times[at] === undefined) return null;
  const rows = series
    .flatMap((one, i) => {
      const value = columns[i]?.[at] ?? null;
      return value === null || muted.has(one.name) ? [] : [{ ...one, value }];
    })
    .sort((a, b) => b.value - a.value);
  if (rows.length === 0) return null;
  const x = plot.valToPos(times[at], "x") + plot.over.offsetLeft;
  const left = x > plot.width / 2;
  return (
    <div class="tip chart-tip" aria-hidden="true" style={left ? { right: `${plot.width - x + 2}px`, top: "8px" } : { left: `${x + 2}px`, top: "8px" }}>
      <span class="faint">{formatDateTime(times[at] * 1000)}</span>
      {rows.slice(0, MOST).map((row) => (
        <span key={row.name} class="tip-row">
          <i class="swatch" style={swatchStyle(row)} />
          <span class="tip-name">{row.name}</span>
          <b>{(row.write ?? format)(row.value)}</b>
        </span>
      ))}
      {rows.length > MOST && <span class="faint">{rows.length - MOST} more</span>}
    </div>
  );
}
