/** The records, newest first. One may be open to its attributes; scrolling away from the top freezes live tail. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { LogRecord } from "../../api/logs";
import { CopyButton } from "../../components/copy-button";
import { LogAttributes, SeverityTag, logMillis } from "../../components/log-line";
import { ServiceDot } from "../../components/service-tag";
import { openTrace } from "../../components/trace-drawer";
import { VirtualList } from "../../components/virtual-list";
import { formatClock, formatCount, formatDateTime, formatDay, formatValue } from "../../lib/format";
import { levelOf } from "../../lib/severity";
import { useKeys } from "../../state/keys";
import { timeWindow } from "../../state/time-range";
import { param, setParams } from "../../state/url";

interface Props {
  logs: LogRecord[];
  fresh: number;
  onAway: (away: boolean) => void;
}

/** A clock alone says little when the window reaches into another day. */
const withDay = () => timeWindow.value.end - timeWindow.value.start > 20 * 3600e3;

const keyOf = (log: LogRecord) => `${log.timestamp_unix_nano}.${log.span_id.slice(0, 6)}`;

export function LogList({ logs, fresh, onAway }: Props) {
  const open = logs.findIndex((log) => keyOf(log) === param("log"));
  const [cursor, setCursor] = useState(-1);
  const list = useRef<HTMLDivElement>(null);
  const narrow = matchMedia("(max-width: 640px)").matches;
  const toggle = (i: number) => setParams({ log: i === open ? null : keyOf(logs[i]) }, "replace");
  const go = (to: number) => setCursor(Math.min(logs.length - 1, Math.max(0, to)));
  useKeys("Log records", [
    { keys: ["j", "ArrowDown"], does: "Next record", run: () => go(cursor + 1) },
    { keys: ["k", "ArrowUp"], does: "Previous record", run: () => go(cursor - 1) },
    { keys: ["Enter", "x"], does: "Show or hide its attributes", run: () => logs[cursor] && toggle(cursor) },
    { keys: ["o"], does: "Open its trace", run: () => logs[cursor]?.trace_id && openTrace(logs[cursor].trace_id, logs[cursor].span_id) },
  ]);
  useEffect(() => () => onAway(false), []);

  const toTop = () => list.current?.querySelector(".virtual")?.scrollTo({ top: 0 });
  return (
    <div class="log-list" ref={list}>
      {fresh > 0 && (
        <button type="button" class="button fresh" onClick={toTop}>
          {formatCount(fresh)} new · resume
        </button>
      )}
      <VirtualList
        class={`log-rows${withDay() ? " with-day" : ""}`}
        count={logs.length}
        rowHeight={narrow ? 46 : 26}
        reveal={cursor}
        onScroll={(top) => onAway(top > 40)}
        attributes={{ role: "list", tabIndex: 0, "aria-label": "Log records, newest first", "data-testid": "log-list" }}
        row={(i) => <LogRow log={logs[i]} open={i === open} current={i === cursor} toggle={() => (setCursor(i), toggle(i))} />}
        detail={open >= 0 ? { index: open, node: <LogDetail log={logs[open]} /> } : null}
      />
    </div>
  );
}

function LogRow({ log, open, current, toggle }: { log: LogRecord; open: boolean; current: boolean; toggle: () => void }) {
  const at = logMillis(log);
  const level = levelOf(log.severity_number).toLowerCase() || "none";
  return (
    <div role="listitem" class={`log-row level-edge-${level}${open ? " is-open" : ""}${current ? " is-current" : ""}`} data-testid="log-row">
      <button type="button" class="log-main" aria-expanded={open} onClick={toggle} tabIndex={-1}>
        <time title={formatDateTime(at, true)}>
          {withDay() && <small>{formatDay(at).slice(5)} </small>}
          {formatClock(at, true)}
        </time>
        <SeverityTag log={log} />
        <span class="log-service">
          <ServiceDot name={log.service} />
          {log.service}
        </span>
        <span class="log-body">
          {formatValue(log.body)} <Inline attributes={log.attributes} />
        </span>
      </button>
      {log.trace_id && (
        <button type="button" class="trace-link" data-testid="log-trace" tabIndex={-1} title={`Open trace ${log.trace_id}`} onClick={() => openTrace(log.trace_id, log.span_id)}>
          trace
        </button>
      )}
    </div>
  );
}

const Inline = ({ attributes }: { attributes: Record<string, unknown> }) => (
  <span class="inline-attributes">
    {Object.entries(attributes)
      .slice(0, 6)
      .map(([key, value]) => (
        <span key={key}>
          {key}={formatValue(value)}
        </span>
      ))}
  </span>
);

function LogDetail({ log }: { log: LogRecord }) {
  const body = formatValue(log.body);
  return (
    <div class="log-detail" data-testid="log-detail">
      <div class="log-detail-head">
        <pre>{typeof log.body === "string" ? body : JSON.stringify(log.body, null, 2)}</pre>
        <CopyButton text={body} label="Copy the message" />
      </div>
      <div class="log-detail-columns">
        <section>
          <h3>Attributes</h3>
          <LogAttributes attributes={log.attributes} />
        </section>
        <section>
          <h3>Context</h3>
          <LogAttributes
            attributes={{
              timestamp: log.timestamp,
              ...(log.trace_id ? { trace_id: log.trace_id, span_id: log.span_id } : {}),
              ...(log.scope ? { scope: log.scope } : {}),
              ...(log.event_name ? { event_name: log.event_name } : {}),
              ...log.resource,
            }}
          />
        </section>
      </div>
      {log.trace_id && (
        <button type="button" class="button small" onClick={() => openTrace(log.trace_id, log.span_id)}>
          Open its trace
        </button>
      )}
    </div>
  );
}
