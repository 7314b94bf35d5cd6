/** How a chart writes its figures, and at which ones its axis has lines: round numbers of bytes are not those of seconds. */
import { formatUnit, type Unit } from "../lib/format";

export interface Measure {
  format: (value: number) => string;
  /** What counts as round. */
  round: "decimal" | "binary" | "seconds" | "milliseconds";
}

const ROUND: Record<Unit, Measure["round"]> = { seconds: "seconds", milliseconds: "milliseconds", bytes: "binary", ratio: "decimal", none: "decimal" };

/** A unit, and what follows it (` /s`). */
export const measureOf = (unit: Unit, suffix = ""): Measure => ({ format: (value) => formatUnit(value, unit) + suffix, round: ROUND[unit] });

/** Whether two write alike; a chart is drawn anew when not. */
export const measureKey = ({ format, round }: Measure) => [round, format(1.5), format(123456789)].join("|");

/** Distances between lines of an axis, in growing order. */
export function increments(round: Measure["round"]): number[] {
  const decimal = (from: number, to: number) => powers(10, from, to).flatMap((power) => [power, 2 * power, 2.5 * power, 5 * power].map(tidy));
  if (round === "binary") return [...decimal(-6, -1), ...powers(2, 0, 60)];
  if (round === "decimal") return decimal(-15, 18);
  const seconds = [...decimal(-12, -1), 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, ...decimal(5, 12).map((days) => days * 86400)];
  return round === "seconds" ? seconds : seconds.map((one) => tidy(one * 1000));
}

const powers = (base: number, from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => base ** (from + i));

/** 2.5 × 0.1 is not 0.25 to a computer. */
const tidy = (value: number) => Number(value.toPrecision(6));
