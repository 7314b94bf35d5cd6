/** What the trace is, how long it took, and what is odd about it. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { CopyButton } from "../../components/copy-button";
import { ServiceTag } from "../../components/service-tag";
import { formatAgo, formatCount, formatCounted, formatDateTime, formatDuration } from "../../lib/format";
import { operationName, serviceName, type Trace } from "../../model/trace";
import { notesOf, type TraceNotes } from "../../model/trace-notes";

export function TraceHead({ trace, actions }: { trace: Trace; actions?: ComponentChildren }) {
  const notes = useMemo(() => notesOf(trace), [trace]);
  return (
    <header class="trace-head">
      <div class="trace-title">
        <h1>
          <ServiceTag name={serviceName(trace, trace.root)} /> <span data-testid="trace-root">{operationName(trace, trace.root)}</span>
        </h1>
        <p class="trace-facts">
          <b>{formatDuration(trace.total)}</b>
          <span>{formatCounted(trace.size, "span")}</span>
          {trace.errors > 0 && <span class="error-text">{formatCount(trace.errors)} failed</span>}
          <span>{formatCounted(trace.services.length, "service")}</span>
          <span title={formatAgo(trace.startMs, Date.now())}>{formatDateTime(trace.startMs, true)}</span>
          <span class="mono trace-id">
            {trace.id} <CopyButton text={trace.id} label="Copy the trace id" />
          </span>
        </p>
        <Notes notes={notes} />
      </div>
      <div class="trace-actions">{actions}</div>
    </header>
  );
}

function Notes({ notes: { missingParents, duplicates, skew } }: { notes: TraceNotes }) {
  const texts = [
    missingParents > 0 && `${formatCounted(missingParents, "span")} without ${missingParents === 1 ? "its" : "their"} parent: not sent, lost, or not here yet`,
    skew && `${formatCounted(skew.spans, "span")} before ${skew.spans === 1 ? "its" : "their"} parent, by up to ${formatDuration(skew.most)}: ${clocks(skew)}`,
    duplicates > 0 && `${formatCounted(duplicates, "span")} with an id that another has`,
  ].filter((text): text is string => typeof text === "string");
  if (texts.length === 0) return null;
  return (
    <ul class="trace-notes" data-testid="trace-notes">
      {texts.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}

const clocks = ({ child, parent }: { child: string; parent: string }) =>
  child === parent ? `the clocks of two hosts of ${child} differ` : `the clocks of ${child} and ${parent} differ`;
