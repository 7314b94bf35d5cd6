/** All alerting rules by where they stand, firing first; those that fire or wait show their alerts. */
import { fetchAlertRules, fetchHistory, fetchOwnRules, type AlertRule, type PastAlert } from "../../api/alerts";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { useRowKeys } from "../../components/row-keys";
import { formatCounted } from "../../lib/format";
import { byStanding, isOf, matchesText, ruleKey, STANDINGS, type Standing } from "../../model/alerts";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";
import { href, param, route, setParams } from "../../state/url";
import { RuleCard } from "./rule-card";

const TITLES: Record<Standing, string> = { firing: "Firing", pending: "Pending", silenced: "Silenced", broken: "Broken", inactive: "Inactive" };

export function RuleList() {
  void route.value;
  const window = timeWindow.value;
  const version = `${window.start}-${window.end}`;
  const rules = useLoad("alert rules", version, fetchAlertRules);
  const own = useLoad("own rules", version, fetchOwnRules);
  const past = useLoad("alert history", version, async (signal) => ({ window, ...(await fetchHistory(window, { limit: 1 }, signal)) }));
  useRowKeys("Rules");
  const text = param("filter");
  const only = param("state");
  const matching = rules.data?.filter((rule) => text === "" || matchesText(rule, text)) ?? [];
  const groups = byStanding(matching);
  const isOwn = (rule: AlertRule) => rule.file === own.data?.file && own.data.rules.some(({ name }) => name === rule.name);
  const pastOf = (rule: AlertRule): PastAlert[] => past.data?.alerts.filter((one) => isOf(rule, one)) ?? [];
  const shown = STANDINGS.filter((standing) => groups.get(standing)!.length > 0 && (only === "" || only === standing));
  return (
    <>
      {rules.error && <ErrorNote error={rules.error} retry={rules.retry} what="The rules" />}
      {!rules.data && !rules.error && <Skeleton rows={8} height={44} />}
      {rules.data?.length === 0 && (
        <Empty title="No alerts yet.">
          <p>
            <a href={href("/alerts/new")}>Make one here</a>, choose “Alert on this” at any chart, or start the server with <code>--rules</code> and files of Prometheus.
          </p>
        </Empty>
      )}
      {rules.data && rules.data.length > 0 && (
        <div class="alert-tools">
          <div class="alert-counts" role="group" aria-label="Only those that are">
            {STANDINGS.filter((standing) => standing === "firing" || groups.get(standing)!.length > 0 || only === standing).map((standing) => (
              <button key={standing} type="button" class={`chip chip-toggle stands-${standing}`} aria-pressed={only === standing} onClick={() => setParams({ state: only === standing ? null : standing }, "replace")}>
                <i aria-hidden="true" />
                {TITLES[standing]} <span class="count">{groups.get(standing)!.length}</span>
              </button>
            ))}
          </div>
          <input type="search" aria-label="Filter rules" placeholder="Filter by name, label or expression" value={text} onInput={(event) => setParams({ filter: event.currentTarget.value }, "replace")} data-testid="rule-filter" />
        </div>
      )}
      {past.error && <ErrorNote error={past.error} retry={past.retry} what="What the alerts did" />}
      {shown.map((standing) => (
        <section key={standing} class={`alert-group stands-${standing}`} aria-label={TITLES[standing]} data-testid={`group-${standing}`}>
          <h2 class="group-title">
            <i aria-hidden="true" />
            {TITLES[standing]} <span class="count">{formatCounted(groups.get(standing)!.length, "rule")}</span>
          </h2>
          <ul class="alert-rules">
            {groups.get(standing)!.map((rule) => (
              <li key={ruleKey(rule)}>
                <RuleCard rule={rule} standing={standing} own={isOwn(rule)} past={pastOf(rule)} window={past.data?.window ?? window} changed={rules.retry} />
              </li>
            ))}
          </ul>
        </section>
      ))}
      {rules.data && rules.data.length > 0 && shown.length === 0 && (
        <Empty title="No rule is like that.">
          <button type="button" class="link" onClick={() => setParams({ filter: null, state: null })}>
            Show all {formatCounted(rules.data.length, "rule")}
          </button>
        </Empty>
      )}
    </>
  );
}
