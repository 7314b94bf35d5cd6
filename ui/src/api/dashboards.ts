/** `/api/dashboards`: which there are, one as Grafana's JSON and as what is drawn of it, and saving. The shapes are those of the server's model. */
import { ApiError, getJson, sendJson } from "./http";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface DashboardEntry {
  uid: string;
  title: string;
  tags: string[];
  folder: string;
  origin: "provisioned" | "saved" | "shipped";
  file: string;
  editable: boolean;
  revision: string;
}

export interface DashboardFault {
  file: string;
  error: string;
  line?: number;
  column?: number;
}

export interface DashboardList {
  dashboards: DashboardEntry[];
  errors: DashboardFault[];
}

export interface Unsupported {
  path: string;
  what: string;
}

export interface Dashboard {
  uid: string | null;
  title: string;
  description: string;
  tags: string[];
  time: { from: string; to: string };
  refresh: string;
  variables: Variable[];
  panels: Panel[];
  links: PanelLink[];
  unsupported: Unsupported[];
}

export interface Variable {
  name: string;
  label: string;
  type: "query" | "custom" | "interval" | "constant" | "textbox" | "datasource" | "adhoc";
  hide: "nothing" | "label" | "variable";
  source: Source;
  query: string;
  regex: string;
  sort: number;
  multi: boolean;
  includeAll: boolean;
  allValue: string | null;
  options: Choice[];
  current: string[];
  byTime: boolean;
  auto: { count: number; min: string } | null;
  filters: AdhocFilter[];
}

export interface Choice {
  text: string;
  value: string;
}

export interface AdhocFilter {
  key: string;
  operator: string;
  value: string;
}

export type Source = "prometheus" | "loki" | "tempo" | "jaeger";

export type PanelType =
  | "timeseries"
  | "stat"
  | "gauge"
  | "barchart"
  | "bargauge"
  | "piechart"
  | "heatmap"
  | "table"
  | "row"
  | "text"
  | "state-timeline"
  | "logs"
  | "traces"
  | "unsupported";

export interface Grid {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface PanelLink {
  title: string;
  url: string;
  blank: boolean;
  tags?: string[];
}

export interface Panel {
  id: number;
  at: (string | number)[];
  type: PanelType;
  written: string;
  title: string;
  description: string;
  transparent: boolean;
  grid: Grid;
  repeat?: { variable: string; vertical: boolean; mostPerRow: number };
  links?: PanelLink[];
  targets?: Target[];
  interval?: string;
  maxPoints?: number;
  timeFrom?: string;
  timeShift?: string;
  field: FieldConfig;
  overrides?: { matcher: FieldMatcher; field: FieldConfig }[];
  options: PanelOptions;
  transformations?: Transformation[];
  collapsed?: boolean;
  panels?: Panel[];
  unsupported?: Unsupported[];
}

export interface Target {
  refId: string;
  source: Source;
  expr: string;
  legend: string;
  format: "series" | "table" | "heatmap";
  instant: boolean;
  range: boolean;
  interval: string;
  factor: number;
  hide: boolean;
  exemplars: boolean;
  limit?: number;
}

export interface ColorConfig {
  mode: string;
  fixed?: string;
  by?: string;
}

export interface ThresholdsConfig {
  percent: boolean;
  steps: { value: number | null; color: string }[];
}

interface MappingResult {
  text?: string | null;
  color?: string | null;
}

export type Mapping = MappingResult &
  ({ type: "value"; value: string } | { type: "range"; from: number | null; to: number | null } | { type: "regex"; pattern: string } | { type: "special"; which: string });

export interface FieldConfig {
  unit?: string;
  decimals?: number;
  min?: number;
  max?: number;
  name?: string;
  color?: ColorConfig;
  thresholds?: ThresholdsConfig;
  mappings?: Mapping[];
  noValue?: string;
  links?: PanelLink[];
  draw?: "line" | "bars" | "points";
  interpolation?: "linear" | "smooth" | "stepBefore" | "stepAfter";
  lineWidth?: number;
  fill?: number;
  lineStyle?: "solid" | "dash" | "dot";
  points?: "auto" | "never" | "always";
  pointSize?: number;
  spanGaps?: number;
  stacking?: { mode: "none" | "normal" | "percent"; group: string };
  axis?: "auto" | "left" | "right" | "hidden";
  axisLabel?: string;
  softMin?: number;
  softMax?: number;
  log?: number;
  thresholdStyle?: "off" | "line" | "area" | "both";
  transform?: "negative" | "constant";
  fillBelow?: string;
  hideChart?: boolean;
  hideLegend?: boolean;
  hideTooltip?: boolean;
  width?: number;
  align?: "auto" | "left" | "center" | "right";
  cell?: "text" | "color-text" | "color-background" | "gauge" | "gradient-gauge" | "lcd-gauge" | "json";
  hidden?: boolean;
}

export type FieldMatcher =
  | { by: "name"; name: string }
  | { by: "names"; names: string[]; exclude: boolean }
  | { by: "regexp"; pattern: string }
  | { by: "type"; name: string }
  | { by: "query"; refId: string }
  | { by: "value"; calc: string; operator: string; value: number };

export interface LegendOptions {
  show: boolean;
  table: boolean;
  right: boolean;
  calcs: string[];
  sortBy?: string;
  sortDesc: boolean;
}

export interface PanelOptions {
  legend?: LegendOptions;
  tooltip?: "single" | "multi" | "none";
  reduce?: { calcs: string[]; all: boolean; limit?: number; fields: string };
  orientation?: "auto" | "horizontal" | "vertical";
  colorMode?: "none" | "value" | "background";
  graph?: "none" | "area";
  text?: "auto" | "value" | "value_and_name" | "name" | "none";
  justify?: "auto" | "center";
  thresholdMarkers?: boolean;
  thresholdLabels?: boolean;
  display?: "basic" | "gradient" | "lcd";
  donut?: boolean;
  pieLabels?: string[];
  xField?: string;
  stacking?: "none" | "normal" | "percent";
  showValue?: "auto" | "always" | "never";
  merge?: boolean;
  header?: boolean;
  sort?: { field: string; desc: boolean }[];
  content?: string;
  mode?: "markdown" | "html" | "code" | "text";
  calculate?: boolean;
  yUnit?: string;
  yDecimals?: number;
  yMin?: number;
  yMax?: number;
  cellUnit?: string;
  scheme?: string;
  newestFirst?: boolean;
  wrap?: boolean;
  showTime?: boolean;
}

export interface Transformation {
  id: string;
  options: JsonObject;
}

export interface Read {
  model: Dashboard;
  dashboard: JsonObject;
}

export interface LoadedDashboard extends DashboardEntry, Read {}

export interface Saved {
  uid: string;
  revision: string;
}

const place = (uid: string) => `/api/dashboards/${encodeURIComponent(uid)}`;
const ifMatch = (revision: string) => ({ "if-match": `"${revision}"` });

export const fetchDashboards = (signal?: AbortSignal) => getJson<DashboardList>("/api/dashboards", {}, signal);

export const fetchDashboard = (uid: string, signal?: AbortSignal) => getJson<LoadedDashboard>(place(uid), {}, signal);

/** What would be drawn of a JSON that is not saved; a text may be anything that somebody pasted. */
export const readDashboard = (json: JsonObject | string, signal?: AbortSignal) => sendJson<Read>("POST", "/api/dashboards/read", json, {}, signal);

export const createDashboard = (json: JsonObject) => sendJson<Saved>("POST", "/api/dashboards", json);

export const replaceDashboard = (uid: string, json: JsonObject, revision: string) => sendJson<Saved>("PUT", place(uid), json, ifMatch(revision));

export const deleteDashboard = (uid: string, revision: string) => sendJson<undefined>("DELETE", place(uid), undefined, ifMatch(revision));

/** Somebody else saved it meanwhile. */
export const isChanged = (error: unknown) => error instanceof ApiError && error.status === 412;
