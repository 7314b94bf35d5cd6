/** Search for traces: the form, the scatter of what was found, the list. */
import { useMemo } from "preact/hooks";
import { fetchServices, searchTraces, type TraceSearch } from "../../api/traces";
import { Scatter } from "../../charts/scatter";
import { Empty, ErrorNote, Skeleton, SkeletonBlock } from "../../components/feedback";
import { useRowKeys } from "../../components/row-keys";
import { learnServices } from "../../lib/color";
import { formatCount } from "../../lib/format";
import { normaliseDuration, tagsObject } from "../../model/search";
import { summarise, type TraceSummary } from "../../model/summary";
import { useLoad } from "../../state/load";
import { clock, setWindow, timeWindow } from "../../state/time-range";
import { href, navigate, param, route, setParams } from "../../state/url";
import { SearchForm } from "./search-form";
import { TraceRow } from "./trace-row";

export const LIMITS = ["20", "50", "100", "200", "500"];
const DEFAULT_LIMIT = 100;
const MOST = 1500;

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
    const traces = await searchTraces(search, window, signal);
    return { window, list: traces.flatMap((trace) => summarise(trace) ?? []) };
  });
  return (
    <main class="page" id="main">
      <header class="page-head">
        <h1>Traces</h1>
        {found.data && <p class="faint" data-testid="found">{foundText(found.data.list.length, search.limit)}</p>}
      </header>
      <SearchForm services={services.data ?? []} limit={String(search.limit)} />
      {found.error && <ErrorNote error={found.error} retry={found.retry} what="The traces" />}
      {!found.data && !found.error && (
        <>
          <SkeletonBlock height={190} />
          <Skeleton rows={7} height={46} />
        </>
      )}
      {found.data?.list.length === 0 && (
        <Empty title="No trace matches.">
          Try a longer window of time, fewer conditions, or <a href={href("/traces")}>all traces</a>.
        </Empty>
      )}
      {found.data && found.data.list.length > 0 && (
        <>
          <Scatter
            traces={found.data.list}
            window={found.data.window}
            select={setWindow}
            open={(id) => navigate(href(`/traces/${id}`))}
            more={found.data.list.length >= search.limit && search.limit < MOST ? () => setParams({ limit: Math.min(MOST, search.limit * 3) }) : undefined}
          />
          <TraceList traces={found.data.list} />
        </>
      )}
    </main>
  );
}

const foundText = (count: number, limit: number) =>
  count >= limit ? `the newest ${formatCount(count)}; there may be more` : `${formatCount(count)} found`;

type Order = "newest" | "longest" | "spans" | "errors";

const ORDERS: Record<Order, (a: TraceSummary, b: TraceSummary) => number> = {
  newest: (a, b) => b.startMs - a.startMs,
  longest: (a, b) => b.duration - a.duration,
  spans: (a, b) => b.spans - a.spans,
  errors: (a, b) => b.errors - a.errors,
};

function TraceList({ traces }: { traces: TraceSummary[] }) {
  const order = (param("order") in ORDERS ? param("order") : "newest") as Order;
  const sorted = useMemo(() => [...traces].sort((a, b) => ORDERS[order](a, b) || b.startMs - a.startMs), [traces, order]);
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
      <ol class="trace-list" data-testid="trace-list">
        {sorted.map((trace) => (
          <li key={trace.id}>
            <TraceRow trace={trace} longest={longest} />
          </li>
        ))}
      </ol>
    </section>
  );
}
