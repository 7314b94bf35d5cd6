/** All there is to know of one span, most telling first: what failed, its logs, attributes, events, links, resource. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { fetchLogs, type LogRecord } from "../../api/logs";
import type { KeyValue } from "../../api/traces";
import { breakable } from "../../components/breakable";
import { CopyButton } from "../../components/copy-button";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { CloseIcon } from "../../components/icons";
import { LogLine, logMillis } from "../../components/log-line";
import { ServiceTag } from "../../components/service-tag";
import { formatDuration, formatPercent, formatValue } from "../../lib/format";
import type { Span, SpanEvent, Trace } from "../../model/trace";
import { useLoad, type Loaded } from "../../state/load";
import { href } from "../../state/url";
import type { TraceLogs } from "./use-trace";
import { selectSpan } from "./trace-url";

export function SpanPanel({ span, trace, logs }: { span: Span; trace: Trace; logs: Loaded<TraceLogs> }) {
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
        <Fact name="Of the trace">{trace.duration > 0 ? formatPercent(span.duration / trace.duration) : "–"}</Fact>
        <Fact name="Children">{span.children.length}</Fact>
      </dl>
      {(span.error || exceptions.length > 0) && <Failure span={span} exceptions={exceptions} />}
      {span.missingParent && <p class="note">Its parent {span.parentId} is not in the store: not sent, lost, or not here yet.</p>}
      {span.skewed && <p class="note">It starts before its parent. The clock of one of the two hosts is probably off.</p>}
      {span.warnings.map((warning) => (
        <p key={warning} class="note">
          {warning}
        </p>
      ))}
      <SpanLogs span={span} trace={trace} logs={logs} />
      <Section title="Attributes" count={span.tags.length}>
        <Attributes tags={span.tags} service={span.service} />
      </Section>
      {events.length > 0 && (
        <Section title="Events" count={events.length}>
          {events.map((event, i) => (
            <div key={i} class="event">
              <div class="event-head">
                <span class="faint">+{formatDuration(event.at)}</span> <strong>{event.name}</strong>
              </div>
              <Attributes tags={event.fields} />
            </div>
          ))}
        </Section>
      )}
      {span.links.length > 0 && (
        <Section title="Links" count={span.links.length}>
          {span.links.map((link) => (
            <a key={link.traceId + link.spanId} class="mono link-row" href={href(`/traces/${link.traceId}`, { span: link.spanId })}>
              {link.traceId}
            </a>
          ))}
        </Section>
      )}
      <Section title="Resource" count={span.resource.length} closed>
        <Attributes tags={span.resource} service={span.service} />
      </Section>
    </aside>
  );
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
function SpanLogs({ span, trace, logs }: { span: Span; trace: Trace; logs: Loaded<TraceLogs> }) {
  const cut = logs.data?.cut ?? false;
  const own = useLoad(cut ? `logs of ${trace.id} ${span.id}` : null, 0, async (signal) =>
    (await fetchLogs({ trace_id: trace.id, span_id: span.id }, null, 500, signal)).reverse(),
  );
  const records: LogRecord[] | undefined = cut ? own.data : logs.data ? (logs.data.bySpan.get(span.id) ?? []) : undefined;
  // With logs of its own, only what went wrong below is worth the room: that is where a slow span is explained.
  const least = records?.length ? WARN : 0;
  const below = useMemo(() => (records && logs.data ? logsBelow(span, logs.data, least) : []), [records, logs.data, span, least]);
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
function logsBelow(span: Span, logs: TraceLogs, least: number): LogRecord[] {
  const found: LogRecord[] = [];
  const stack = [...span.children];
  for (let below = stack.pop(); below; below = stack.pop()) {
    found.push(...(logs.bySpan.get(below.id) ?? []).filter((log) => log.severity_number >= least));
    stack.push(...below.children);
  }
  return found.sort((a, b) => logMillis(a) - logMillis(b)).slice(0, MOST_BELOW);
}

/** Attributes by the first part of their key, so that `http.` stands with `http.`. */
function Attributes({ tags, service }: { tags: KeyValue[]; service?: string }) {
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
              {service === undefined ? (
                <span class="attribute-value">{value}</span>
              ) : (
                <a class="attribute-value" href={href("/traces", { service, tag: [`${tag.key}=${value}`] })} title={`Find traces with ${tag.key}=${value}`}>
                  {value === "" ? '""' : value}
                </a>
              )}
              <CopyButton text={value} label={`Copy ${tag.key}`} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
