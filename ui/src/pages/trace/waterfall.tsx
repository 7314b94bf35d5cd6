/** The rows of a trace: the tree on the left, each span's bar on the right. Only rows in sight exist. */
import { ChevronIcon } from "../../components/icons";
import { ServiceDot } from "../../components/service-tag";
import { VirtualList } from "../../components/virtual-list";
import { hueStyle, serviceHue } from "../../lib/color";
import { formatDuration } from "../../lib/format";
import type { Span, Trace } from "../../model/trace";
import type { TraceLogs } from "./use-trace";
import { selectSpan, toggleCollapsed, type TraceState } from "./trace-url";

const ROW_HEIGHT = 28;

interface Props {
  trace: Trace;
  rows: Span[];
  state: TraceState;
  matches: ReadonlySet<Span>;
  logs: TraceLogs | undefined;
}

export function Waterfall({ trace, rows, state, matches, logs }: Props) {
  const selected = rows.findIndex((span) => span.id === state.span);
  const [from, to] = state.zoom;
  return (
    <div class="waterfall">
      <div class="waterfall-head" aria-hidden="true">
        <span class="waterfall-title">Service and operation</span>
        <div class="waterfall-ticks">
          {[0, 0.25, 0.5, 0.75].map((part) => (
            <span key={part} style={{ left: `${part * 100}%` }}>
              {formatDuration((from + part * (to - from)) * trace.duration)}
            </span>
          ))}
        </div>
      </div>
      <VirtualList
        class="waterfall-rows"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        reveal={selected}
        attributes={{
          role: "tree",
          tabIndex: 0,
          "aria-label": `Spans of the trace, ${rows.length} rows`,
          "aria-activedescendant": selected >= 0 ? `span-${state.span}` : undefined,
          "data-testid": "waterfall",
        }}
        row={(i) => <Row span={rows[i]} trace={trace} state={state} matched={matches.has(rows[i])} logs={logs?.bySpan.get(rows[i].id)?.length ?? 0} />}
      />
    </div>
  );
}

function Row({ span, trace, state, matched, logs }: { span: Span; trace: Trace; state: TraceState; matched: boolean; logs: number }) {
  const open = !state.collapsed.has(span.id);
  const classes = ["span-row", span.id === state.span && "is-selected", span.error && "is-error", matched && "is-match"];
  return (
    <div
      id={`span-${span.id}`}
      role="treeitem"
      aria-level={span.depth + 1}
      aria-expanded={span.children.length > 0 ? open : undefined}
      aria-selected={span.id === state.span}
      class={classes.filter(Boolean).join(" ")}
      style={hueStyle(serviceHue(span.service))}
      data-testid="span-row"
      data-span-id={span.id}
      onClick={() => selectSpan(span.id)}
    >
      <div class="span-name" style={{ "--depth": Math.min(span.depth, 14) }}>
        <Toggle span={span} open={open} collapsed={state.collapsed} />
        <ServiceDot name={span.service} />
        {span.error && (
          <b class="error-mark" role="img" aria-label="failed" title={span.statusText || "failed"}>
            !
          </b>
        )}
        <span class="span-service">{span.service}</span>
        <span class="span-operation">{span.operation}</span>
        {span.missingParent && (
          <em class="badge" title="Its parent is not in the store: not sent, lost, or not here yet">
            no parent
          </em>
        )}
        {!open && <em class="badge">{span.descendants} more</em>}
        {logs > 0 && <em class="badge badge-logs" title={`${logs} log records`}>{logs} log{logs > 1 ? "s" : ""}</em>}
      </div>
      <Bar span={span} trace={trace} state={state} />
    </div>
  );
}

function Toggle({ span, open, collapsed }: { span: Span; open: boolean; collapsed: ReadonlySet<string> }) {
  if (span.children.length === 0) return <span class="toggle-space" />;
  const toggle = (event: Event) => {
    event.stopPropagation();
    toggleCollapsed(span.id, collapsed);
  };
  return (
    <button type="button" tabIndex={-1} class={`toggle${open ? " is-open" : ""}`} aria-label={open ? "Collapse" : "Expand"} onClick={toggle}>
      <ChevronIcon />
    </button>
  );
}

function Bar({ span, trace, state }: { span: Span; trace: Trace; state: TraceState }) {
  const [from, to] = state.zoom;
  const scale = (to - from) * trace.duration || 1;
  const percent = (at: number) => ((at - from * trace.duration) / scale) * 100;
  const left = percent(span.start);
  const right = percent(span.start + span.duration);
  if (right < 0 || left > 100) return <div class="span-time" />;
  const shownLeft = Math.max(0, left);
  const width = Math.min(100, right) - shownLeft;
  const label = right <= 82 ? "after" : left >= 22 ? "before" : "within";
  return (
    <div class="span-time">
      <div class="span-bar" style={{ left: `${shownLeft}%`, width: `max(2px, ${width}%)` }} />
      {state.path &&
        span.critical.map(([start, end]) => {
          const a = Math.max(0, percent(start));
          const b = Math.min(100, percent(end));
          return b > a ? <i key={start} class="span-critical" style={{ left: `${a}%`, width: `max(1px, ${b - a}%)` }} /> : null;
        })}
      {span.events.map((event, i) => {
        const at = percent(event.at);
        return at < 0 || at > 100 ? null : <i key={i} class={`span-event${event.name === "exception" ? " is-error" : ""}`} style={{ left: `${at}%` }} />;
      })}
      <span class={`span-duration is-${label}`} style={labelStyle[label](shownLeft, right)}>
        {formatDuration(span.duration)}
      </span>
    </div>
  );
}

/** Where the figure stands: behind the bar where there is room, else before it, else on it. */
const labelStyle = {
  after: (_: number, right: number) => ({ left: `calc(${Math.min(100, right)}% + 6px)` }),
  before: (left: number) => ({ right: `calc(${100 - left}% + 6px)` }),
  within: (left: number) => ({ left: `calc(${left}% + 7px)` }),
};
