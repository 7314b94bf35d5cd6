/** Traces that a query finds: TraceQL, or the words of Jaeger's search. A press opens one in the drawer. */
import { inTurn } from "../api/panel-data";
import { getJson } from "../api/http";
import type { Target } from "../api/dashboards";
import { ErrorNote, SkeletonBlock } from "../components/feedback";
import { openTrace } from "../components/trace-drawer";
import { formatDateTime, formatMillis } from "../lib/format";
import { interpolate, timeScope } from "../model/dashboard/variables";
import { useLoad } from "../state/load";
import type { Window } from "../state/time-range";
import { Nothing } from "./nothing";
import type { PanelProps } from "./props";

const TRACES = 20;

interface Found {
  id: string;
  name: string;
  /** Milliseconds. */
  at: number;
  duration: number;
}

interface TempoAnswer {
  traces?: { traceID: string; rootServiceName?: string; rootTraceName?: string; startTimeUnixNano: string; durationMs?: number }[];
}

interface JaegerAnswer {
  data: { traceID: string; spans: { operationName: string; startTime: number; duration: number; processID: string }[]; processes: Record<string, { serviceName: string }> }[];
}

export function TracesPanel({ panel, window, scope, version }: PanelProps) {
  const full = new Map([...scope, ...timeScope(window, 15)]);
  const targets = (panel.targets ?? []).filter((target) => !target.hide && (target.source === "tempo" || target.source === "jaeger")).map((target) => ({ ...target, expr: interpolate(target.expr, full, "glob") }));
  const found = useLoad(`traces ${JSON.stringify(targets)}`, version, async (signal) => {
    const all = await Promise.all(targets.map((target) => inTurn(signal, () => search(target, window, signal))));
    return all.flat().sort((a, b) => b.at - a.at);
  });
  if (found.error) return <ErrorNote error={found.error} retry={found.retry} what="The traces" title="The query failed." />;
  if (!found.data) return <SkeletonBlock height={80} />;
  if (found.data.length === 0) return <Nothing>No traces in this window.</Nothing>;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label="Found traces">
      <table class="panel-table">
        <thead>
          <tr>
            <th scope="col">Trace</th>
            <th scope="col">Began</th>
            <th scope="col" class="is-right">
              Duration
            </th>
          </tr>
        </thead>
        <tbody>
          {found.data.map((trace) => (
            <tr key={trace.id}>
              <td>
                <button type="button" class="link" onClick={() => openTrace(trace.id)}>
                  {trace.name}
                </button>
              </td>
              <td>{formatDateTime(trace.at)}</td>
              <td class="is-right">{formatMillis(trace.duration)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

async function search({ source, expr, limit = TRACES }: Target, window: Window, signal: AbortSignal): Promise<Found[]> {
  const most = Math.min(limit, 200);
  // A trace by its id needs no search.
  if (/^[0-9a-f]{16,32}$/i.test(expr.trim())) return [{ id: expr.trim(), name: expr.trim(), at: window.end, duration: NaN }];
  if (source === "tempo") {
    const answer = await getJson<TempoAnswer>("/api/search", { q: expr, start: Math.floor(window.start / 1000), end: Math.ceil(window.end / 1000), limit: most }, signal);
    return (answer.traces ?? []).map((one) => ({ id: one.traceID, name: `${one.rootServiceName ?? "?"}: ${one.rootTraceName ?? "?"}`, at: Number(one.startTimeUnixNano) / 1e6, duration: one.durationMs ?? NaN }));
  }
  const query = { ...Object.fromEntries(new URLSearchParams(expr)), start: Math.floor(window.start) * 1000, end: Math.ceil(window.end) * 1000, limit: most };
  const answer = await getJson<JaegerAnswer>("/api/traces", query, signal);
  return answer.data.map(({ traceID, spans, processes }) => {
    const first = spans.reduce((a, b) => (b.startTime < a.startTime ? b : a));
    const end = spans.reduce((latest, one) => Math.max(latest, one.startTime + one.duration), 0);
    return { id: traceID, name: `${processes[first.processID]?.serviceName ?? "?"}: ${first.operationName}`, at: first.startTime / 1000, duration: (end - first.startTime) / 1000 };
  });
}
