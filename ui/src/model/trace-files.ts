/**
 * Traces out of files, in the shapes that tools save them in: Jaeger's JSON (an answer of its API, a trace, or a list of traces) and
 * OTLP's JSON (one object, or one a line, as collectors write files). Whatever is wrong is said with where it is.
 */
import type { JaegerReference, JaegerSpan, JaegerTrace, KeyValue } from "../api/traces";
import { fromOtlp } from "./trace-otlp";
import { FileError, isObject, kindOf, listAt, numberAt, textAt, type Json } from "./trace-file-checks";

/** Texts of more characters can't be held by every browser. */
export const MOST_BYTES = 400_000_000;

export function readTraces(text: string): JaegerTrace[] {
  if (text.trim() === "") throw new FileError("The file is empty.");
  const documents = parseDocuments(text);
  const traces = merged(documents.flatMap(({ value, where }) => tracesOf(value, where)));
  if (traces.length === 0) throw new FileError("The file holds no span.");
  return traces;
}

interface Document {
  value: unknown;
  /** For messages: "", or the line. */
  where: string;
}

/** The whole text is one value, or every line is. */
function parseDocuments(text: string): Document[] {
  try {
    return [{ value: JSON.parse(text) as unknown, where: "" }];
  } catch (whole) {
    const lines = text.split("\n").map((line, i) => ({ line, where: `line ${i + 1}` })).filter(({ line }) => line.trim() !== "");
    if (lines.length < 2 || !parses(lines[0].line)) throw new FileError(`This is not JSON: ${messageOf(whole)}.`);
    return lines.map(({ line, where }) => {
      try {
        return { value: JSON.parse(line) as unknown, where };
      } catch (cause) {
        throw new FileError(`${where} is not JSON: ${messageOf(cause)}.`);
      }
    });
  }
}

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause));

function parses(line: string): boolean {
  try {
    return isObject(JSON.parse(line));
  } catch {
    return false;
  }
}

function tracesOf(value: unknown, where: string): JaegerTrace[] {
  if (Array.isArray(value)) return value.flatMap((one, i) => tracesOf(one, `${where || "the list"}, entry ${i + 1}`));
  if (!isObject(value)) throw new FileError(`${where || "The file"} is ${kindOf(value)}, not an object with traces.`);
  const spans = value.resourceSpans ?? value.batches;
  if (Array.isArray(spans)) return fromOtlp(spans, where);
  if (isObject(value.result)) return tracesOf(value.result, where);
  if (isObject(value.trace)) return tracesOf(value.trace, where);
  if (Array.isArray(value.data)) return value.data.flatMap((one, i) => tracesOf(one, `${where ? `${where}, ` : ""}trace ${i + 1}`));
  if (Array.isArray(value.spans)) return [jaegerTrace(value, where || "the trace")];
  const keys = Object.keys(value).slice(0, 5).map((key) => `\`${key}\``).join(", ") || "nothing";
  throw new FileError(
    `${where || "The file"} is neither Jaeger's JSON (with \`data\` or \`spans\`) nor OTLP's (with \`resourceSpans\`): it has ${keys}.`,
  );
}

function jaegerTrace(value: Json, where: string): JaegerTrace {
  const spans = (value.spans as unknown[]).map((span, i) => jaegerSpan(span, `${where}, span ${i + 1}`));
  const processes = Object.entries(isObject(value.processes) ? value.processes : {}).map(([id, one]) => {
    if (!isObject(one)) throw new FileError(`${where}: the process \`${id}\` is ${kindOf(one)}, not an object.`);
    return [id, { serviceName: String(one.serviceName ?? "unknown"), tags: tagsAt(one, "tags", `${where}, process ${id}`) }] as const;
  });
  return { traceID: String(value.traceID ?? spans[0]?.traceID ?? ""), spans, processes: Object.fromEntries(processes) };
}

function jaegerSpan(value: unknown, where: string): JaegerSpan {
  if (!isObject(value)) throw new FileError(`${where} is ${kindOf(value)}, not an object.`);
  const nanos = (name: string) => (typeof value[name] === "string" && /^\d{4,20}$/.test(value[name]) ? value[name] : undefined);
  const logs = listAt(value, "logs", where).map((log, i) => {
    const at = `${where}, log ${i + 1}`;
    if (!isObject(log)) throw new FileError(`${at} is ${kindOf(log)}, not an object.`);
    return { timestamp: numberAt(log, "timestamp", at), fields: tagsAt(log, "fields", at) };
  });
  const [startTimeUnixNano, endTimeUnixNano] = [nanos("startTimeUnixNano"), nanos("endTimeUnixNano")];
  return {
    traceID: textAt(value, "traceID", where),
    spanID: textAt(value, "spanID", where),
    operationName: textAt(value, "operationName", where),
    references: references(value, where),
    startTime: numberAt(value, "startTime", where),
    duration: numberAt(value, "duration", where),
    ...(startTimeUnixNano && endTimeUnixNano ? { startTimeUnixNano, endTimeUnixNano } : {}),
    tags: tagsAt(value, "tags", where),
    logs,
    processID: String(value.processID ?? ""),
    warnings: listAt(value, "warnings", where).map(String),
  };
}

/** Old files say `parentSpanID` instead. */
function references(value: Json, where: string): JaegerReference[] {
  const found = listAt(value, "references", where).map((one, i): JaegerReference => {
    const at = `${where}, reference ${i + 1}`;
    if (!isObject(one)) throw new FileError(`${at} is ${kindOf(one)}, not an object.`);
    return {
      refType: one.refType === "FOLLOWS_FROM" ? "FOLLOWS_FROM" : "CHILD_OF",
      traceID: textAt(one, "traceID", at),
      spanID: textAt(one, "spanID", at),
      tags: tagsAt(one, "tags", at),
    };
  });
  if (found.length > 0 || typeof value.parentSpanID !== "string" || value.parentSpanID === "") return found;
  return [{ refType: "CHILD_OF", traceID: textAt(value, "traceID", where), spanID: value.parentSpanID }];
}

function tagsAt(value: Json, name: string, where: string): KeyValue[] {
  return listAt(value, name, where).map((tag, i): KeyValue => {
    if (!isObject(tag) || typeof tag.key !== "string") throw new FileError(`${where}: entry ${i + 1} of \`${name}\` has no key.`);
    const held = tag.value;
    const simple = typeof held === "string" || typeof held === "number" || typeof held === "boolean";
    return { key: tag.key, type: (tag.type as KeyValue["type"]) ?? "string", value: simple ? held : JSON.stringify(held ?? "") };
  });
}

/** Parts of one trace that came in several documents, or under one resource each, are one. */
function merged(traces: JaegerTrace[]): JaegerTrace[] {
  const byId = new Map<string, JaegerTrace>();
  for (const trace of traces) {
    if (trace.spans.length === 0) continue;
    const known = byId.get(trace.traceID);
    if (!known) {
      byId.set(trace.traceID, trace);
      continue;
    }
    const ids = new Map(Object.keys(trace.processes).map((id) => [id, `${byId.size}.${Object.keys(known.processes).length}.${id}`]));
    for (const [id, process] of Object.entries(trace.processes)) known.processes[ids.get(id)!] = process;
    for (const span of trace.spans) known.spans.push({ ...span, processID: ids.get(span.processID) ?? span.processID });
  }
  return [...byId.values()];
}
