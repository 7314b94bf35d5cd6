/** One span as a row: its place in the tree and its bar, with events, logs and its part of the critical path. */
import { ChevronIcon } from "../../components/icons";
import { logMillis } from "../../components/log-line";
import { ServiceDot } from "../../components/service-tag";
import type { LogRecord } from "../../api/logs";
import { hueStyle, serviceHue } from "../../lib/color";
import { formatCount, formatDuration, formatPercent, formatValue } from "../../lib/format";
import { levelOf } from "../../lib/severity";
import { isFailed, MISSING_PARENT, operationName, serviceName, SKEWED, type Trace } from "../../model/trace";
import { isCollapsed, type RowChoice } from "../../model/trace-rows";
import { eventsAt, sourceOf, tagOf } from "../../model/trace-span";
import { selectSpan, setZoom, toggleSpan, type TraceState } from "./trace-url";
import { spanZoom } from "./zoom";

interface Props {
  trace: Trace;
  row: number;
  state: TraceState;
  choice: RowChoice;
  selected: boolean;
  matched: boolean;
  path: readonly [number, number][] | undefined;
  logs: readonly LogRecord[] | undefined;
}

export function SpanRow({ trace, row, state, choice, selected, matched, path, logs }: Props) {
  const key = trace.keys[row];
  const service = serviceName(trace, row);
  const failed = isFailed(trace, row);
  const collapsed = isCollapsed(trace, row, choice);
  const classes = ["span-row", selected && "is-selected", failed && "is-error", matched && "is-match", state.path && !path && "is-off-path"];
  return (
    <div
      id={`span-${key}`}
      role="treeitem"
      aria-level={trace.depth[row] + 1}
      aria-expanded={trace.below[row] > 0 ? !collapsed : undefined}
      aria-selected={selected}
      class={classes.filter(Boolean).join(" ")}
      style={hueStyle(serviceHue(service))}
      data-testid="span-row"
      data-span-id={key}
      onClick={() => selectSpan(key)}
      onDblClick={() => setZoom(spanZoom(trace, row))}
    >
      <div class="span-name" style={{ "--depth": Math.min(trace.depth[row], 14) }}>
        <Toggle trace={trace} row={row} state={state} collapsed={collapsed} />
        <ServiceDot name={service} />
        {failed && <ErrorMark trace={trace} row={row} />}
        <span class="span-service">{service}</span>
        <span class="span-operation">{operationName(trace, row)}</span>
        <Badges trace={trace} row={row} collapsed={collapsed} logs={logs?.length ?? 0} />
      </div>
      <Bar trace={trace} row={row} zoom={state.zoom} path={path} logs={logs} />
    </div>
  );
}

function ErrorMark({ trace, row }: { trace: Trace; row: number }) {
  const said = String(tagOf(sourceOf(trace, row).tags, "otel.status_description") ?? "") || "failed";
  return (
    <b class="error-mark" role="img" aria-label="failed" title={said}>
      !
    </b>
  );
}

function Badges({ trace, row, collapsed, logs }: { trace: Trace; row: number; collapsed: boolean; logs: number }) {
  const flags = trace.flags[row];
  return (
    <>
      {(flags & MISSING_PARENT) !== 0 && (
        <em class="badge" title="Its parent is not in the trace: not sent, lost, or not here yet">
          no parent
        </em>
      )}
      {(flags & SKEWED) !== 0 && (
        <em class="badge" title={`Starts ${formatDuration(trace.start[trace.parent[row]] - trace.start[row])} before its parent: a clock is off`}>
          clock
        </em>
      )}
      {collapsed && <em class="badge">{formatCount(trace.below[row])} more</em>}
      {logs > 0 && <em class="badge badge-logs" title={`${logs} log records`}>{logs} log{logs > 1 ? "s" : ""}</em>}
    </>
  );
}

function Toggle({ trace, row, state, collapsed }: Pick<Props, "trace" | "row" | "state"> & { collapsed: boolean }) {
  if (trace.below[row] === 0) return <span class="toggle-space" />;
  const toggle = (event: Event) => {
    event.stopPropagation();
    toggleSpan(trace.keys[row], state);
  };
  return (
    <button type="button" tabIndex={-1} class={`toggle${collapsed ? "" : " is-open"}`} aria-label={collapsed ? "Expand" : "Collapse"} onClick={toggle} onDblClick={(event) => event.stopPropagation()}>
      <ChevronIcon />
    </button>
  );
}

/** Marks beyond this are not drawn: they would be a grey stretch. */
const MOST_MARKS = 200;

function Bar({ trace, row, zoom: [from, to], path, logs }: Pick<Props, "trace" | "row" | "path" | "logs"> & { zoom: [number, number] }) {
  const scale = (to - from) * trace.total || 1;
  const percent = (at: number) => ((at - from * trace.total) / scale) * 100;
  const start = trace.start[row];
  const duration = trace.duration[row];
  const left = percent(start);
  const right = percent(start + duration);
  if (right < 0 || left > 100) return <div class={`span-time is-${right < 0 ? "earlier" : "later"}`} />;
  const shownLeft = Math.max(0, left);
  const width = Math.min(100, right) - shownLeft;
  const label = right <= 82 ? "after" : left >= 22 ? "before" : "within";
  const mark = (at: number, key: string, kind: string, title: string) =>
    at < 0 || at > 100 ? null : <i key={key} class={kind} style={{ left: `${at}%` }} title={title} />;
  return (
    <div class="span-time">
      <div class="span-bar" style={{ left: `${shownLeft}%`, width: `max(2px, ${width}%)` }} />
      {path?.map(([begin, end]) => {
        const a = Math.max(0, percent(begin));
        const b = Math.min(100, percent(end));
        return b > a ? <i key={begin} class="span-critical" style={{ left: `${a}%`, width: `max(1px, ${b - a}%)` }} /> : null;
      })}
      {eventsAt(trace, row)
        .slice(0, MOST_MARKS)
        .map(({ at, name }, i) => mark(percent(at), `e${i}`, `span-event${name === "exception" ? " is-error" : ""}`, `${name} at +${formatDuration(at)}`))}
      {logs?.slice(0, MOST_MARKS).map((log, i) => {
        const at = (logMillis(log) - trace.startMs) * 1000;
        return mark(percent(at), `l${i}`, `span-log level-${levelOf(log.severity_number).toLowerCase() || "none"}`, `${log.severity || "log"} at +${formatDuration(at)}: ${formatValue(log.body)}`);
      })}
      <span class={`span-duration is-${label}`} style={labelStyle[label](shownLeft, right)} title={durationTitle(trace, row)}>
        {formatDuration(duration)}
      </span>
    </div>
  );
}

function durationTitle(trace: Trace, row: number): string {
  const duration = trace.duration[row];
  const self = trace.self[row];
  return `${formatDuration(duration)}, of that ${formatDuration(self)}${duration > 0 ? ` (${formatPercent(self / duration)})` : ""} by itself; from +${formatDuration(trace.start[row])}`;
}

/** Where the figure stands: behind the bar where there is room, else before it, else on it. */
const labelStyle = {
  after: (_: number, right: number) => ({ left: `calc(${Math.min(100, right)}% + 6px)` }),
  before: (left: number) => ({ right: `calc(${100 - left}% + 6px)` }),
  within: (left: number) => ({ left: `calc(${left}% + 7px)` }),
};
