/** All silences: in force, to come, expired; made and ended here. */
import { useState } from "preact/hooks";
import { expireSilence, fetchAlertRules, fetchSilences, type Matcher, type Silence } from "../../api/alerts";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { countFiring } from "../../components/firing-badge";
import { formatAgo, formatCounted, formatDateTime } from "../../lib/format";
import { fits, formatMatcher, formatRuleDuration } from "../../model/alerts";
import { useLoad } from "../../state/load";
import { clock } from "../../state/time-range";
import { SilenceForm } from "./silence-form";

export function SilencesView() {
  const [template, setTemplate] = useState<Matcher[] | null>(null);
  const silences = useLoad("silences", clock.value, fetchSilences);
  const rules = useLoad("alert rules", clock.value, fetchAlertRules);
  const alerts = rules.data?.flatMap((rule) => rule.alerts) ?? [];
  const [failed, setFailed] = useState("");
  const expire = async (id: string) => {
    setFailed("");
    await expireSilence(id).catch((cause: unknown) => setFailed(cause instanceof Error ? cause.message : String(cause)));
    silences.retry();
    countFiring();
  };
  return (
    <>
      {template ? (
        <SilenceForm key={JSON.stringify(template)} matchers={template} done={(made) => (setTemplate(null), made && silences.retry())} />
      ) : (
        <div>
          <button type="button" class="button" onClick={() => setTemplate([])} data-testid="new-silence">
            New silence
          </button>
        </div>
      )}
      {failed && <p class="error-text" role="alert">{failed}</p>}
      {silences.error && <ErrorNote error={silences.error} retry={silences.retry} what="The silences" />}
      {!silences.data && !silences.error && <Skeleton />}
      {silences.data?.length === 0 && (
        <Empty title="Nothing is silenced.">
          Choose “silence” at an alert, or use <code>amtool --alertmanager.url={location.origin}</code>.
        </Empty>
      )}
      {silences.data && silences.data.length > 0 && (
        <div class="table-card">
          <table class="data-table silences" data-testid="silences">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Alerts</th>
                <th scope="col">Ends</th>
                <th scope="col">Why</th>
                <th scope="col">
                  <span class="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {silences.data.map((silence) => (
                <SilenceRow
                  key={silence.id}
                  silence={silence}
                  fitting={alerts.filter((alert) => fits(silence.matchers, alert.labels)).length}
                  expire={() => void expire(silence.id)}
                  again={() => setTemplate(silence.matchers)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function SilenceRow({ silence, fitting, expire, again }: { silence: Silence; fitting: number; expire: () => void; again: () => void }) {
  const { state } = silence.status;
  const [starts, ends] = [Date.parse(silence.startsAt), Date.parse(silence.endsAt)];
  const left = (to: number) => `in ${formatRuleDuration(Math.max(60, Math.round((to - clock.value) / 60e3) * 60))}`;
  return (
    <tr class={`silence is-${state}`}>
      <td>
        <span class={`alert-state stands-${state === "active" ? "silenced" : "inactive"}`}>{state}</span>
      </td>
      <td class="silence-matches">
        {silence.matchers.map((matcher, i) => (
          <code key={i} class="alert-label">
            {formatMatcher(matcher)}
          </code>
        ))}
        {state === "active" && <span class="faint">fits {formatCounted(fitting, "alert")}</span>}
      </td>
      <td title={`${formatDateTime(starts)} – ${formatDateTime(ends)}`}>
        {state === "expired" ? formatAgo(ends, clock.value) : left(ends)}
        {state === "pending" && <span class="faint"> begins {left(starts)}</span>}
      </td>
      <td class="silence-why">
        {silence.comment} {silence.createdBy && <span class="faint">{silence.createdBy}</span>}
      </td>
      <td>
        {state === "expired" ? (
          <button type="button" class="button small" onClick={again}>
            Again
          </button>
        ) : (
          <button type="button" class="button small" onClick={expire} data-testid="expire">
            Expire
          </button>
        )}
      </td>
    </tr>
  );
}
