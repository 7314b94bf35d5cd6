/** OTLP's JSON as the shape that all else reads, Jaeger's: what Jaeger has no place for becomes tags, as the server does it. */
import type { JaegerReference, JaegerSpan, JaegerTrace, KeyValue } from "../api/traces";
import { FileError, isObject, kindOf, listAt, objectIn, textAt, type Json } from "./trace-file-checks";

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** One trace an id that occurs. */
export function fromOtlp(resourceSpans: unknown[], where: string): JaegerTrace[] {
  const traces = new Map<string, JaegerTrace>();
  resourceSpans.forEach((_, r) => {
    const at = `${where ? `${where}, ` : ""}resource ${r + 1}`;
    const group = objectIn(resourceSpans, r, at);
    const attributes = isObject(group.resource) ? keyValues(group.resource, at) : [];
    const service = attributes.find((one) => one.key === "service.name");
    const process = { serviceName: String(service?.value ?? "unknown"), tags: attributes.filter((one) => one !== service) };
    // Before version 0.15 of the protocol scopes were called instrumentation libraries.
    const scopes = listAt(group, group.scopeSpans === undefined ? "instrumentationLibrarySpans" : "scopeSpans", at);
    scopes.forEach((_, s) => {
      const inScope = `${at}, scope ${s + 1}`;
      const scope = objectIn(scopes, s, inScope);
      const scopeTags = tagsOfScope(scope, inScope);
      const spans = listAt(scope, "spans", inScope);
      spans.forEach((_, i) => {
        const inSpan = `${inScope}, span ${i + 1}`;
        const span = otlpSpan(objectIn(spans, i, inSpan), scopeTags, `r${r}`, inSpan);
        let trace = traces.get(span.traceID);
        if (!trace) traces.set(span.traceID, (trace = { traceID: span.traceID, spans: [], processes: {} }));
        trace.processes[`r${r}`] = process;
        trace.spans.push(span);
      });
    });
  });
  return [...traces.values()];
}

function tagsOfScope(value: Json, where: string): KeyValue[] {
  const scope = value.scope ?? value.instrumentationLibrary;
  if (!isObject(scope)) return [];
  const named = (["name", "version"] as const).flatMap((name) => (scope[name] ? [tag(`otel.scope.${name}`, String(scope[name]))] : []));
  return [...named, ...keyValues(scope, where).map((one) => ({ ...one, key: `otel.scope.attributes.${one.key}` }))];
}

const tag = (key: string, value: string): KeyValue => ({ key, type: "string", value });

function otlpSpan(span: Json, scopeTags: KeyValue[], processID: string, where: string): JaegerSpan {
  const start = nanosAt(span, "startTimeUnixNano", where);
  const end = nanosAt(span, "endTimeUnixNano", where);
  const traceID = idAt(span, "traceId", 16, where);
  const parent = span.parentSpanId ? idAt(span, "parentSpanId", 8, where) : "";
  const child: JaegerReference[] = parent ? [{ refType: "CHILD_OF", traceID, spanID: parent }] : [];
  return {
    traceID,
    spanID: idAt(span, "spanId", 8, where),
    operationName: textAt(span, "name", where),
    references: [...child, ...links(span, where)],
    startTime: Number(start / 1000n),
    duration: Number((end > start ? end - start : 0n) / 1000n),
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(end),
    tags: [...keyValues(span, where), ...statusTags(span), tag("span.kind", kind(span.kind)), ...stateTags(span), ...scopeTags],
    logs: events(span, where),
    processID,
    warnings: dropped(span),
  };
}

function kind(value: unknown): string {
  if (typeof value === "number") return KINDS[value] ?? "unspecified";
  return typeof value === "string" ? value.replace("SPAN_KIND_", "").toLowerCase() : "unspecified";
}

function statusTags({ status }: Json): KeyValue[] {
  if (!isObject(status)) return [];
  const failed = status.code === 2 || status.code === "STATUS_CODE_ERROR";
  const ok = status.code === 1 || status.code === "STATUS_CODE_OK";
  const said = typeof status.message === "string" && status.message !== "" ? [tag("otel.status_description", status.message)] : [];
  if (failed) return [{ key: "error", type: "bool", value: true }, tag("otel.status_code", "ERROR"), ...said];
  return ok ? [tag("otel.status_code", "OK"), ...said] : said;
}

const stateTags = ({ traceState }: Json) => (typeof traceState === "string" && traceState !== "" ? [tag("w3c.tracestate", traceState)] : []);

function links(span: Json, where: string): JaegerReference[] {
  const all = listAt(span, "links", where);
  return all.map((_, i) => {
    const at = `${where}, link ${i + 1}`;
    const link = objectIn(all, i, at);
    return { refType: "FOLLOWS_FROM", traceID: idAt(link, "traceId", 16, at), spanID: idAt(link, "spanId", 8, at), tags: keyValues(link, at) };
  });
}

function events(span: Json, where: string): NonNullable<JaegerSpan["logs"]> {
  const all = listAt(span, "events", where);
  return all.map((_, i) => {
    const at = `${where}, event ${i + 1}`;
    const event = objectIn(all, i, at);
    const nanos = nanosAt(event, "timeUnixNano", at);
    return { timestamp: Number(nanos / 1000n), timeUnixNano: String(nanos), fields: [tag("event", String(event.name ?? "event")), ...keyValues(event, at)] };
  });
}

function dropped(span: Json): string[] {
  return (["Attributes", "Events", "Links"] as const).flatMap((what) => {
    const count = Number(span[`dropped${what}Count`] ?? 0);
    return count > 0 ? [`${count} ${what.toLowerCase()} were dropped before the span was sent.`] : [];
  });
}

/** 64-bit numbers are texts in OTLP's JSON; some write them as numbers all the same. */
function nanosAt(value: Json, name: string, where: string): bigint {
  const held = value[name];
  if (typeof held === "string" && /^\d{1,20}$/.test(held)) return BigInt(held);
  if (typeof held === "number" && Number.isInteger(held) && held >= 0) return BigInt(held);
  throw new FileError(`${where}: \`${name}\` is ${kindOf(held)}, not a number of nanoseconds.`);
}

/** Hexadecimal as OTLP has it, or base64 as protobuf's own JSON has it. */
function idAt(value: Json, name: string, bytes: number, where: string): string {
  const held = value[name];
  if (typeof held === "string") {
    if (held.length === bytes * 2 && /^[0-9a-f]+$/i.test(held)) return held.toLowerCase();
    const decoded = fromBase64(held);
    if (decoded?.length === bytes) return Array.from(decoded, (one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  }
  throw new FileError(`${where}: \`${name}\` is ${kindOf(held)}, not ${bytes * 2} hexadecimal digits.`);
}

function fromBase64(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}

function keyValues(value: Json, where: string): KeyValue[] {
  return listAt(value, "attributes", where).map((one, i): KeyValue => {
    if (!isObject(one) || typeof one.key !== "string") throw new FileError(`${where}: entry ${i + 1} of \`attributes\` has no key.`);
    return { key: one.key, ...anyValue(one.value) };
  });
}

function anyValue(value: unknown): Pick<KeyValue, "type" | "value"> {
  const plain = plainValue(value);
  if (typeof plain === "boolean") return { type: "bool", value: plain };
  if (typeof plain === "number") return { type: isObject(value) && value.doubleValue !== undefined ? "float64" : "int64", value: plain };
  if (typeof plain === "string") return { type: isObject(value) && value.bytesValue !== undefined ? "binary" : "string", value: plain };
  return { type: "string", value: plain === null ? "" : JSON.stringify(plain) };
}

function plainValue(value: unknown): unknown {
  if (!isObject(value)) return null;
  if (value.stringValue !== undefined) return String(value.stringValue);
  if (value.boolValue !== undefined) return value.boolValue === true;
  if (value.intValue !== undefined) return Number.isSafeInteger(Number(value.intValue)) ? Number(value.intValue) : String(value.intValue);
  if (value.doubleValue !== undefined) return typeof value.doubleValue === "number" ? value.doubleValue : String(value.doubleValue);
  if (value.bytesValue !== undefined) return String(value.bytesValue);
  if (isObject(value.arrayValue) && Array.isArray(value.arrayValue.values)) return value.arrayValue.values.map(plainValue);
  if (isObject(value.kvlistValue) && Array.isArray(value.kvlistValue.values)) {
    return Object.fromEntries(value.kvlistValue.values.filter(isObject).map((one) => [String(one.key), plainValue(one.value)]));
  }
  return null;
}
