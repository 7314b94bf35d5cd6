import { describe, expect, test } from "vitest";
import type { Variable } from "../../src/api/dashboards";
import { withFilters } from "../../src/model/dashboard/adhoc";
import { ALL, choose, filterValues, interpolate, parseInterval, single, sortChoices, stepFor, timeScope, usedIn, windowOfTexts, writeInterval, type Chosen } from "../../src/model/dashboard/variables";

const several = (values: string[], more: Partial<Chosen> = {}): Chosen => ({ values, texts: values, all: false, allValue: null, multi: true, ...more });
const scope = new Map<string, Chosen>([
  ["job", single("api")],
  ["node", several(["a.b", "c"])],
  ["every", several(["x", "y"], { all: true, allValue: ".*", texts: ["All"] })],
]);

describe("variables in a text", () => {
  test("stand as $x, ${x} and [[x]], and what is not known stays", () => {
    expect(interpolate("$job ${job} [[job]] $jobs ${other} $1", scope)).toBe("api api api $jobs ${other} $1");
  });

  test("are written in the format they ask for", () => {
    const formats: Record<string, string> = {
      regex: "(a\\.b|c)",
      pipe: "a.b|c",
      csv: "a.b,c",
      json: '["a.b","c"]',
      singlequote: "'a.b','c'",
      doublequote: '"a.b","c"',
      glob: "{a.b,c}",
      raw: "a.b,c",
      text: "a.b + c",
      percentencode: "%7Ba.b%2Cc%7D",
      queryparam: "var-node=a.b&var-node=c",
    };
    for (const [format, written] of Object.entries(formats)) {
      const text = format === "queryparam" ? "${node:queryparam:node}" : `\${node:${format}}`;
      expect(interpolate(text, scope), format).toBe(written);
    }
    expect(interpolate("[[node:pipe]]", scope)).toBe("a.b|c");
  });

  test("are patterns in PromQL once there may be several", () => {
    expect(interpolate('up{job=~"$node"}', scope, "promql")).toBe('up{job=~"(a\\\\.b|c)"}');
    expect(interpolate('up{job="$job"}', scope, "promql")).toBe('up{job="api"}');
  });

  test("are what stands for all of them, when all are chosen", () => {
    expect(interpolate("$every ${every:regex} ${every:text}", scope)).toBe(".* .* All");
  });

  test("name those that a text needs", () => {
    expect(usedIn("label_values(up{job=\"$job\"}, ${node:csv}) [[other]]")).toEqual(["job", "node", "other"]);
  });
});

describe("time", () => {
  test("intervals are read and written", () => {
    expect(["30s", "1m", "1h30m", "500ms", "2d", "x", ""].map(parseInterval)).toEqual([30, 60, 5400, 0.5, 172800, undefined, undefined]);
    expect([0.5, 90, 120, 3600, 86400].map(writeInterval)).toEqual(["500ms", "90s", "2m", "1h", "1d"]);
  });

  test("a step is round, fits the points there are, and is not finer than asked for", () => {
    const hour = { start: 0, end: 3600_000 };
    expect(stepFor(hour, 240)).toBe(15);
    expect(stepFor(hour, 240, 60)).toBe(60);
    expect(stepFor({ start: 0, end: 1000 }, 240)).toBe(1);
  });

  test("a rate is taken over four reports at least", () => {
    const of = (step: number, least?: number) => new Map(timeScope({ start: 0, end: 600_000 }, step, least)).get("__rate_interval")!.values[0];
    expect([of(5), of(60), of(5, 30)]).toEqual(["1m", "75s", "2m"]);
  });

  test("a window is written as now and before", () => {
    const now = Date.parse("2026-11-22T10:30:00");
    expect(windowOfTexts("now-6h", "now", now)).toEqual({ start: now - 6 * 3600e3, end: now });
    expect(windowOfTexts("now/d", "now/d", now)).toEqual({ start: Date.parse("2026-11-22T00:00:00"), end: now });
    expect(windowOfTexts("now", "now-1h", now)).toBeUndefined();
    expect(windowOfTexts("1700000000000", "1700003600000", now)).toEqual({ start: 1700000000000, end: 1700003600000 });
  });
});

describe("choices", () => {
  const variable = (more: Partial<Variable>): Variable => ({ name: "x", label: "", type: "query", hide: "nothing", source: "prometheus", query: "", regex: "", sort: 0, multi: false, includeAll: false, allValue: null, options: [], current: [], byTime: false, auto: null, filters: [], ...more });
  const choices = ["a", "b"].map((value) => ({ text: value, value }));

  test("a regular expression takes a part of each value, once", () => {
    expect(filterValues(["a:1", "a:2", "b:1", "-"], "/(\\w+):.*/").map(({ value }) => value)).toEqual(["a", "b"]);
    expect(filterValues(["name=x id=7"], "/name=(?<text>\\w+) id=(?<value>\\d+)/")).toEqual([{ text: "x", value: "7" }]);
    expect(filterValues(["a"], "(((").map(({ value }) => value), "a pattern that is none takes all").toEqual(["a"]);
  });

  test("orders are Grafana's", () => {
    const list = ["b10", "B2", "a1"].map((text) => ({ text, value: text }));
    const order = (sort: number) => sortChoices(list, sort).map(({ text }) => text);
    expect([order(0), order(1), order(2), order(3), order(4), order(5)]).toEqual([["b10", "B2", "a1"], ["B2", "a1", "b10"], ["b10", "a1", "B2"], ["a1", "B2", "b10"], ["b10", "B2", "a1"], ["a1", "b10", "B2"]]);
  });

  test("the address counts for more than the file, and the first for those that are gone", () => {
    expect(choose(variable({ current: ["b"] }), choices, []).values).toEqual(["b"]);
    expect(choose(variable({ current: ["b"] }), choices, ["a"]).values).toEqual(["a"]);
    expect(choose(variable({ current: ["gone"] }), choices, []).values).toEqual(["a"]);
    expect(choose(variable({ multi: true }), choices, ["b", "a"]).values).toEqual(["b", "a"]);
    expect(choose(variable({ multi: true, includeAll: true }), choices, [ALL])).toMatchObject({ values: ["a", "b"], all: true, texts: ["All"] });
  });
});

test("conditions stand in every selector of a query, and nowhere else", () => {
  const filters = [{ key: "job", operator: "=", value: 'a"b' }];
  const cases: [string, string][] = [
    ["up", 'up{job="a\\"b"}'],
    ['sum by (job) (rate(x{a="{"}[5m])) / on (le) group_left () y offset 5m', 'sum by (job) (rate(x{a="{",job="a\\"b"}[5m])) / on (le) group_left () y{job="a\\"b"} offset 5m'],
    ["histogram_quantile(0.9, sum(rate(b_bucket[1m])) by (le)) > bool 1e3", 'histogram_quantile(0.9, sum(rate(b_bucket{job="a\\"b"}[1m])) by (le)) > bool 1e3'],
    ['label_replace(a, "x", "$1", "y", "(.*)") and b # c', 'label_replace(a{job="a\\"b"}, "x", "$1", "y", "(.*)") and b{job="a\\"b"} # c'],
    ["{x=\"1\"}", '{x="1",job="a\\"b"}'],
  ];
  for (const [before, after] of cases) expect(withFilters(before, filters)).toBe(after);
  expect(withFilters("up", [{ key: "a b", operator: "=", value: "" }])).toBe("up");
});
