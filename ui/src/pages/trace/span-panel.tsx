/** All there is to know of one span, most telling first: what failed, its logs, attributes, events, links, resource, scope. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { fetchLogs, type LogRecord } from "../../api/logs";
import type { KeyValue } from "../../api/traces";
import { breakable } from "../../components/breakable";
import { CopyButton, writeClipboard } from "../../components/copy-button";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { CloseIcon } from "../../components/icons";
import { LogLine, logMillis } from "../../components/log-line";
import { MenuButton, type MenuItem } from "../../components/menu-button";
import { ServiceTag } from "../../components/service-tag";
import { formatCount, formatDuration, formatPercent, formatValue } from "../../lib/format";
import { rowOf, type Trace } from "../../model/trace";
import type { Span, SpanEvent } from "../../model/trace-span";
import { useLoad, type Loaded } from "../../state/load";
import { href, setParams } from "../../state/url";
import type { TraceLogs } from "./use-trace";
import { selectSpan } from "./trace-url";

interface Props {
  span: Span;
  trace: Trace;
  logs: Loaded<TraceLogs>;
}

export function SpanPanel({ span, trace, logs }: Props) {
  const exceptions = span.events.filter((event) => event.name === "exception");
  const events = span.events.filter((event) => event.name !== "exception");
  return (
    <aside class="span-panel" aria-label={`Span ${span.operation}`} data-testid="span-panel" tabIndex={-1}>
      <header class="panel-head">
        <div class="panel-title">
          <ServiceTag name={span.service} />
          <h2>{span.operation}</h2>
        </div>
        <CopyButton text={span.id} label={`Copy span id ${span.id}`} />
        <button type="button" class="icon-button" aria-label="Close the span's details" onClick={() => selectSpan(null)}>
          <CloseIcon />
        </button>
      </header>
      <dl class="facts">
        <Fact name="Duration">{formatDuration(span.duration)}</Fact>
        <Fact name="Self time">
          {formatDuration(span.selfTime)} <span class="faint">{span.duration > 0 ? formatPercent(span.selfTime / span.duration) : ""}</span>
        </Fact>
        <Fact name="Starts at">+{formatDuration(span.start)}</Fact>
        <Fact name="Kind">{span.kind}</Fact>
        <Fact name="Of the trace">{trace.total > 0 ? formatPercent(span.duration / trace.total) : "–"}</Fact>
        <Fact name="Children">{formatCount(span.children)}</Fact>
      </dl>
      {(span.error || exceptions.length > 0) && <Failure span={span} exceptions={exceptions} />}
      {oddities(span, trace).map((text) => (
        <p key={text} class="note">
          {text}
        </p>
      ))}
      <SpanLogs key={span.key} span={span} trace={trace} logs={logs} />
      <Section title="Attributes" count={span.attributes.length}>
        <Attributes tags={span.attributes} service={span.service} searchable />
      </Section>
      {events.length > 0 && (
        <Section title="Events" count={events.length}>
          {events.slice(0, MOST_EVENTS).map((event, i) => (
            <div key={i} class="event">
              <div class="event-head">
                <span class="faint">+{formatDuration(event.at)}</span> <strong>{event.name}</strong>
              </div>
              {event.fields.length > 0 && <Attributes tags={event.fields} service={span.service} />}
            </div>
          ))}
          {events.length > MOST_EVENTS && <p class="faint pad">The first {MOST_EVENTS} of them.</p>}
        </Section>
      )}
      {span.links.length > 0 && (
        <Section title="Links" count={span.links.length}>
          {span.links.map((link, i) => (
            <div key={i} class="event">
              <a class="mono link-row" href={href(`/traces/${link.traceId}`, { span: link.spanId })} title="Open the linked span">
                {link.traceId} <span class="faint">{link.spanId}</span>
              </a>
              {link.attributes.length > 0 && <Attributes tags={link.attributes} service={span.service} />}
            </div>
          ))}
        </Section>
      )}
      <Section title="Resource" count={span.resource.length} closed>
        <Attributes tags={span.resource} service={span.service} searchable />
      </Section>
      {span.scope.length > 0 && (
        <Section title="Scope" count={span.scope.length} closed>
          <Attributes tags={span.scope} service={span.service} />
        </Section>
      )}
    </aside>
  );
}

const MOST_EVENTS = 200;

/** What is odd about the span, in words. */
function oddities(span: Span, trace: Trace): string[] {
  const texts = [...span.warnings];
  if (span.missingParent && rowOf(trace, span.parentId) < 0) texts.push(`Its parent ${span.parentId} is not in the trace: not sent, lost, or not here yet.`);
  else if (span.missingParent) texts.push(`Its parent ${span.parentId} is also below it: the two name each other. It is shown as a root.`);
  if (span.skew > 0) texts.push(`It starts ${formatDuration(span.skew)} before its parent. The clock of one of the two hosts is probably off.`);
  if (span.duplicate) texts.push(`Another span of this trace has the id ${span.id}, too. What names it as parent is shown below the other.`);
  return texts;
}

const Fact = ({ name, children }: { name: string; children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

function Section({ title, count, closed = false, children }: { title: string; count: number; closed?: boolean; children: ComponentChildren }) {
  return (
    <details class="section" open={!closed}>
      <summary>
        {title} <span class="count">{count}</span>
      </summary>
      {children}
    </details>
  );
}

/** The status, unless an exception says the same, and the exceptions. */
function Failure({ span, exceptions }: { span: Span; exceptions: SpanEvent[] }) {
  const said = exceptions.some((event) => fieldOf(event, "exception.message") === span.statusText);
  return (
    <div class="failure" data-testid="span-error">
      {span.error && !said && (
        <div class="note note-error">
          <strong>Failed{span.statusText ? `: ${span.statusText}` : ""}</strong>
        </div>
      )}
      {exceptions.map((event, i) => (
        <Exception key={i} event={event} />
      ))}
    </div>
  );
}

const fieldOf = (event: SpanEvent, key: string) => String(event.fields.find((one) => one.key === key)?.value ?? "");

function Exception({ event }: { event: SpanEvent }) {
  const field = (key: string) => fieldOf(event, key);
  const stack = field("exception.stacktrace");
  return (
    <div class="exception" data-testid="exception">
      <div class="exception-head">
        <strong>{field("exception.type") || "Exception"}</strong>
        <span class="faint">+{formatDuration(event.at)}</span>
        <CopyButton text={stack || field("exception.message")} label="Copy the exception" />
      </div>
      <p>{field("exception.message")}</p>
      {stack && <pre>{stack}</pre>}
    </div>
  );
}

/** The logs that came with the trace; when those were cut off, the span's own are asked for. */
function SpanLogs({ span, trace, logs }: Props) {
  const cut = logs.data?.cut ?? false;
  const own = useLoad(cut ? `logs of ${trace.id} ${span.id}` : null, 0, async (signal) =>
    (await fetchLogs({ trace_id: trace.id, span_id: span.id }, null, 500, signal)).reverse(),
  );
  const records: LogRecord[] | undefined = cut ? own.data : logs.data ? (logs.data.bySpan.get(span.id) ?? []) : undefined;
  // With logs of its own, only what went wrong below is worth the room: that is where a slow span is explained.
  const least = records?.length ? WARN : 0;
  const below = useMemo(() => (records && logs.data ? logsBelow(span, trace, logs.data, least) : []), [records, logs.data, span, least]);
  const error = logs.error ?? own.error;
  return (
    <Section title="Logs" count={records?.length ?? 0}>
      {error && <ErrorNote error={error} retry={logs.error ? logs.retry : own.retry} what="The span's logs" />}
      {!records && !error && <Skeleton rows={2} height={20} />}
      {records && records.length > 0 && (
        <ol class="span-logs" data-testid="span-logs">
          {records.map((log, i) => (
            <LogLine key={i} log={log} since={trace.startMs} />
          ))}
        </ol>
      )}
      {records?.length === 0 && below.length === 0 && <p class="faint pad">No log record carries this span's id.</p>}
      {below.length > 0 && (
        <>
          <p class="faint pad">{least > 0 ? "Warnings and errors of the spans below:" : "No log record carries this span's id; these are of the spans below:"}</p>
          <ol class="span-logs" data-testid="logs-below">
            {below.map((log, i) => (
              <LogLine key={i} log={log} since={trace.startMs} select={() => selectSpan(log.span_id)} />
            ))}
          </ol>
        </>
      )}
    </Section>
  );
}

/** The least severity number of a warning. */
const WARN = 13;
const MOST_BELOW = 50;

/** The first logs of all spans below one that are at least so grave, in order of time. */
function logsBelow(span: Span, trace: Trace, logs: TraceLogs, least: number): LogRecord[] {
  const last = span.row + trace.below[span.row];
  const found: LogRecord[] = [];
  for (const [id, records] of logs.bySpan) {
    const row = rowOf(trace, id);
    if (row > span.row && row <= last) found.push(...records.filter((log) => log.severity_number >= least));
  }
  return found.sort((a, b) => logMillis(a) - logMillis(b)).slice(0, MOST_BELOW);
}

interface AttributesProps {
  tags: KeyValue[];
  service: string;
  /** Traces can be searched for them. */
  searchable?: boolean;
}

/** Attributes by the first part of their key, so that `http.` stands with `http.`. */
function Attributes({ tags, service, searchable = false }: AttributesProps) {
  if (tags.length === 0) return <p class="faint pad">None.</p>;
  const sorted = [...tags].sort((a, b) => a.key.localeCompare(b.key));
  return (
    <dl class="attributes">
      {sorted.map((tag, i) => {
        const value = formatValue(tag.value);
        const group = tag.key.split(".")[0];
        const starts = i > 0 && sorted[i - 1].key.split(".")[0] !== group;
        return (
          <div key={`${tag.key}${i}`} class={starts ? "starts-group" : ""}>
            <dt>{breakable(tag.key)}</dt>
            <dd>
              <MenuButton label={`${tag.key}: what to do with this value`} class="attribute-value" items={() => valueMenu(tag.key, value, service, searchable)}>
                {value === "" ? '""' : value}
              </MenuButton>
              <CopyButton text={value} label={`Copy ${tag.key}`} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}

function valueMenu(key: string, value: string, service: string, searchable: boolean): MenuItem[] {
  const pair = `${key}=${value}`;
  const here = [
    { label: "Find in this trace", run: () => setParams({ find: /\s/.test(pair) ? value : pair }, "replace") },
    { label: "Copy the value", run: () => void writeClipboard(value) },
    { label: "Copy key and value", run: () => void writeClipboard(pair) },
  ];
  if (!searchable) return here;
  return [
    { label: "Traces with this value", href: href("/traces", { service, tag: [pair] }) },
    { label: "Traces without this value", href: href("/traces", { service, not: [`.${pair}`] }) },
    ...here,
  ];
}
