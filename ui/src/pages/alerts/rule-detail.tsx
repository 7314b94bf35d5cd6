/** A rule whole: its query over the window with the level and the times when it fired, and every transition. */
import type { AlertRule, History } from "../../api/alerts";
import { fetchHistory } from "../../api/alerts";
import { CopyButton } from "../../components/copy-button";
import { ErrorNote, SkeletonBlock } from "../../components/feedback";
import { isOf } from "../../model/alerts";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";
import { ConditionChart } from "./condition-chart";
import { Transitions } from "./transitions";

export function RuleDetail({ rule }: { rule: AlertRule }) {
  const window = timeWindow.value;
  const { data, error, retry } = useLoad(`history of ${rule.name}`, `${window.start}-${window.end}`, (signal) => fetchHistory(window, { rule: rule.name }, signal));
  const own = data && onlyOf(rule, data);
  return (
    <div class="alert-detail">
      <p class="alert-expr">
        <code>{rule.query}</code> <CopyButton text={rule.query} label="Copy the expression" />
      </p>
      {error && <ErrorNote error={error} retry={retry} what="What it did" />}
      {own ? <ConditionChart expr={rule.query} alerts={own.alerts} window={window} /> : !error && <SkeletonBlock height={220} />}
      {own && (own.transitions.length > 0 ? <Transitions history={own} /> : <p class="faint">It did nothing in this window.</p>)}
      <p class="faint alert-origin">
        Group {rule.group} of {rule.file}
      </p>
    </div>
  );
}

/** Rules may share a name: what is of the others is left out. */
function onlyOf(rule: AlertRule, history: History): History {
  const places = history.alerts.map((alert) => isOf(rule, alert));
  const alerts = history.alerts.filter((_, i) => places[i]);
  const transitions = history.transitions.filter(({ alert }) => places[alert]).map((one) => ({ ...one, alert: alerts.indexOf(history.alerts[one.alert]) }));
  return { ...history, alerts, transitions };
}
