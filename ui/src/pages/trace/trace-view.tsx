/** One trace: header, overview, and one of the ways to look at it, beside the selected span. Used on its own page and in the drawer. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { lazy, PartFrame } from "../../components/lazy";
import type { Trace } from "../../model/trace";
import { rowOf } from "../../model/trace";
import { criticalPath } from "../../model/trace-path";
import { both, failedMarks, visibleRows, type RowChoice } from "../../model/trace-rows";
import { spanAt } from "../../model/trace-span";
import { route } from "../../state/url";
import { Minimap } from "./minimap";
import { SpanPanel } from "./span-panel";
import { TraceHead } from "./trace-head";
import { TraceTools } from "./trace-tools";
import { joined, readTraceState, selectSpan, type Tab, type TraceState } from "./trace-url";
import { useTraceKeys } from "./trace-keys";
import { useFound, useTrace, useTraceLogs } from "./use-trace";
import { Waterfall } from "./waterfall";
import type { ViewProps } from "./view-props";

const LazyFlame = lazy("The flame graph", async () => (await import("./flame-graph")).FlameGraph, PartFrame);
const LazyStats = lazy("The statistics", async () => (await import("./stats-table")).StatsTable, PartFrame);
const LazySpans = lazy("The list of spans", async () => (await import("./span-list")).SpanList, PartFrame);

export function TraceView({ id, actions }: { id: string; actions?: ComponentChildren }) {
  const trace = useTrace(id);
  if (trace.error) {
    return (
      <div class="trace-view">
        <div class="trace-head">
          <h1 class="mono">{id}</h1>
          <div class="trace-actions">{actions}</div>
        </div>
        <ErrorNote error={trace.error} retry={trace.retry} what="The trace" />
      </div>
    );
  }
  if (!trace.data) return <Skeleton rows={14} />;
  return <LoadedTrace key={id} id={id} trace={trace.data} actions={actions} />;
}

function LoadedTrace({ id, trace, actions }: { id: string; trace: Trace; actions?: ComponentChildren }) {
  void route.value;
  const state = readTraceState();
  const logs = useTraceLogs(id);
  const found = useFound(trace, state.find);
  const choice = useChoice(trace, state, found.marks);
  const rows = useMemo(() => visibleRows(trace, choice), [trace, choice]);
  const selected = rowOf(trace, state.span);
  const span = useMemo(() => (selected < 0 ? undefined : spanAt(trace, selected)), [trace, selected]);
  useTraceKeys({ trace, rows, found, state, choice, selected });
  useEffect(() => {
    if (state.span && selected < 0) selectSpan(null);
  }, [trace]);
  const View = VIEWS[state.tab];
  return (
    <div class={`trace-view${span ? " has-panel" : ""}`} data-testid="trace-view">
      <TraceHead trace={trace} actions={actions} />
      <Minimap trace={trace} zoom={state.zoom} />
      <TraceTools trace={trace} found={found} state={state} choice={choice} selected={selected} />
      <div class="trace-body">
        <View trace={trace} rows={rows} state={state} choice={choice} found={found} selected={selected} logs={logs.data} />
        {span && <SpanPanel span={span} trace={trace} logs={logs} />}
      </div>
    </div>
  );
}

const VIEWS: Record<Tab, (props: ViewProps) => ComponentChildren> = {
  waterfall: Waterfall,
  flame: (props) => <LazyFlame {...props} />,
  stats: (props) => <LazyStats {...props} />,
  spans: (props) => <LazySpans {...props} />,
};

/** The same object as long as nothing of it changes, since all rows follow from it. */
function useChoice(trace: Trace, state: TraceState, matches: Uint8Array): RowChoice {
  const { toggled, level, folded, hidden, only, find } = state;
  const searched = find.trim() !== "" && only.has("matches");
  return useMemo(() => {
    let marks: Uint8Array | null = null;
    if (only.has("errors")) marks = failedMarks(trace);
    if (only.has("path")) marks = both(marks, pathMarks(trace));
    if (searched && matches.length === trace.size) marks = both(marks, matches);
    return { toggled, level, folded, hidden, only: marks };
  }, [trace, joined(toggled), level, joined(folded), joined(hidden), joined(only), searched ? matches : null]);
}

function pathMarks(trace: Trace): Uint8Array {
  const marks = new Uint8Array(trace.size);
  for (const row of criticalPath(trace).keys()) marks[row] = 1;
  return marks;
}
