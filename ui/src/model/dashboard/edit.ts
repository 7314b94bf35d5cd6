/**
 * Changes to a dashboard's own JSON. A change touches just what it is about: whatever else the JSON has, known here or not, stays as it is.
 * Nothing is changed in place, so that every state can be gone back to.
 */
import type { Grid, Json, JsonObject, Panel, PanelType } from "../../api/dashboards";
import { COLUMNS, compact } from "./layout";

export type Path = readonly (string | number)[];

const isObject = (json: Json | undefined): json is JsonObject => typeof json === "object" && json !== null && !Array.isArray(json);

export const at = (json: Json | undefined, path: Path): Json | undefined =>
  path.reduce<Json | undefined>((here, step) => (Array.isArray(here) && typeof step === "number" ? here[step] : isObject(here) ? here[String(step)] : undefined), json);

/** The same with another value at a path, where objects are made as needed; undefined takes the key away. */
export function set<T extends Json>(json: T, path: Path, value: Json | undefined): T {
  if (path.length === 0) return value as T;
  const [step, ...rest] = path;
  if (Array.isArray(json)) {
    const index = Number(step);
    if (rest.length === 0 && value === undefined) return json.filter((_, i) => i !== index) as Json as T;
    return json.map((one, i) => (i === index ? set(one, rest, value) : one)) as Json as T;
  }
  const object: JsonObject = isObject(json) ? json : {};
  const key = String(step);
  if (rest.length === 0 && value === undefined) return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key)) as Json as T;
  const inner = object[key];
  const next = rest.length === 0 ? value! : set(inner === undefined || inner === null ? {} : inner, rest, value);
  return { ...object, [key]: next } as Json as T;
}

const flat = (panels: readonly Panel[]): Panel[] => panels.flatMap((one) => [one, ...flat(one.panels ?? [])]);

export const findPanel = (panels: readonly Panel[], id: number) => flat(panels).find((one) => one.id === id);

const nextId = (panels: readonly Panel[]) => flat(panels).reduce((most, { id }) => Math.max(most, id), 0) + 1;

/** Dashboards of before Grafana 5 have rows in place of a grid: they get one, as the server has laid it out, before panels can move. */
export function withGrid(json: JsonObject, panels: readonly Panel[]): JsonObject {
  if (!Array.isArray(json.rows) || json.rows.length === 0 || (Array.isArray(json.panels) && json.panels.length > 0)) return json;
  const convert = (one: Panel): JsonObject => {
    const own = at(json, one.at);
    const place = { id: one.id, gridPos: { ...one.grid } };
    if (one.type === "row") return { ...place, type: "row", title: one.title, collapsed: one.collapsed === true, panels: (one.panels ?? []).map(convert), ...(one.repeat ? { repeat: one.repeat.variable } : {}) };
    return { ...(isObject(own) ? own : {}), ...place };
  };
  return { ...set(json, ["rows"], undefined), panels: panels.map(convert), schemaVersion: Math.max(16, Number(json.schemaVersion) || 16) };
}

/** New places of panels, by their ids. */
export function place(json: JsonObject, panels: readonly Panel[], places: ReadonlyMap<number, Grid>): JsonObject {
  return flat(panels).reduce((now, one) => {
    const grid = places.get(one.id);
    const same = grid && grid.x === one.grid.x && grid.y === one.grid.y && grid.w === one.grid.w && grid.h === one.grid.h;
    return grid && !same ? set(now, [...one.at, "gridPos"], { ...(at(now, [...one.at, "gridPos"]) as JsonObject | undefined), ...grid }) : now;
  }, json);
}

/** Where all are once one has moved or grown: what is in its way goes down, and then everything up as far as it can. */
export function rearranged(panels: readonly Panel[], id: number, wanted: Grid): Map<number, Grid> {
  const w = Math.min(COLUMNS, Math.max(1, wanted.w));
  const grid = { x: Math.min(COLUMNS - w, Math.max(0, wanted.x)), y: Math.max(0, wanted.y), w, h: Math.max(1, wanted.h) };
  const before = panels.find((one) => one.id === id)?.grid ?? grid;
  // Moved down, it comes after what was below it and now is under it; moved up or aside, before what stands there.
  const under = panels.filter((one) => one.id !== id && one.grid.x < grid.x + grid.w && grid.x < one.grid.x + one.grid.w && one.grid.y < grid.y + grid.h && grid.y < one.grid.y + one.grid.h);
  const passed = under.filter((one) => one.grid.y >= before.y + before.h);
  const down = grid.y > before.y;
  const key = down ? Math.max(grid.y, ...passed.map((one) => one.grid.y)) + 0.5 : Math.min(grid.y, ...under.map((one) => one.grid.y)) - 0.5;
  const items = panels.map((one) => (one.id === id ? { id: one.id, grid, key } : { id: one.id, grid: one.grid, key: one.grid.y }));
  const ordered = [...items].sort((a, b) => a.key - b.key || a.grid.x - b.grid.x).map((item, i) => ({ ...item, grid: { ...item.grid, y: i } }));
  return new Map(compact(ordered).map((item) => [item.id, item.grid]));
}

/** A panel with something to begin with, below all others. */
export function addPanel(json: JsonObject, panels: readonly Panel[], type: PanelType): [JsonObject, number] {
  const id = nextId(panels);
  const y = panels.reduce((most, { grid }) => Math.max(most, grid.y + grid.h), 0);
  const size = type === "row" ? { w: COLUMNS, h: 1 } : type === "stat" || type === "gauge" ? { w: 6, h: 6 } : { w: 12, h: 8 };
  const base: JsonObject = { id, type, title: type === "row" ? "Row" : "New panel", gridPos: { x: 0, y, ...size } };
  const panel: JsonObject =
    type === "row"
      ? { ...base, collapsed: false, panels: [] }
      : type === "text"
        ? { ...base, title: "", options: { mode: "markdown", content: "## A note" } }
        : { ...base, datasource: sourceOf(json), targets: [{ refId: "A", expr: "" }], fieldConfig: { defaults: {}, overrides: [] }, options: {} };
  const list = Array.isArray(json.panels) ? json.panels : [];
  return [{ ...json, panels: [...list, panel] }, id];
}

/** That of the dashboard's own variable, where it has one. */
function sourceOf(json: JsonObject): JsonObject {
  const variables = at(json, ["templating", "list"]);
  const named = Array.isArray(variables) ? variables.find((one): one is JsonObject => isObject(one) && one.type === "datasource" && one.query === "prometheus") : undefined;
  return named ? { type: "prometheus", uid: `\${${String(named.name)}}` } : { type: "prometheus" };
}

/** The same panel once more, beside or below it. */
export function duplicatePanel(json: JsonObject, panels: readonly Panel[], panel: Panel): [JsonObject, number] {
  const id = nextId(panels);
  const own = at(json, panel.at);
  const { grid } = panel;
  const beside = grid.x + 2 * grid.w <= COLUMNS;
  const gridPos = { ...grid, x: beside ? grid.x + grid.w : grid.x, y: beside ? grid.y : grid.y + grid.h };
  const list = Array.isArray(json.panels) ? json.panels : [];
  const copy: JsonObject = { ...(isObject(own) ? own : {}), id, gridPos, title: panel.title ? `${panel.title} (copy)` : "" };
  return [{ ...json, panels: [...list, copy] }, id];
}

export const removePanel = (json: JsonObject, panel: Panel): JsonObject => set(json, panel.at, undefined);

/** A new dashboard. */
export const emptyDashboard = (): JsonObject => ({
  title: "New dashboard",
  tags: [],
  schemaVersion: 41,
  refresh: "10s",
  time: { from: "now-1h", to: "now" },
  templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus", label: "Data source" }] },
  annotations: { list: [] },
  panels: [],
});

/** The looks of an old panel as a panel of today has them: what the server read of it, written down anew. */
export function modernise(json: JsonObject, panel: Panel): JsonObject {
  const own = at(json, panel.at);
  const kept = Object.fromEntries(Object.entries(isObject(own) ? own : {}).filter(([key]) => KEPT.has(key)));
  const fieldConfig = { defaults: fieldJson(panel.field), overrides: (panel.overrides ?? []).flatMap(({ matcher, field }) => (matcher.by === "name" || matcher.by === "regexp" ? [{ matcher: matcher.by === "name" ? { id: "byName", options: matcher.name } : { id: "byRegexp", options: matcher.pattern }, properties: propertiesOf(fieldJson(field)) }] : [])) };
  const { legend, reduce } = panel.options;
  const options: JsonObject = {
    ...(legend ? { legend: { showLegend: legend.show, displayMode: legend.table ? "table" : "list", placement: legend.right ? "right" : "bottom", calcs: legend.calcs } } : {}),
    ...(reduce ? { reduceOptions: { calcs: reduce.calcs, values: reduce.all, fields: reduce.fields } } : {}),
    ...(panel.options.colorMode ? { colorMode: panel.options.colorMode } : {}),
    ...(panel.options.graph ? { graphMode: panel.options.graph } : {}),
    ...(panel.options.content !== undefined ? { content: panel.options.content, mode: panel.options.mode ?? "markdown" } : {}),
    ...(panel.options.yUnit ? { yAxis: { unit: panel.options.yUnit } } : {}),
  };
  return set(json, panel.at, { ...kept, type: panel.type, fieldConfig, options });
}

/** What old and new panels have alike. */
const KEPT = new Set(["id", "title", "description", "gridPos", "datasource", "targets", "links", "repeat", "repeatDirection", "maxPerRow", "interval", "maxDataPoints", "timeFrom", "timeShift", "transparent", "transformations", "libraryPanel"]);

function fieldJson(field: Panel["field"]): JsonObject {
  const json = {
    unit: field.unit,
    decimals: field.decimals,
    min: field.min,
    max: field.max,
    displayName: field.name,
    noValue: field.noValue,
    color: field.color && { mode: field.color.mode, ...(field.color.fixed ? { fixedColor: field.color.fixed } : {}) },
    thresholds: field.thresholds && { mode: field.thresholds.percent ? "percentage" : "absolute", steps: field.thresholds.steps },
    custom: definite({
      drawStyle: field.draw,
      lineInterpolation: field.interpolation,
      lineWidth: field.lineWidth,
      fillOpacity: field.fill,
      showPoints: field.points,
      stacking: field.stacking,
      axisPlacement: field.axis,
      axisLabel: field.axisLabel,
      spanNulls: field.spanGaps === undefined ? undefined : field.spanGaps < 0 ? true : field.spanGaps,
      scaleDistribution: field.log === undefined ? undefined : { type: "log", log: field.log },
      thresholdsStyle: field.thresholdStyle && { mode: field.thresholdStyle === "both" ? "line+area" : field.thresholdStyle },
      align: field.align,
      hidden: field.hidden,
    }),
  };
  const all = definite(json);
  return Object.keys(all.custom as JsonObject).length > 0 ? all : set(all, ["custom"], undefined);
}

const definite = (json: Record<string, unknown>) => Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined)) as JsonObject;

function propertiesOf({ custom, ...rest }: JsonObject): Json[] {
  const list = (json: JsonObject, prefix: string) => Object.entries(json).map(([id, value]) => ({ id: prefix + id, value }));
  return [...list(rest, ""), ...(isObject(custom) ? list(custom, "custom.") : [])];
}

/** Types that have a successor, whose looks are not those of today. */
export const isOld = ({ written }: Panel) => ["graph", "flot", "singlestat", "grafana-singlestat-panel", "table-old", "grafana-piechart-panel"].includes(written);

/** States of a dashboard that one can go back and forth between. */
export interface History {
  states: readonly JsonObject[];
  now: number;
}

const MOST_STATES = 100;

export const begin = (json: JsonObject): History => ({ states: [json], now: 0 });

export function push({ states, now }: History, json: JsonObject): History {
  const kept = [...states.slice(0, now + 1), json].slice(-MOST_STATES);
  return { states: kept, now: kept.length - 1 };
}

export const undo = (history: History): History => ({ ...history, now: Math.max(0, history.now - 1) });
export const redo = (history: History): History => ({ ...history, now: Math.min(history.states.length - 1, history.now + 1) });
