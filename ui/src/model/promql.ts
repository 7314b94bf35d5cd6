/** The query a metric deserves before anybody wrote one, by its type. */
import type { Labels, Metadata, MetricType } from "../api/metrics";
import { unitOf, type Unit } from "../lib/format";

export interface MetricInfo {
  name: string;
  type: MetricType;
  help: string;
  unit: string;
  /** A histogram without `_bucket` series. */
  native: boolean;
  /** It has series in the window. */
  present: boolean;
  /** How many series it has at the end of the window; 0 when that is not known. */
  series: number;
}

export interface Choice {
  /** Labels to group by. */
  by: string[];
  /** `key=value` that must hold. */
  filters: Filter[];
  /** Which statistic of a grouped histogram: `p50`, `p95`, `p99`, `avg`. */
  stat: string;
}

export interface Filter {
  key: string;
  value: string;
}

export interface View {
  title: string;
  /** What one chart draws; the name labels a series that has no labels. */
  queries: { expr: string; name: string }[];
  /** The selector whose exemplars belong on this chart. */
  exemplars: string;
  /** Whether exemplar values share the chart's scale. */
  exemplarsOnScale: boolean;
  perSecond: boolean;
}

const TYPES: Record<string, MetricType> = {
  counter: "counter",
  gauge: "gauge",
  updowncounter: "gauge",
  histogram: "histogram",
  gaugehistogram: "histogram",
  exponentialhistogram: "histogram",
  summary: "summary",
  info: "info",
  stateset: "gauge",
};

/** Joins metadata with the names that have series; the parts of a histogram or summary are hidden behind its own name. */
export function listMetrics(metadata: Record<string, Metadata[]>, names: readonly string[], counts: ReadonlyMap<string, number> = new Map()): MetricInfo[] {
  const present = new Set(names);
  const hidden = new Set<string>();
  const list: MetricInfo[] = [];
  for (const [key, [meta]] of Object.entries(metadata)) {
    if (!meta) continue;
    const type = TYPES[meta.type.toLowerCase()] ?? "unknown";
    const name = type === "counter" && !present.has(key) && present.has(`${key}_total`) ? `${key}_total` : key;
    const parts = type === "histogram" || type === "summary" ? ["_bucket", "_sum", "_count"].map((suffix) => key + suffix) : [];
    [name, key, ...parts].forEach((one) => hidden.add(one));
    const native = type === "histogram" && !present.has(`${key}_bucket`) && present.has(key);
    const has = present.has(name) || parts.some((part) => present.has(part));
    list.push({ name, type, help: meta.help, unit: meta.unit, native, present: has, series: counts.get(name) ?? counts.get(`${name}_count`) ?? 0 });
  }
  for (const name of names) {
    if (!hidden.has(name)) list.push({ name, type: guessType(name), help: "", unit: "", native: false, present: true, series: counts.get(name) ?? 0 });
  }
  return list.sort((a, b) => a.name.localeCompare(b.name));
}

const guessType = (name: string): MetricType => (/_(total|count|bucket)$/.test(name) ? "counter" : "unknown");

const isPlain = (name: string) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);

const quote = (value: string) => `"${value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;

const label = (name: string) => (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name));

/** `name{key="value"}`; a name that Prometheus' old rules forbid goes within the braces. */
export function selector(name: string, filters: readonly Filter[] = []): string {
  const conditions = filters.map(({ key, value }) => `${label(key)}=${quote(value)}`);
  if (!isPlain(name)) return `{${[quote(name), ...conditions].join(",")}}`;
  return conditions.length === 0 ? name : `${name}{${conditions.join(",")}}`;
}

const by = (labels: readonly string[]) => (labels.length > 0 ? ` by (${labels.map(label).join(", ")})` : "");

/** The selector that finds a metric's series, to learn its labels. */
export function seriesSelector(metric: MetricInfo): string {
  if (metric.type === "histogram" && !metric.native) return selector(`${metric.name}_count`);
  return selector(metric.name);
}

export function defaultViews(metric: MetricInfo, choice: Choice, rateWindow: string): View[] {
  switch (metric.type) {
    case "counter":
      return [counterView(metric, choice, rateWindow)];
    case "histogram":
      return [durationView(metric, choice, rateWindow), countView(metric, choice, rateWindow)];
    case "info":
      return [infoView(metric, choice)];
    default:
      return [gaugeView(metric, choice)];
  }
}

function counterView(metric: MetricInfo, choice: Choice, window: string): View {
  const series = selector(metric.name, choice.filters);
  return {
    title: "Rate",
    queries: [{ expr: `sum${by(choice.by)} (rate(${series}[${window}]))`, name: "all" }],
    exemplars: series,
    exemplarsOnScale: false,
    perSecond: true,
  };
}

function gaugeView(metric: MetricInfo, choice: Choice): View {
  const series = selector(metric.name, choice.filters);
  const expr = choice.by.length > 0 ? `avg${by(choice.by)} (${series})` : series;
  return {
    title: choice.by.length > 0 ? "Average value" : "Value",
    queries: [{ expr, name: metric.name }],
    exemplars: series,
    exemplarsOnScale: true,
    perSecond: false,
  };
}

/** Such a metric is always 1: its labels are what it says. */
function infoView(metric: MetricInfo, choice: Choice): View {
  const series = selector(metric.name, choice.filters);
  return {
    title: "How many",
    queries: [{ expr: `count${by(choice.by)} (${series})`, name: "all" }],
    exemplars: "",
    exemplarsOnScale: false,
    perSecond: false,
  };
}

const QUANTILES: Record<string, number> = { p50: 0.5, p95: 0.95, p99: 0.99 };

function durationView(metric: MetricInfo, choice: Choice, window: string): View {
  const buckets = selector(metric.native ? metric.name : `${metric.name}_bucket`, choice.filters);
  const grouping = metric.native ? choice.by : [...choice.by, "le"];
  const quantile = (q: number) => `histogram_quantile(${q}, sum${by(grouping)} (rate(${buckets}[${window}])))`;
  const grouped = choice.by.length > 0;
  const queries = grouped
    ? [{ expr: choice.stat === "avg" ? averageOf(metric, choice, window) : quantile(QUANTILES[choice.stat] ?? 0.95), name: choice.stat }]
    : Object.entries(QUANTILES).map(([name, q]) => ({ expr: quantile(q), name }));
  return {
    title: grouped ? `${choice.stat === "avg" ? "Average" : choice.stat}` : "Quantiles",
    queries,
    exemplars: buckets,
    exemplarsOnScale: true,
    perSecond: false,
  };
}

function averageOf(metric: MetricInfo, choice: Choice, window: string): string {
  if (metric.native) return `histogram_avg(sum${by(choice.by)} (rate(${selector(metric.name, choice.filters)}[${window}])))`;
  const part = (suffix: string) => `sum${by(choice.by)} (rate(${selector(metric.name + suffix, choice.filters)}[${window}]))`;
  return `${part("_sum")} / ${part("_count")}`;
}

function countView(metric: MetricInfo, choice: Choice, window: string): View {
  const series = selector(metric.native ? metric.name : `${metric.name}_count`, choice.filters);
  const rate = `sum${by(choice.by)} (rate(${series}[${window}]))`;
  return {
    title: "Observations a second",
    queries: [{ expr: metric.native ? `histogram_count(${rate})` : rate, name: "all" }],
    exemplars: "",
    exemplarsOnScale: false,
    perSecond: true,
  };
}

/** What a heatmap of a histogram asks for: how many were measured in each bucket, in each step of so many seconds. */
export function heatmapQuery(metric: MetricInfo, filters: readonly Filter[], step: number): string {
  if (metric.native) return `sum (increase(${selector(metric.name, filters)}[${step}s]))`;
  return `sum by (le) (increase(${selector(`${metric.name}_bucket`, filters)}[${step}s]))`;
}

/** About 90 columns, each of two reports at least. */
export const heatmapStep = (spanMs: number, interval: number) => Math.max(Math.ceil(spanMs / 1000 / 90), interval * 2, 2);

/** A chart of a query of one's own. */
export const customView = (expr: string): View => ({
  title: "Query",
  queries: [{ expr, name: expr }],
  exemplars: expr,
  exemplarsOnScale: /histogram_quantile|_bucket/.test(expr),
  perSecond: !/histogram_quantile/.test(expr) && /\bi?rate\(/.test(expr),
});

/** A rate of bytes is bytes a second; of all else, and of how often something was measured, a plain number a second. */
export function unitOfView(metric: MetricInfo, view: Pick<View, "perSecond">): Unit {
  const unit = unitOf(metric.name, metric.unit);
  if (!view.perSecond) return unit;
  return metric.type === "counter" && unit === "bytes" ? "bytes" : "none";
}

/** About 240 points, never finer than a second. */
export const stepFor = (spanMs: number) => Math.max(1, Math.ceil(spanMs / 1000 / 240));

/** Wide enough for four reports of the source and four steps of the chart; a rate over fewer samples has gaps. */
export const rateWindowFor = (step: number, interval: number) => `${Math.max(30, step * 4, interval * 4)}s`;

const INTERVALS = [1, 2, 5, 10, 15, 30, 60, 120, 300];

/** How often a source reports, from the times of its samples, as one of the usual intervals; 15 s when there is nothing to tell. */
export function reportInterval(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  if (gaps.length === 0) return 15;
  const median = gaps[Math.floor(gaps.length / 2)];
  return INTERVALS.find((interval) => interval >= median * 0.9) ?? Math.ceil(median);
}

/** The selector of one series. */
export const seriesOf = ({ __name__: name, ...labels }: Labels) =>
  selector(name ?? "", Object.entries(labels).map(([key, value]) => ({ key, value })));

export interface LabelChoice {
  name: string;
  values: string[];
}

/** Labels that tell series apart, those with a few values first. */
export function labelsOf(series: readonly Labels[]): LabelChoice[] {
  const values = new Map<string, Set<string>>();
  for (const labels of series) {
    for (const [name, value] of Object.entries(labels)) {
      if (name === "__name__" || name === "le" || name === "quantile") continue;
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
  }
  return [...values]
    .map(([name, set]) => ({ name, values: [...set].sort() }))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

/** Labels of a single value tell nothing apart, so they come last. */
const rank = ({ values }: LabelChoice) => (values.length === 1 ? Number.MAX_SAFE_INTEGER : values.length);

/** The label to group by at first: one that splits the series into a handful; whoever sends them comes before how they differ. */
export function defaultGroup(labels: readonly LabelChoice[]): string[] {
  const useful = labels.filter(({ values }) => values.length >= 2 && values.length <= 10);
  const pick = useful.find(({ name }) => name === "job" || name === "service_name") ?? useful.find(({ name }) => name !== "instance");
  return pick ? [pick.name] : [];
}

/** A series' name in a legend: the labels that are left, or the query's name. */
export function seriesName(metric: Labels, fallback: string): string {
  const { __name__: name, ...labels } = metric;
  const entries = Object.entries(labels);
  if (entries.length === 0) return name ?? fallback;
  if (entries.length === 1) return entries[0][1] || `${entries[0][0]}=""`;
  return entries.map(([key, value]) => `${key}=${value}`).join(" ");
}
