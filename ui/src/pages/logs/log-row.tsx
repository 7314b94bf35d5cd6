/** A record in the list: time, severity, service, the chosen columns, what it says; opened, all that it has. */
import type { LogRecord } from "../../api/logs";
import { logMillis, SeverityTag } from "../../components/log-line";
import { ServiceDot } from "../../components/service-tag";
import { openTrace } from "../../components/trace-drawer";
import { formatClock, formatDateTime, formatDay, formatValue } from "../../lib/format";
import { levelOf } from "../../lib/severity";
import { columnValue, structured } from "../../model/log-columns";
import { pieces } from "../../model/log-query";
import { LogDetail } from "./log-detail";

export interface RowOptions {
  columns: readonly string[];
  needles: readonly string[];
  json: boolean;
  withDay: boolean;
}

interface Props extends RowOptions {
  log: LogRecord;
  open: boolean;
  current: boolean;
  marked: boolean;
  toggle: () => void;
}

export function LogRow({ log, open, current, marked, toggle, columns, needles, json, withDay }: Props) {
  const at = logMillis(log);
  const level = levelOf(log.severity_number).toLowerCase() || "none";
  const classes = `log-row level-edge-${level}${open ? " is-open" : ""}${current ? " is-current" : ""}${marked ? " is-marked" : ""}`;
  return (
    <div role="listitem" class={classes} data-testid="log-row" data-id={log.id}>
      <div class="log-line-row">
        <button type="button" class="log-main" aria-expanded={open} onClick={toggle} tabIndex={-1}>
          <time title={formatDateTime(at, true)}>
            {withDay && <small>{formatDay(at).slice(5)} </small>}
            {formatClock(at, true)}
          </time>
          <SeverityTag log={log} />
          <span class="log-service" title={log.service}>
            <ServiceDot name={log.service} />
            <span>{log.service}</span>
          </span>
          {columns.map((key) => {
            const value = columnValue(log, key);
            const text = value === undefined || value === "" ? "–" : formatValue(value);
            return (
              <span key={key} class="log-column" title={`${key}: ${text}`}>
                <Marked text={text} needles={needles} />
              </span>
            );
          })}
          <Body log={log} json={json} needles={needles} columns={columns} />
        </button>
        {log.trace_id && (
          <button type="button" class="trace-link" data-testid="log-trace" tabIndex={-1} title={`Open trace ${log.trace_id}`} onClick={() => openTrace(log.trace_id, log.span_id)}>
            trace
          </button>
        )}
      </div>
      {open && <LogDetail log={log} needles={needles} />}
    </div>
  );
}

function Body({ log, json, needles, columns }: { log: LogRecord; json: boolean; needles: readonly string[]; columns: readonly string[] }) {
  const tree = json ? structured(log.body) : undefined;
  if (tree !== undefined) return <span class="log-body log-json">{<Marked text={JSON.stringify(tree, null, 2)} needles={needles} />}</span>;
  const inline = Object.entries(log.attributes)
    .filter(([key]) => !columns.includes(key))
    .slice(0, 6);
  return (
    <span class="log-body">
      <Marked text={formatValue(log.body)} needles={needles} />{" "}
      <span class="inline-attributes">
        {inline.map(([key, value]) => (
          <span key={key}>
            {key}=<Marked text={formatValue(value)} needles={needles} />
          </span>
        ))}
      </span>
    </span>
  );
}

/** A text in which the words that were searched for are marked. */
export const Marked = ({ text, needles }: { text: string; needles: readonly string[] }) => (
  <>{needles.length === 0 ? text : pieces(text, needles).map((piece, i) => (piece.hit ? <mark key={i}>{piece.text}</mark> : piece.text))}</>
);
