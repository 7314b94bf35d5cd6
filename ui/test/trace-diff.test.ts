import { expect, test } from "vitest";
import { byChange, changedNodes, compareTraces, totalChange, type DiffNode } from "../src/model/trace-diff";
import { build, type Sketch } from "./traces";

const before: Sketch[] = [
  { id: "1", at: 0, takes: 100, operation: "serve" },
  { id: "2", parent: "1", at: 5, takes: 10, operation: "check" },
  { id: "3", parent: "1", at: 20, takes: 30, operation: "query", service: "db" },
  { id: "4", parent: "3", at: 21, takes: 5, operation: "read", service: "db" },
  { id: "5", parent: "1", at: 70, takes: 10, operation: "log" },
];
const after: Sketch[] = [
  { id: "a", at: 0, takes: 200, operation: "serve" },
  { id: "b", parent: "a", at: 6, takes: 10, operation: "check" },
  { id: "c", parent: "a", at: 20, takes: 60, operation: "query", service: "db" },
  { id: "d", parent: "a", at: 90, takes: 70, operation: "query", service: "db", error: true },
  { id: "e", parent: "c", at: 21, takes: 5, operation: "read", service: "db" },
  { id: "f", parent: "a", at: 165, takes: 20, operation: "retry" },
];
const nodes = compareTraces(build(before), build(after));
const line = ({ operation, depth, change }: DiffNode) => `${"-".repeat(depth)}${operation} ${change}`;

test("paths are matched by service and operation, whatever the ids", () => {
  expect(nodes.map(line)).toEqual(["serve changed", "-check same", "-query changed", "--read same", "-log removed", "-retry added"]);
  expect(nodes.map((node) => node.below)).toEqual([5, 0, 1, 0, 0, 0]);
});

test("counts, times and errors stand side by side, with a span to go to", () => {
  expect(nodes[2]).toMatchObject({ a: { spans: 1, total: 30, errors: 0, key: "3" }, b: { spans: 2, total: 130, errors: 1, key: "c" } });
  expect(totalChange(nodes[2])).toBe(100);
  expect(nodes[5].a).toMatchObject({ spans: 0, key: "" });
});

test("what differs is kept with what is above it", () => {
  expect(changedNodes(nodes).map((node) => node.operation)).toEqual(["serve", "query", "log", "retry"]);
  const deep = compareTraces(
    build([{ id: "1", at: 0, takes: 9, operation: "a" }, { id: "2", parent: "1", at: 0, takes: 9, operation: "b" }, { id: "3", parent: "2", at: 0, takes: 9, operation: "c" }, { id: "4", at: 20, takes: 9, operation: "z" }]),
    build([{ id: "1", at: 0, takes: 9, operation: "a" }, { id: "2", parent: "1", at: 0, takes: 9, operation: "b" }, { id: "4", at: 20, takes: 9, operation: "z" }]),
  );
  expect(changedNodes(deep).map((node) => node.operation)).toEqual(["a", "b", "c"]);
});

test("the largest change of self time comes first", () => {
  expect(byChange(nodes).map((node) => node.operation)).toEqual(["query", "retry", "serve", "log"]);
});

test("a trace is the same as itself, and a long chain costs no stack", () => {
  const chain = Array.from({ length: 20_000 }, (_, i) => ({ id: `s${i}`, parent: i > 0 ? `s${i - 1}` : undefined, at: i, takes: 50_000 - 2 * i, operation: "step" }));
  const same = compareTraces(build(chain), build(chain));
  expect(same.length).toBe(20_000);
  expect(same[0].below).toBe(19_999);
  expect(changedNodes(same)).toEqual([]);
});
