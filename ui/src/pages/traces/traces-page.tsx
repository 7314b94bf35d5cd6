/** Search for traces: by form or by query, the scatter of what was found, facets beside the list; files of traces are opened here, too. */
import { useMemo } from "preact/hooks";
import type { TraceSummary } from "../../api/trace-summaries";
import { MOST_BY_QUERY } from "../../api/traceql";
import { fetchServices } from "../../api/traces";
import { Scatter, type Selection } from "../../charts/scatter";
import { ErrorNote, Skeleton, SkeletonBlock } from "../../components/feedback";
import { useRowKeys } from "../../components/row-keys";
import { learnServices } from "../../lib/color";
import { formatClock, formatCount } from "../../lib/format";
import { fitAxis } from "../../model/axis";
import { encodeSelected } from "../../model/differs";
import { formatTook } from "../../model/trace-search";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { clock, timeWindow, type Window } from "../../state/time-range";
import { href, navigate, param, route, setParams } from "../../state/url";
import { Exclusions, NothingFound } from "./conditions";
import { Facets } from "./facets";
import { DropZone, FileFaults, OpenButton, OpenedFiles, useOpener } from "./opened-files";
import { PickBar } from "./pick";
import { QueryBox } from "./query-box";
import { SearchForm } from "./search-form";
import { byQuery, MOST, NO_CONDITIONS, readSearch } from "./search-url";
import { TraceList } from "./trace-list";
import { useFoundTraces, type Found } from "./use-found";
import "../../styles/search.css";

export function TracesPage() {
  void route.value;
  useRowKeys("Traces");
  const search = readSearch();
  const query = byQuery();
  const window = timeWindow.value;
  const services = useLoad("services", clock.value, fetchServices);
  if (services.data) learnServices(services.data);
  const found = useFoundTraces(search, query ? param("q") : null, window);
  const opener = useOpener();
  // What is wrong with a query is said where it was written.
  const error = query && found.error?.status === 400 ? undefined : found.error;
  return (
    <main class="page" id="main">
      <header class="page-head">
        <h1>Traces</h1>
        {found.data && <p class="faint" data-testid="found">{foundText(found.data)}</p>}
        <div class="page-actions">
          <Modes query={query} />
          <a class="button small" href={href("/traces/compare")}>
            Compare
          </a>
          <OpenButton opener={opener} />
        </div>
      </header>
      <FileFaults opener={opener} />
      {query ? <QueryBox error={found.error} /> : <SearchForm services={services.data ?? []} limit={String(search.limit)} />}
      <Exclusions />
      <OpenedFiles />
      {error && <ErrorNote error={error} retry={found.retry} what="The traces" />}
      {!found.data && !found.error && (
        <>
          <SkeletonBlock height={190} />
          <Skeleton rows={7} height={46} />
        </>
      )}
      {found.data?.traces.length === 0 && <NothingFound />}
      {found.data && found.data.traces.length > 0 && (
        <div class="found">
          <Facets traces={found.data.traces} />
          <div class="found-main">
            <Picture found={found.data} window={found.data.window} limit={search.limit} />
            <TraceList traces={found.data.traces} />
          </div>
        </div>
      )}
      <PickBar />
      <DropZone opener={opener} />
    </main>
  );
}

function Modes({ query }: { query: boolean }) {
  const toQuery = () => setParams({ ...NO_CONDITIONS, q: "{ }" });
  const toForm = () => setParams({ q: null });
  useKeys("Traces", [{ keys: ["q"], does: "Ask with TraceQL, or with the form", run: query ? toForm : toQuery }]);
  return (
    <div class="segments" role="group" aria-label="How to ask">
      <button type="button" aria-pressed={!query} onClick={() => query && toForm()}>
        Form
      </button>
      <button type="button" aria-pressed={query} data-testid="mode-traceql" onClick={() => !query && toQuery()}>
        TraceQL
      </button>
    </div>
  );
}

function foundText({ traces, complete, excluded, note }: Found): string {
  const count = complete ? `${formatCount(traces.length)} found` : `the newest ${formatCount(traces.length)}; there are more`;
  return `${count}${excluded > 0 ? `, ${formatCount(excluded)} left out` : ""}${note ? ` (${note})` : ""}`;
}

const WHOLE = "whole";

/** The scatter, drawn where the traces are unless the whole window is wanted. */
function Picture({ found, window, limit }: { found: Found; window: Window; limit: number }) {
  const { traces, complete } = found;
  const fitted = useMemo(() => fitAxis(window, traces.map((trace) => trace.startMs)), [window, traces]);
  const whole = param("axis") === WHOLE;
  const axis = whole ? window : fitted;
  const most = byQuery() ? MOST_BY_QUERY : MOST;
  const next = Math.min(most, limit * 5);
  const narrowed = param("took") !== "";
  return (
    <section class="picture" aria-label="Durations over time">
      {(fitted !== window || !complete || narrowed) && (
        <p class="picture-note" data-testid="axis-note">
          <span>{noteOf(found, axis === window)}</span>
          {fitted !== window && (
            <button type="button" class="link" onClick={() => setParams({ axis: whole ? null : WHOLE }, "replace")}>
              {whole ? `Zoom to ${formatClock(fitted.start)} – ${formatClock(fitted.end)}` : "Show the whole window"}
            </button>
          )}
          {!complete && limit < most && (
            <button type="button" class="link" onClick={() => setParams({ limit: next })}>
              Fetch {formatCount(next)}
            </button>
          )}
          {narrowed && <WhatDiffers window={window} traces={traces} />}
        </p>
      )}
      <Scatter traces={traces} axis={axis} select={narrow} open={(trace) => navigate(traceHref(trace))} older={!complete} />
    </section>
  );
}

/** Attributes of the spans of these traces beside those of the rest. */
function WhatDiffers({ window, traces }: { window: Window; traces: TraceSummary[] }) {
  const { service, operation } = readSearch();
  const differs = encodeSelected({ service, operation, window, min: "", max: "", traces: traces.map((trace) => trace.id) });
  return (
    <button type="button" class="link" onClick={() => setParams({ differs })}>
      What differs in these
    </button>
  );
}

export const traceHref = (trace: TraceSummary) => href(`/traces/${trace.id}`, { span: trace.matched?.first });

function narrow({ window, durations }: Selection): void {
  setParams({
    ...(window ? { range: null, from: Math.floor(window.start), to: Math.max(Math.ceil(window.end), Math.floor(window.start) + 1) } : {}),
    ...(durations ? { took: formatTook(durations) } : {}),
  });
}

function noteOf({ complete }: Found, whole: boolean): string {
  if (!complete) return `${whole ? "Older" : "Zoomed in: older"} ones of this window are not fetched.`;
  return whole ? "All that match, in the whole window." : "Zoomed in: there are none in the rest of this window.";
}
