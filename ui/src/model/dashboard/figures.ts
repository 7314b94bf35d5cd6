/** The single values that stats, gauges, bars and pies show: one a field, or one a row. */
import type { Panel } from "../../api/dashboards";
import { extent, patternOf, show, type Shown } from "./field";
import { isNumber, nameOf, rowsOf, type Field, type Frame, type Value } from "./frames";
import { calcName, reduce } from "./reduce";

export interface Figure {
  name: string;
  value: Value;
  shown: Shown;
  field: Field;
  /** The ends of its scale. */
  min: number;
  max: number;
  /** The field's own values over time, for a line behind the figure. */
  trend: Field | undefined;
  time: Field | undefined;
}

/** At most so many are shown of a panel. */
const MOST = 200;

export function figuresOf(frames: readonly Frame[], { options }: Pick<Panel, "options">, dark: boolean): Figure[] {
  const { calcs = [], all = false, limit, fields = "" } = options.reduce ?? {};
  const pattern = fields ? patternOf(fields) : undefined;
  const takes = (one: Field) => (pattern ? pattern.test(nameOf(one)) || nameOf(one) === fields : one.type === "number") && one.config.hidden !== true;
  const taken = frames.flatMap((frame) => frame.fields.filter(takes));
  const ends = extent(taken.filter((one) => one.type === "number"));
  const make = (one: Field, name: string, value: Value, frame: Frame): Figure => {
    const [min, max] = [one.config.min ?? Math.min(0, ends[0]), one.config.max ?? ends[1]];
    const time = frame.fields.find((other) => other.type === "time");
    return { name, value, shown: show(value, one.config, dark, [min, max]), field: one, min, max: max > min ? max : min + 1, trend: time && one.type === "number" && one.values.length > 1 ? one : undefined, time };
  };
  if (all) return frames.flatMap((frame) => rowFigures(frame, takes, make)).slice(0, Math.min(limit ?? 25, MOST));
  const chosen = calcs.length > 0 ? calcs : ["lastNotNull"];
  const several = chosen.length > 1;
  return frames
    .flatMap((frame) => frame.fields.filter(takes).flatMap((one) => chosen.map((calc) => make(one, several ? `${nameOf(one)} ${calcName(calc)}` : nameOf(one), reduce(calc, one.values), frame))))
    .slice(0, MOST);
}

/** Rows are named by their texts. */
function rowFigures(frame: Frame, takes: (one: Field) => boolean, make: (one: Field, name: string, value: Value, frame: Frame) => Figure): Figure[] {
  const texts = frame.fields.filter((one) => one.type === "string");
  const numbers = frame.fields.filter((one) => takes(one) && one.type === "number");
  return Array.from({ length: rowsOf(frame) }, (_, row) => row).flatMap((row) => {
    const name = texts.map((one) => one.values[row]).filter((value) => value !== null && value !== undefined).join(" ");
    return numbers.map((one) => make(one, numbers.length > 1 ? `${name} ${nameOf(one)}`.trim() : name || nameOf(one), one.values[row] ?? null, frame));
  });
}

/** The part of its scale that a figure has reached. */
export function partOf({ value, min, max }: Figure): number {
  if (!isNumber(value) || Number.isNaN(value)) return 0;
  return Math.min(1, Math.max(0, (value - min) / (max - min)));
}
