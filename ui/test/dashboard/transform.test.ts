import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/api/dashboards";
import { bucketFrame, seriesFrames, tableFrame } from "../../src/model/dashboard/answers";
import { field, nameOf, type Frame, type Value } from "../../src/model/dashboard/frames";
import { transform } from "../../src/model/dashboard/transform";

const table = (columns: Record<string, Value[]>, refId = "A"): Frame => ({
  refId,
  fields: Object.entries(columns).map(([name, values]) => field(name, name === "Time" ? "time" : typeof values.find((value) => value !== null) === "number" ? "number" : "string", values, { refId })),
});
const plain = (frame: Frame) => Object.fromEntries(frame.fields.map((one) => [nameOf(one), one.values]));
const done = (frames: Frame[], id: string, options: JsonObject = {}) => transform(frames, [{ id, options }]).map(plain);

const naming = { refId: "A", expr: "x", legend: "", fill: (text: string) => text };

describe("answers", () => {
  const data = { resultType: "matrix" as const, result: [{ metric: { job: "a" }, values: [[1, "2"], [2, "NaN"]] }, { metric: { job: "b", x: "y" }, values: [[1, "+Inf"]] }] };

  test("are a table each, or one of all labels", () => {
    expect(seriesFrames(data, { ...naming, legend: "{{job}}!" }).map(plain)).toEqual([{ Time: [1000, 2000], "a!": [2, NaN] }, { Time: [1000], "b!": [Infinity] }]);
    expect(tableFrame(data, naming, true).map(plain)).toEqual([{ Time: [1000, 2000, 1000], job: ["a", "a", "b"], x: [null, null, "y"], "Value #A": [2, NaN, Infinity] }]);
    expect(seriesFrames({ resultType: "scalar", result: [1, "3"] }, naming).map(plain)).toEqual([{ Time: [1000], x: [3] }]);
  });

  test("of buckets are what is in each alone", () => {
    const bucket = (le: string, value: string) => ({ metric: { le }, values: [[1, value]] });
    expect(bucketFrame({ resultType: "matrix", result: [bucket("+Inf", "9"), bucket("0.1", "2"), bucket("1", "7")] }, naming).map(plain)).toEqual([{ Time: [1000], "0.1": [2], "1": [5], "+Inf": [2] }]);
  });
});

describe("transformations", () => {
  test("organize leaves out, orders and renames", () => {
    const options = { excludeByName: { Time: true }, indexByName: { b: 0, a: 1 }, renameByName: { a: "A!" } };
    const [frame] = done([table({ Time: [1], a: [2], b: [3] })], "organize", options);
    expect(Object.entries(frame)).toEqual([["b", [3]], ["A!", [2]]]);
  });

  test("reduce makes a row a series", () => {
    expect(done([table({ Time: [1, 2], a: [2, 4] }), table({ Time: [1], b: [5] })], "reduce", { reducers: ["mean", "last"] })).toEqual([{ Field: ["a", "b"], Mean: [3, 5], Last: [4, 5] }]);
  });

  test("merge puts rows together that agree", () => {
    const [a, b] = [table({ job: ["x", "y"], A: [1, 2] }), table({ job: ["y", "z"], B: [3, 4] }, "B")];
    expect(done([a, b], "merge")).toEqual([{ job: ["x", "y", "z"], A: [1, 2, null], B: [null, 3, 4] }]);
  });

  test("joins by a field, by time where none is named", () => {
    const frames = [table({ Time: [1, 2], a: [1, 2] }), table({ Time: [2, 3], b: [3, 4] })];
    expect(done(frames, "joinByField")).toEqual([{ Time: [1, 2, 3], a: [1, 2, null], b: [null, 3, 4] }]);
    expect(done(frames, "joinByField", { mode: "inner" })).toEqual([{ Time: [2], a: [2], b: [3] }]);
  });

  test("calculates from two fields, or over a row", () => {
    const frame = table({ a: [6, 8], b: [2, null] });
    const binary = { mode: "binary", alias: "q", binary: { left: "a", operator: "/", right: "b" } };
    expect(done([frame], "calculateField", binary)[0].q).toEqual([3, null]);
    expect(done([frame], "calculateField", { mode: "binary", binary: { left: { matcher: { id: "byName", options: "a" } }, operator: "*", right: { fixed: "2" } } })[0]["a * 2"]).toEqual([12, 16]);
    expect(done([frame], "calculateField", { reduce: { reducer: "sum" }, replaceFields: true })).toEqual([{ Total: [8, 8] }]);
  });

  test("filters, sorts, limits and renames", () => {
    const frame = table({ name: ["b", "a", "c"], up_x: [2, 3, null] });
    expect(done([frame], "filterFieldsByName", { include: { pattern: "/^up/" } })).toEqual([{ up_x: [2, 3, null] }]);
    expect(done([frame], "filterFieldsByName", { exclude: { names: ["up_x"] } })).toEqual([{ name: ["b", "a", "c"] }]);
    expect(done([frame], "sortBy", { sort: [{ field: "name", desc: true }] })[0].name).toEqual(["c", "b", "a"]);
    expect(done([frame], "limit", { limitField: "2" })[0].name).toEqual(["b", "a"]);
    expect(Object.keys(done([frame], "renameByRegex", { regex: "up_(.*)", renamePattern: "$1 is up" })[0])).toEqual(["name", "x is up"]);
    expect(done([frame, table({ a: [1] }, "B")], "filterByRefId", { include: "B" })).toEqual([{ a: [1] }]);
  });

  test("labels become columns, groups become rows", () => {
    const series = (job: string, value: number): Frame => ({ refId: "A", fields: [field("Time", "time", [1]), field("Value", "number", [value], { labels: { job }, display: job })] });
    expect(done([series("a", 1), series("b", 2)], "labelsToFields")).toEqual([{ Time: [1, 1], job: ["a", "b"], Value: [1, 2] }]);
    const options = { fields: { job: { operation: "groupby" }, v: { operation: "aggregate", aggregations: ["sum"] } } };
    expect(done([table({ job: ["a", "b", "a"], v: [1, 2, 3] })], "groupBy", options)).toEqual([{ job: ["a", "b"], "v (sum)": [4, 2] }]);
  });

  test("follow one another, and one that is not known changes nothing", () => {
    const frames = transform([table({ a: [3, 1, 2] })], [{ id: "sortBy", options: { sort: [{ field: "a" }] } }, { id: "nothing", options: {} }, { id: "limit", options: { limitField: 1 } }]);
    expect(frames.map(plain)).toEqual([{ a: [1] }]);
  });
});
