/** One found trace: what began it, who took part, how long, what failed. */
import type { TraceSummary } from "../../api/trace-summaries";
import { ServiceTag } from "../../components/service-tag";
import { formatAgo, formatClock, formatCount, formatCounted, formatDateTime, formatDuration } from "../../lib/format";
import { clock } from "../../state/time-range";
import { href } from "../../state/url";

export function TraceRow({ trace, longest }: { trace: TraceSummary; longest: number }) {
  return (
    <a class={`trace-row${trace.errors > 0 ? " is-error" : ""}`} data-row data-testid="trace-row" data-trace={trace.id} href={href(`/traces/${trace.id}`, { span: trace.matched?.first })}>
      <span class="trace-row-name">
        <b>{trace.rootService}</b> <span>{trace.root}</span>
        {trace.failure && <em class="error-text">{trace.failure}</em>}
      </span>
      <span class="trace-row-bar" aria-hidden="true">
        <i style={{ width: `${Math.max(0.5, (trace.duration / longest) * 100)}%` }} />
      </span>
      <span class="trace-row-duration">{formatDuration(trace.duration)}</span>
      <span class="trace-row-services">
        {trace.services.slice(0, 6).map((service) => (
          <ServiceTag key={service.name} name={service.name} count={service.spans} error={service.errors > 0} />
        ))}
        {trace.services.length > 6 && <span class="faint">+{trace.services.length - 6}</span>}
      </span>
      <span class="trace-row-count faint">{formatCounted(trace.spans, "span")}{trace.matched && trace.matched.spans > 0 ? `, ${formatCount(trace.matched.spans)} found` : ""}</span>
      <span class="trace-row-errors">{trace.errors > 0 ? `${formatCount(trace.errors)} failed` : ""}</span>
      <time class="faint" title={formatDateTime(trace.startMs, true)}>
        {formatClock(trace.startMs)} · {formatAgo(trace.startMs, clock.value)}
      </time>
    </a>
  );
}
