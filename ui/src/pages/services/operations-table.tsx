/** A service's operations by rate, errors and durations; each figure leads to the traces behind it. */
import type { OperationStats } from "../../api/operation-stats";
import { Sparkline } from "../../charts/sparkline";
import { breakable } from "../../components/breakable";
import { SortHeaders, useSorted, type SortColumn } from "../../components/sort-header";
import { formatCount, formatMillis, formatPercent, significant } from "../../lib/format";
import { href, route } from "../../state/url";

const COLUMNS: SortColumn<OperationStats>[] = [
  { key: "operation", title: "Operation", value: (one) => one.name, words: true },
  { key: "rate", title: "Rate", value: (one) => one.rate },
  { key: "errors", title: "Errors", value: (one) => one.errorRatio },
  { key: "p50", title: "p50", value: (one) => one.p50Ms ?? -1 },
  { key: "p95", title: "p95", value: (one) => one.p95Ms ?? -1 },
  { key: "p99", title: "p99", value: (one) => one.p99Ms ?? -1 },
];
const FIRST = "-rate";
const MOST = 200;

interface Props {
  service: string;
  operations: OperationStats[];
  /** Without sparklines and the lesser quantiles, for a panel. */
  narrow?: boolean;
}

export function OperationsTable({ service, operations, narrow = false }: Props) {
  void route.value;
  const columns = narrow ? COLUMNS.filter(({ key }) => key !== "p50" && key !== "p99") : COLUMNS;
  const sorted = useSorted(operations, columns, "ops", FIRST, (one) => one.name);
  return (
    <>
      <div class="table-card">
        <table class={`data-table operations-table${narrow ? " is-narrow" : ""}`} data-testid="operations">
          <thead>
            <tr>
              <SortHeaders columns={columns} sorted={sorted} name="ops" fallback={FIRST} />
            </tr>
          </thead>
          <tbody>
            {sorted.rows.slice(0, MOST).map((one) => (
              <OperationRow key={one.kind + one.name} service={service} operation={one} narrow={narrow} />
            ))}
          </tbody>
        </table>
      </div>
      {operations.length > MOST && <p class="faint">{formatCount(operations.length - MOST)} more operations are not shown.</p>}
    </>
  );
}

function OperationRow({ service, operation, narrow }: { service: string; operation: OperationStats; narrow: boolean }) {
  const traces = (more = {}) => href("/traces", { service, operation: operation.name, ...more });
  const atLeast = (ms: number | null) => (ms ? traces({ min: `${significant(ms)}ms` }) : traces());
  return (
    <tr data-testid="operation-row">
      <th scope="row">
        <a class="cell-link operation-name" data-row href={traces()} title={`Traces with ${operation.name}`}>
          <span>{breakable(operation.name)}</span>
          <small>{operation.kind}</small>
        </a>
      </th>
      <td class="number">
        <a class="cell-link" href={traces()} title={`${formatCount(operation.calls)} calls`}>
          {!narrow && <Sparkline values={operation.rateByStep} tone="accent" />}
          <span class="figure">
            {significant(operation.rate)}
            <small>/s</small>
          </span>
        </a>
      </td>
      <td class="number">
        <a class={`cell-link${operation.errors >= 0.5 ? " error-text" : ""}`} href={traces({ errors: "1" })} title="Those that failed">
          {!narrow && <Sparkline values={operation.errorsByStep} tone="error" />}
          <span class="figure">{formatPercent(operation.errorRatio)}</span>
        </a>
      </td>
      {!narrow && <td class="number">{formatMillis(operation.p50Ms)}</td>}
      <td class="number">
        <a class="cell-link" href={atLeast(operation.p95Ms)} title="Those that took at least this long">
          {!narrow && <Sparkline values={operation.p95ByStep} />}
          <span class="figure">{formatMillis(operation.p95Ms)}</span>
        </a>
      </td>
      {!narrow && (
        <td class="number">
          <a class="cell-link" href={atLeast(operation.p99Ms)} title="Those that took at least this long">
            {formatMillis(operation.p99Ms)}
          </a>
        </td>
      )}
    </tr>
  );
}
