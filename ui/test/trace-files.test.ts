import { describe, expect, test } from "vitest";
import { operationName, serviceName } from "../src/model/trace";
import { readTraces } from "../src/model/trace-files";
import { spanAt } from "../src/model/trace-span";
import { buildJaeger, sketch } from "./traces";

const jaeger = sketch([{ id: "a", at: 0, takes: 100, tags: [{ key: "n", type: "int64", value: 1 }] }, { id: "b", parent: "a", at: 5, takes: 10, service: "db", error: true }]);
const TRACE = "5b8efff798038103d269b633813fc60c";
const span = (id: string, more: object = {}) => ({ traceId: TRACE, spanId: id.padStart(16, "0"), name: `do ${id}`, kind: 2, startTimeUnixNano: "1795238947000000250", endTimeUnixNano: "1795238947000100750", ...more });
const otlp = (spans: object[], service = "shop") => ({
  resourceSpans: [{ resource: { attributes: [{ key: "service.name", value: { stringValue: service } }, { key: "host.name", value: { stringValue: "h1" } }] }, scopeSpans: [{ scope: { name: "lib", version: "2" }, spans }] }],
});
const read = (value: unknown) => readTraces(JSON.stringify(value));
const complaint = (text: string) => {
  try {
    readTraces(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "no complaint";
};

describe("Jaeger's JSON", () => {
  test("an answer of the API, one trace and a list of traces are the same", () => {
    const shapes = [{ data: [jaeger] }, jaeger, [jaeger]];
    for (const shape of shapes) {
      const [trace, ...others] = read(shape);
      expect(others).toEqual([]);
      const built = buildJaeger(trace)!;
      expect([built.size, built.errors, serviceName(built, 1)]).toEqual([2, 1, "db"]);
    }
  });

  test("lists that are null, and a parent in the old way, are read", () => {
    const old = { traceID: "1", processes: null, spans: [{ traceID: "1", spanID: "a", operationName: "x", startTime: 5, duration: 2, references: null, tags: null, logs: null }, { traceID: "1", spanID: "b", parentSpanID: "a", operationName: "y", startTime: 6, duration: 1 }] };
    const built = buildJaeger(read(old)[0])!;
    expect([...built.depth]).toEqual([0, 1]);
  });

  test("what is wrong is named with where it is", () => {
    const broken = structuredClone(jaeger) as unknown as { spans: Record<string, unknown>[] };
    broken.spans[1].startTime = "soon";
    expect(complaint(JSON.stringify({ data: [jaeger, broken] }))).toBe('trace 2, span 2: `startTime` is the string "soon", not a number.');
    broken.spans[1] = { ...jaeger.spans[1], tags: [{ value: 1 }] } as unknown as Record<string, unknown>;
    expect(complaint(JSON.stringify(broken))).toBe("the trace, span 2: entry 1 of `tags` has no key.");
    broken.spans[1] = { ...jaeger.spans[1], references: {} } as unknown as Record<string, unknown>;
    expect(complaint(JSON.stringify(broken))).toBe("the trace, span 2: `references` is an object, not a list.");
  });
});

describe("OTLP's JSON", () => {
  test("spans, status, events, links, scope and resource come over", () => {
    const full = span("2", {
      parentSpanId: "1".padStart(16, "0"),
      kind: "SPAN_KIND_CLIENT",
      status: { code: 2, message: "no stock" },
      attributes: [{ key: "list", value: { arrayValue: { values: [{ intValue: "1" }, { stringValue: "b" }] } } }, { key: "big", value: { intValue: "9007199254740993" } }, { key: "on", value: { boolValue: true } }, { key: "map", value: { kvlistValue: { values: [{ key: "k", value: { doubleValue: 0.5 } }] } } }],
      events: [{ timeUnixNano: "1795238947000050250", name: "exception", attributes: [{ key: "exception.message", value: { stringValue: "boom" } }] }],
      links: [{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", attributes: [{ key: "why", value: { stringValue: "batch" } }] }],
      droppedAttributesCount: 3,
    });
    const trace = buildJaeger(read(otlp([span("1"), full]))[0])!;
    expect([serviceName(trace, 0), operationName(trace, 1), trace.depth[1], trace.duration[1]]).toEqual(["shop", "do 2", 1, 100.5]);
    const shown = spanAt(trace, 1);
    expect(shown).toMatchObject({
      kind: "client", error: true, statusText: "no stock",
      scope: [{ key: "name", value: "lib" }, { key: "version", value: "2" }],
      resource: [{ key: "host.name", value: "h1" }],
      links: [{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", attributes: [{ key: "why", value: "batch" }] }],
      warnings: ["3 attributes were dropped before the span was sent."],
    });
    expect(shown.events[0]).toMatchObject({ name: "exception", at: 50, fields: [{ key: "exception.message", value: "boom" }] });
    const values = Object.fromEntries(shown.attributes.map((one) => [one.key, one.value]));
    expect(values).toMatchObject({ list: '[1,"b"]', big: "9007199254740993", on: true, map: '{"k":0.5}' });
  });

  test("what our own API answers, Tempo's batches, and protobuf's base64 are read", () => {
    expect(read({ result: otlp([span("1")]) })).toHaveLength(1);
    expect(read({ trace: otlp([span("1")]) })).toHaveLength(1);
    expect(read({ batches: otlp([span("1")]).resourceSpans })).toHaveLength(1);
    const base64 = span("1", { traceId: btoa(String.fromCharCode(...Array.from({ length: 16 }, (_, i) => i))), spanId: btoa("12345678") });
    expect(read(otlp([base64]))[0]).toMatchObject({ traceID: "000102030405060708090a0b0c0d0e0f", spans: [{ spanID: "3132333435363738" }] });
  });

  test("one object a line, and a trace whose spans are in several of them", () => {
    const lines = [otlp([span("1")]), otlp([span("2", { parentSpanId: "1".padStart(16, "0") })], "db"), otlp([span("3", { traceId: "0".repeat(31) + "1" })])];
    const traces = readTraces(`${lines.map((one) => JSON.stringify(one)).join("\n")}\n`);
    expect(traces.map((trace) => trace.spans.length)).toEqual([2, 1]);
    const first = buildJaeger(traces[0])!;
    expect([serviceName(first, 0), serviceName(first, 1)]).toEqual(["shop", "db"]);
  });

  test("what is wrong is named with where it is", () => {
    expect(complaint(JSON.stringify(otlp([span("1", { traceId: "xyz" })])))).toBe('resource 1, scope 1, span 1: `traceId` is the string "xyz", not 32 hexadecimal digits.');
    expect(complaint(JSON.stringify(otlp([span("1"), span("2", { endTimeUnixNano: undefined })])))).toBe("resource 1, scope 1, span 2: `endTimeUnixNano` is missing, not a number of nanoseconds.");
    expect(complaint(`${JSON.stringify(otlp([span("1")]))}\n{"resourceSpans":[`)).toMatch(/^line 2 is not JSON: /);
  });
});

test("other files are told what they are", () => {
  expect(complaint("  ")).toBe("The file is empty.");
  expect(complaint("<html>")).toMatch(/^This is not JSON: /);
  expect(complaint("{")).toMatch(/^This is not JSON: /);
  expect(complaint('"text"')).toBe('The file is the string "text", not an object with traces.');
  expect(complaint('{"panels":[],"title":"x"}')).toBe("The file is neither Jaeger's JSON (with `data` or `spans`) nor OTLP's (with `resourceSpans`): it has `panels`, `title`.");
  expect(complaint('{"data":[]}')).toBe("The file holds no span.");
  expect(complaint('{"resourceSpans":[7]}')).toBe("resource 1 is the number 7, not an object.");
});
