/** One alert: since when, what of, how much; what to read about it, and how to keep it quiet. */
import { useState } from "preact/hooks";
import type { Alert, AlertRule } from "../../api/alerts";
import { openTrace } from "../../components/trace-drawer";
import { formatAgo, formatDateTime, formatNumber } from "../../lib/format";
import { isSilenced, matchersOf, serviceOf, tellingLabels, tracesOf } from "../../model/alerts";
import { clock } from "../../state/time-range";
import { href } from "../../state/url";
import { SilenceForm } from "./silence-form";

/** How long before it began its cause may lie, milliseconds. */
const BEFORE = 10 * 60e3;

export function AlertRow({ alert, rule, changed }: { alert: Alert; rule: AlertRule; changed: () => void }) {
  const [silencing, setSilencing] = useState(false);
  const since = Date.parse(alert.activeAt);
  const { summary, description, runbook_url: runbook } = alert.annotations;
  const traces = tracesOf(alert.annotations);
  const around = { range: null, from: Math.floor(since - BEFORE), to: clock.value };
  const telling = tellingLabels(alert.labels, rule.labels);
  const state = isSilenced(alert) ? "silenced" : alert.state;
  return (
    <div class={`alert-row stands-${state}`} data-testid="alert-row">
      <div class="alert-what">
        <span class="alert-state">{state}</span>
        {telling.map(([name, value]) => (
          <span key={name} class="alert-label" title={`${name}=${value}`}>
            <span class="faint">{name}=</span>
            {value}
          </span>
        ))}
        {summary && <span class="alert-summary">{summary}</span>}
      </div>
      <b class="alert-value" title={alert.value}>
        {formatNumber(Number(alert.value))}
      </b>
      <time class="faint alert-since" dateTime={alert.activeAt} title={formatDateTime(since)}>
        {formatAgo(since, clock.value)}
      </time>
      <div class="alert-links">
        {traces.slice(0, 3).map((id, i) => (
          <button key={id} type="button" class="link" onClick={() => openTrace(id)} title={`Trace ${id}`} data-testid="alert-trace">
            trace {i + 1}
          </button>
        ))}
        <a href={href("/metric", { q: rule.query, ...around })}>chart</a>
        <a href={href("/logs", { service: serviceOf(alert.labels), ...around })}>logs</a>
        {runbook && /^https?:/.test(runbook) && (
          <a href={runbook} target="_blank" rel="noreferrer">
            runbook
          </a>
        )}
        {isSilenced(alert) ? (
          <a href={href("/alerts/silences")}>its silence</a>
        ) : (
          <button type="button" class="link" aria-expanded={silencing} onClick={() => setSilencing(!silencing)} data-testid="silence">
            silence
          </button>
        )}
      </div>
      {description && <p class="alert-description">{description}</p>}
      {silencing && <SilenceForm matchers={matchersOf(alert.labels)} done={(made) => (setSilencing(false), made && changed())} />}
    </div>
  );
}
