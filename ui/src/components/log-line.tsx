/** A log record in line with its span: when (since the trace's start), how grave, what; a click shows its attributes. */
import type { LogRecord } from "../api/logs";
import { breakable } from "./breakable";
import { formatClock, formatDuration, formatValue } from "../lib/format";
import { levelOf } from "../lib/severity";

export const logMillis = (log: LogRecord) => Number(log.timestamp_unix_nano) / 1e6;

interface Props {
  log: LogRecord;
  /** When the trace began, in milliseconds since the Unix epoch. */
  since: number;
  /** Goes to the span it belongs to, when that is another one than the panel shows. */
  select?: () => void;
}

export function LogLine({ log, since, select }: Props) {
  const at = logMillis(log);
  return (
    <li class="log-line" data-testid="log-line">
      <details>
        <summary>
          <SeverityTag log={log} />
          <span class="log-body">{formatValue(log.body)}</span>
          <time class="faint" title={formatClock(at, true)}>
            +{formatDuration(Math.max(0, (at - since) * 1000))}
          </time>
        </summary>
        <LogAttributes attributes={log.attributes} />
        {select && (
          <button type="button" class="button small to-span" onClick={select}>
            Go to its span
          </button>
        )}
      </details>
    </li>
  );
}

export function SeverityTag({ log }: { log: LogRecord }) {
  const level = levelOf(log.severity_number);
  return <span class={`severity level-text-${level.toLowerCase() || "none"}`}>{level || log.severity || "–"}</span>;
}

export function LogAttributes({ attributes }: { attributes: Record<string, unknown> }) {
  const entries = Object.entries(attributes);
  if (entries.length === 0) return <p class="faint pad">No attributes.</p>;
  return (
    <dl class="attributes">
      {entries.map(([key, value]) => (
        <div key={key}>
          <dt>{breakable(key)}</dt>
          <dd>
            <span class="attribute-value">{formatValue(value)}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
