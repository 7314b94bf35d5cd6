import { describe, expect, test } from "vitest";
import type { TraceSummary } from "../src/api/trace-summaries";
import { fromAnswer } from "../src/api/traceql";
import { normaliseDuration } from "../src/model/search";
import { attributeName, durationText, exclude, facetsOf, faultAt, formatTook, parseTook, quoted, readExclusions, withCondition } from "../src/model/trace-search";

const trace = (id: string, root: string, services: [string, number][], more: Partial<TraceSummary> = {}): TraceSummary => ({
  id, root, rootService: services[0][0], startMs: 0, duration: 1, failure: "",
  spans: services.length,
  errors: services.reduce((sum, [, errors]) => sum + errors, 0),
  services: services.map(([name, errors]) => ({ name, spans: 1, errors })),
  ...more,
});
const traces = [trace("1", "GET /", [["shop", 0], ["db", 0]]), trace("2", "GET /", [["shop", 0], ["db", 2]]), trace("3", "POST /", [["shop", 0]])];
const ids = (not: string[], without: string[] = []) => exclude(traces, readExclusions(not), new Set(without)).map((one) => one.id).join("");

describe("leaving out", () => {
  test("services, what traces begin with, and their status", () => {
    expect(ids([])).toBe("123");
    expect(ids(["service=db"])).toBe("3");
    expect(ids(["operation=GET /"])).toBe("3");
    expect(ids(["status=failed"])).toBe("13");
    expect(ids(["status=ok"])).toBe("2");
    expect(ids(["service=db", "operation=POST /"])).toBe("");
  });

  test("attributes are those whose traces the server names", () => {
    expect(readExclusions([".http.route=/a=b", "nonsense"]).attributes).toEqual([{ key: "http.route", value: "/a=b" }]);
    expect(ids([".http.route=/a"], ["2"])).toBe("13");
  });
});

test("facets count traces, the most frequent first, and the failed among them", () => {
  const [status, service, operation] = facetsOf(traces);
  expect(status.values).toEqual([{ value: "ok", traces: 2, failed: 0 }, { value: "failed", traces: 1, failed: 1 }]);
  expect(service.values).toEqual([{ value: "shop", traces: 3, failed: 0 }, { value: "db", traces: 2, failed: 1 }]);
  expect(operation.values.map((one) => one.value)).toEqual(["GET /", "POST /"]);
});

describe("TraceQL", () => {
  test("a condition goes before the pipeline, and bars within braces or quotes are none", () => {
    expect(withCondition("", ".a = 1")).toBe("{ .a = 1 }");
    expect(withCondition("{}", ".a = 1")).toBe("{ .a = 1 }");
    expect(withCondition("{ status = error }", ".a = 1")).toBe("{ status = error } && { .a = 1 }");
    expect(withCondition('{ .x = "a|b" || .y = 2 } || { .z = 3 } | count() > 2', ".a = 1")).toBe('{ .x = "a|b" || .y = 2 } || { .z = 3 } && { .a = 1 } | count() > 2');
  });

  test("names and values are quoted where they must be", () => {
    expect([attributeName("http.route"), attributeName("my key"), quoted('say "\\"')]).toEqual([".http.route", '."my key"', '"say \\"\\\\\\""']);
  });

  test("an answer becomes summaries, newest first, that lead to the first span found", () => {
    const wire = (id: string, at: string) => ({ traceID: id, rootServiceName: "shop", rootTraceName: "GET /", startTimeUnixNano: at, durationMs: 12, spanSets: [{ matched: 3, spans: [{ spanID: "ab" }] }], serviceStats: { shop: { spanCount: 2, errorCount: 0 }, db: { spanCount: 5, errorCount: 1 } } });
    const found = fromAnswer({ traces: [wire("1", "1000000000"), wire("2", "2000000000")] }, 20);
    expect(found.complete).toBe(true);
    expect(found.traces.map((one) => one.startMs)).toEqual([2000, 1000]);
    expect(found.traces[0]).toMatchObject({ id: "2".padStart(32, "0"), duration: 12_000, spans: 7, errors: 1, matched: { spans: 3, first: "ab" } });
    expect(found.traces[0].services[0].name).toBe("db");
    expect(fromAnswer({ traces: [wire("1", "1")], status: "PARTIAL", message: "too many" }, 20)).toMatchObject({ complete: false, note: "too many" });
    expect(fromAnswer({}, 20)).toEqual({ traces: [], complete: true, note: undefined });
  });

  test("a fault's place is the server's", () => {
    expect(faultAt("invalid TraceQL query: at position 12: unexpected }")).toBe(11);
    expect(faultAt("no")).toBe(-1);
  });
});

test("a box of durations is about traces, and the address has it in a readable form", () => {
  const long = [trace("1", "a", [["s", 0]], { duration: 12_345 }), trace("2", "a", [["s", 0]], { duration: 99_000 })];
  const text = formatTook([12_345, 50_000]);
  expect(text).toBe("12.34ms-50ms");
  expect(exclude(long, readExclusions([], text), new Set()).map((one) => one.id)).toEqual(["1"]);
  expect([parseTook(""), parseTook("5ms"), parseTook("5ms-1ms"), parseTook("x-y")]).toEqual([null, null, null, null]);
});

test("dragged durations keep what was dragged over, in a form that is read back", () => {
  expect([durationText(1_234_567, "down"), durationText(1_234_567, "up"), durationText(12_345, "down"), durationText(0.4, "up")]).toEqual(["1.23s", "1.24s", "12.34ms", "0.4us"]);
  for (const micros of [0, 0.4, 7, 999.9, 12_345, 5e6, 4e9]) expect(normaliseDuration(durationText(micros, "up"))).toBeDefined();
});
