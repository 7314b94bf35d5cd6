import { describe, expect, test } from "vitest";
import type { JaegerSpan, JaegerTrace } from "../src/api/traces";
import { buildTrace, findSpans, visibleSpans } from "../src/model/trace";

const ORIGIN = 1_795_238_947_000_000;

interface Sketch {
  id: string;
  parent?: string;
  at: number;
  takes: number;
  service?: string;
  error?: boolean;
}

function sketch(spans: Sketch[]): JaegerTrace {
  return {
    traceID: "abc",
    processes: { backend: { serviceName: "backend", tags: [] }, worker: { serviceName: "worker", tags: [] } },
    spans: spans.map(({ id, parent, at, takes, service = "backend", error = false }): JaegerSpan => ({
      traceID: "abc",
      spanID: id,
      operationName: `do ${id}`,
      references: parent ? [{ refType: "CHILD_OF", traceID: "abc", spanID: parent }] : [],
      startTime: ORIGIN + at,
      duration: takes,
      tags: error ? [{ key: "error", type: "bool", value: true }] : [],
      logs: [],
      processID: service,
    })),
  };
}

const build = (spans: Sketch[]) => buildTrace(sketch(spans))!;
const ids = (spans: { id: string }[]) => spans.map((span) => span.id).join(" ");

describe("the tree", () => {
  test("spans come depth first with siblings by start, whatever the order they arrived in", () => {
    const trace = build([
      { id: "c", parent: "a", at: 50, takes: 10 },
      { id: "d", parent: "b", at: 15, takes: 5 },
      { id: "a", at: 0, takes: 100 },
      { id: "b", parent: "a", at: 10, takes: 20 },
    ]);
    expect(ids(trace.spans)).toBe("a b d c");
    expect(trace.spans.map((span) => span.depth)).toEqual([0, 1, 2, 1]);
    expect(trace.root.id).toBe("a");
    expect(trace.root.descendants).toBe(3);
    expect(trace.duration).toBe(100);
  });

  test("a span whose parent is not there is a root that says so", () => {
    const trace = build([{ id: "a", at: 0, takes: 10 }, { id: "b", parent: "lost", at: 5, takes: 50 }]);
    expect(trace.byId.get("b")).toMatchObject({ missingParent: true, depth: 0 });
    expect(trace.root.id).toBe("a");
  });

  test("spans that are each other's parents are all shown once", () => {
    const trace = build([{ id: "a", parent: "b", at: 0, takes: 10 }, { id: "b", parent: "a", at: 1, takes: 5 }, { id: "c", parent: "c", at: 2, takes: 1 }]);
    expect(trace.spans.map((span) => span.id).sort()).toEqual(["a", "b", "c"]);
    expect(trace.spans.every((span) => span.depth < 3)).toBe(true);
  });

  test("a chain of twenty thousand spans is built without recursion", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => ({ id: `s${i}`, parent: i > 0 ? `s${i - 1}` : undefined, at: i, takes: 40_000 - 2 * i }));
    const trace = build(chain);
    expect(trace.maxDepth).toBe(19_999);
    expect(trace.root.descendants).toBe(19_999);
  });

  test("nanoseconds are kept where the API has them", () => {
    const raw = sketch([{ id: "a", at: 0, takes: 1 }, { id: "b", parent: "a", at: 0, takes: 0 }]);
    Object.assign(raw.spans[0], { startTimeUnixNano: `${ORIGIN}000`, endTimeUnixNano: `${ORIGIN}900` });
    Object.assign(raw.spans[1], { startTimeUnixNano: `${ORIGIN}250`, endTimeUnixNano: `${ORIGIN}500` });
    expect(buildTrace(raw)!.byId.get("b")).toMatchObject({ start: 0.25, duration: 0.25 });
  });

  test("a trace without spans is none", () => {
    expect(buildTrace(sketch([]))).toBeUndefined();
  });
});

describe("time", () => {
  test("self time leaves out what children cover, overlaps counted once", () => {
    const trace = build([
      { id: "a", at: 0, takes: 100 },
      { id: "b", parent: "a", at: 10, takes: 30 },
      { id: "c", parent: "a", at: 20, takes: 30 },
      { id: "d", parent: "a", at: 90, takes: 50 },
    ]);
    expect(trace.root.selfTime).toBe(50);
  });

  test("the critical path follows whoever ended last and covers the duration once", () => {
    const trace = build([
      { id: "a", at: 0, takes: 100 },
      { id: "short", parent: "a", at: 10, takes: 20 },
      { id: "long", parent: "a", at: 10, takes: 70 },
    ]);
    expect(trace.root.critical).toEqual([[80, 100], [0, 10]]);
    expect(trace.byId.get("long")!.critical).toEqual([[10, 80]]);
    expect(trace.byId.get("short")!.critical).toEqual([]);
  });

  test("the critical path goes on through work that outlives the span that sent it", () => {
    const trace = build([
      { id: "send", at: 0, takes: 20 },
      { id: "receive", parent: "send", at: 30, takes: 60, service: "worker" },
    ]);
    expect(trace.root.critical).toEqual([[0, 20]]);
    expect(trace.byId.get("receive")!.critical).toEqual([[30, 90]]);
  });

  test("a child that starts before its parent is marked", () => {
    const trace = build([{ id: "a", at: 10, takes: 10 }, { id: "b", parent: "a", at: 5, takes: 10 }]);
    expect(trace.byId.get("b")!.skewed).toBe(true);
  });
});

describe("rows and search", () => {
  const trace = build([
    { id: "a", at: 0, takes: 100 },
    { id: "b", parent: "a", at: 10, takes: 20, service: "worker", error: true },
    { id: "c", parent: "b", at: 12, takes: 5, service: "worker" },
    { id: "d", parent: "a", at: 50, takes: 10 },
  ]);

  test("a collapsed span hides all below it and nothing else", () => {
    expect(ids(visibleSpans(trace, new Set(["b"])))).toBe("a b d");
    expect(ids(visibleSpans(trace, new Set(["a"])))).toBe("a");
  });

  test("search wants all words, in names, services or attributes", () => {
    expect(ids(findSpans(trace, "worker"))).toBe("b c");
    expect(ids(findSpans(trace, "WORKER error=true"))).toBe("b");
    expect(findSpans(trace, "  ")).toEqual([]);
  });
});
