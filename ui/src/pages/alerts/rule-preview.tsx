/** What a rule would have done over the window: the chart, the count, each alert's strip, the rule as YAML. */
import type { ComponentChildren } from "preact";
import { fetchPreview, type OwnRule } from "../../api/alerts";
import { StateStrip } from "../../charts/state-strip";
import { Empty, Skeleton } from "../../components/feedback";
import { formatCounted } from "../../lib/format";
import { formatRuleDuration, merged } from "../../model/alerts";
import { useLoad } from "../../state/load";
import { rangeName, setRange, timeWindow } from "../../state/time-range";
import { ConditionChart } from "./condition-chart";

const RANGES = ["1h", "6h", "24h"];
const MOST_STRIPS = 12;

interface Props {
  rule: OwnRule;
  /** Hears the values of the query. */
  values: (values: number[]) => void;
  copy: (yaml: string) => ComponentChildren;
}

export function RulePreview({ rule, values, copy }: Props) {
  const window = timeWindow.value;
  const { data, error } = useLoad(rule.expr === "" ? null : `preview ${JSON.stringify(rule)}`, `${window.start}-${window.end}`, async (signal) => ({ window, ...(await fetchPreview(rule, window, signal)) }));
  const span = formatRuleDuration((window.end - window.start) / 1000);
  return (
    <section class="rule-preview chart-card" aria-label="What it would have done" aria-live="polite" data-testid="preview">
      <header class="chart-head">
        <h2 data-testid="would-have-fired">
          {data ? (
            data.fired === 0 ? (
              `Would not have fired in the last ${span}`
            ) : (
              <>
                Would have fired <b class="error-text">{data.fired === 1 ? "once" : data.fired === 2 ? "twice" : `${data.fired} times`}</b> in the last {span}
              </>
            )
          ) : (
            "What it would have done"
          )}
        </h2>
        <div class="segments" role="group" aria-label="Window of the preview">
          {RANGES.map((range) => (
            <button key={range} type="button" aria-pressed={rangeName.value === range} onClick={() => setRange(range)}>
              {range}
            </button>
          ))}
        </div>
      </header>
      {rule.expr === "" && <Empty title="An expression first.">Then the past shows when it would have fired.</Empty>}
      {error && (
        <p class="note note-error note-text" role="alert" data-testid="preview-error">
          {error.message}
        </p>
      )}
      {rule.expr !== "" && !data && !error && <Skeleton rows={5} height={40} />}
      {data && (
        <>
          <ConditionChart expr={rule.expr} alerts={data.alerts} window={data.window} values={values} />
          <p class="preview-figures">
            {data.fired > 0 && <span>firing for {formatRuleDuration(data.firing_seconds)} in all</span>}
            <span>{formatCounted(data.notifications, "message")}</span>
            <span>{formatCounted(data.alerts.length, "alert")}</span>
            <span class="faint">looked every {formatRuleDuration(data.step)}</span>
          </p>
          {data.warnings.map((warning) => (
            <p key={warning} class="faint">
              {warning}
            </p>
          ))}
          <div class="strips">
            {(data.alerts.length > MOST_STRIPS ? [{ labels: {}, stretches: merged(data.alerts) }] : data.alerts).map(({ labels, stretches }) => {
              const name = Object.entries(labels).filter(([key]) => key !== "alertname" && rule.labels[key] === undefined).map(([, value]) => value).join(" · ") || (data.alerts.length > MOST_STRIPS ? "all together" : "the alert");
              return (
                <div key={JSON.stringify(labels)} class="strip">
                  <span class="strip-name" title={name}>
                    {name}
                  </span>
                  <StateStrip stretches={stretches} window={data.window} label={name} />
                </div>
              );
            })}
          </div>
          <details class="rule-yaml">
            <summary>As a rule file</summary>
            <span class="rule-yaml-copy">{copy(data.yaml)}</span>
            <pre>{data.yaml}</pre>
          </details>
        </>
      )}
    </section>
  );
}
