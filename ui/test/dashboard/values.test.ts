import { describe, expect, test } from "vitest";
import type { FieldConfig } from "../../src/api/dashboards";
import { cssColor } from "../../src/model/dashboard/colors";
import { configure, show, thresholdColor, thresholdValues } from "../../src/model/dashboard/field";
import { figuresOf, partOf } from "../../src/model/dashboard/figures";
import { field, legendOf, nameOf, type Frame } from "../../src/model/dashboard/frames";
import { reduce } from "../../src/model/dashboard/reduce";
import { formatText, isKnownUnit } from "../../src/model/dashboard/units";

describe("units", () => {
  test("are written as Grafana writes them", () => {
    const cases: [number, string, number | undefined, string][] = [
      [1234, "none", undefined, "1234"],
      [1234, "short", undefined, "1.23 K"],
      [2_500_000, "short", 1, "2.5 Mil"],
      [1536, "bytes", undefined, "1.5 KiB"],
      [1500, "decbytes", undefined, "1.5 kB"],
      [1500, "Bps", undefined, "1.5 kB/s"],
      [0.25, "percentunit", undefined, "25%"],
      [99.95, "percent", 1, "100.0%"],
      [0.0123, "s", undefined, "12.3 ms"],
      [90, "s", undefined, "1.5 min"],
      [1500, "ms", undefined, "1.5 s"],
      [7200, "s", 0, "2 hour"],
      [12, "ops", undefined, "12 ops/s"],
      [3600 + 61, "dthms", undefined, "01:01:01"],
      [90_061, "dtdurations", undefined, "1 day, 1 hour"],
      [5, "currencyUSD", 2, "$5.00"],
      [5, "suffix:req", undefined, "5 req"],
      [1500, "si:V", undefined, "1.5 kV"],
      [3, "widgets", undefined, "3 widgets"],
      [0, "s", undefined, "0 s"],
      [-0.0001, "none", 1, "0.0"],
      [Infinity, "s", undefined, "∞"],
    ];
    for (const [value, unit, decimals, text] of cases) expect(formatText(value, unit, decimals), `${value} ${unit}`).toBe(text);
    expect(["bytes", "suffix:x", "widgets"].map(isKnownUnit)).toEqual([true, true, false]);
  });
});

describe("figures of values", () => {
  const values = [1, null, 5, 3, null];
  test("leave out what is missing, unless they are about it", () => {
    const cases = { lastNotNull: 3, last: null, firstNotNull: 1, min: 1, max: 5, mean: 3, sum: 9, count: 5, range: 4, diff: 2, median: 3, p50: 3, avg: 3, current: 3, allIsZero: false };
    for (const [calc, expected] of Object.entries(cases)) expect(reduce(calc, values), calc).toBe(expected);
    expect(reduce("delta", [5, 7, 1, 2])).toBe(4);
    expect(reduce("max", [null])).toBe(null);
  });
});

describe("thresholds and mappings", () => {
  const config: FieldConfig = { min: 0, max: 200, thresholds: { percent: true, steps: [{ value: null, color: "green" }, { value: 50, color: "orange" }, { value: 80, color: "#ff0000" }] } };

  test("a step counts from its value on, of the scale where they are percents", () => {
    expect([99, 100, 160].map((value) => thresholdColor(value, config, false))).toEqual([cssColor("green", false), cssColor("orange", false), "#ff0000"]);
    expect(thresholdValues(config, [0, 1])).toEqual([{ value: 100, color: "orange" }, { value: 160, color: "#ff0000" }]);
  });

  test("a mapping says what is written and in which colour", () => {
    const mapped: FieldConfig = {
      unit: "s",
      noValue: "nothing",
      mappings: [
        { type: "value", value: "1", text: "up", color: "green" },
        { type: "range", from: 10, to: null, text: "many" },
        { type: "regex", pattern: "^a(.*)$", text: "<$1>" },
        { type: "special", which: "nan", text: "?" },
        { type: "value", value: "2", color: "red" },
      ],
    };
    const written = (value: number | string | null) => show(value, mapped, false).text;
    expect([written(1), written(11), written("abc"), written(NaN), written(null), written(5)]).toEqual(["up", "many", "<bc>", "?", "nothing", "5"]);
    expect(show(1, mapped, false).color).toBe(cssColor("green", false));
    expect(show(2, mapped, false)).toMatchObject({ text: "2", color: cssColor("red", false), mapped: true });
  });

  test("colours are names, or written out, and nothing else", () => {
    expect(cssColor("dark-red", true)).toMatch(/^oklch\(/);
    expect(cssColor("rgba(245, 54, 54, 0.9)", true)).toBe("rgba(245, 54, 54, 0.9)");
    expect(cssColor("url(https://example.org)", true)).toBeUndefined();
    expect(cssColor("red; background: url(x)", true)).toBeUndefined();
  });
});

describe("fields", () => {
  const series = (name: string, values: (number | null)[], labels = {}): Frame => ({ refId: "A", fields: [field("Time", "time", values.map((_, i) => i * 1000)), field("Value", "number", values, { display: name, labels, refId: "A" })] });

  test("are called by their legend, their labels or their configuration", () => {
    expect(legendOf({ __name__: "up", job: "a" }, "{{job}} is {{ missing }}", "")).toBe("a is ");
    expect(legendOf({ __name__: "up", job: "a" }, "", "")).toBe('up{job="a"}');
    expect(legendOf({}, "", "1 + 1")).toBe("1 + 1");
    expect(nameOf(field("Value", "number", [], { labels: { job: "a" }, config: { name: "of ${__field.labels.job}" } }))).toBe("of a");
  });

  test("are configured by what fits them, later overrides over earlier ones", () => {
    const panel = {
      field: { unit: "s", decimals: 1 },
      overrides: [
        { matcher: { by: "regexp" as const, pattern: "/^p9/" }, field: { unit: "ms" } },
        { matcher: { by: "name" as const, name: "p99" }, field: { decimals: 0 } },
        { matcher: { by: "query" as const, refId: "B" }, field: { unit: "bytes" } },
        { matcher: { by: "value" as const, calc: "max", operator: "gt", value: 8 }, field: { hideChart: true } },
      ],
    };
    const configs = configure([series("p99", [1]), series("p90", [9]), series("other", [1])], panel).map((frame) => frame.fields[1].config);
    expect(configs).toEqual([{ unit: "ms", decimals: 0 }, { unit: "ms", decimals: 1, hideChart: true }, { unit: "s", decimals: 1 }]);
  });

  test("become a figure each, on a scale", () => {
    const [one, two] = figuresOf([series("a", [1, 4]), series("b", [null])], { options: { reduce: { calcs: ["mean"], all: false, fields: "" } } }, false);
    expect([one.name, one.value, one.shown.text, partOf(one)]).toEqual(["a", 2.5, "2.5", 0.625]);
    expect([two.value, two.shown.text, partOf(two)]).toEqual([null, "–", 0]);
  });
});
