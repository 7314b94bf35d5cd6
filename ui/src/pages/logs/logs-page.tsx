/** Log records: search, volume by severity, a list of any length, live tail. */
import { useState } from "preact/hooks";
import { fetchLogVolume, type LogSearch } from "../../api/logs";
import { fetchServices } from "../../api/traces";
import { VolumeChart } from "../../charts/volume";
import { Empty, ErrorNote, Skeleton, SkeletonBlock } from "../../components/feedback";
import { CloseIcon, SearchIcon } from "../../components/icons";
import { learnServices } from "../../lib/color";
import { formatCount } from "../../lib/format";
import { LEVELS } from "../../lib/severity";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { clock, setWindow, timeWindow } from "../../state/time-range";
import { href, param, route, setParams } from "../../state/url";
import { Field, withChosen } from "../traces/search-form";
import { LogList } from "./log-list";
import { useLogs } from "./use-logs";

const PAGE = 500;
const MOST = 10_000;

export function readLogSearch(): LogSearch {
  return { query: param("q"), service: param("service"), trace_id: param("trace_id"), min_severity: param("severity") };
}

export function LogsPage() {
  void route.value;
  const search = readLogSearch();
  const window = timeWindow.value;
  const live = param("live") === "1";
  const limit = Math.min(MOST, Number(param("limit")) || PAGE);
  const [frozen, setFrozen] = useState(false);
  const services = useLoad("services", clock.value, fetchServices);
  if (services.data) learnServices(services.data);
  const subject = JSON.stringify(search);
  const volume = useLoad(`volume ${subject}`, `${window.start}-${window.end}`, (signal) => fetchLogVolume(search, window, signal));
  const logs = useLogs(search, limit, live, frozen);
  useKeys("Logs", [
    { keys: ["l"], does: "Live tail on or off", run: () => setParams({ live: live ? null : "1" }, "replace") },
    { keys: ["f"], does: "Search in the logs", run: () => document.querySelector<HTMLElement>("#log-query")?.focus() },
  ]);
  return (
    <main class="page page-fill" id="main">
      <header class="page-head">
        <h1>Logs</h1>
        {logs.data && (
          <p class="faint" data-testid="found">
            {logs.data.length >= limit && !live ? `the newest ${formatCount(logs.data.length)}` : `${formatCount(logs.data.length)} records`}
          </p>
        )}
        <button type="button" class={`button live-button${live ? " is-live" : ""}`} aria-pressed={live} data-testid="live" onClick={() => setParams({ live: live ? null : "1" }, "replace")}>
          <i class="live-dot" /> {live ? (frozen ? "Live tail: frozen" : "Live tail: on") : "Live tail"}
        </button>
      </header>
      <LogForm services={services.data ?? []} />
      {volume.error && <ErrorNote error={volume.error} retry={volume.retry} what="The volume of logs" />}
      {!volume.data && !volume.error && <SkeletonBlock height={96} />}
      {volume.data && <VolumeChart volume={volume.data} select={setWindow} />}
      {logs.error && <ErrorNote error={logs.error} retry={logs.retry} what="The logs" />}
      {!logs.data && !logs.error && <Skeleton rows={12} height={20} />}
      {logs.data?.length === 0 && (
        <Empty title="No log record matches.">
          Try a longer window of time, fewer words, or <a href={href("/logs")}>all logs</a>.
        </Empty>
      )}
      {logs.data && logs.data.length > 0 && <LogList logs={logs.data} fresh={live && frozen ? logs.waiting : 0} onAway={setFrozen} />}
      {logs.data && !live && logs.data.length >= limit && limit < MOST && (
        <button type="button" class="button more" onClick={() => setParams({ limit: Math.min(MOST, limit * 4) }, "replace")}>
          Show older ones as well
        </button>
      )}
    </main>
  );
}

function LogForm({ services }: { services: string[] }) {
  const query = param("q");
  const severity = param("severity");
  const trace = param("trace_id");
  return (
    <form class="search-form log-form" role="search" aria-label="Search logs" onSubmit={(event) => event.preventDefault()}>
      <div class="log-query">
        <SearchIcon />
        <input
          id="log-query"
          key={query}
          type="search"
          defaultValue={query}
          aria-label="Search the logs"
          placeholder={'Words, all of which must occur, and "whole phrases"'}
          onChange={(event) => setParams({ q: event.currentTarget.value.trim() })}
          onKeyDown={(event) => event.key === "Enter" && setParams({ q: event.currentTarget.value.trim() })}
        />
      </div>
      <Field label="Service">
        <select value={param("service")} onChange={(event) => setParams({ service: event.currentTarget.value })}>
          <option value="">any</option>
          {withChosen(services, param("service")).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </Field>
      <Field label="Severity">
        <select value={severity} data-testid="severity" onChange={(event) => setParams({ severity: event.currentTarget.value })}>
          <option value="">all</option>
          {LEVELS.toReversed().slice(1).map((level) => (
            <option key={level} value={level}>
              {level === "FATAL" ? "FATAL" : `${level} and graver`}
            </option>
          ))}
        </select>
      </Field>
      {trace && (
        <span class="chip">
          trace {trace.slice(0, 12)}…
          <button type="button" aria-label="Remove the condition on the trace" onClick={() => setParams({ trace_id: null })}>
            <CloseIcon />
          </button>
        </span>
      )}
    </form>
  );
}
