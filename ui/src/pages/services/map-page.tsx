/** The service map: who calls whom, how often, how well. The picture, what is chosen in it, and the same as a table. */
import { useMemo } from "preact/hooks";
import { fetchOverview } from "../../api/overview";
import { fetchCalls, type Call } from "../../api/service-graph";
import { Empty, ErrorNote, SkeletonBlock } from "../../components/feedback";
import { ServiceTag } from "../../components/service-tag";
import { SortHeaders, useSorted, type SortColumn } from "../../components/sort-header";
import { learnServices } from "../../lib/color";
import { formatMillis, formatPercent, significant } from "../../lib/format";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";
import { href, param, route, setParams } from "../../state/url";
import { MapCanvas, type Chosen, type MapNode } from "./map-canvas";
import { MapPanel } from "./map-panel";
import { serviceHref, ServiceTabs } from "./services-page";
import "../../styles/service.css";
import "../../styles/map.css";

export function MapPage() {
  void route.value;
  const window = timeWindow.value;
  const graph = useLoad("service map", `${window.start}-${window.end}`, async (signal) => {
    const [overview, calls] = await Promise.all([fetchOverview(window, signal), fetchCalls(window, signal)]);
    const nodes = nodesOf(overview.services, calls);
    learnServices(nodes.map((node) => node.name));
    return { nodes, calls };
  });
  const chosen = useMemo(() => readChosen(), [route.value]);
  const choose = (next: Chosen | null) => setParams({ node: next?.node ?? null, caller: next?.call?.from ?? null, callee: next?.call?.to ?? null }, "replace");
  const { data } = graph;
  return (
    <main class="page map-page" id="main">
      <header class="page-head">
        <h1>Services</h1>
        <ServiceTabs />
        <p class="faint">choose a service for its operations, a line for its traces</p>
      </header>
      {graph.error && <ErrorNote error={graph.error} retry={graph.retry} what="The service map" />}
      {!data && !graph.error && <SkeletonBlock height={480} />}
      {data?.nodes.length === 0 && (
        <Empty title="No calls in this window of time.">
          Choose a longer one above, or see <a href={href("/setup")}>how to send data</a>.
        </Empty>
      )}
      {data && data.nodes.length > 0 && (
        <>
          <div class={`map-body${chosen ? " has-panel" : ""}`}>
            <MapCanvas nodes={data.nodes} calls={data.calls} chosen={chosen} choose={choose} />
            {chosen && <MapPanel chosen={chosen} nodes={data.nodes} calls={data.calls} close={() => choose(null)} />}
          </div>
          <CallsTable calls={data.calls} choose={choose} />
        </>
      )}
    </main>
  );
}

function nodesOf(services: { service: string; rate: number; error_ratio: number; p95_ms: number | null }[], calls: Call[]): MapNode[] {
  const nodes = new Map(services.map((one): [string, MapNode] => [one.service, { name: one.service, rate: one.rate, errorRatio: one.error_ratio, p95Ms: one.p95_ms }]));
  for (const name of calls.flatMap(({ from, to }) => [from, to])) if (!nodes.has(name)) nodes.set(name, { name, rate: 0, errorRatio: 0, p95Ms: null });
  return [...nodes.values()];
}

function readChosen(): Chosen | null {
  if (param("node")) return { node: param("node") };
  const [from, to] = [param("caller"), param("callee")];
  return from && to ? { call: { from, to } } : null;
}

const COLUMNS: SortColumn<Call>[] = [
  { key: "from", title: "From", value: (one) => one.from, words: true },
  { key: "to", title: "To", value: (one) => one.to, words: true },
  { key: "rate", title: "Calls", value: (one) => one.rate },
  { key: "errors", title: "Errors", value: (one) => one.errorRatio ?? -1 },
  { key: "p95", title: "p95", value: (one) => one.p95Ms ?? -1 },
];
const FIRST = "-rate";

function CallsTable({ calls, choose }: { calls: Call[]; choose: (chosen: Chosen) => void }) {
  const sorted = useSorted(calls, COLUMNS, "sort", FIRST, (one) => `${one.from} ${one.to}`);
  if (calls.length === 0) return <p class="faint">No service calls another one in this window.</p>;
  return (
    <section aria-labelledby="calls">
      <header class="list-head">
        <h2 id="calls">
          Calls between services <span class="count">{calls.length}</span>
        </h2>
      </header>
      <div class="table-card">
        <table class="data-table calls-table" data-testid="calls">
          <thead>
            <tr>
              <SortHeaders columns={COLUMNS} sorted={sorted} name="sort" fallback={FIRST} />
              <th scope="col">
                <span class="unseen">More</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.rows.map((call) => (
              <tr key={`${call.from} ${call.to} ${call.messaging}`} data-testid="call-row">
                <td>
                  <a class="cell-link" href={serviceHref(call.from)}>
                    <ServiceTag name={call.from} />
                  </a>
                </td>
                <td>
                  <a class="cell-link" href={serviceHref(call.to)}>
                    <ServiceTag name={call.to} />
                  </a>
                  {call.messaging && <small class="faint"> by a broker</small>}
                </td>
                <td class="number">{significant(call.rate)}/s</td>
                <td class={`number${call.errorRatio ? " error-text" : ""}`}>{call.errorRatio === null ? "–" : formatPercent(call.errorRatio)}</td>
                <td class="number">{formatMillis(call.p95Ms)}</td>
                <td class="number">
                  <button type="button" class="link" onClick={() => choose({ call: { from: call.from, to: call.to } })}>
                    Traces
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
