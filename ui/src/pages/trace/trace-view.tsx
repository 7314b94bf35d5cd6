/** One trace: header, overview, waterfall and the selected span. Used on its own page and in the drawer. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { CopyButton } from "../../components/copy-button";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { DownIcon, SearchIcon, UpIcon } from "../../components/icons";
import { ServiceTag } from "../../components/service-tag";
import { formatAgo, formatCount, formatCounted, formatDateTime, formatDuration } from "../../lib/format";
import { findSpans, visibleSpans, type Span, type Trace } from "../../model/trace";
import { useKeys } from "../../state/keys";
import { route, setParams } from "../../state/url";
import { Minimap } from "./minimap";
import { SpanPanel } from "./span-panel";
import { readTraceState, selectSpan, toggleCollapsed, type TraceState } from "./trace-url";
import { useTrace, useTraceLogs } from "./use-trace";
import { Waterfall } from "./waterfall";

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
  return <LoadedTrace key={id} trace={trace.data} actions={actions} />;
}

function LoadedTrace({ trace, actions }: { trace: Trace; actions?: ComponentChildren }) {
  void route.value;
  const state = readTraceState();
  const logs = useTraceLogs(trace.id);
  const foldKey = [...state.collapsed].join();
  const rows = useMemo(() => visibleSpans(trace, state.collapsed), [trace, foldKey]);
  const found = useMemo(() => findSpans(trace, state.find), [trace, state.find]);
  const matches = useMemo(() => new Set(found), [found]);
  const selected = trace.byId.get(state.span);
  useTraceKeys(trace, rows, found, state);
  return (
    <div class={`trace-view${selected ? " has-panel" : ""}`} data-testid="trace-view">
      <TraceHead trace={trace} actions={actions} />
      <Minimap trace={trace} zoom={state.zoom} />
      <TraceTools trace={trace} found={found} state={state} />
      <div class="trace-body">
        <Waterfall trace={trace} rows={rows} state={state} matches={matches} logs={logs.data} />
        {selected && <SpanPanel span={selected} trace={trace} logs={logs} />}
      </div>
    </div>
  );
}

function TraceHead({ trace, actions }: { trace: Trace; actions?: ComponentChildren }) {
  return (
    <header class="trace-head">
      <div class="trace-title">
        <h1>
          <ServiceTag name={trace.root.service} /> <span data-testid="trace-root">{trace.root.operation}</span>
        </h1>
        <p class="trace-facts">
          <b>{formatDuration(trace.duration)}</b>
          <span>{formatCounted(trace.spans.length, "span")}</span>
          {trace.errors > 0 && <span class="error-text">{formatCount(trace.errors)} failed</span>}
          <span>{formatCounted(trace.services.length, "service")}</span>
          <span title={formatAgo(trace.startMs, Date.now())}>{formatDateTime(trace.startMs, true)}</span>
          <span class="mono trace-id">
            {trace.id} <CopyButton text={trace.id} label="Copy the trace id" />
          </span>
        </p>
      </div>
      <div class="trace-actions">{actions}</div>
    </header>
  );
}

function TraceTools({ trace, found, state }: { trace: Trace; found: Span[]; state: TraceState }) {
  const box = useRef<HTMLInputElement>(null);
  useKeys("Search in the trace", [{ keys: ["f"], does: "Search in this trace", run: () => box.current?.focus() }]);
  const at = found.findIndex((span) => span.id === state.span);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") step(found, state, event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") box.current?.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="trace-tools">
      <div class="service-legend">
        {trace.services.slice(0, 8).map((service) => (
          <ServiceTag key={service.name} name={service.name} count={service.spans} error={service.errors > 0} />
        ))}
        {trace.services.length > 8 && <span class="faint">and {trace.services.length - 8} more</span>}
      </div>
      {trace.errors > 0 && (
        <button type="button" class="button small" onClick={() => step(trace.spans.filter((span) => span.error), state, 1)}>
          Next error
        </button>
      )}
      <button type="button" class="button small" aria-pressed={state.path} onClick={() => setParams({ path: state.path ? null : "1" }, "replace")}>
        Critical path
      </button>
      <div class="find" role="search">
        <SearchIcon />
        <input
          ref={box}
          type="search"
          placeholder="Find in this trace"
          aria-label="Find in this trace"
          value={state.find}
          onInput={(event) => setParams({ find: event.currentTarget.value }, "replace")}
          onKeyDown={onKeyDown}
        />
        {state.find && (
          <span class="find-count" aria-live="polite">
            {at >= 0 ? `${at + 1}/` : ""}
            {found.length}
          </span>
        )}
        <button type="button" class="icon-button small" aria-label="Previous match" disabled={found.length === 0} onClick={() => step(found, state, -1)}>
          <UpIcon />
        </button>
        <button type="button" class="icon-button small" aria-label="Next match" disabled={found.length === 0} onClick={() => step(found, state, 1)}>
          <DownIcon />
        </button>
      </div>
    </div>
  );
}

/** Selects the next of some spans, around the end; whatever hides it is opened. */
function step(spans: Span[], state: TraceState, by: 1 | -1): void {
  if (spans.length === 0) return;
  const at = spans.findIndex((span) => span.id === state.span);
  const next = spans[at < 0 ? (by > 0 ? 0 : spans.length - 1) : (at + by + spans.length) % spans.length];
  const folded = new Set(state.collapsed);
  for (let span = next.parent; span; span = span.parent) folded.delete(span.id);
  setParams({ span: next.id, fold: [...folded].join(",") || null }, "replace");
}

function useTraceKeys(trace: Trace, rows: Span[], found: Span[], state: TraceState): void {
  const at = rows.findIndex((span) => span.id === state.span);
  const go = (to: number) => rows[to] && selectSpan(rows[to].id);
  const current = rows[at];
  const left = () => {
    if (!current) return;
    if (current.children.length > 0 && !state.collapsed.has(current.id)) toggleCollapsed(current.id, state.collapsed);
    else if (current.parent) selectSpan(current.parent.id);
  };
  const right = () => {
    if (!current) return go(0);
    if (state.collapsed.has(current.id)) toggleCollapsed(current.id, state.collapsed);
    else if (current.children.length > 0) go(at + 1);
  };
  useKeys("Trace", [
    { keys: ["j", "ArrowDown"], does: "Next span", run: () => go(Math.min(at + 1, rows.length - 1)) },
    { keys: ["k", "ArrowUp"], does: "Previous span", run: () => go(Math.max(at - 1, 0)) },
    { keys: ["ArrowLeft"], does: "Collapse, or go to the parent", run: left },
    { keys: ["ArrowRight"], does: "Expand, or go to the first child", run: right },
    { keys: ["x"], does: "Collapse or expand", run: () => current?.children.length && toggleCollapsed(current.id, state.collapsed) },
    { keys: ["Enter"], does: "Read the span's details", run: () => document.querySelector<HTMLElement>(".span-panel")?.focus() },
    { keys: ["n"], does: "Next match", run: () => step(found, state, 1) },
    { keys: ["p"], does: "Previous match", run: () => step(found, state, -1) },
    { keys: ["e"], does: "Next failed span", run: () => step(trace.spans.filter((span) => span.error), state, 1) },
    { keys: ["c"], does: "Critical path on or off", run: () => setParams({ path: state.path ? null : "1" }, "replace") },
  ]);
  useEffect(() => {
    if (state.span && !trace.byId.has(state.span)) selectSpan(null);
  }, [trace]);
}
