/** Traces for tests, sketched. */
import type { JaegerSpan, JaegerTrace, KeyValue } from "../src/api/traces";
import { buildTrace, rowOf, type Trace } from "../src/model/trace";
import { fromJaeger } from "../src/model/trace-source";

export const ORIGIN = 1_795_238_947_000_000;

export interface Sketch {
  id: string;
  parent?: string;
  at: number;
  takes: number;
  service?: string;
  operation?: string;
  error?: boolean;
  tags?: KeyValue[];
}

export function sketch(spans: Sketch[], traceID = "abc"): JaegerTrace {
  const services = [...new Set(spans.map((span) => span.service ?? "backend"))];
  return {
    traceID,
    processes: Object.fromEntries(services.map((name) => [name, { serviceName: name, tags: [] }])),
    spans: spans.map(({ id, parent, at, takes, service = "backend", operation = `do ${id}`, error = false, tags = [] }): JaegerSpan => ({
      traceID,
      spanID: id,
      operationName: operation,
      references: parent ? [{ refType: "CHILD_OF", traceID, spanID: parent }] : [],
      startTime: ORIGIN + at,
      duration: takes,
      tags: error ? [...tags, { key: "error", type: "bool", value: true }] : tags,
      logs: [],
      processID: service,
    })),
  };
}

export const buildJaeger = (trace: JaegerTrace) => buildTrace(fromJaeger(trace));

export const build = (spans: Sketch[]) => buildJaeger(sketch(spans))!;

/** The keys of rows, in their order. */
export const keysOf = (trace: Trace, rows: Iterable<number>) => [...rows].map((row) => trace.keys[row]).join(" ");

export const row = (trace: Trace, key: string) => rowOf(trace, key);
