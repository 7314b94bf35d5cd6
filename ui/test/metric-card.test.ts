import { describe, expect, test } from "vitest";
import { figureOf, groupByPrefix } from "../src/model/metric-card";
import { listMetrics } from "../src/model/promql";

const meta = (type: string) => [{ type, help: "", unit: "" }];
const metrics = listMetrics(
  { a_calls_total: meta("counter"), a_seconds: meta("histogram"), b_up: meta("gauge"), target_info: meta("info"), c_size: meta("summary") },
  ["a_calls_total", "a_seconds_bucket", "a_seconds_count", "b_up", "target_info", "c_size_count"],
  new Map([["a_seconds_count", 3], ["b_up", 2]]),
);
const metric = (name: string) => metrics.find((one) => one.name === name)!;

describe("a metric's card", () => {
  test("asks for one figure by the type", () => {
    const expr = (name: string) => figureOf(metric(name), "60s").expr;
    expect(expr("a_calls_total")).toBe("sum (rate(a_calls_total[60s]))");
    expect(expr("a_seconds")).toBe("histogram_quantile(0.95, sum by (le) (rate(a_seconds_bucket[60s])))");
    expect(figureOf(metric("b_up"), "60s")).toMatchObject({ label: "avg", expr: "avg(b_up)" });
    expect(expr("target_info")).toBe("count(target_info)");
    expect(expr("c_size")).toBe("sum(rate(c_size_sum[60s])) / sum(rate(c_size_count[60s]))");
  });

  test("knows how many series there are, a histogram's by its count", () => {
    expect(metrics.map((one) => [one.name, one.series])).toEqual([["a_calls_total", 0], ["a_seconds", 3], ["b_up", 2], ["c_size", 0], ["target_info", 0]]);
  });

  test("stands with those whose name begins alike, one or many; those of no family come last, together", () => {
    expect(groupByPrefix(metrics).map((group) => [group.title, group.metrics.length])).toEqual([["all", 5]]);
    const more = ["job_1", "jobs_2", "job_3", "b_1"].map((name) => ({ ...metric("b_up"), name }));
    expect(groupByPrefix(more).map((group) => [group.title, group.metrics.length])).toEqual([["job", 3], ["other", 1]]);
  });
});
