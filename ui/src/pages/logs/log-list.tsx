/** The records, newest first. Any may be open to all that it has; scrolling away from the top freezes live tail. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { LogRecord } from "../../api/logs";
import { CloseIcon } from "../../components/icons";
import { MeasuredList } from "../../components/measured-list";
import { openTrace } from "../../components/trace-drawer";
import { moved, structured } from "../../model/log-columns";
import { useKeys } from "../../state/keys";
import { timeWindow } from "../../state/time-range";
import { setParams } from "../../state/url";
import { LogRow } from "./log-row";
import { showContext, toggleColumn, type LogState } from "./log-state";

interface Props {
  logs: LogRecord[];
  state: LogState;
  /** The record that all is about, in the middle. */
  marked?: string;
  onAway: (away: boolean) => void;
  onNearEnd?: () => void;
}

/** A clock alone says little when the window reaches into another day. */
const withDay = () => timeWindow.value.end - timeWindow.value.start > 20 * 3600e3;

const isNarrow = () => matchMedia("(max-width: 640px)").matches;

export function LogList({ logs, state, marked = "", onAway, onNearEnd }: Props) {
  const [cursor, setCursor] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const narrow = isNarrow();
  const columns = narrow ? [] : state.columns;
  const places = useMemo(() => new Map(logs.map((log, i) => [log.id, i])), [logs]);
  const at = places.get(cursor) ?? -1;
  const toggle = (log: LogRecord) => (setCursor(log.id), setParams({ log: state.open === log.id ? null : log.id }, "replace"));
  const go = (to: number) => setCursor(logs[Math.min(logs.length - 1, Math.max(0, to))]?.id ?? "");
  // What a link leads to is shown in the middle.
  const first = useRef("");
  const seen = useRef(false);
  useKeys("Log records", [
    { keys: ["j", "ArrowDown"], does: "Next record", run: () => go(at + 1) },
    { keys: ["k", "ArrowUp"], does: "Previous record", run: () => go(at - 1) },
    { keys: ["Enter", "x"], does: "Show or hide all that it has", run: () => logs[at] && toggle(logs[at]) },
    { keys: ["o"], does: "Open its trace", run: () => logs[at]?.trace_id && openTrace(logs[at].trace_id, logs[at].span_id) },
    { keys: ["c"], does: "Show its context", run: () => logs[at] && showContext(logs[at].id) },
  ]);
  useEffect(() => () => onAway(false), []);
  useEffect(() => {
    if (seen.current || logs.length === 0) return;
    seen.current = true;
    const id = marked || state.open;
    if (!id || !places.has(id)) return;
    first.current = id;
    setCursor(id);
  }, [logs]);

  const isTall = (i: number) => {
    const log = logs[i];
    return log !== undefined && (state.wrap || log.id === state.open || (state.json && structured(log.body) !== undefined));
  };
  const classes = `log-rows${withDay() ? " with-day" : ""}${state.wrap ? " is-wrapped" : ""}`;
  return (
    <div class="log-list" ref={list} style={{ "--columns": columns.map(() => "minmax(90px, 150px)").join(" ") }}>
      {columns.length > 0 && <ColumnHeads columns={columns} />}
      <MeasuredList
        class={classes}
        count={logs.length}
        keyOf={(i) => logs[i]?.id ?? ""}
        rowHeight={narrow ? 46 : 26}
        isTall={isTall}
        version={logs}
        reveal={at}
        center={at >= 0 && cursor === first.current}
        onScroll={(top) => onAway(top > 40)}
        {...(onNearEnd ? { onNearEnd } : {})}
        attributes={{ role: "list", tabIndex: 0, "aria-label": "Log records, newest first", "data-testid": "log-list" }}
        row={(i) => (
          <LogRow
            log={logs[i]}
            open={logs[i].id === state.open}
            current={i === at}
            marked={logs[i].id === marked}
            toggle={() => toggle(logs[i])}
            columns={columns}
            needles={state.needles}
            json={state.json}
            withDay={withDay()}
          />
        )}
      />
    </div>
  );
}

function ColumnHeads({ columns }: { columns: readonly string[] }) {
  const move = (key: string, by: number) => setParams({ col: moved(columns, key, by) }, "replace");
  return (
    <div class="log-heads" data-testid="log-heads">
      <div class="log-main">
        <span>Time</span>
        <span>Level</span>
        <span>Service</span>
        {columns.map((key, i) => (
          <span key={key} class="log-head" title={key}>
            <span class="log-head-name">{key}</span>
            {i > 0 && (
              <button type="button" aria-label={`Move ${key} to the left`} title="To the left" onClick={() => move(key, -1)}>
                ‹
              </button>
            )}
            {i < columns.length - 1 && (
              <button type="button" aria-label={`Move ${key} to the right`} title="To the right" onClick={() => move(key, 1)}>
                ›
              </button>
            )}
            <button type="button" aria-label={`Remove the column ${key}`} title="Remove" onClick={() => toggleColumn(key)}>
              <CloseIcon />
            </button>
          </span>
        ))}
        <span>Message</span>
      </div>
    </div>
  );
}
