/** One rule: what it says, how it goes beside its level, what it did; and its alerts. Opened, the whole chart and the transitions. */
import { useRef } from "preact/hooks";
import { queryRange } from "../../api/metrics";
import type { AlertRule, PastAlert } from "../../api/alerts";
import { StateStrip } from "../../charts/state-strip";
import { ThresholdLine } from "../../charts/threshold-line";
import { breakable } from "../../components/breakable";
import { ChevronIcon } from "../../components/icons";
import { useInView } from "../../components/in-view";
import { queue } from "../../lib/queue";
import { formatRuleDuration, merged, ruleKey, type Standing } from "../../model/alerts";
import { conditionOf } from "../../model/condition";
import { useLoad } from "../../state/load";
import { timeWindow, type Window } from "../../state/time-range";
import { href, param, route, setParams } from "../../state/url";
import { AlertRow } from "./alert-row";
import { RuleDetail } from "./rule-detail";

/** The server answers others meanwhile. */
const inTurn = queue(3);
const POINTS = 80;
const MOST_SERIES = 8;
const MOST_ALERTS = 20;

interface Props {
  rule: AlertRule;
  standing: Standing;
  /** It was made in the page. */
  own: boolean;
  past: PastAlert[];
  /** Of what it did. */
  window: Window;
  /** Something about it was changed. */
  changed: () => void;
}

export function RuleCard({ rule, standing, own, past, window, changed }: Props) {
  void route.value;
  const key = ruleKey(rule);
  const open = param("open") === key;
  const alerts = [...rule.alerts].sort((a, b) => Number(b.state === "firing") - Number(a.state === "firing") || Date.parse(b.activeAt) - Date.parse(a.activeAt));
  const shown = open ? alerts : alerts.slice(0, MOST_ALERTS);
  return (
    <article class={`alert-rule stands-${standing}`} aria-label={rule.name} data-testid="alert-rule">
      <div class="alert-rule-head">
        <button type="button" class="alert-rule-name" aria-expanded={open} data-row onClick={() => setParams({ open: open ? null : key })}>
          <ChevronIcon />
          <b>{breakable(rule.name)}</b>
        </button>
        <span class="alert-rule-labels">
          {Object.entries(rule.labels).map(([name, value]) => (
            <span key={name} class={`alert-label${name === "severity" ? ` severity-${value}` : ""}`} title={`${name}=${value}`}>
              {name === "severity" ? value : `${name}=${value}`}
            </span>
          ))}
        </span>
        <code class="alert-rule-expr" title={rule.query}>
          {rule.query}
          {rule.duration > 0 && <em> for {formatRuleDuration(rule.duration)}</em>}
        </code>
        <Picture rule={rule} />
        <div class="alert-rule-past">
          <StateStrip stretches={merged(past)} window={window} label={rule.name} />
        </div>
        <span class="alert-rule-links">
          {own && (
            <a class="button small" href={href(`/alerts/edit/${encodeURIComponent(rule.name)}`)}>
              Edit
            </a>
          )}
        </span>
      </div>
      {rule.lastError && <p class="error-text alert-rule-error">{rule.lastError}</p>}
      {shown.length > 0 && (
        <ul class="alert-rows">
          {shown.map((alert) => (
            <li key={JSON.stringify(alert.labels)}>
              <AlertRow alert={alert} rule={rule} changed={changed} />
            </li>
          ))}
        </ul>
      )}
      {shown.length < alerts.length && (
        <button type="button" class="link alert-more" onClick={() => setParams({ open: key })}>
          {alerts.length - shown.length} more alerts
        </button>
      )}
      {open && <RuleDetail rule={rule} />}
    </article>
  );
}

/** The line of the expression with its level, once it is in sight. */
function Picture({ rule }: { rule: AlertRule }) {
  const place = useRef<HTMLSpanElement>(null);
  const inView = useInView(place);
  const window = timeWindow.value;
  const step = Math.max(1, Math.ceil((window.end - window.start) / 1000 / POINTS));
  const condition = conditionOf(rule.query);
  const expr = condition?.query ?? rule.query;
  const drawn = useLoad(inView ? `line ${expr} ${step}` : null, `${window.start}-${window.end}`, (signal) =>
    inTurn(signal, async () => {
      const series = await queryRange({ expr, window, step }, signal);
      const points = series.slice(0, MOST_SERIES).map(({ values }) => values.map(([at, value]): [number, number] => [at, Number(value)]).filter(([, value]) => Number.isFinite(value)));
      return { window, points };
    }),
  );
  return (
    <span ref={place} class="alert-rule-picture">
      {drawn.data?.points.some((points) => points.length > 1) && <ThresholdLine series={drawn.data.points} bound={condition?.bound} window={drawn.data.window} />}
    </span>
  );
}
