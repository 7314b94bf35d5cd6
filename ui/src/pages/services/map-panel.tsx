/** What was chosen on the map: a service's operations, or the traces that have a call. */
import { useState } from "preact/hooks";
import { fetchCallTraces } from "../../api/call-traces";
import { fetchOperationStats } from "../../api/operation-stats";
import type { Call } from "../../api/service-graph";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { CloseIcon } from "../../components/icons";
import { ServiceTag } from "../../components/service-tag";
import { openTrace } from "../../components/trace-drawer";
import { formatClock, formatMillis, formatPercent, significant } from "../../lib/format";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { timeWindow } from "../../state/time-range";
import { href } from "../../state/url";
import type { Chosen, MapNode } from "./map-canvas";
import { OperationsTable } from "./operations-table";
import { serviceHref } from "./services-page";

interface Props {
  chosen: Chosen;
  nodes: MapNode[];
  calls: Call[];
  close: () => void;
}

export function MapPanel({ chosen, nodes, calls, close }: Props) {
  useKeys("Map", [{ keys: ["Escape"], does: "Close what is chosen", run: close }]);
  const { node, call } = chosen;
  return (
    <aside class="map-panel" aria-label={node ?? `${call?.from} calls ${call?.to}`} data-testid="map-panel">
      <button type="button" class="icon-button map-close" aria-label="Close" title="Close (Esc)" onClick={close}>
        <CloseIcon />
      </button>
      {node !== undefined && <NodePanel key={node} name={node} node={nodes.find((one) => one.name === node)} />}
      {call && <CallPanel key={`${call.from} ${call.to}`} from={call.from} to={call.to} call={calls.find((one) => one.from === call.from && one.to === call.to)} />}
    </aside>
  );
}

function Figures({ rate, errorRatio, p95Ms }: { rate: number; errorRatio: number | null; p95Ms: number | null }) {
  return (
    <dl class="facts">
      <div>
        <dt>Calls</dt>
        <dd>{significant(rate)}/s</dd>
      </div>
      <div>
        <dt>Fail</dt>
        <dd class={errorRatio ? "error-text" : ""}>{errorRatio === null ? "–" : formatPercent(errorRatio)}</dd>
      </div>
      <div>
        <dt>p95</dt>
        <dd>{formatMillis(p95Ms)}</dd>
      </div>
    </dl>
  );
}

function NodePanel({ name, node }: { name: string; node: MapNode | undefined }) {
  const window = timeWindow.value;
  const operations = useLoad(`operations of ${name}`, `${window.start}-${window.end}`, (signal) => fetchOperationStats(name, window, signal));
  return (
    <>
      <h2>
        <ServiceTag name={name} />
      </h2>
      {node && <Figures {...node} />}
      <p class="row-links">
        <a href={serviceHref(name)}>All of it</a>
        <a href={href("/traces", { service: name })}>Traces</a>
        <a href={href("/logs", { service: name })}>Logs</a>
      </p>
      {operations.error && <ErrorNote error={operations.error} retry={operations.retry} what="The operations" />}
      {!operations.data && !operations.error && <Skeleton rows={5} height={34} />}
      {operations.data?.length === 0 && <p class="faint">No operation of it was counted in this window.</p>}
      {operations.data && operations.data.length > 0 && <OperationsTable service={name} operations={operations.data} narrow />}
    </>
  );
}

function CallPanel({ from, to, call }: { from: string; to: string; call: Call | undefined }) {
  const [failed, setFailed] = useState(false);
  const window = timeWindow.value;
  const traces = useLoad(`call ${from} ${to} ${failed}`, `${window.start}-${window.end}`, (signal) => fetchCallTraces(from, to, failed, window, signal));
  const longest = traces.data?.reduce((most, trace) => Math.max(most, trace.durationMs), 1) ?? 1;
  return (
    <>
      <h2 class="map-call">
        <ServiceTag name={from} /> <span aria-label="calls">→</span> <ServiceTag name={to} />
      </h2>
      {call && <Figures {...call} />}
      <div class="list-head">
        <h3>Traces that have it</h3>
        <div class="segments" role="group" aria-label="Which traces">
          <button type="button" aria-pressed={!failed} onClick={() => setFailed(false)}>
            newest
          </button>
          <button type="button" aria-pressed={failed} onClick={() => setFailed(true)}>
            failed
          </button>
        </div>
      </div>
      {traces.error && <ErrorNote error={traces.error} retry={traces.retry} what="The traces" />}
      {!traces.data && !traces.error && <Skeleton rows={6} height={30} />}
      {traces.data?.length === 0 && <p class="faint">No trace of this window has {failed ? "such a call that failed" : "this call"}.</p>}
      <ol class="call-traces">
        {traces.data?.map((trace) => (
          <li key={trace.id}>
            <button type="button" data-testid="call-trace" data-trace-id={trace.id} onClick={() => openTrace(trace.id, trace.span)}>
              <span class="call-trace-name">
                {trace.service}: {trace.name}
              </span>
              <time class="faint">{formatClock(trace.startMs)}</time>
              <b>{formatMillis(trace.durationMs)}</b>
              <i aria-hidden="true" style={{ width: `${(trace.durationMs / longest) * 100}%` }} />
            </button>
          </li>
        ))}
      </ol>
    </>
  );
}
