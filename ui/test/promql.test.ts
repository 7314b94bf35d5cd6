import { describe, expect, test } from "vitest";
import { defaultGroup, defaultViews, heatmapQuery, heatmapStep, labelsOf, listMetrics, rateWindowFor, reportInterval, selector, seriesName, seriesOf, stepFor, type MetricInfo } from "../src/model/promql";
import { alignToStep } from "../src/api/metrics";

const metric = (name: string, type: MetricInfo["type"], native = false): MetricInfo => ({ name, type, native, help: "", unit: "", present: true, series: 0 });
const plain = { by: [], filters: [], stat: "p95" };
const exprs = (info: MetricInfo, choice: Parameters<typeof defaultViews>[1] = plain) => defaultViews(info, choice, "60s").map((view) => view.queries.map((query) => query.expr));

describe("the default query of a metric", () => {
  test("a counter is a rate, summed by the chosen labels", () => {
    const choice = { ...plain, by: ["job", "status"], filters: [{ key: "job", value: "worker" }] };
    expect(exprs(metric("runs_total", "counter"), choice)).toEqual([['sum by (job, status) (rate(runs_total{job="worker"}[60s]))']]);
  });

  test("a gauge is its value, averaged once it is grouped", () => {
    expect(exprs(metric("lag", "gauge"))).toEqual([["lag"]]);
    expect(exprs(metric("lag", "gauge"), { ...plain, by: ["job"] })).toEqual([["avg by (job) (lag)"]]);
  });

  test("a histogram is three quantiles and the rate of its count", () => {
    expect(exprs(metric("d_seconds", "histogram"))).toEqual([
      [0.5, 0.95, 0.99].map((q) => `histogram_quantile(${q}, sum by (le) (rate(d_seconds_bucket[60s])))`),
      ["sum (rate(d_seconds_count[60s]))"],
    ]);
  });

  test("a grouped histogram is one statistic by group", () => {
    const [quantile] = exprs(metric("d_seconds", "histogram"), { ...plain, by: ["job"], stat: "p99" });
    expect(quantile).toEqual(["histogram_quantile(0.99, sum by (job, le) (rate(d_seconds_bucket[60s])))"]);
    const [average] = exprs(metric("d_seconds", "histogram"), { ...plain, by: ["job"], stat: "avg" });
    expect(average).toEqual(["sum by (job) (rate(d_seconds_sum[60s])) / sum by (job) (rate(d_seconds_count[60s]))"]);
  });

  test("a native histogram needs no buckets", () => {
    expect(exprs(metric("d_seconds", "histogram", true))).toEqual([
      [0.5, 0.95, 0.99].map((q) => `histogram_quantile(${q}, sum (rate(d_seconds[60s])))`),
      ["histogram_count(sum (rate(d_seconds[60s])))"],
    ]);
  });
});

test("values are quoted and names outside Prometheus' old rules go within the braces", () => {
  expect(selector("up", [{ key: "path", value: 'a"b\\c\n' }])).toBe('up{path="a\\"b\\\\c\\n"}');
  expect(selector("http.server.duration", [{ key: "http.route", value: "/" }])).toBe('{"http.server.duration","http.route"="/"}');
});

test("the list hides a histogram's parts, tells native ones, and keeps names without metadata", () => {
  const list = listMetrics(
    {
      d_seconds: [{ type: "histogram", help: "classic", unit: "" }],
      n_seconds: [{ type: "histogram", help: "native", unit: "" }],
      runs: [{ type: "counter", help: "", unit: "" }],
      gone: [{ type: "gauge", help: "", unit: "" }],
    },
    ["d_seconds_bucket", "d_seconds_count", "d_seconds_sum", "n_seconds", "runs_total", "stray"],
  );
  expect(list.map(({ name, type, native, present }) => [name, type, native, present])).toEqual([
    ["d_seconds", "histogram", false, true],
    ["gone", "gauge", false, false],
    ["n_seconds", "histogram", true, true],
    ["runs_total", "counter", false, true],
    ["stray", "unknown", false, true],
  ]);
});

test("grouping starts with the job when there are several, never with a label of one value", () => {
  const labels = labelsOf([
    { __name__: "x", job: "a", status: "ok", instance: "1", le: "1" },
    { __name__: "x", job: "a", status: "failed", instance: "2" },
  ]);
  expect(labels.map((label) => label.name)).toEqual(["instance", "status", "job"]);
  expect(defaultGroup(labels)).toEqual(["status"]);
  expect(defaultGroup(labelsOf([{ job: "a", status: "ok" }, { job: "b", status: "failed" }]))).toEqual(["job"]);
  expect(defaultGroup([])).toEqual([]);
});

test("a series is named by the labels it has left", () => {
  expect(seriesName({}, "p95")).toBe("p95");
  expect(seriesName({ __name__: "up" }, "q")).toBe("up");
  expect(seriesName({ job: "worker" }, "q")).toBe("worker");
  expect(seriesName({ job: "worker", status: "ok" }, "q")).toBe("job=worker status=ok");
});

test("the window of a rate holds four reports of the source, however it jitters", () => {
  expect([[], [5], [0, 60.2, 119.9, 180.1], [0, 1.1, 2, 3, 900], [0, 400]].map(reportInterval)).toEqual([15, 15, 60, 1, 400]);
  expect([rateWindowFor(4, 1), rateWindowFor(4, 60), rateWindowFor(360, 15)]).toEqual(["30s", "240s", "1440s"]);
  expect(seriesOf({ __name__: "runs_total", job: "a" })).toBe('runs_total{job="a"}');
});

test("a step is whole seconds, and the ends of a range query lie on it", () => {
  expect([1000, 900_000, 86_400_000].map(stepFor)).toEqual([1, 4, 360]);
  expect(alignToStep({ start: 1_003_000, end: 1_009_000 }, 4)).toEqual({ start: 1000, end: 1012 });
});

describe("the heatmap of a histogram", () => {
  test("asks for what came in each step, by bucket where it has bounds, as a whole where it is native", () => {
    const where = [{ key: "job", value: "shop" }];
    expect(heatmapQuery(metric("took_seconds", "histogram"), where, 10)).toBe('sum by (le) (increase(took_seconds_bucket{job="shop"}[10s]))');
    expect(heatmapQuery(metric("took_seconds", "histogram", true), [], 10)).toBe("sum (increase(took_seconds[10s]))");
  });

  test("has about ninety steps, each of two reports at least", () => {
    expect(heatmapStep(900_000, 2)).toBe(10);
    expect(heatmapStep(900_000, 30)).toBe(60);
    expect(heatmapStep(1000, 0)).toBe(2);
  });
});
