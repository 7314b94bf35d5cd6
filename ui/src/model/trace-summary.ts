/** A trace that is here in full as the summary that lists show. */
import type { TraceSummary } from "../api/trace-summaries";
import type { JaegerTrace } from "../api/traces";
import { openedId } from "../state/opened";
import { buildTrace, operationName, serviceName } from "./trace";
import { fromJaeger } from "./trace-source";

const kept = new WeakMap<JaegerTrace, TraceSummary>();

export function summaryOf(source: JaegerTrace): TraceSummary {
  let summary = kept.get(source);
  if (!summary) kept.set(source, (summary = summarise(source)));
  return summary;
}

function summarise(source: JaegerTrace): TraceSummary {
  const trace = buildTrace(fromJaeger(source))!;
  return {
    id: openedId(source),
    root: operationName(trace, trace.root),
    rootService: serviceName(trace, trace.root),
    startMs: trace.startMs,
    duration: trace.total,
    spans: trace.size,
    errors: trace.errors,
    failure: "",
    services: [...trace.services],
  };
}
