/** Services, operations, one trace; and the shapes of Jaeger's JSON, which files have, too. */
import { getJson, getText } from "./http";

export interface KeyValue {
  key: string;
  type: "string" | "bool" | "int64" | "float64" | "binary";
  value: string | number | boolean;
}

export interface JaegerReference {
  refType: "CHILD_OF" | "FOLLOWS_FROM";
  traceID: string;
  spanID: string;
  /** A link's attributes. */
  tags?: KeyValue[];
}

export interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references: JaegerReference[] | null;
  /** Microseconds since the Unix epoch. */
  startTime: number;
  /** Microseconds. */
  duration: number;
  startTimeUnixNano?: string;
  endTimeUnixNano?: string;
  tags: KeyValue[] | null;
  /** Its events. */
  logs: { timestamp: number; timeUnixNano?: string; fields: KeyValue[] }[] | null;
  processID: string;
  warnings?: string[] | null;
}

export interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string; tags: KeyValue[] | null }>;
  warnings?: string[] | null;
}

interface Answer<T> {
  data: T;
}

export async function fetchServices(signal?: AbortSignal): Promise<string[]> {
  const answer = await getJson<Answer<string[] | null>>("/api/services", {}, signal);
  return answer.data ?? [];
}

export async function fetchOperations(service: string, signal?: AbortSignal): Promise<string[]> {
  const path = `/api/services/${encodeURIComponent(service)}/operations`;
  const answer = await getJson<Answer<string[] | null>>(path, {}, signal);
  return answer.data ?? [];
}

/** The lines that `model/trace-columns.ts` reads; an unknown id rejects with a 404. */
export const fetchTraceLines = (id: string, signal?: AbortSignal) => getText(`/api/trace-columns/${encodeURIComponent(id)}`, signal);

/** OTLP's `TracesData`, as a collector takes it. */
export interface OtlpTraces {
  resourceSpans: unknown[];
}

export async function fetchOtlp(id: string, signal?: AbortSignal): Promise<OtlpTraces> {
  const answer = await getJson<{ result: OtlpTraces }>(`/api/v3/traces/${encodeURIComponent(id)}`, {}, signal);
  return answer.result;
}
