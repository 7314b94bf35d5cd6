/** A trace and its logs, loaded together. */
import { fetchLogs, type LogRecord } from "../../api/logs";
import { fetchTrace } from "../../api/traces";
import { ApiError } from "../../api/http";
import { learnServices } from "../../lib/color";
import { buildTrace, type Trace } from "../../model/trace";
import { useLoad, type Loaded } from "../../state/load";

const MOST_LOGS = 1000;

export interface TraceLogs {
  bySpan: Map<string, LogRecord[]>;
  /** There may be more than were asked for. */
  cut: boolean;
}

export function useTrace(id: string): Loaded<Trace> {
  return useLoad(`trace ${id}`, 0, async (signal) => {
    const raw = await fetchTrace(id, signal);
    const trace = raw && buildTrace(raw);
    if (!trace) throw new ApiError(`There is no trace ${id}.`, 404, "");
    learnServices(trace.services.map((service) => service.name));
    return trace;
  });
}

export function useTraceLogs(id: string): Loaded<TraceLogs> {
  return useLoad(`logs of ${id}`, 0, async (signal) => {
    const logs = await fetchLogs({ trace_id: id }, null, MOST_LOGS, signal);
    return { bySpan: groupBySpan(logs), cut: logs.length >= MOST_LOGS };
  });
}

/** Oldest first within a span, as one reads what happened. */
function groupBySpan(newestFirst: LogRecord[]): Map<string, LogRecord[]> {
  const groups = new Map<string, LogRecord[]>();
  for (const log of newestFirst.toReversed()) {
    const group = groups.get(log.span_id);
    if (group) group.push(log);
    else groups.set(log.span_id, [log]);
  }
  return groups;
}
