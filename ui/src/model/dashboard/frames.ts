/** Answers as tables: what panels draw and transformations change. A field is a column, with the labels of its series. */
import type { Labels } from "../../api/metrics";
import type { FieldConfig } from "../../api/dashboards";

export type Value = number | string | boolean | null;

export interface Field {
  name: string;
  type: "time" | "number" | "string";
  values: Value[];
  labels: Labels;
  /** Of which query. */
  refId: string;
  /** What the legend of the query makes of its labels. */
  display?: string;
  config: FieldConfig;
}

export interface Frame {
  refId: string;
  fields: Field[];
}

export const TIME = "Time";
export const VALUE = "Value";

export const field = (name: string, type: Field["type"], values: Value[], more: Partial<Field> = {}): Field => ({ name, type, values, labels: {}, refId: "", config: {}, ...more });

export const rowsOf = (frame: Frame) => frame.fields.reduce((most, one) => Math.max(most, one.values.length), 0);

export const isNumber = (value: Value | undefined): value is number => typeof value === "number";

/** What people call a field: as it is configured, as the legend says, by what tells it apart. */
export function nameOf(one: Field): string {
  if (one.config.name) return one.config.name.replace(/\$\{?__field\.name\}?/g, one.name).replace(/\$\{__field\.labels\.([a-zA-Z0-9_]+)\}/g, (_, label: string) => one.labels[label] ?? "");
  if (one.display) return one.display;
  return one.name;
}

/** Two fields of one name would be one to a legend. */
export function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}

/** `{{label}}` of a legend; without one, all labels as PromQL writes them. */
export function legendOf(labels: Labels, legend: string, fallback: string): string {
  if (legend) return legend.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (_, name: string) => labels[name] ?? "");
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest).map(([key, value]) => `${key}="${value}"`);
  if (pairs.length === 0) return name || fallback;
  return `${name}{${pairs.join(", ")}}`;
}
