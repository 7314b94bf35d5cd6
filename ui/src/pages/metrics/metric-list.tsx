/** Metrics by name, type, unit and help, narrowed down as one types. */
import { useRef } from "preact/hooks";
import { breakable } from "../../components/breakable";
import { SearchIcon } from "../../components/icons";
import { useRowKeys } from "../../components/row-keys";
import { formatNumber, unitName } from "../../lib/format";
import type { MetricInfo } from "../../model/promql";
import { useKeys } from "../../state/keys";
import { href, param, setParams } from "../../state/url";

/** The metrics whose name or help holds every word. */
export function matching(metrics: MetricInfo[], text: string): MetricInfo[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return metrics.filter((metric) => words.every((word) => `${metric.name} ${metric.help}`.toLowerCase().includes(word)));
}

export function MetricList({ metrics, chosen }: { metrics: MetricInfo[]; chosen: string }) {
  const box = useRef<HTMLInputElement>(null);
  const text = param("filter");
  const shown = matching(metrics, text);
  useRowKeys("Metrics");
  useKeys("Metric list", [{ keys: ["f"], does: "Find a metric", run: () => box.current?.focus() }]);
  return (
    <>
      <div class="metric-filter">
        <SearchIcon />
        <input
          ref={box}
          type="search"
          value={text}
          placeholder={`Find among ${metrics.length} metrics`}
          aria-label="Find a metric"
          onInput={(event) => setParams({ filter: event.currentTarget.value }, "replace")}
        />
      </div>
      <nav class="metric-list" aria-label="Metric names" data-testid="metric-list">
        {shown.map((metric) => (
          <a
            key={metric.name}
            data-row
            data-testid={`metric-${metric.name}`}
            class={`metric-item${metric.present ? "" : " is-absent"}`}
            aria-current={metric.name === chosen ? "page" : undefined}
            href={href(`/metric/${encodeURIComponent(metric.name)}`, { filter: text })}
            title={metric.present ? metric.help : `${metric.help} (no data in this window)`}
          >
            <span class="metric-name">{breakable(metric.name)}</span>
            <span class="metric-meta">
              <TypeTag metric={metric} />
              {unitName(metric.unit) && <span>{unitName(metric.unit)}</span>}
              {metric.series > 1 && <span title={`${metric.series} series`}>×{formatNumber(metric.series)}</span>}
              <span class="metric-help">{metric.help}</span>
            </span>
          </a>
        ))}
        {shown.length === 0 && <p class="faint pad">No metric holds “{text}”.</p>}
      </nav>
    </>
  );
}

export const TypeTag = ({ metric }: { metric: MetricInfo }) => <span class={`type type-${metric.type}`}>{metric.type}</span>;
