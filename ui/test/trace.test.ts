import { describe, expect, test, vi } from "vitest";
import { DUPLICATE, FAILED, MISSING_PARENT, SKEWED } from "../src/model/trace";
import { findSpans } from "../src/model/trace-find";
import { sortRows } from "../src/model/trace-list";
import { notesOf } from "../src/model/trace-notes";
import { criticalPath } from "../src/model/trace-path";
import { EVERYTHING, failedMarks, isCollapsed, opened, visibleRows } from "../src/model/trace-rows";
import { eventsAt, spanAt } from "../src/model/trace-span";
import { statisticsOf } from "../src/model/trace-stats";
import { build, buildJaeger, keysOf, ORIGIN, row, sketch } from "./traces";

describe("the tree", () => {
  test("spans come depth first with siblings by start, whatever the order they arrived in", () => {
    const trace = build([
      { id: "c", parent: "a", at: 50, takes: 10 },
      { id: "d", parent: "b", at: 15, takes: 5 },
      { id: "a", at: 0, takes: 100 },
      { id: "b", parent: "a", at: 10, takes: 20 },
    ]);
    expect(trace.keys.join(" ")).toBe("a b d c");
    expect([...trace.depth]).toEqual([0, 1, 2, 1]);
    expect([...trace.parent]).toEqual([-1, 0, 1, 0]);
    expect([...trace.below]).toEqual([3, 1, 0, 0]);
    expect(trace.root).toBe(0);
    expect(trace.total).toBe(100);
    expect(trace.startMs).toBe(ORIGIN / 1000);
  });

  test("a span whose parent is not there is a root that says so, and not the root one means", () => {
    const trace = build([{ id: "b", parent: "lost", at: 0, takes: 50 }, { id: "c", parent: "b", at: 1, takes: 5 }, { id: "a", at: 5, takes: 10 }]);
    expect(trace.flags[row(trace, "b")] & MISSING_PARENT).toBeTruthy();
    expect(trace.flags[row(trace, "a")] & MISSING_PARENT).toBe(0);
    expect(trace.depth[row(trace, "b")]).toBe(0);
    expect(trace.keys[trace.root]).toBe("a");
    expect(spanAt(trace, row(trace, "b"))).toMatchObject({ missingParent: true, parentId: "lost" });
  });

  test("of orphans alone the one with the most below it is the root", () => {
    const trace = build([{ id: "a", parent: "lost", at: 0, takes: 1 }, { id: "b", parent: "gone", at: 1, takes: 9 }, { id: "c", parent: "b", at: 2, takes: 1 }]);
    expect(trace.keys[trace.root]).toBe("b");
  });

  test("spans that are each other's parents are all shown once, with their other children", () => {
    const trace = build([
      { id: "r", at: 0, takes: 50 },
      { id: "a", parent: "b", at: 1, takes: 10 },
      { id: "b", parent: "c", at: 2, takes: 5 },
      { id: "c", parent: "a", at: 3, takes: 5 },
      { id: "x", parent: "c", at: 4, takes: 1 },
      { id: "y", parent: "b", at: 5, takes: 1 },
      { id: "self", parent: "self", at: 6, takes: 1 },
    ]);
    expect([...trace.keys].sort()).toEqual(["a", "b", "c", "r", "self", "x", "y"]);
    expect(trace.keys.join(" ")).toBe("r self a c b y x");
    expect(trace.flags[row(trace, "a")] & MISSING_PARENT).toBeTruthy();
    expect(trace.below[row(trace, "a")]).toBe(4);
    expect(spanAt(trace, row(trace, "a"))).toMatchObject({ missingParent: true, parentId: "b" });
  });

  test("a chain of fifty thousand spans is built without recursion, whichever end comes first", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => ({ id: `s${i}`, parent: i > 0 ? `s${i - 1}` : undefined, at: i, takes: 100_000 - 2 * i }));
    for (const spans of [chain, chain.toReversed()]) {
      const trace = build(spans);
      expect(trace.maxDepth).toBe(49_999);
      expect(trace.below[trace.root]).toBe(49_999);
      expect(criticalPath(trace).size).toBe(50_000);
    }
  });

  test("of two spans with one id both are shown, and what names it as parent is below the first", () => {
    const trace = build([{ id: "a", at: 0, takes: 10 }, { id: "a", at: 20, takes: 5 }, { id: "b", parent: "a", at: 21, takes: 1 }]);
    expect(trace.keys.join(" ")).toBe("a b a~2");
    expect(trace.flags[row(trace, "a~2")] & DUPLICATE).toBeTruthy();
    expect(spanAt(trace, row(trace, "a~2"))).toMatchObject({ id: "a", duplicate: true });
    expect(notesOf(trace).duplicates).toBe(1);
  });

  test("nanoseconds are kept where the API has them", () => {
    const raw = sketch([{ id: "a", at: 0, takes: 1 }, { id: "b", parent: "a", at: 0, takes: 0 }]);
    Object.assign(raw.spans[0], { startTimeUnixNano: `${ORIGIN}000`, endTimeUnixNano: `${ORIGIN}900` });
    Object.assign(raw.spans[1], { startTimeUnixNano: `${ORIGIN}250`, endTimeUnixNano: `${ORIGIN}500` });
    raw.spans[1].logs = [{ timestamp: ORIGIN, timeUnixNano: `${ORIGIN}300`, fields: [{ key: "event", type: "string", value: "hit" }, { key: "n", type: "int64", value: 1 }] }];
    const trace = buildJaeger(raw)!;
    const b = row(trace, "b");
    expect([trace.start[b], trace.duration[b]]).toEqual([0.25, 0.25]);
    const [event] = eventsAt(trace, b);
    expect(event).toMatchObject({ name: "hit", fields: [{ key: "n" }] });
    expect(event.at).toBeCloseTo(0.3, 6);
  });

  test("a trace without spans is none, and one without tags, logs or processes is one", () => {
    expect(buildJaeger(sketch([]))).toBeUndefined();
    const raw = sketch([{ id: "a", at: 0, takes: 1 }]);
    Object.assign(raw.spans[0], { tags: null, logs: null, references: null });
    raw.processes = {};
    const trace = buildJaeger(raw)!;
    expect(spanAt(trace, 0)).toMatchObject({ service: "unknown", kind: "internal", events: [], links: [], attributes: [] });
  });

  test("services are counted, the one with most spans first", () => {
    const trace = build([{ id: "a", at: 0, takes: 9 }, { id: "b", parent: "a", at: 1, takes: 1, service: "worker", error: true }, { id: "c", parent: "a", at: 2, takes: 1, service: "worker" }]);
    expect(trace.services).toEqual([{ name: "worker", spans: 2, errors: 1 }, { name: "backend", spans: 1, errors: 0 }]);
    expect([...trace.service].map((at) => trace.services[at].name)).toEqual(["backend", "worker", "worker"]);
    expect([trace.errors, trace.flags[1] & FAILED]).toEqual([1, FAILED]);
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
    expect(trace.self[trace.root]).toBe(50);
  });

  const onPath = (trace: ReturnType<typeof build>, key: string) => criticalPath(trace).get(row(trace, key));

  test("the critical path follows whoever ended last and covers the duration once", () => {
    const trace = build([
      { id: "a", at: 0, takes: 100 },
      { id: "short", parent: "a", at: 10, takes: 20 },
      { id: "long", parent: "a", at: 10, takes: 70 },
    ]);
    expect(onPath(trace, "a")).toEqual([[80, 100], [0, 10]]);
    expect(onPath(trace, "long")).toEqual([[10, 80]]);
    expect(onPath(trace, "short")).toBeUndefined();
  });

  test("the critical path goes on through work that outlives the span that sent it", () => {
    const trace = build([
      { id: "send", at: 0, takes: 20 },
      { id: "receive", parent: "send", at: 30, takes: 60, service: "worker" },
    ]);
    expect(onPath(trace, "send")).toEqual([[0, 20]]);
    expect(onPath(trace, "receive")).toEqual([[30, 90]]);
  });

  test("a child that starts before its parent is marked, and the trace says whose clocks differ and by how much", () => {
    const trace = build([
      { id: "a", at: 10, takes: 10 },
      { id: "b", parent: "a", at: 5, takes: 10, service: "worker" },
      { id: "c", parent: "a", at: 8, takes: 1 },
    ]);
    expect(trace.flags[row(trace, "b")] & SKEWED).toBeTruthy();
    expect(spanAt(trace, row(trace, "b")).skew).toBe(5);
    expect(notesOf(trace).skew).toEqual({ spans: 2, most: 5, child: "worker", parent: "backend" });
  });
});

describe("rows", () => {
  const trace = build([
    { id: "a", at: 0, takes: 100 },
    { id: "b", parent: "a", at: 10, takes: 20, service: "worker" },
    { id: "c", parent: "b", at: 12, takes: 5, service: "cache", error: true },
    { id: "d", parent: "a", at: 50, takes: 10 },
    { id: "e", parent: "d", at: 51, takes: 1, service: "worker" },
  ]);
  const shown = (choice: Partial<typeof EVERYTHING>) => keysOf(trace, visibleRows(trace, { ...EVERYTHING, ...choice }));

  test("a collapsed span hides all below it and nothing else", () => {
    expect(shown({})).toBe("a b c d e");
    expect(shown({ toggled: new Set(["b"]) })).toBe("a b d e");
    expect(shown({ toggled: new Set(["a"]) })).toBe("a");
  });

  test("levels and services collapse by rule, and a span toggled by hand is the other way", () => {
    expect(shown({ level: 1 })).toBe("a b d");
    expect(shown({ level: 1, toggled: new Set(["d"]) })).toBe("a b d e");
    expect(shown({ folded: new Set(["worker"]) })).toBe("a b d e");
    expect(shown({ level: 0 })).toBe("a");
  });

  test("a hidden service leaves what is below it", () => {
    expect(shown({ hidden: new Set(["worker"]) })).toBe("a c d");
  });

  test("what is left when one filters keeps those above", () => {
    expect(shown({ only: failedMarks(trace) })).toBe("a b c");
  });

  test("going to a span opens just what hides it", () => {
    const choice = { ...EVERYTHING, level: 0, toggled: new Set(["d"]) };
    const next = { ...choice, toggled: opened(trace, row(trace, "c"), choice) };
    expect(isCollapsed(trace, row(trace, "a"), next)).toBe(false);
    expect(isCollapsed(trace, row(trace, "b"), next)).toBe(false);
    expect(keysOf(trace, visibleRows(trace, next))).toBe("a b c d e");
    expect([...opened(trace, row(trace, "b"), EVERYTHING)]).toEqual([]);
  });

  test("search wants all words, in names, services or attributes, and stops when nobody waits for it", async () => {
    const found = async (text: string) => keysOf(trace, (await findSpans(trace, text, new AbortController().signal)).rows);
    expect(await found("worker")).toBe("b e");
    expect(await found("CACHE error=true")).toBe("c");
    expect(await found("  ")).toBe("");
    const large = build(Array.from({ length: 1_000 }, (_, i) => ({ id: `s${i}`, at: i, takes: 1 })));
    let now = 0;
    // A slice is over whenever it is looked at.
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1_000));
    const abort = new AbortController();
    const search = findSpans(large, "s1", abort.signal);
    abort.abort();
    await expect(search).rejects.toThrow();
    clock.mockRestore();
  });

  test("the list sorts by any column, equal ones by start", () => {
    const all = () => true;
    expect(keysOf(trace, sortRows(trace, "duration", true, all))).toBe("a b d c e");
    expect(keysOf(trace, sortRows(trace, "service", false, all))).toBe("a d c b e");
    expect(keysOf(trace, sortRows(trace, "operation", true, (at) => at !== 0))).toBe("e d c b");
  });
});

describe("statistics", () => {
  const trace = build([
    { id: "a", at: 0, takes: 100, operation: "serve" },
    { id: "b", parent: "a", at: 10, takes: 20, operation: "query", service: "db" },
    { id: "c", parent: "a", at: 40, takes: 40, operation: "query", service: "db", error: true },
  ]);

  test("sums by operation: self times add up to the trace's own work", () => {
    const rows = statisticsOf(trace, "operation");
    expect(rows).toEqual([
      { service: "backend", operation: "serve", count: 1, total: 100, self: 40, max: 100, errors: 0 },
      { service: "db", operation: "query", count: 2, total: 60, self: 60, max: 40, errors: 1 },
    ]);
  });

  test("by service operations are one", () => {
    expect(statisticsOf(trace, "service").map((one) => [one.service, one.operation, one.count])).toEqual([["backend", "", 1], ["db", "", 2]]);
  });
});
