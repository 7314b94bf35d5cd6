/** What the trace's time went to, by service or by operation: counts, sums, self time; a click finds those spans. */
import { useMemo, useState } from "preact/hooks";
import { ServiceDot } from "../../components/service-tag";
import { SortHeaders, useSorted, type SortColumn } from "../../components/sort-header";
import { formatCount, formatDuration, formatPercent } from "../../lib/format";
import { statisticsOf, type StatRow } from "../../model/trace-stats";
import { param, setParams } from "../../state/url";
import type { ViewProps } from "./view-props";
import "../../styles/trace-views.css";

const nameOf = (one: StatRow) => `${one.service} ${one.operation}`;

const COLUMNS: SortColumn<StatRow>[] = [
  { key: "name", title: "Service and operation", value: nameOf, words: true },
  { key: "count", title: "Count", value: (one) => one.count },
  { key: "total", title: "Total", value: (one) => one.total },
  { key: "self", title: "Self time", value: (one) => one.self },
  { key: "mean", title: "Mean", value: (one) => one.total / one.count },
  { key: "max", title: "Max", value: (one) => one.max },
  { key: "errors", title: "Errors", value: (one) => one.errors },
];

const BY = [
  { id: "operation", title: "By operation" },
  { id: "service", title: "By service" },
] as const;

const SORT = "spansort";
const BY_SELF_TIME = "-self";
/** A table of thousands of rows takes long to lay out; what matters is on top. */
const FIRST = 100;

export function StatsTable({ trace }: ViewProps) {
  const by = param("spangroup") === "service" ? "service" : "operation";
  const statistics = useMemo(() => statisticsOf(trace, by), [trace, by]);
  const sorted = useSorted(statistics, COLUMNS, SORT, BY_SELF_TIME, nameOf);
  const { rows } = sorted;
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, FIRST);
  const selfSum = statistics.reduce((sum, one) => sum + one.self, 0) || 1;
  const show = (one: StatRow) => setParams({ as: null, find: one.operation ? `${one.service} ${one.operation}` : one.service, only: "matches" });
  return (
    <div class="trace-table" data-testid="trace-stats">
      <div class="segments" role="group" aria-label="Grouping">
        {BY.map((one) => (
          <button key={one.id} type="button" aria-pressed={one.id === by} onClick={() => setParams({ spangroup: one.id === "operation" ? null : one.id }, "replace")}>
            {one.title}
          </button>
        ))}
      </div>
      <div class="table-card" tabIndex={0} role="region" aria-label="Statistics">
        <table class="data-table stats-table">
          <thead>
            <tr>
              <SortHeaders columns={COLUMNS} sorted={sorted} name={SORT} fallback={BY_SELF_TIME} />
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => (
              <tr key={`${one.service}\n${one.operation}`} data-testid="stat-row">
                <th scope="row">
                  <button type="button" class="stat-name" title="Show these spans" onClick={() => show(one)}>
                    <ServiceDot name={one.service} /> <b>{one.service}</b> <span>{one.operation}</span>
                  </button>
                </th>
                <td class="number">{formatCount(one.count)}</td>
                <td class="number">{formatDuration(one.total)}</td>
                <td class="number">
                  <span class="share" aria-hidden="true">
                    <i style={{ width: `${(one.self / selfSum) * 100}%` }} />
                  </span>
                  <span class="figure">{formatDuration(one.self)}</span>
                  <small class="faint">{formatPercent(one.self / selfSum)}</small>
                </td>
                <td class="number">{formatDuration(one.total / one.count)}</td>
                <td class="number">{formatDuration(one.max)}</td>
                <td class={`number${one.errors > 0 ? " error-text" : " faint"}`}>{formatCount(one.errors)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < rows.length && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {formatCount(rows.length)}
        </button>
      )}
    </div>
  );
}
