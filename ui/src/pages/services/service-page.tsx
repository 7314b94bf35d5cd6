/** One service: its calls, errors and durations, its operations, who calls it and whom it calls, where it runs. */
import { fetchInstances, type Instance } from "../../api/instances";
import { fetchOperationStats } from "../../api/operation-stats";
import { fetchCalls, type Call } from "../../api/service-graph";
import type { Shade } from "../../charts/time-chart";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { QueryChart } from "../../components/query-chart";
import { useRowKeys } from "../../components/row-keys";
import { ServiceDot, ServiceTag } from "../../components/service-tag";
import { ERROR_HUE, serviceHue } from "../../lib/color";
import { formatDateTime, formatPercent, significant } from "../../lib/format";
import { deploysOf } from "../../model/deploys";
import { measureOf } from "../../model/measure";
import { rateWindowFor, stepFor } from "../../model/promql";
import { entryKinds, serviceViews } from "../../model/service-views";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";
import { href, route } from "../../state/url";
import { OperationsTable } from "./operations-table";
import { serviceHref } from "./services-page";
import "../../styles/service.css";

const CHART_HEIGHT = 190;
/** What the server counts from spans comes so often, in seconds. */
const WRITTEN_EVERY = 15;

export function ServicePage({ name }: { name: string }) {
  void route.value;
  useRowKeys("Operations");
  const window = timeWindow.value;
  const version = `${window.start}-${window.end}`;
  const operations = useLoad(`operations of ${name}`, version, (signal) => fetchOperationStats(name, window, signal));
  const calls = useLoad("calls", version, (signal) => fetchCalls(window, signal));
  const instances = useLoad(`instances of ${name}`, version, (signal) => fetchInstances(name, window, signal));
  const views = serviceViews(name, entryKinds(operations.data?.map(({ kind }) => kind) ?? []), rateWindowFor(stepFor(window.end - window.start), WRITTEN_EVERY));
  const deploys: Shade[] = deploysOf(instances.data ?? [], window).map(({ version: text, at }) => ({ start: at, end: at, tone: "plain", label: text }));
  const chart = { service: name, height: CHART_HEIGHT, shades: deploys, hint: "Nothing answered a call: try a longer window." };
  return (
    <main class="page service-page" id="main" data-testid="service-page">
      <header class="page-head">
        <a href={href("/services")}>Services</a>
        <h1>
          <ServiceDot name={name} /> {name}
        </h1>
        <nav class="head-links" aria-label={`More of ${name}`}>
          <a href={href("/traces", { service: name })}>Traces</a>
          <a href={href("/logs", { service: name })}>Logs</a>
          <a href={href("/services/map", { node: name })}>On the map</a>
        </nav>
      </header>
      {calls.data && <Neighbours name={name} calls={calls.data} />}
      {operations.error && <ErrorNote error={operations.error} retry={operations.retry} what="The operations" />}
      {!operations.data && !operations.error && <Skeleton rows={8} height={40} />}
      {operations.data?.length === 0 && (
        <Empty title={`No calls of ${name} were counted in this window.`}>
          Choose a longer one, or look at <a href={href("/traces", { service: name })}>its traces</a>.
        </Empty>
      )}
      {operations.data && operations.data.length > 0 && (
        <>
          <div class="service-charts">
            <QueryChart view={views.rate} measure={measureOf("none", " /s")} fromZero hues={[serviceHue(name)]} {...chart} />
            <QueryChart view={views.errors} measure={measureOf("ratio")} fromZero hues={[ERROR_HUE]} {...chart} />
            <QueryChart view={views.durations} measure={measureOf("milliseconds")} fromZero {...chart} />
          </div>
          <section aria-labelledby="operations">
            <header class="list-head">
              <h2 id="operations">
                Operations <span class="count">{operations.data.length}</span>
              </h2>
            </header>
            <OperationsTable service={name} operations={operations.data} />
          </section>
        </>
      )}
      {instances.data && instances.data.length > 0 && <Instances instances={instances.data} />}
    </main>
  );
}

function Neighbours({ name, calls }: { name: string; calls: Call[] }) {
  const callers = calls.filter(({ to, from }) => to === name && from !== name);
  const called = calls.filter(({ from, to }) => from === name && to !== name);
  if (callers.length + called.length === 0) return null;
  return (
    <div class="neighbours">
      {callers.length > 0 && <NeighbourList title="Called by" calls={callers} nameOf={(call) => call.from} />}
      {called.length > 0 && <NeighbourList title="Calls" calls={called} nameOf={(call) => call.to} />}
    </div>
  );
}

const NeighbourList = ({ title, calls, nameOf }: { title: string; calls: Call[]; nameOf: (call: Call) => string }) => (
  <p>
    <span class="faint">{title}</span>
    {calls.map((call) => (
      <a key={nameOf(call)} class="neighbour" href={serviceHref(nameOf(call))}>
        <ServiceTag name={nameOf(call)} />
        <small>
          {significant(call.rate)}/s{call.errorRatio ? `, ${formatPercent(call.errorRatio)} fail` : ""}
        </small>
      </a>
    ))}
  </p>
);

function Instances({ instances }: { instances: Instance[] }) {
  return (
    <section aria-labelledby="instances">
      <header class="list-head">
        <h2 id="instances">
          Instances <span class="count">{instances.length}</span>
        </h2>
      </header>
      <div class="table-card" role="region" aria-labelledby="instances" tabIndex={0}>
        <table class="data-table instances-table" data-testid="instances">
          <thead>
            <tr>
              <th scope="col">Instance</th>
              <th scope="col">Version</th>
              <th scope="col">Host</th>
              <th scope="col">Environment</th>
              <th scope="col">Runtime</th>
              <th scope="col">In this window since</th>
            </tr>
          </thead>
          <tbody>
            {instances.map((one) => (
              <tr key={`${one.id} ${one.version} ${one.first}`}>
                <th scope="row" class="mono">
                  {one.id || "–"}
                </th>
                <td>{one.version || "–"}</td>
                <td>{one.host || "–"}</td>
                <td>{one.environment || "–"}</td>
                <td>{one.runtime || "–"}</td>
                <td>{formatDateTime(one.first)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
