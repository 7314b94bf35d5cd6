/** Transitions of alerts, the latest first. */
import type { AlertState, History } from "../../api/alerts";
import { openTrace } from "../../components/trace-drawer";
import { formatClock, formatDay, formatNumber } from "../../lib/format";

const SAID: Record<AlertState, string> = { pending: "pending", firing: "firing", inactive: "resolved" };

export function Transitions({ history, named = false }: { history: History; named?: boolean }) {
  return (
    <div class="table-card">
      <table class="data-table transitions" data-testid="transitions">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Became</th>
            {named && <th scope="col">Rule</th>}
            <th scope="col">Of</th>
            <th scope="col" class="number">
              Value
            </th>
            <th scope="col">Traces</th>
          </tr>
        </thead>
        <tbody>
          {history.transitions.map(({ at, from, to, value, traces, alert }, i) => {
            const { alertname, ...labels } = history.alerts[alert].labels;
            const became = to === "inactive" && from === "pending" ? "well again" : SAID[to];
            return (
              <tr key={i}>
                <td>
                  <time dateTime={new Date(at * 1000).toISOString()}>
                    <span class="transition-day">{formatDay(at * 1000)} </span>
                    {formatClock(at * 1000)}
                  </time>
                </td>
                <td>
                  <span class={`alert-state stands-${to}`}>{became}</span>
                </td>
                {named && <th scope="row">{alertname}</th>}
                <td class="transition-labels">
                  {Object.entries(labels).map(([name, label]) => (
                    <span key={name} class="alert-label">
                      <span class="faint">{name}=</span>
                      {label}
                    </span>
                  ))}
                </td>
                <td class="number">{value === null ? "" : formatNumber(Number(value))}</td>
                <td>
                  <span class="row-links">
                    {traces.slice(0, 3).map((id) => (
                      <button key={id} type="button" class="link mono" onClick={() => openTrace(id)}>
                        {id.slice(0, 8)}
                      </button>
                    ))}
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
