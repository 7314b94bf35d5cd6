import { describe, expect, it } from "vitest";
import { conditionOf, expressionOf, suggestions } from "../src/model/condition";

describe("an alert's expression as a query and a bound", () => {
  it.each([
    ["up == 0", "up", "==", 0],
    ["rate(errors_total[5m]) > 0.1", "rate(errors_total[5m])", ">", 0.1],
    ["a / b >= 1e-3 # a share", "a / b", ">=", 0.001],
    ["sum by (job) (x)\n  < -5", "sum by (job) (x)", "<", -5],
    ["(queue_depth > 100)", "queue_depth", ">", 100],
    [`x{path=~"a > 5|b"} != +2`, `x{path=~"a > 5|b"}`, "!=", 2],
    ["max(a > 5) > 7", "max(a > 5)", ">", 7],
    ["x[5m:1m] > .5", "x[5m:1m]", ">", 0.5],
  ])("%s", (expr, query, operator, bound) => {
    expect(conditionOf(expr)).toEqual({ query, operator, bound });
  });

  it.each(["", "up", "absent(up)", "a > b", "5 > 3", "a > 5 and b > 3", "a and b > 3", "a or b", "up > bool 5", "a > 5 > 3", "a > 5 + b", "sum(a", "a) > 5", '"a > 5"', "a unless b == 0", "> 5", "up > 5m"])(
    "%s stays whole",
    (expr) => expect(conditionOf(expr)).toBeUndefined(),
  );

  it("is put together again, with parentheses where a query binds less than a comparison", () => {
    expect(expressionOf({ query: " rate(x[5m]) ", operator: ">", bound: 0.1 })).toBe("rate(x[5m]) > 0.1");
    expect(expressionOf({ query: "a / b", operator: "<", bound: 5 })).toBe("a / b < 5");
    expect(expressionOf({ query: "a or b", operator: ">", bound: 1 })).toBe("(a or b) > 1");
    expect(expressionOf({ query: 'a{b="c or d"}', operator: ">", bound: 1 })).toBe('a{b="c or d"} > 1');
    expect(conditionOf(expressionOf({ query: "(a or b)", operator: ">", bound: 1 }))).toEqual({ query: "(a or b)", operator: ">", bound: 1 });
  });
});

describe("bounds that the past speaks for", () => {
  const values = Array.from({ length: 200 }, (_, i) => (i === 199 ? 50 : i / 20));

  it("are what was passed 1 % of the time, and what never was", () => {
    expect(suggestions(values, ">").map(({ bound }) => bound)).toEqual([9.8, 60]);
    expect(suggestions(values, "<").map(({ bound }) => bound)).toEqual([0.1]);
  });

  it("are only the second of a level that never moved, and none of too few values", () => {
    expect(suggestions([5, 5, 5, 5, 5, NaN], ">").map(({ bound }) => bound)).toEqual([6]);
    expect(suggestions([0, 0, 0, 0, 0], ">")).toEqual([]);
    expect(suggestions([1, 2], ">")).toEqual([]);
    expect(suggestions(values, "==")).toEqual([]);
  });
});
