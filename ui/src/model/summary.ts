/** What the list of found traces shows of each, without building its tree. */
import type { JaegerTrace } from "../api/traces";

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
  services: { name: string; spans: number; error: boolean }[];
}

export function summarise(trace: JaegerTrace): TraceSummary | undefined {
  if (trace.spans.length === 0) return undefined;
  const ids = new Set(trace.spans.map((span) => span.spanID));
  let start = Infinity;
  let end = 0;
  let errors = 0;
  const services = new Map<string, { name: string; spans: number; error: boolean }>();
  for (const span of trace.spans) {
    start = Math.min(start, span.startTime);
    end = Math.max(end, span.startTime + span.duration);
    const name = trace.processes[span.processID]?.serviceName ?? "unknown";
    const service = services.get(name) ?? { name, spans: 0, error: false };
    service.spans += 1;
    if (span.tags?.some((tag) => tag.key === "error" && String(tag.value) === "true")) {
      errors += 1;
      service.error = true;
    }
    services.set(name, service);
  }
  const parentOf = (span: JaegerTrace["spans"][number]) => span.references?.find((one) => one.refType === "CHILD_OF")?.spanID;
  const roots = trace.spans.filter((span) => !ids.has(parentOf(span) ?? ""));
  const proper = roots.filter((span) => parentOf(span) === undefined);
  const root = (proper.length > 0 ? proper : roots).reduce<JaegerTrace["spans"][number] | undefined>(
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
    services: [...services.values()].sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name)),
  };
}
