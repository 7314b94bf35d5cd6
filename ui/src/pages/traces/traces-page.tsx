/** Search for traces: the form, the scatter of what was found, the list. */
import { useMemo } from "preact/hooks";
import { fetchSummaries, type Summaries, type TraceSearch, type TraceSummary } from "../../api/trace-summaries";
import { fetchServices } from "../../api/traces";
import { Scatter } from "../../charts/scatter";
import { Empty, ErrorNote, Skeleton, SkeletonBlock } from "../../components/feedback";
import { PageList } from "../../components/page-list";
import { useRowKeys } from "../../components/row-keys";
import { learnServices } from "../../lib/color";
import { formatClock, formatCount } from "../../lib/format";
import { fitAxis } from "../../model/axis";
import { normaliseDuration, tagsObject } from "../../model/search";
import { useLoad } from "../../state/load";
import { clock, setWindow, timeWindow, type Window } from "../../state/time-range";
import { href, navigate, param, route, setParams } from "../../state/url";
import { SearchForm } from "./search-form";
import { TraceRow } from "./trace-row";

export const LIMITS = ["200", "1000", "5000"];
export const DEFAULT_LIMIT = 1000;
/** The server gives no more. */
const MOST = 5000;

export function readSearch(): TraceSearch {
  const tags = tagsObject(route.value.params.getAll("tag"));
  if (param("errors") === "1") tags.error = "true";
  const limit = Number(param("limit")) || DEFAULT_LIMIT;
  return {
    service: param("service"),
    operation: param("operation"),
    tags,
    minDuration: normaliseDuration(param("min")) ?? "",
    maxDuration: normaliseDuration(param("max")) ?? "",
    limit: Math.min(limit, MOST),
  };
}

export function TracesPage() {
  void route.value;
  useRowKeys("Traces");
  const search = readSearch();
  const window = timeWindow.value;
  const services = useLoad("services", clock.value, fetchServices);
  if (services.data) learnServices(services.data);
  const found = useLoad(`traces ${JSON.stringify(search)}`, `${window.start}-${window.end}`, async (signal) => {
    return { window, ...(await fetchSummaries(search, window, signal)) };
  });
  return (
    <main class="page" id="main">
      <header class="page-head">
        <h1>Traces</h1>
        {found.data && <p class="faint" data-testid="found">{foundText(found.data)}</p>}
      </header>
      <SearchForm services={services.data ?? []} limit={String(search.limit)} />
      {found.error && <ErrorNote error={found.error} retry={found.retry} what="The traces" />}
      {!found.data && !found.error && (
        <>
          <SkeletonBlock height={190} />
          <Skeleton rows={7} height={46} />
        </>
      )}
      {found.data?.traces.length === 0 && (
        <Empty title="No trace matches.">
          Try a longer window of time, fewer conditions, or <a href={href("/traces")}>all traces</a>.
        </Empty>
      )}
      {found.data && found.data.traces.length > 0 && (
        <>
          <Picture found={found.data} window={found.data.window} limit={search.limit} />
          <TraceList traces={found.data.traces} />
        </>
      )}
    </main>
  );
}

const foundText = ({ traces, complete }: Summaries) =>
  complete ? `${formatCount(traces.length)} found` : `the newest ${formatCount(traces.length)}; there are more`;

const WHOLE = "whole";

/** The scatter, drawn where the traces are unless the whole window is wanted. */
function Picture({ found, window, limit }: { found: Summaries; window: Window; limit: number }) {
  const { traces, complete } = found;
  const fitted = useMemo(() => fitAxis(window, traces.map((trace) => trace.startMs)), [window, traces]);
  const whole = param("axis") === WHOLE;
  const axis = whole ? window : fitted;
  const next = Math.min(MOST, limit * 5);
  return (
    <section class="picture" aria-label="Durations over time">
      {(fitted !== window || !complete) && (
        <p class="picture-note" data-testid="axis-note">
          <span>{noteOf(found, axis === window)}</span>
          {fitted !== window && (
            <button type="button" class="link" onClick={() => setParams({ axis: whole ? null : WHOLE }, "replace")}>
              {whole ? `Zoom to ${formatClock(fitted.start)} – ${formatClock(fitted.end)}` : "Show the whole window"}
            </button>
          )}
          {!complete && limit < MOST && (
            <button type="button" class="link" onClick={() => setParams({ limit: next })}>
              Fetch {formatCount(next)}
            </button>
          )}
        </p>
      )}
      <Scatter traces={traces} axis={axis} select={setWindow} open={(id) => navigate(href(`/traces/${id}`))} older={!complete} />
    </section>
  );
}

function noteOf({ complete }: Summaries, whole: boolean): string {
  if (!complete) return `${whole ? "Older" : "Zoomed in: older"} ones of this window are not fetched.`;
  return whole ? "All that match, in the whole window." : "Zoomed in: there are none in the rest of this window.";
}

type Order = "newest" | "longest" | "spans" | "errors";

const ORDERS: Record<Order, (a: TraceSummary, b: TraceSummary) => number> = {
  newest: (a, b) => b.startMs - a.startMs,
  longest: (a, b) => b.duration - a.duration,
  spans: (a, b) => b.spans - a.spans,
  errors: (a, b) => b.errors - a.errors,
};

const ROW_PX = 55;
const NARROW_ROW_PX = 120;

function TraceList({ traces }: { traces: TraceSummary[] }) {
  const order = (param("order") in ORDERS ? param("order") : "newest") as Order;
  const sorted = useMemo(() => [...traces].sort((a, b) => ORDERS[order](a, b) || b.startMs - a.startMs), [traces, order]);
  const narrow = matchMedia("(max-width: 640px)").matches;
  const longest = traces.reduce((most, trace) => Math.max(most, trace.duration), 1);
  return (
    <section aria-label="Found traces">
      <div class="list-head">
        <span class="faint" id="order-label">Order</span>
        <div class="segments" role="group" aria-labelledby="order-label">
          {(Object.keys(ORDERS) as Order[]).map((one) => (
            <button key={one} type="button" aria-pressed={one === order} onClick={() => setParams({ order: one === "newest" ? null : one }, "replace")}>
              {one === "spans" ? "most spans" : one === "errors" ? "most errors" : one}
            </button>
          ))}
        </div>
      </div>
      <PageList
        class="trace-list"
        testId="trace-list"
        count={sorted.length}
        rowHeight={narrow ? NARROW_ROW_PX : ROW_PX}
        keyOf={(i) => sorted[i].id}
        row={(i) => <TraceRow trace={sorted[i]} longest={longest} />}
      />
    </section>
  );
}
