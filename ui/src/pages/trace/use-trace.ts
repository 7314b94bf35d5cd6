/** A trace and its logs, loaded together; from the server, or from a file that was opened in this page. */
import { useEffect, useState } from "preact/hooks";
import { fetchLogs, type LogRecord } from "../../api/logs";
import { fetchTraceLines } from "../../api/traces";
import { ApiError } from "../../api/http";
import { learnServices } from "../../lib/color";
import { buildTrace, type Trace } from "../../model/trace";
import { fromColumns } from "../../model/trace-columns";
import { fromJaeger, type TraceSource } from "../../model/trace-source";
import { findSpans, type Found } from "../../model/trace-find";
import { useLoad, type Loaded } from "../../state/load";
import { isOpened, openedTrace } from "../../state/opened";

const MOST_LOGS = 1000;

export interface TraceLogs {
  bySpan: Map<string, LogRecord[]>;
  /** There may be more than were asked for. */
  cut: boolean;
}

export function useTrace(id: string | null): Loaded<Trace> {
  return useLoad(id === null ? null : `trace ${id}`, 0, async (signal) => {
    const source = isOpened(id!) ? openedSource(id!) : fromColumns(await fetchTraceLines(id!, signal));
    const trace = buildTrace(source);
    if (!trace) throw new ApiError(`There is no trace ${id}.`, 404, "");
    learnServices(trace.services.map((service) => service.name));
    return trace;
  });
}

function openedSource(id: string): TraceSource {
  const trace = openedTrace(id);
  if (!trace) throw new ApiError("The file it was in is no longer open, as the page was loaded anew. Open it again on the page of traces.", 0, "");
  return fromJaeger(trace);
}

const NO_LOGS: TraceLogs = { bySpan: new Map(), cut: false };

export function useTraceLogs(id: string): Loaded<TraceLogs> {
  return useLoad(`logs of ${id}`, 0, async (signal) => {
    if (isOpened(id)) return NO_LOGS;
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

const NOTHING: Found = { rows: [], marks: new Uint8Array(0) };

/** What the words find; while one types on, what was found last stays. */
export function useFound(trace: Trace, query: string): Found {
  const [found, setFound] = useState(NOTHING);
  useEffect(() => {
    if (query.trim() === "") return setFound(NOTHING);
    const abort = new AbortController();
    findSpans(trace, query, abort.signal).then(setFound, () => undefined);
    return () => abort.abort();
  }, [trace, query]);
  return query.trim() === "" ? NOTHING : found;
}
