/** Every service by rate, errors and duration; its name leads to the service, each figure to the traces behind it. */
import { fetchSummaries } from "../../api/trace-summaries";
import { fetchOverview, type ServiceOverview } from "../../api/overview";
import { Sparkline } from "../../charts/sparkline";
import { Empty, ErrorNote, Skeleton } from "../../components/feedback";
import { useRowKeys } from "../../components/row-keys";
import { ServiceTag } from "../../components/service-tag";
import { SortHeaders, useSorted, type SortColumn } from "../../components/sort-header";
import { serviceHref, ServiceTabs } from "./services-page";
import { TraceRow } from "../traces/trace-row";
import { learnServices } from "../../lib/color";
import { formatCount, formatCounted, formatMillis, formatPercent, significant } from "../../lib/format";
import { useLoad } from "../../state/load";
import { timeWindow, type Window } from "../../state/time-range";
import { href, route } from "../../state/url";

const COLUMNS: SortColumn<ServiceOverview>[] = [
  { key: "service", title: "Service", value: (one) => one.service, words: true },
  { key: "calls", title: "Calls", value: (one) => one.calls },
  { key: "rate", title: "Rate", value: (one) => one.rate },
  { key: "errors", title: "Errors", value: (one) => one.error_ratio },
  { key: "p50", title: "p50", value: (one) => one.p50_ms ?? -1 },
  { key: "p95", title: "p95", value: (one) => one.p95_ms ?? -1 },
  { key: "p99", title: "p99", value: (one) => one.p99_ms ?? -1 },
];

export function ServiceList() {
  void route.value;
  useRowKeys("Services");
  const window = timeWindow.value;
  const overview = useLoad("overview", `${window.start}-${window.end}`, async (signal) => {
    const answer = await fetchOverview(window, signal);
    learnServices(answer.services.map((one) => one.service));
    return answer;
  });
  return (
    <main class="page" id="main">
      <header class="page-head">
        <h1>Services</h1>
        <ServiceTabs />
        {overview.data && <p class="faint">{summary(overview.data.services)}</p>}
      </header>
      {overview.error && <ErrorNote error={overview.error} retry={overview.retry} what="The services" />}
      {!overview.data && !overview.error && <Skeleton rows={5} height={44} />}
      {overview.data?.services.length === 0 && (
        <Empty title="No calls in this window of time.">
          Choose a longer one above, or see <a href={href("/setup")}>how to send data</a>.
        </Empty>
      )}
      {overview.data && overview.data.services.length > 0 && <ServicesTable services={overview.data.services} />}
      {overview.data && <Failures window={window} any={overview.data.services.some((one) => one.errors > 0)} />}
    </main>
  );
}

const ANY_FAILED = { service: "", operation: "", tags: { error: "true" }, minDuration: "", maxDuration: "", limit: 8 };

/** The newest traces with a failed span, so that the first page says what is wrong at present. */
function Failures({ window, any }: { window: Window; any: boolean }) {
  const found = useLoad(any ? "failures" : null, `${window.start}-${window.end}`, (signal) => fetchSummaries(ANY_FAILED, window, signal));
  if (found.error) return <ErrorNote error={found.error} retry={found.retry} what="The latest failures" />;
  const traces = found.data?.traces ?? [];
  if (traces.length === 0) return null;
  const longest = traces.reduce((most, trace) => Math.max(most, trace.duration), 1);
  return (
    <section aria-labelledby="failures">
      <header class="list-head">
        <h2 id="failures">Latest failures</h2>
        <a href={href("/traces", { errors: "1" })}>All of them</a>
      </header>
      <ol class="trace-list">
        {traces.map((trace) => (
          <li key={trace.id}>
            <TraceRow trace={trace} longest={longest} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function summary(services: ServiceOverview[]): string {
  const calls = services.reduce((sum, one) => sum + one.calls, 0);
  const errors = services.reduce((sum, one) => sum + one.errors, 0);
  return `${formatCounted(services.length, "service")}, ${formatCounted(calls, "call")}, ${formatCount(errors)} failed`;
}

const FIRST = "service";

function ServicesTable({ services }: { services: ServiceOverview[] }) {
  const sorted = useSorted(services, COLUMNS, "sort", FIRST, (one) => one.service);
  return (
    <div class="table-card">
      <table class="data-table services-table" data-testid="services-table">
        <thead>
          <tr>
            <SortHeaders columns={COLUMNS} sorted={sorted} name="sort" fallback={FIRST} />
            <th scope="col">
              <span class="unseen">More</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.rows.map((service) => (
            <ServiceRow key={service.service} service={service} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ServiceRow({ service }: { service: ServiceOverview }) {
  const traces = (more = {}) => href("/traces", { service: service.service, ...more });
  return (
    <tr data-testid="service-row">
      <th scope="row">
        <a class="cell-link" data-row href={serviceHref(service.service)} data-testid={`service-${service.service}`}>
          <ServiceTag name={service.service} />
        </a>
      </th>
      <td class="number">
        <a class="cell-link" href={traces()} title="Its traces">
          {formatCount(service.calls)}
        </a>
      </td>
      <td class="number">
        <a class="cell-link" href={traces()} title="Its traces">
          <Sparkline values={service.calls_by_step} tone="accent" />
          <span class="figure">
            {significant(service.rate)}
            <small>/s</small>
          </span>
        </a>
      </td>
      <td class="number">
        {service.errors > 0 ? (
          <a class="cell-link error-text" href={traces({ errors: "1" })} title={`${formatCount(service.errors)} of ${formatCount(service.calls)} calls failed: their traces`}>
            <ErrorFigure service={service} />
          </a>
        ) : (
          <span class="cell-link">
            <ErrorFigure service={service} />
          </span>
        )}
      </td>
      <td class="number">{formatMillis(service.p50_ms)}</td>
      <td class="number">
        <a class="cell-link" href={traces({ min: atLeast(service.p95_ms) })} title="Traces in which it takes at least this long">
          <Sparkline values={service.p95_ms_by_step} tone={hasSpike(service.p95_ms_by_step) ? "warn" : "plain"} />
          <span class="figure">{formatMillis(service.p95_ms)}</span>
        </a>
      </td>
      <td class="number">
        <a class="cell-link" href={traces({ min: atLeast(service.p99_ms) })} title="Traces in which it takes at least this long">
          {formatMillis(service.p99_ms)}
        </a>
      </td>
      <td class="number">
        <span class="row-links">
          <a href={traces()}>Traces</a>
          <a href={href("/logs", { service: service.service })}>Logs</a>
        </span>
      </td>
    </tr>
  );
}

const ErrorFigure = ({ service }: { service: ServiceOverview }) => (
  <>
    <Sparkline values={service.errors_by_step} tone="error" />
    <span class="figure">{formatPercent(service.error_ratio)}</span>
  </>
);

const atLeast = (ms: number | null) => (ms ? `${significant(ms)}ms` : null);

/** A step that took four times as long as most do. */
function hasSpike(values: readonly (number | null)[]): boolean {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length >= 5 && known[known.length - 1] > 4 * known[Math.floor(known.length / 2)];
}
