/** Lines of logs that LogQL finds, newest first unless asked otherwise; a line that knows its trace opens it. */
import { inTurn } from "../api/panel-data";
import { fetchLokiLines, type LokiLine } from "../api/loki";
import { ErrorNote, SkeletonBlock } from "../components/feedback";
import { openTrace } from "../components/trace-drawer";
import { formatClock, formatDateTime } from "../lib/format";
import { interpolate, timeScope } from "../model/dashboard/variables";
import { useLoad } from "../state/load";
import { Nothing } from "./nothing";
import type { PanelProps } from "./props";

const LINES = 200;

export function LogsPanel({ panel, window, scope, version }: PanelProps) {
  const full = new Map([...scope, ...timeScope(window, 15)]);
  const targets = (panel.targets ?? []).filter((target) => target.source === "loki" && !target.hide);
  const queries = targets.map((target) => ({ expr: interpolate(target.expr, full, "promql"), limit: Math.min(target.limit ?? LINES, 1000) }));
  const { newestFirst = true, wrap = false } = panel.options;
  const lines = useLoad(`logs ${JSON.stringify(queries)}`, version, async (signal) => {
    const all = await Promise.all(queries.map(({ expr, limit }) => inTurn(signal, () => fetchLokiLines(expr, window, limit, signal))));
    return all.flat().sort((a, b) => (newestFirst ? b.at - a.at : a.at - b.at));
  });
  if (lines.error) return <ErrorNote error={lines.error} retry={lines.retry} what="The logs" title="The query failed." />;
  if (!lines.data) return <SkeletonBlock height={80} />;
  if (lines.data.length === 0) return <Nothing>No lines in this window.</Nothing>;
  return (
    <ol class={`panel-logs${wrap ? " is-wrapped" : ""}`} tabIndex={0} aria-label="Lines">
      {lines.data.map((line, i) => (
        <Line key={i} line={line} />
      ))}
    </ol>
  );
}

function Line({ line }: { line: LokiLine }) {
  const trace = line.labels.trace_id;
  return (
    <li>
      <time title={formatDateTime(line.at, true)}>{formatClock(line.at, true)}</time>
      {trace ? (
        <button type="button" class="panel-log-line" title="Open its trace" onClick={() => openTrace(trace, line.labels.span_id ?? "")}>
          {line.line}
        </button>
      ) : (
        <span class="panel-log-line">{line.line}</span>
      )}
    </li>
  );
}
