/** The traces near a point of a chart: those that exemplars name, and, labelled so, those that are inferred. The nearest opens by itself. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { fetchNear, type Correlated, type NearTrace } from "../api/correlate";
import { formatCounted, formatDateTime, formatDuration } from "../lib/format";
import { windowAround, type NearPoint } from "../model/near";
import { NO_TRACE } from "../pages/trace/trace-url";
import { useLoad } from "../state/load";
import { timeWindow } from "../state/time-range";
import { href, setParams } from "../state/url";
import { ErrorNote, Skeleton } from "./feedback";
import { ServiceTag } from "./service-tag";
import "../styles/explore.css";

interface Props {
  point: NearPoint;
  /** The trace that is open. */
  chosen: string;
  actions: ComponentChildren;
}

export function NearTraces({ point, chosen, actions }: Props) {
  const window = windowAround(point, timeWindow.value.end - timeWindow.value.start);
  const near = useLoad(`near ${JSON.stringify(point)}`, 0, (signal) => fetchNear({ ...point, window }, signal));
  const known = near.data?.traces.filter((trace) => !trace.missing) ?? [];
  const first = known[0];
  useEffect(() => {
    if (first && !chosen) choose(first, near.data, "replace");
  }, [first, chosen]);
  const open = known.find((trace) => trace.traceID === chosen);
  return (
    <section class="near" aria-label="Traces near the point" data-testid="near">
      <header class="near-head">
        <h2>Near {formatDateTime(point.at)}</h2>
        <span class="faint near-query" title={point.query}>
          {Object.values(point.labels).join(", ")}
        </span>
        <a href={href("/logs", { range: null, from: Math.floor(window.start), to: Math.ceil(window.end) })}>Logs of this time</a>
        {actions}
      </header>
      {near.error && <ErrorNote error={near.error} retry={near.retry} what="The traces near this point" />}
      {!near.data && !near.error && <Skeleton rows={2} height={30} />}
      {near.data && known.length === 0 && (
        <p class="note" data-testid="near-none">
          No trace is near this point{near.data.notes.length > 0 ? `: ${near.data.notes.join("; ")}` : "."}
        </p>
      )}
      {known.length > 0 && (
        <div class="near-list" role="group" aria-label="Nearest first">
          {known.map((trace) => (
            <NearButton key={trace.traceID} trace={trace} open={trace.traceID === chosen} choose={() => choose(trace, near.data, "push")} />
          ))}
        </div>
      )}
      {open && (
        <p class="near-reason faint" data-testid="near-reason">
          {open.inferred ? <b>Inferred</b> : <b>By exemplar</b>}: {open.reason}.
        </p>
      )}
    </section>
  );
}

function NearButton({ trace, open, choose }: { trace: NearTrace; open: boolean; choose: () => void }) {
  const about = `${trace.inferred ? "Inferred" : "By exemplar"}: ${trace.reason}`;
  return (
    <button type="button" class={`near-trace${trace.inferred ? " is-inferred" : ""}`} aria-pressed={open} title={about} data-testid="near-trace" data-trace-id={trace.traceID} onClick={choose}>
      <span class="near-kind">
        {trace.inferred ? <i class="near-mark">≈</i> : <i class="exemplar-sample" />}
        {trace.inferred ? "inferred" : "exemplar"}
      </span>
      <b class={trace.errors ? "error-text" : ""}>{formatDuration(Number(trace.duration_ns ?? 0) / 1000)}</b>
      <ServiceTag name={trace.service ?? ""} error={(trace.errors ?? 0) > 0} />
      <span class="near-operation">{trace.operation}</span>
      <span class="unseen">
        {formatCounted(trace.spans ?? 0, "span")}
        {trace.errors ? `, ${trace.errors} failed` : ""}
      </span>
    </button>
  );
}

/** Opens one; at the span that was measured, where that is known. */
function choose(trace: NearTrace, near: Correlated | undefined, how: "push" | "replace"): void {
  const span = near?.exemplars.find((one) => one.trace_id === trace.traceID)?.span_id ?? "";
  setParams({ ...NO_TRACE, trace: trace.traceID, span }, how);
}
