/** The one figure that says most about a metric, and how metrics fall into groups. */
import { customView, defaultViews, selector, type MetricInfo, type View } from "./promql";

export interface Figure {
  /** What the figure is, when the metric's name does not say it. */
  label: string;
  expr: string;
  view: Pick<View, "perSecond">;
}

const ALL = { by: [], filters: [], stat: "p95" };

export function figureOf(metric: MetricInfo, rateWindow: string): Figure {
  const name = selector(metric.name);
  switch (metric.type) {
    case "counter":
      return { label: "", expr: defaultViews(metric, ALL, rateWindow)[0].queries[0].expr, view: { perSecond: true } };
    case "histogram": {
      const p95 = defaultViews(metric, ALL, rateWindow)[0].queries.find((query) => query.name === "p95");
      return { label: "p95", expr: p95?.expr ?? name, view: { perSecond: false } };
    }
    case "summary": {
      const rate = (suffix: string) => `sum(rate(${selector(metric.name + suffix)}[${rateWindow}]))`;
      return { label: "avg", expr: `${rate("_sum")} / ${rate("_count")}`, view: { perSecond: false } };
    }
    case "info":
      return { label: "how many", expr: `count(${name})`, view: { perSecond: false } };
    default:
      return { label: metric.series > 1 ? "avg" : "", expr: `avg(${name})`, view: customView(name) };
  }
}

export interface Group {
  title: string;
  metrics: MetricInfo[];
}

const OTHERS = "other";
/** Fewer are no family. */
const FAMILY = 3;

/** `pipelines_matched` and `pipeline_runs` are one family. */
const prefixOf = (name: string) => (/^[a-zA-Z0-9]+/.exec(name)?.[0] ?? name).replace(/(?<=[a-z]{3})s$/, "");

/** By the first word of the name, which is what programs call a family of metrics; those of no family come last, together. */
export function groupByPrefix(metrics: readonly MetricInfo[]): Group[] {
  const groups = new Map<string, MetricInfo[]>();
  for (const metric of metrics) {
    const prefix = prefixOf(metric.name);
    groups.set(prefix, [...(groups.get(prefix) ?? []), metric]);
  }
  const families = [...groups].filter(([, list]) => list.length >= FAMILY).map(([title, list]) => ({ title, metrics: list }));
  const others = [...groups.values()].filter((list) => list.length < FAMILY).flat();
  return others.length > 0 ? [...families, { title: families.length > 0 ? OTHERS : "all", metrics: others }] : families;
}
