/** How a field's values are written and coloured: its configuration with the overrides that fit, thresholds, mappings. */
import type { FieldConfig, FieldMatcher, Mapping, Panel, ThresholdsConfig } from "../../api/dashboards";
import { cssColor, paletteByName, paletteColor, wayColor } from "./colors";
import { isNumber, nameOf, type Field, type Frame, type Value } from "./frames";
import { reduce } from "./reduce";
import { formatUnit, textOf, type Formatted } from "./units";

/** What a value is shown as. */
export interface Shown extends Formatted {
  color?: string;
  /** A mapping said so. */
  mapped: boolean;
}

const PLAIN_THRESHOLDS: ThresholdsConfig = { percent: false, steps: [{ value: null, color: "green" }] };

/** Gives each field the configuration that the panel has for it. */
export function configure(frames: readonly Frame[], panel: Pick<Panel, "field" | "overrides">): Frame[] {
  return frames.map((frame) => ({ ...frame, fields: frame.fields.map((one) => ({ ...one, config: configOf(one, panel) })) }));
}

function configOf(one: Field, { field: defaults, overrides = [] }: Pick<Panel, "field" | "overrides">): FieldConfig {
  // A panel's name of all its fields says nothing of the times beside them.
  const base = one.type === "time" ? { ...defaults, name: undefined, unit: undefined } : defaults;
  let config: FieldConfig = definite({ ...one.config, ...definite(base) });
  for (const { matcher, field } of overrides) if (fits(matcher, { ...one, config })) config = { ...config, ...definite(field) };
  return config;
}

const definite = (config: { [K in keyof FieldConfig]: FieldConfig[K] | undefined }) => Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as FieldConfig;

export function fits(matcher: FieldMatcher, one: Field): boolean {
  const names = [nameOf(one), one.name, one.display ?? one.name];
  switch (matcher.by) {
    case "name":
      return names.includes(matcher.name);
    case "names":
      return names.some((name) => matcher.names.includes(name)) !== matcher.exclude;
    case "regexp":
      return patternOf(matcher.pattern)?.test(names[0]) ?? false;
    case "type":
      return one.type === matcher.name;
    case "query":
      return one.refId === matcher.refId;
    case "value":
      return one.type === "number" && compares(reduce(matcher.calc, one.values), matcher.operator, matcher.value);
  }
}

function compares(value: Value, operator: string, other: number): boolean {
  const number = typeof value === "boolean" ? Number(value) : value;
  if (!isNumber(number)) return false;
  const does: Record<string, boolean> = { gte: number >= other, gt: number > other, lte: number <= other, lt: number < other, eq: number === other, neq: number !== other };
  return does[operator] ?? false;
}

/** `/…/flags` or plainly an expression; none where it is not well formed. */
export function patternOf(text: string): RegExp | undefined {
  const written = /^\/([\s\S]*)\/([gimsuy]*)$/.exec(text);
  try {
    return written ? new RegExp(written[1], written[2].replace(/[gy]/g, "")) : new RegExp(text);
  } catch {
    return undefined;
  }
}

/** The ends of a field's values, as far as its configuration does not set them. */
export function extent(fields: readonly Field[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const one of fields) {
    for (const value of one.values) {
      if (!isNumber(value) || !Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : [0, 100];
}

/** The step that a value has reached. */
export function thresholdColor(value: number, config: FieldConfig, dark: boolean, ends: [number, number] = [0, 100]): string | undefined {
  const { percent, steps } = config.thresholds ?? PLAIN_THRESHOLDS;
  const [min, max] = [config.min ?? ends[0], config.max ?? ends[1]];
  const level = percent ? ((value - min) / (max - min || 1)) * 100 : value;
  const step = steps.findLast((one) => one.value === null || level >= one.value) ?? steps[0];
  return cssColor(step?.color, dark);
}

/** Thresholds as values, in order. */
export function thresholdValues(config: FieldConfig, ends: [number, number]): { value: number; color: string }[] {
  const { percent, steps } = config.thresholds ?? PLAIN_THRESHOLDS;
  const [min, max] = [config.min ?? ends[0], config.max ?? ends[1]];
  return steps.flatMap(({ value, color }) => (value === null ? [] : [{ value: percent ? min + ((max - min) * value) / 100 : value, color }]));
}

/** A value as it is shown. */
export function show(value: Value | undefined, config: FieldConfig, dark: boolean, ends?: [number, number]): Shown {
  const mapping = config.mappings?.find((one) => maps(one, value ?? null));
  const mapped = mapping && mappedText(mapping, value ?? null);
  const color = (mapping && cssColor(mapping.color ?? undefined, dark)) ?? valueColor(value, config, dark, ends);
  const shown = (formatted: Formatted): Shown => ({ ...formatted, mapped: mapping !== undefined, ...(color ? { color } : {}) });
  if (mapped !== undefined) return shown({ text: mapped, prefix: "", suffix: "" });
  if (value === null || value === undefined || (isNumber(value) && Number.isNaN(value))) return shown({ text: config.noValue ?? "–", prefix: "", suffix: "" });
  if (isNumber(value)) return shown(formatUnit(value, config.unit, config.decimals));
  return shown({ text: String(value), prefix: "", suffix: "" });
}

export const showText = (value: Value | undefined, config: FieldConfig) => textOf(show(value, config, false));

/** By thresholds or along a scheme; colours of series are not those of values. */
function valueColor(value: Value | undefined, config: FieldConfig, dark: boolean, ends: [number, number] = [0, 100]): string | undefined {
  if (!isNumber(value)) return undefined;
  const mode = config.color?.mode ?? "thresholds";
  if (mode === "fixed" || mode === "shades") return cssColor(config.color?.fixed || "green", dark);
  if (mode === "thresholds") return thresholdColor(value, config, dark, ends);
  if (!mode.startsWith("continuous-")) return undefined;
  const [min, max] = [config.min ?? ends[0], config.max ?? ends[1]];
  return wayColor(mode, (value - min) / (max - min || 1), dark);
}

/** The colour of a whole series. */
export function seriesColor(one: Field, index: number, dark: boolean, ends: [number, number]): string {
  const { mode = "palette-classic", fixed, by = "last" } = one.config.color ?? {};
  if (mode === "palette-classic-by-name") return paletteByName(nameOf(one), dark);
  if (mode === "palette-classic") return paletteColor(index, dark);
  const figure = reduce(by === "last" ? "lastNotNull" : by, one.values);
  return (mode === "fixed" || mode === "shades" ? cssColor(fixed || "green", dark) : valueColor(figure, one.config, dark, ends)) ?? paletteColor(index, dark);
}

function maps(mapping: Mapping, value: Value): boolean {
  switch (mapping.type) {
    case "value":
      return value !== null && (String(value) === mapping.value || (isNumber(value) && mapping.value.trim() !== "" && Number(mapping.value) === value));
    case "range":
      return isNumber(value) && value >= (mapping.from ?? -Infinity) && value <= (mapping.to ?? Infinity);
    case "regex":
      return value !== null && (patternOf(mapping.pattern)?.test(String(value)) ?? false);
    case "special":
      return isSpecial(mapping.which, value);
  }
}

function isSpecial(which: string, value: Value): boolean {
  const nan = isNumber(value) && Number.isNaN(value);
  if (which === "null") return value === null;
  if (which === "nan") return nan;
  if (which === "null+nan") return value === null || nan;
  if (which === "empty") return value === "";
  return String(value) === which;
}

/** Undefined where a mapping only colours. */
function mappedText(mapping: Mapping, value: Value): string | undefined {
  if (!mapping.text) return undefined;
  const pattern = mapping.type === "regex" ? patternOf(mapping.pattern) : undefined;
  return pattern ? String(value).replace(pattern, mapping.text) : mapping.text;
}
