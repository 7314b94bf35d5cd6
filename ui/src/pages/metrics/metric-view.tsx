/** One metric: its charts by default, grouped and filtered as one likes, or a query of one's own. */
import { useState } from "preact/hooks";
import { fetchSampleTimes, fetchSeries, type Labels } from "../../api/metrics";
import { ErrorNote } from "../../components/feedback";
import { breakable } from "../../components/breakable";
import { QueryChart } from "../../components/query-chart";
import { CloseIcon } from "../../components/icons";
import { unitName } from "../../lib/format";
import { customView, defaultGroup, defaultViews, labelsOf, rateWindowFor, reportInterval, seriesOf, seriesSelector, stepFor, unitOfView, type Choice, type Filter, type LabelChoice, type MetricInfo } from "../../model/promql";
import { measureOf } from "../../model/measure";
import { parseTag } from "../../model/search";
import { useLoad } from "../../state/load";
import { timeWindow, type Window } from "../../state/time-range";
import { href, param, route, setParams } from "../../state/url";
import { HeatmapCard } from "./heatmap-card";
import { TypeTag } from "./metric-list";
import { QueryBox } from "./query-box";

const STATS = ["p50", "p95", "p99", "avg"];
const NO_GROUP = "none";

export function MetricView({ metric }: { metric: MetricInfo }) {
  void route.value;
  const window = timeWindow.value;
  const span = window.end - window.start;
  const series = useLoad(`series of ${metric.name}`, `${window.start}-${window.end}`, (signal) => loadSeries(metric, window, signal));
  const labels = labelsOf(series.data?.list ?? []);
  const choice = readChoice(metric, labels);
  const views = defaultViews(metric, choice, rateWindowFor(stepFor(span), series.data?.interval ?? 15));
  const custom = param("q");
  const shown = custom ? [customView(custom)] : views;
  // The default query depends on the series: drawing before they are known would draw twice.
  const ready = custom !== "" || series.data !== undefined || series.error !== undefined;
  const [failure, setFailure] = useState("");
  return (
    <article class="metric" data-testid="metric">
      <header class="metric-head">
        <a class="back" href={href("/metric", { filter: param("filter") })}>
          All metrics
        </a>
        <h1>{breakable(metric.name)}</h1>
        <p class="metric-about">
          <TypeTag metric={metric} />
          {unitName(metric.unit) && <span>{unitName(metric.unit)}</span>}
          <span>{metric.help}</span>
          {series.data && <span class="faint" title={sameForAll(labels)}>{series.data.list.length === 1 ? "1 series" : `${series.data.list.length} series`}</span>}
        </p>
      </header>
      {series.error && <ErrorNote error={series.error} retry={series.retry} what="The labels" />}
      {!custom && <Controls metric={metric} labels={labels} choice={choice} />}
      {ready && metric.type === "histogram" && !custom && (
        <HeatmapCard metric={metric} filters={choice.filters} unit={unitOfView(metric, { perSecond: false })} service={serviceOf(choice, labels)} interval={series.data?.interval ?? 15} view={views[0]} />
      )}
      {ready &&
        shown.map((view, i) => (
          <QueryChart key={custom ? "custom" : i} view={view} measure={measureOf(unitOfView(metric, view), view.perSecond ? " /s" : "")} fromZero={metric.type !== "gauge"} service={serviceOf(choice, labels)} {...(i === 0 ? { failed: setFailure } : {})} />
        ))}
      <QueryBox shown={views[0]} custom={custom} error={custom ? failure : ""} />
    </article>
  );
}

interface Series {
  list: Labels[];
  /** Seconds between two reports. */
  interval: number;
}

async function loadSeries(metric: MetricInfo, window: Window, signal: AbortSignal): Promise<Series> {
  const list = await fetchSeries(seriesSelector(metric), window, signal);
  const rates = metric.type === "counter" || metric.type === "histogram";
  if (!rates || list.length === 0) return { list, interval: 15 };
  const times = await fetchSampleTimes(seriesOf(list[0]), "10m", window, signal).catch(() => []);
  return { list, interval: reportInterval(times) };
}

function readChoice(metric: MetricInfo, labels: LabelChoice[]): Choice {
  const by = route.value.params.getAll("by");
  const grouped = by.length > 0 ? by.filter((one) => one !== NO_GROUP) : metric.type === "counter" ? defaultGroup(labels) : [];
  const stat = STATS.includes(param("stat")) ? param("stat") : "p95";
  return { by: grouped, filters: route.value.params.getAll("where").flatMap((text) => parseTag(text) ?? []), stat };
}

/** Labels that are one for all series, to be read rather than chosen. */
const sameForAll = (labels: LabelChoice[]) =>
  labels.flatMap(({ name, values }) => (values.length === 1 ? [`${name}=${values[0]}`] : [])).join("\n");

/** The one service a choice is about, when there is just one. */
function serviceOf({ filters }: Choice, labels: LabelChoice[]): string {
  const isService = (name: string) => name === "job" || name === "service_name";
  const filtered = filters.find(({ key }) => isService(key))?.value;
  const only = labels.find(({ name, values }) => isService(name) && values.length === 1)?.values[0];
  return (filtered ?? only ?? "").split("/").pop() ?? "";
}

function Controls({ metric, labels, choice }: { metric: MetricInfo; labels: LabelChoice[]; choice: Choice }) {
  const telling = labels.filter(({ name, values }) => values.length > 1 || choice.by.includes(name));
  const toggle = (name: string) => {
    const by = choice.by.includes(name) ? choice.by.filter((one) => one !== name) : [...choice.by, name];
    setParams({ by: by.length > 0 ? by : [NO_GROUP] }, "replace");
  };
  const where = (filters: Filter[]) => setParams({ where: filters.map(({ key, value }) => `${key}=${value}`) });
  return (
    <div class="metric-controls">
      <div class="control" role="group" aria-label="Group by">
        <span class="control-name">Group by</span>
        {telling.map(({ name, values }) => (
          <button key={name} type="button" class="chip chip-toggle" aria-pressed={choice.by.includes(name)} onClick={() => toggle(name)}>
            {name} <span class="count">{values.length}</span>
          </button>
        ))}
        {telling.length === 0 && <span class="faint">no label tells its series apart</span>}
      </div>
      {metric.type === "histogram" && choice.by.length > 0 && (
        <div class="segments" role="group" aria-label="Statistic">
          {STATS.map((stat) => (
            <button key={stat} type="button" aria-pressed={stat === choice.stat} onClick={() => setParams({ stat: stat === "p95" ? null : stat }, "replace")}>
              {stat}
            </button>
          ))}
        </div>
      )}
      <div class="control" role="group" aria-label="Only where">
        <span class="control-name">Where</span>
        {choice.filters.map((filter) => (
          <span key={filter.key} class="chip">
            {filter.key}={filter.value}
            <button type="button" aria-label={`Remove ${filter.key}`} onClick={() => where(choice.filters.filter((one) => one !== filter))}>
              <CloseIcon />
            </button>
          </span>
        ))}
        <select
          aria-label="Add a condition on a label"
          value=""
          onChange={(event) => {
            const filter = parseTag(event.currentTarget.value);
            if (filter) where([...choice.filters.filter((one) => one.key !== filter.key), filter]);
          }}
        >
          <option value="">any label…</option>
          {labels.map(({ name, values }) => (
            <optgroup key={name} label={name}>
              {values.slice(0, 200).map((value) => (
                <option key={value} value={`${name}=${value}`}>
                  {value || '""'}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
      </div>
    </div>
  );
}
