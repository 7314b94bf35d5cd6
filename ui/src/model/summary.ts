/** What the list of found traces shows of each, without building its tree. */
import type { JaegerSpan, JaegerTrace, KeyValue } from "../api/traces";

export interface TraceSummary {
  id: string;
  root: string;
  rootService: string;
  /** Milliseconds since the Unix epoch. */
  startMs: number;
  /** Microseconds. */
  duration: number;
  spans: number;
  errors: number;
  /** What the first failed span that says anything says. */
  failure: string;
  services: { name: string; spans: number; error: boolean }[];
}

function failureOf(span: JaegerSpan): string {
  const text = (fields: KeyValue[] | null, key: string) => String(fields?.find((one) => one.key === key)?.value ?? "");
  const exception = span.logs?.map((log) => text(log.fields, "exception.message")).find(Boolean);
  return text(span.tags, "otel.status_description") || exception || "";
}

export function summarise(trace: JaegerTrace): TraceSummary | undefined {
  if (trace.spans.length === 0) return undefined;
  const ids = new Set(trace.spans.map((span) => span.spanID));
  let start = Infinity;
  let end = 0;
  let errors = 0;
  let failure = "";
  const services = new Map<string, { name: string; spans: number; error: boolean }>();
  for (const span of trace.spans) {
    start = Math.min(start, span.startTime);
    end = Math.max(end, span.startTime + span.duration);
    const name = trace.processes[span.processID]?.serviceName ?? "unknown";
    const service = services.get(name) ?? { name, spans: 0, error: false };
    service.spans += 1;
    if (span.tags?.some((tag) => tag.key === "error" && String(tag.value) === "true")) {
      errors += 1;
      failure ||= failureOf(span);
      service.error = true;
    }
    services.set(name, service);
  }
  const parentOf = (span: JaegerSpan) => span.references?.find((one) => one.refType === "CHILD_OF")?.spanID;
  const roots = trace.spans.filter((span) => !ids.has(parentOf(span) ?? ""));
  const proper = roots.filter((span) => parentOf(span) === undefined);
  const root = (proper.length > 0 ? proper : roots).reduce<JaegerSpan | undefined>(
    (first, span) => (first && first.startTime <= span.startTime ? first : span),
    undefined,
  ) ?? trace.spans[0];
  return {
    id: trace.traceID,
    root: root.operationName,
    rootService: trace.processes[root.processID]?.serviceName ?? "unknown",
    startMs: start / 1000,
    duration: end - start,
    spans: trace.spans.length,
    errors,
    failure,
    services: [...services.values()].sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name)),
  };
}
