/**
 * Grafana's transformations, one after the other: each takes tables and gives tables. The server has left out, and said, those that are
 * not here (`read/transformations.rs`).
 */
import type { JsonObject, Transformation } from "../../api/dashboards";
import { patternOf } from "./field";
import { field, isNumber, nameOf, rowsOf, TIME, type Field, type Frame, type Value } from "./frames";
import { calcName, reduce } from "./reduce";

type Does = (frames: Frame[], options: JsonObject) => Frame[];

export const transform = (frames: Frame[], list: readonly Transformation[] = []): Frame[] => list.reduce((now, { id, options }) => DOES[id]?.(now, options) ?? now, frames);

const text = (options: JsonObject, key: string) => (typeof options[key] === "string" ? options[key] : "");
const texts = (options: JsonObject, key: string): string[] => (Array.isArray(options[key]) ? options[key].filter((one) => typeof one === "string") : []);
const object = (options: JsonObject, key: string): JsonObject => {
  const value = options[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
};
const objects = (options: JsonObject, key: string): JsonObject[] => (Array.isArray(options[key]) ? options[key].filter((one): one is JsonObject => typeof one === "object" && one !== null && !Array.isArray(one)) : []);

const perFrame = (does: (frame: Frame, options: JsonObject) => Frame): Does => (frames, options) => frames.map((frame) => does(frame, options));

const pick = (frame: Frame, rows: readonly number[]): Frame => ({ ...frame, fields: frame.fields.map((one) => ({ ...one, values: rows.map((row) => one.values[row] ?? null) })) });

const isNamed = (one: Field, name: string) => nameOf(one) === name || one.name === name;

/** Values in the order of numbers, of letters, and nothing last. */
export function compareValues(a: Value | undefined, b: Value | undefined): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  if (isNumber(a) && isNumber(b)) return Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

const DOES: Record<string, Does> = {
  reduce: (frames, options) => {
    const calcs = texts(options, "reducers");
    const chosen = calcs.length > 0 ? calcs : ["max"];
    return text(options, "mode") === "reduceFields" ? frames.map((frame) => reduceFields(frame, chosen)) : [reduceRows(frames, chosen, options.labelsToFields === true)];
  },
  organize: perFrame(organize),
  merge: (frames) => (frames.length < 2 ? frames : [merge(frames)]),
  filterFieldsByName: perFrame(filterFields),
  filterByRefId: (frames, options) => {
    const pattern = text(options, "include") || text(object(options, "include"), "options");
    const wanted = patternOf(pattern);
    return pattern && wanted ? frames.filter((frame) => frame.refId === pattern || wanted.test(frame.refId)) : frames;
  },
  calculateField: perFrame(calculate),
  sortBy: perFrame((frame, options) => {
    const [by] = objects(options, "sort");
    const one = by && frame.fields.find((candidate) => isNamed(candidate, text(by, "field")));
    if (!one) return frame;
    const rows = Array.from({ length: rowsOf(frame) }, (_, i) => i).sort((a, b) => compareValues(one.values[a], one.values[b]));
    return pick(frame, by.desc === true ? rows.reverse() : rows);
  }),
  limit: perFrame((frame, options) => {
    const most = Number(options.limitField ?? 10);
    return pick(frame, Array.from({ length: Math.min(rowsOf(frame), Number.isFinite(most) ? Math.max(0, most) : 10) }, (_, i) => i));
  }),
  joinByField: (frames, options) => (frames.length < 2 ? frames : [join(frames, text(options, "byField"), text(options, "mode") === "inner")]),
  labelsToFields: labelsToFields,
  renameByRegex: perFrame((frame, options) => {
    const pattern = patternOf(text(options, "regex"));
    if (!pattern || text(options, "regex") === "") return frame;
    return { ...frame, fields: frame.fields.map((one) => rename(one, nameOf(one).replace(pattern, text(options, "renamePattern")))) };
  }),
  groupBy: perFrame(groupBy),
  seriesToRows: (frames) => [seriesToRows(frames)],
  convertFieldType: perFrame((frame, options) => {
    const targets = new Map(objects(options, "conversions").map((one) => [text(one, "targetField"), text(one, "destinationType")]));
    return { ...frame, fields: frame.fields.map((one) => convert(one, targets.get(nameOf(one)) ?? targets.get(one.name))) };
  }),
};

/** What it is called now; how it is configured was for what it was called before. */
const rename = (one: Field, name: string): Field => (name === "" || name === nameOf(one) ? one : { ...one, display: name, config: { ...one.config, name } });

function reduceRows(frames: readonly Frame[], calcs: readonly string[], withLabels: boolean): Frame {
  const series = frames.flatMap((frame) => frame.fields.filter((one) => one.type === "number"));
  const labels = withLabels ? [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort() : [];
  return {
    refId: frames[0]?.refId ?? "",
    fields: [
      ...(withLabels ? [] : [field("Field", "string", series.map(nameOf))]),
      ...labels.map((label) => field(label, "string", series.map((one) => one.labels[label] ?? null))),
      ...calcs.map((calc) => field(calcName(calc), "number", series.map((one) => reduce(calc, one.values)), { config: series[0]?.config.unit ? { unit: series[0].config.unit } : {} })),
    ],
  };
}

function reduceFields(frame: Frame, calcs: readonly string[]): Frame {
  const numbers = frame.fields.filter((one) => one.type === "number");
  return { ...frame, fields: numbers.flatMap((one) => calcs.map((calc) => ({ ...one, ...(calcs.length > 1 ? { display: `${nameOf(one)} ${calcName(calc)}` } : {}), values: [reduce(calc, one.values)] }))) };
}

function organize(frame: Frame, options: JsonObject): Frame {
  const [without, order, names, only] = ["excludeByName", "indexByName", "renameByName", "includeByName"].map((key) => object(options, key));
  const of = (from: JsonObject, one: Field) => from[nameOf(one)] ?? from[one.name];
  const included = Object.values(only).some((value) => value === true);
  const kept = frame.fields.filter((one) => of(without, one) !== true && (!included || of(only, one) === true));
  const place = (one: Field) => (typeof of(order, one) === "number" ? Number(of(order, one)) : Number.MAX_SAFE_INTEGER);
  const sorted = Object.keys(order).length > 0 ? [...kept].sort((a, b) => place(a) - place(b)) : kept;
  return { ...frame, fields: sorted.map((one) => (typeof of(names, one) === "string" ? rename(one, String(of(names, one))) : one)) };
}

/** Rows of all tables in one; those that agree in everything that both have are one row. */
function merge(frames: readonly Frame[]): Frame {
  const columns = new Map<string, Field>();
  for (const frame of frames) for (const one of frame.fields) if (!columns.has(nameOf(one))) columns.set(nameOf(one), { ...one, values: [] });
  const names = [...columns.keys()];
  const shared = names.filter((name) => frames.every((frame) => frame.fields.some((one) => nameOf(one) === name)));
  const rows: Map<string, Value>[] = [];
  const known = new Map<string, Map<string, Value>[]>();
  for (const frame of frames) {
    for (let i = 0; i < rowsOf(frame); i++) {
      const row = new Map(frame.fields.map((one) => [nameOf(one), one.values[i] ?? null]));
      const key = JSON.stringify(shared.map((name) => row.get(name) ?? null));
      const same = shared.length > 0 ? known.get(key)?.find((other) => [...row].every(([name, value]) => !other.has(name) || other.get(name) === value)) : undefined;
      if (same) {
        row.forEach((value, name) => same.set(name, value));
        continue;
      }
      rows.push(row);
      known.set(key, [...(known.get(key) ?? []), row]);
    }
  }
  return { refId: frames[0].refId, fields: names.map((name) => ({ ...columns.get(name)!, values: rows.map((row) => row.get(name) ?? null) })) };
}

function filterFields(frame: Frame, options: JsonObject): Frame {
  const side = (key: string) => {
    const rule = object(options, key);
    const [names, pattern] = [texts(rule, "names"), text(rule, "pattern")];
    return names.length === 0 && pattern === "" ? undefined : (one: Field) => names.includes(nameOf(one)) || names.includes(one.name) || (pattern !== "" && (patternOf(pattern)?.test(nameOf(one)) ?? false));
  };
  const [include, exclude] = [side("include"), side("exclude")];
  return { ...frame, fields: frame.fields.filter((one) => (include?.(one) ?? true) && !(exclude?.(one) ?? false)) };
}

const OPERATORS: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "**": (a, b) => a ** b,
};

function calculate(frame: Frame, options: JsonObject): Frame {
  const mode = text(options, "mode") || "reduceRow";
  const made = mode === "binary" ? binary(frame, object(options, "binary")) : mode === "index" ? field("Row", "number", Array.from({ length: rowsOf(frame) }, (_, i) => i)) : byRow(frame, object(options, "reduce"));
  if (!made) return frame;
  const alias = text(options, "alias");
  const named = alias ? { ...made, name: alias, display: alias } : made;
  const rest = options.replaceFields === true ? frame.fields.filter((one) => one.type === "time") : frame.fields;
  return { ...frame, fields: [...rest, named] };
}

function binary(frame: Frame, options: JsonObject): Field | undefined {
  const operator = text(options, "operator") || "+";
  const does = OPERATORS[operator];
  const sideOf = (key: string) => {
    const value = options[key];
    const written = typeof value === "object" && value !== null && !Array.isArray(value) ? (text(object(value, "matcher"), "options") || text(value, "fixed")) : String(value ?? "");
    const one = frame.fields.find((candidate) => isNamed(candidate, written));
    const fixed = Number(written);
    return { name: written, at: (row: number) => (one ? one.values[row] : written !== "" && Number.isFinite(fixed) ? fixed : null) };
  };
  if (!does) return undefined;
  const [left, right] = [sideOf("left"), sideOf("right")];
  const values = Array.from({ length: rowsOf(frame) }, (_, row) => {
    const [a, b] = [left.at(row), right.at(row)];
    return isNumber(a) && isNumber(b) ? does(a, b) : null;
  });
  return field(`${left.name} ${operator} ${right.name}`, "number", values);
}

function byRow(frame: Frame, options: JsonObject): Field {
  const [calc, include] = [text(options, "reducer") || "sum", texts(options, "include")];
  const numbers = frame.fields.filter((one) => one.type === "number" && (include.length === 0 || include.some((name) => isNamed(one, name))));
  return field(calcName(calc), "number", Array.from({ length: rowsOf(frame) }, (_, row) => reduce(calc, numbers.map((one) => one.values[row] ?? null))));
}

/** Side by side, where one field says what belongs together; times where none is named. */
function join(frames: readonly Frame[], by: string, inner: boolean): Frame {
  const keyOf = (frame: Frame) => frame.fields.find((one) => (by ? isNamed(one, by) : one.type === "time"));
  const joined = frames.filter((frame) => keyOf(frame));
  const keys = new Map<Value, number>();
  for (const frame of joined) for (const value of keyOf(frame)!.values) keys.set(value, (keys.get(value) ?? 0) + 1);
  const kept = [...keys].filter(([, count]) => !inner || count >= joined.length).map(([key]) => key).sort(compareValues);
  const first = joined[0] && keyOf(joined[0]);
  const columns = joined.flatMap((frame) => {
    const key = keyOf(frame)!;
    const at = new Map(key.values.map((value, i) => [value, i]));
    return frame.fields.filter((one) => one !== key).map((one) => ({ ...one, values: kept.map((value) => (at.has(value) ? (one.values[at.get(value)!] ?? null) : null)) }));
  });
  return { refId: frames[0].refId, fields: first ? [{ ...first, values: kept }, ...columns] : columns };
}

function labelsToFields(frames: Frame[], options: JsonObject): Frame[] {
  const [keep, value] = [texts(options, "keepLabels"), text(options, "valueLabel")];
  if (text(options, "mode") === "rows") {
    const pairs = frames.flatMap((frame) => frame.fields.flatMap((one) => Object.entries(one.labels).filter(([name]) => keep.length === 0 || keep.includes(name))));
    return [{ refId: frames[0]?.refId ?? "", fields: [field("label", "string", pairs.map(([name]) => name)), field("value", "string", pairs.map(([, one]) => one))] }];
  }
  const tables = frames.map((frame): Frame => {
    const rows = rowsOf(frame);
    const labels = Object.entries(frame.fields.find((one) => one.type === "number")?.labels ?? {}).filter(([name]) => name !== value && (keep.length === 0 || keep.includes(name)));
    const columns = labels.map(([name, one]) => field(name, "string", new Array<Value>(rows).fill(one)));
    const rest = frame.fields.map((one) => (one.type !== "number" ? one : { ...one, labels: {}, ...(value && one.labels[value] ? { name: one.labels[value], display: one.labels[value] } : { display: one.name }) }));
    const isTime = (one: Field) => one.type === "time";
    return { ...frame, fields: [...rest.filter(isTime), ...columns, ...rest.filter((one) => !isTime(one))] };
  });
  return tables.length > 1 ? [merge(tables)] : tables;
}

function groupBy(frame: Frame, options: JsonObject): Frame {
  const rules = object(options, "fields");
  const ruleOf = (one: Field) => object(rules, nameOf(one) in rules ? nameOf(one) : one.name);
  const keys = frame.fields.filter((one) => text(ruleOf(one), "operation") === "groupby");
  if (keys.length === 0) return frame;
  const groups = new Map<string, number[]>();
  for (let row = 0; row < rowsOf(frame); row++) {
    const key = JSON.stringify(keys.map((one) => one.values[row] ?? null));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const rows = [...groups.values()];
  const figures = frame.fields.flatMap((one) =>
    text(ruleOf(one), "operation") !== "aggregate"
      ? []
      : texts(ruleOf(one), "aggregations").map((calc) => ({ ...one, name: `${nameOf(one)} (${calc})`, display: `${nameOf(one)} (${calc})`, values: rows.map((some) => reduce(calc, some.map((row) => one.values[row] ?? null))) })),
  );
  return { ...frame, fields: [...keys.map((one) => ({ ...one, values: rows.map(([first]) => one.values[first] ?? null) })), ...figures] };
}

function seriesToRows(frames: readonly Frame[]): Frame {
  const rows = frames.flatMap((frame) => {
    const time = frame.fields.find((one) => one.type === "time");
    return frame.fields.filter((one) => one.type === "number").flatMap((one) => one.values.map((value, i) => ({ time: time?.values[i] ?? null, metric: nameOf(one), value })));
  });
  rows.sort((a, b) => compareValues(b.time, a.time));
  return { refId: frames[0]?.refId ?? "", fields: [field(TIME, "time", rows.map((row) => row.time)), field("Metric", "string", rows.map((row) => row.metric)), field("Value", "number", rows.map((row) => row.value))] };
}

function convert(one: Field, type: string | undefined): Field {
  if (type === "number") return { ...one, type, values: one.values.map((value) => (value === null || value === "" || !Number.isFinite(Number(value)) ? null : Number(value))) };
  if (type === "string") return { ...one, type, values: one.values.map((value) => (value === null ? null : String(value))) };
  if (type === "time") return { ...one, type, values: one.values.map((value) => (isNumber(value) ? value : value === null ? null : Date.parse(String(value)) || null)) };
  return one;
}
