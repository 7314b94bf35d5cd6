/** All that a record has. A value can be asked for, left out, copied, or made a column. */
import type { LogRecord } from "../../api/logs";
import { breakable } from "../../components/breakable";
import { CopyButton } from "../../components/copy-button";
import { openTrace } from "../../components/trace-drawer";
import { formatValue } from "../../lib/format";
import { levelOf } from "../../lib/severity";
import { structured } from "../../model/log-columns";
import { href, param } from "../../state/url";
import { ColumnIcon, MinusIcon, PlusIcon } from "./log-icons";
import { Marked } from "./log-row";
import { filterBy, showContext, toggleColumn } from "./log-state";

interface Entry {
  key: string;
  value: unknown;
  /** Whether records are told apart by it, and it may be a column. */
  filters: boolean;
  column: boolean;
}

export function LogDetail({ log, needles }: { log: LogRecord; needles: readonly string[] }) {
  const tree = structured(log.body);
  const text = tree === undefined ? formatValue(log.body) : JSON.stringify(tree, null, 2);
  const attributes = Object.entries(log.attributes).map(([key, value]) => ({ key, value, filters: true, column: true }));
  const resource = Object.entries(log.resource).map(([key, value]) => ({ key, value, filters: true, column: true }));
  return (
    <div class="log-detail" data-testid="log-detail">
      <div class="log-detail-head">
        <pre>
          <Marked text={text} needles={needles} />
        </pre>
        <CopyButton text={typeof log.body === "string" ? log.body : text} label="Copy the message" />
      </div>
      <div class="log-detail-tools">
        {log.trace_id && (
          <button type="button" class="button small" onClick={() => openTrace(log.trace_id, log.span_id)}>
            Open its trace
          </button>
        )}
        {param("around") !== log.id && (
          <button type="button" class="button small" data-testid="show-context" onClick={() => showContext(log.id)}>
            Show context
          </button>
        )}
        {log.trace_id && (
          <a class="button small" href={href("/logs", { trace_id: log.trace_id })}>
            Logs of its trace
          </a>
        )}
        <span class="copy-json">
          <CopyButton text={JSON.stringify(log, null, 2)} label="Copy the record as JSON" />
          <span class="faint">JSON</span>
        </span>
      </div>
      <div class="log-detail-columns">
        <Section title="Attributes" entries={attributes} needles={needles} />
        <Section title="Record" entries={fieldsOf(log)} needles={needles} />
        <Section title="Resource" entries={resource} needles={needles} />
      </div>
    </div>
  );
}

function fieldsOf(log: LogRecord): Entry[] {
  const severity = levelOf(log.severity_number) || "UNSPECIFIED";
  const plain = { filters: false, column: false };
  return [
    { key: "timestamp", value: log.timestamp, ...plain },
    { key: "severity", value: severity, filters: true, column: false },
    { key: "service", value: log.service, filters: true, column: false },
    ...(log.scope ? [{ key: "scope", value: log.scope, filters: true, column: true }] : []),
    ...(log.trace_id ? [{ key: "trace_id", value: log.trace_id, filters: false, column: true }] : []),
    ...(log.span_id ? [{ key: "span_id", value: log.span_id, filters: false, column: true }] : []),
    ...(log.event_name ? [{ key: "event_name", value: log.event_name, filters: false, column: true }] : []),
  ];
}

function Section({ title, entries, needles }: { title: string; entries: Entry[]; needles: readonly string[] }) {
  return (
    <section>
      <h3>{title}</h3>
      {entries.length === 0 && <p class="faint pad">None.</p>}
      <dl class="attributes log-values">
        {entries.map((entry) => (
          <Value key={entry.key} entry={entry} needles={needles} />
        ))}
      </dl>
    </section>
  );
}

function Value({ entry: { key, value, filters, column }, needles }: { entry: Entry; needles: readonly string[] }) {
  const text = formatValue(value);
  const isColumn = param("col") !== "" && new URLSearchParams(location.search).getAll("col").includes(key);
  // Values that are lists or objects have no text that a filter could name.
  const plain = filters && (typeof value !== "object" || value === null) && value !== null;
  return (
    <div>
      <dt>{breakable(key)}</dt>
      <dd>
        {plain ? (
          <button type="button" class="attribute-value" title={`Only ${key}=${text}`} onClick={() => filterBy({ key, value: text, excluded: false })}>
            <Marked text={text} needles={needles} />
          </button>
        ) : (
          <span class="attribute-value">
            <Marked text={text} needles={needles} />
          </span>
        )}
        <span class="value-tools">
          {plain && (
            <>
              <button type="button" class="icon-button" aria-label={`Only records with ${key}=${text}`} title="Only these" onClick={() => filterBy({ key, value: text, excluded: false })}>
                <PlusIcon />
              </button>
              <button type="button" class="icon-button" aria-label={`No records with ${key}=${text}`} title="Without these" onClick={() => filterBy({ key, value: text, excluded: true })}>
                <MinusIcon />
              </button>
            </>
          )}
          {column && (
            <button type="button" class="icon-button" aria-pressed={isColumn} aria-label={`${isColumn ? "No column" : "A column"} for ${key}`} title={isColumn ? "Remove the column" : "Show as a column"} onClick={() => toggleColumn(key)}>
              <ColumnIcon />
            </button>
          )}
          <CopyButton text={text} label={`Copy ${key}`} />
        </span>
      </dd>
    </div>
  );
}
