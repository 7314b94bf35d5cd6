import { expect, test } from "vitest";
import { boxAt, flameOf, neighbour } from "../src/model/trace-flame";
import { build, row } from "./traces";

const trace = build([
  { id: "a", at: 0, takes: 100, operation: "serve" },
  { id: "b", parent: "a", at: 0, takes: 20, operation: "query", service: "db" },
  { id: "c", parent: "a", at: 30, takes: 30, operation: "query", service: "db", error: true },
  { id: "d", parent: "a", at: 60, takes: 25, operation: "render" },
  { id: "e", parent: "c", at: 31, takes: 10, operation: "fetch", service: "disk" },
]);

test("equal siblings are one box as wide as their sum", () => {
  const { boxes, boxOf, depth } = flameOf(trace);
  const query = boxes[boxOf[row(trace, "c")]];
  expect(query).toMatchObject({ spans: 2, errors: 1, total: 50, self: 40, left: 0, width: 0.5, depth: 1 });
  expect(boxes[boxOf[row(trace, "d")]]).toMatchObject({ left: 0.5, width: 0.25 });
  expect(boxes[boxOf[row(trace, "e")]]).toMatchObject({ left: 0, width: 0.1, depth: 2 });
  expect(depth).toBe(3);
});

test("children that ran at the same time fit into their parent", () => {
  const parallel = build([
    { id: "a", at: 0, takes: 10, operation: "all" },
    { id: "b", parent: "a", at: 0, takes: 10, operation: "one" },
    { id: "c", parent: "a", at: 0, takes: 30, operation: "two" },
  ]);
  const widths = flameOf(parallel).boxes.map((box) => box.width);
  expect(widths).toEqual([1, 0.25, 0.75]);
});

test("several roots share the whole width", () => {
  const two = build([{ id: "a", at: 0, takes: 30, operation: "one" }, { id: "b", at: 5, takes: 10, operation: "two" }]);
  expect(flameOf(two).boxes.map((box) => [box.left, box.width])).toEqual([[0, 0.75], [0.75, 0.25]]);
});

test("what a hidden service did stands on what is below it", () => {
  const { boxes } = flameOf(trace, new Set(["db"]));
  expect(boxes.map((box) => [trace.operations[box.operation], box.depth])).toEqual([["serve", 0], ["fetch", 1], ["render", 1]]);
});

test("a place has a box, and boxes have neighbours", () => {
  const flame = flameOf(trace);
  const query = boxAt(flame, 0.3, 1);
  expect(trace.operations[flame.boxes[query].operation]).toBe("query");
  expect(boxAt(flame, 0.9, 1)).toBe(-1);
  expect(neighbour(flame, 0, "down")).toBe(query);
  expect(neighbour(flame, query, "up")).toBe(0);
  expect(boxAt(flame, 0.6, 1)).toBe(neighbour(flame, query, "right"));
  expect(neighbour(flame, query, "left")).toBe(query);
  expect(neighbour(flame, boxAt(flame, 0.05, 2), "down")).toBe(boxAt(flame, 0.05, 2));
});
