/** What all alerts did over the window: a strip each, and the transitions. */
import { fetchHistory } from "../../api/alerts";
import { StateStrip } from "../../charts/state-strip";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { formatTick } from "../../lib/format";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";
import { param, route, setParams } from "../../state/url";
import { Transitions } from "./transitions";

const MOST_STRIPS = 100;

export function HistoryView() {
  void route.value;
  const window = timeWindow.value;
  const rule = param("rule");
  const { data, error, retry } = useLoad(`all history ${rule}`, `${window.start}-${window.end}`, async (signal) => ({ window, ...(await fetchHistory(window, { rule }, signal)) }));
  if (error) return <ErrorNote error={error} retry={retry} what="What the alerts did" />;
  if (!data) return <Skeleton rows={8} />;
  if (data.alerts.length === 0) return <Empty title="No alert was pending or firing in this window.">Choose a longer one above.</Empty>;
  const middle = (data.window.start + data.window.end) / 2;
  const span = data.window.end - data.window.start;
  return (
    <>
      {rule && (
        <p>
          Only <b>{rule}</b>.{" "}
          <button type="button" class="link" onClick={() => setParams({ rule: null })}>
            Show all
          </button>
        </p>
      )}
      <section class="strips" aria-label="Alerts over time">
        {data.alerts.slice(0, MOST_STRIPS).map(({ labels, stretches }) => {
          const { alertname, ...others } = labels;
          const telling = Object.values(others).join(" · ");
          return (
            <div key={JSON.stringify(labels)} class="strip">
              <button type="button" class="strip-name" title={JSON.stringify(labels)} onClick={() => setParams({ rule: rule ? null : alertname })}>
                <b>{alertname}</b> <span class="faint">{telling}</span>
              </button>
              <StateStrip stretches={stretches} window={data.window} label={`${alertname} ${telling}`} />
            </div>
          );
        })}
        <div class="strip strip-axis" aria-hidden="true">
          <span />
          <span class="strip-ticks">
            {[data.window.start, middle, data.window.end].map((at) => (
              <span key={at}>{formatTick(at, span)}</span>
            ))}
          </span>
        </div>
        {data.alerts.length > MOST_STRIPS && <p class="faint">{data.alerts.length - MOST_STRIPS} more alerts are in the list below.</p>}
      </section>
      <Transitions history={data} named />
      {!data.complete && <p class="faint">There was more: choose a shorter window, or one rule, by its name above.</p>}
    </>
  );
}
