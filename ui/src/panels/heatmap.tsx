/** Buckets over time, as deep in colour as there is in them. */
import { useMemo } from "preact/hooks";
import { ExploreHeatmap } from "../components/explore-heatmap";
import { isNumber, type Frame } from "../model/dashboard/frames";
import { formatText, roundOf } from "../model/dashboard/units";
import { heatOf, type Cell, type Column } from "../model/heatmap";
import { Nothing } from "./nothing";
import type { PanelProps } from "./props";

const MICROS: Record<string, number> = { s: 1e6, ms: 1e3, "µs": 1, us: 1, ns: 1e-3 };

export function HeatmapPanel({ panel, title, frames, window, step, exemplars, query, height }: PanelProps) {
  const heat = useMemo(() => heatOf(columnsOf(frames), step), [frames, step]);
  const unit = panel.options.yUnit ?? panel.field.unit;
  const decimals = panel.options.yDecimals;
  const measure = useMemo(() => ({ format: (value: number) => formatText(value, unit, decimals), round: roundOf(unit) }), [unit, decimals]);
  if (!heat) return <Nothing>{frames.length > 0 ? "The answer has no buckets: ask for a histogram by le." : "No data in this window."}</Nothing>;
  return <ExploreHeatmap title={title} heat={heat} window={window} measure={measure} height={height} compact exemplars={exemplars} query={query} micros={MICROS[unit ?? ""] ?? 0} />;
}

/** Each field is a bucket, named by its upper bound, in order; what came as single series is put side by side first. */
function columnsOf(frames: readonly Frame[]): Column[] {
  const buckets = frames.flatMap((frame) => {
    const time = frame.fields.find((one) => one.type === "time");
    return time ? frame.fields.filter((one) => one.type === "number").map((one) => ({ time, one, bound: boundOf(one.labels.le ?? one.display ?? one.name) })) : [];
  });
  const known = buckets.filter(({ bound }) => !Number.isNaN(bound)).sort((a, b) => a.bound - b.bound);
  const columns = new Map<number, Cell[]>();
  known.forEach(({ time, one, bound }, i) => {
    const low = i > 0 ? known[i - 1].bound : bound > 0 ? 0 : -Infinity;
    time.values.forEach((at, row) => {
      const count = one.values[row];
      if (!isNumber(at) || !isNumber(count) || !(count > 1e-9)) return;
      const cells = columns.get(at) ?? [];
      cells.push({ low, high: bound, count });
      columns.set(at, cells);
    });
  });
  return [...columns].sort(([a], [b]) => a - b).map(([at, cells]) => ({ at: at / 1000, cells }));
}

const boundOf = (text: string) => (text === "+Inf" || text === "inf" ? Infinity : text.trim() === "" ? NaN : Number(text));
