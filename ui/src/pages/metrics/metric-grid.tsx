/** Every metric with data as a card: what it is at present, and how it went over the window. A card loads when it comes into sight. */
import { useRef } from "preact/hooks";
import { queryRange } from "../../api/metrics";
import { MiniLine } from "../../charts/mini-line";
import { breakable } from "../../components/breakable";
import { useInView } from "../../components/in-view";
import { formatUnit, unitName } from "../../lib/format";
import { queue } from "../../lib/queue";
import { figureOf, groupByPrefix, type Group } from "../../model/metric-card";
import { rateWindowFor, unitOfView, type MetricInfo } from "../../model/promql";
import { useLoad } from "../../state/load";
import { timeWindow, type Window } from "../../state/time-range";
import { href, param, route } from "../../state/url";
import { TypeTag } from "./metric-list";

/** The server answers others meanwhile. */
const inTurn = queue(4);
const POINTS = 60;

export function MetricGrid({ metrics }: { metrics: MetricInfo[] }) {
  void route.value;
  return (
    <div class="metric-groups" data-testid="metric-grid">
      {groupByPrefix(metrics).map((group) => (
        <GroupOfCards key={group.title} group={group} />
      ))}
    </div>
  );
}

function GroupOfCards({ group }: { group: Group }) {
  const id = `group-${group.title}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id} class="group-title">
        {group.title} <span class="count">{group.metrics.length}</span>
      </h2>
      <ul class="metric-cards">
        {group.metrics.map((metric) => (
          <li key={metric.name}>
            <MetricCard metric={metric} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Drawn {
  points: [number, number][];
  window: Window;
  step: number;
}

function MetricCard({ metric }: { metric: MetricInfo }) {
  const card = useRef<HTMLAnchorElement>(null);
  const inView = useInView(card);
  const window = timeWindow.value;
  const step = Math.max(1, Math.ceil((window.end - window.start) / 1000 / POINTS));
  const drawn = useLoad(inView ? `card ${metric.name} ${step}` : null, `${window.start}-${window.end}`, (signal) =>
    inTurn(signal, () => load(metric, window, step, signal)),
  );
  const { label, view } = figureOf(metric, "");
  const points = drawn.data?.points ?? [];
  const last = points[points.length - 1]?.[1];
  const unit = unitOfView(metric, view);
  return (
    <a ref={card} class={`metric-card type-${metric.type}`} data-testid={`card-${metric.name}`} href={href(`/metric/${encodeURIComponent(metric.name)}`, { filter: param("filter") })} title={metric.help}>
      <span class="metric-card-name">{breakable(metric.name)}</span>
      <span class="metric-card-about">
        <TypeTag metric={metric} />
        {unitName(metric.unit) && <span>{unitName(metric.unit)}</span>}
        {metric.series > 0 && <span>{metric.series === 1 ? "1 series" : `${metric.series} series`}</span>}
      </span>
      <span class="metric-card-figure">
        {last !== undefined && (
          <>
            {label && <small>{label}</small>}
            <b>{formatUnit(last, unit)}</b>
            {view.perSecond && <small>/s</small>}
          </>
        )}
        {drawn.data && last === undefined && <small>no points yet</small>}
        {drawn.error && <small class="error-text">{drawn.error.message}</small>}
      </span>
      {drawn.data && last !== undefined ? (
        <MiniLine points={points} window={drawn.data.window} step={drawn.data.step} fromZero={metric.type !== "gauge" && metric.type !== "unknown"} />
      ) : (
        <span class="mini-line" />
      )}
    </a>
  );
}

/** A source that reports seldom has no rate over the usual stretch: it is asked for again over a longer one. */
async function load(metric: MetricInfo, window: Window, step: number, signal: AbortSignal): Promise<Drawn> {
  for (const rateWindow of [rateWindowFor(step, 15), "5m"]) {
    const [series] = await queryRange({ expr: figureOf(metric, rateWindow).expr, window, step }, signal);
    const points = (series?.values ?? []).map(([at, value]): [number, number] => [at, Number(value)]).filter(([, value]) => Number.isFinite(value));
    if (points.length > 0) return { points, window, step };
  }
  return { points: [], window, step };
}
