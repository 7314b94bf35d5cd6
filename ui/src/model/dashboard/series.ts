/** Fields as the series of a chart: colours, lines and bars, axes, stacks. */
import type { Panel } from "../../api/dashboards";
import type { ChartSeries } from "../chart-data";
import { extent, seriesColor, showText } from "./field";
import { distinct, isNumber, nameOf, type Field, type Frame } from "./frames";

export interface Series extends ChartSeries {
  field: Field;
}

/** Series of one panel at most; more can be neither drawn nor told apart. */
export const MOST_SERIES = 500;

/** One for each field of numbers beside times. What stands in a stack comes first. */
export function seriesOf(frames: readonly Frame[], dark: boolean): Series[] {
  const found = frames.flatMap((frame) => {
    const time = frame.fields.find((one) => one.type === "time");
    return time ? frame.fields.filter((one) => one.type === "number").map((one) => ({ time, one })) : [];
  });
  const ends = extent(found.map(({ one }) => one));
  const names = distinct(found.map(({ one }) => nameOf(one)));
  const all = found.slice(0, MOST_SERIES).map(({ time, one }, i): Series => series(time, one, names[i], seriesColor(one, i, dark, ends)));
  return [...all.filter((one) => !one.alone), ...all.filter((one) => one.alone)].filter((one) => one.field.config.hideChart !== true);
}

function series(time: Field, one: Field, name: string, color: string): Series {
  const { config } = one;
  const sign = config.transform === "negative" ? -1 : 1;
  const points = time.values.flatMap((at, i): [number, number][] => {
    const value = one.values[i];
    return isNumber(at) && isNumber(value) && !Number.isNaN(value) ? [[at / 1000, value * sign]] : [];
  });
  const stacked = config.stacking !== undefined && config.stacking.mode !== "none";
  return {
    name,
    points,
    hue: 0,
    color,
    field: one,
    labels: one.labels,
    write: (value) => showText(value * sign, config),
    ...(config.draw === "bars" ? { draw: "bars" as const } : config.draw === "line" ? { draw: "line" as const } : {}),
    ...(config.lineStyle && config.lineStyle !== "solid" ? { dashed: true } : {}),
    ...(config.lineWidth !== undefined ? { width: config.lineWidth } : {}),
    ...(config.draw === "points" ? { width: 0, marks: "always" as const } : config.points && config.points !== "auto" ? { marks: config.points } : {}),
    ...(config.fill !== undefined ? { fill: Math.min(1, config.fill / 100) } : {}),
    ...(config.interpolation && config.interpolation !== "linear" ? { path: config.interpolation } : {}),
    ...(config.axis === "right" ? { right: true } : {}),
    ...(stacked ? {} : { alone: true }),
  };
}

/** Each as its part of all at its time, in percent. */
export function asPercent(all: readonly Series[]): Series[] {
  const sums = new Map<number, number>();
  for (const one of all) if (!one.alone) for (const [at, value] of one.points) sums.set(at, (sums.get(at) ?? 0) + value);
  return all.map((one) => (one.alone ? one : { ...one, points: one.points.map(([at, value]): [number, number] => [at, sums.get(at) ? (value / sums.get(at)!) * 100 : 0]), write: (value) => `${Math.round(value * 10) / 10}%` }));
}

export const isStacked = (all: readonly Series[]) => all.some((one) => !one.alone);

/** The unit and scale of the axis: that of the first series on it. */
export const axisField = (all: readonly Series[], right: boolean) => all.find((one) => (one.right === true) === right)?.field.config;

/** Whether the panel has any query whose exemplars share the scale. */
export const measuresDurations = (panel: Pick<Panel, "targets">) => (panel.targets ?? []).some(({ expr }) => /histogram_quantile/.test(expr));
