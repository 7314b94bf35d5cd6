/** Log records: search, volume by severity, fields with counts, patterns, a list of any length, context, live tail. */
import "./logs.css";
import { useRef, useState } from "preact/hooks";
import { fetchLogVolume, type LogVolume } from "../../api/logs";
import { fetchServices } from "../../api/traces";
import { VolumeChart } from "../../charts/volume";
import { Empty, ErrorNote, Skeleton, SkeletonBlock } from "../../components/feedback";
import { learnServices } from "../../lib/color";
import { formatCount } from "../../lib/format";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { clock, setWindow, timeWindow, type Window } from "../../state/time-range";
import { href, route, setParams } from "../../state/url";
import { Facets } from "./facets";
import { Context } from "./log-context";
import { FilterIcon, PauseIcon } from "./log-icons";
import { LogList } from "./log-list";
import { readLogState, type LogState } from "./log-state";
import { Patterns } from "./patterns";
import { SearchBar } from "./search-bar";
import { Tools } from "./tools";
import { useLogs } from "./use-logs";
import { useTail } from "./use-tail";

const isWide = () => matchMedia("(min-width: 900px)").matches;

export function LogsPage() {
  void route.value;
  const state = readLogState();
  const window = timeWindow.value;
  const [fields, setFields] = useState(isWide);
  const services = useLoad("services", clock.value, fetchServices);
  if (services.data) learnServices(services.data);
  const volume = useLoad(`volume ${JSON.stringify(state.search)}`, `${window.start}-${window.end}`, (signal) => fetchLogVolume(state.search, window, signal));
  const shown = useShown(state, window);
  const setLive = () => setParams({ live: state.live ? null : "1", around: null, tab: null }, "replace");
  useKeys("Logs", [
    { keys: ["s"], does: "Search in the logs", run: () => document.querySelector<HTMLElement>("#log-query")?.focus() },
    { keys: ["l"], does: "Live tail on or off", run: setLive },
    { keys: ["f"], does: "Freeze or resume the live tail", run: shown.toggleFreeze },
    { keys: ["p"], does: "Patterns or records", run: () => setParams({ tab: state.tab === "patterns" ? null : "patterns", around: null }) },
  ]);
  return (
    <main class="page page-fill logs-page" id="main">
      <header class="page-head">
        <h1>Logs</h1>
        {volume.data && (
          <p class="faint" data-testid="found">
            {foundText(volume.data)}
          </p>
        )}
        <button type="button" class={`button live-button${state.live ? " is-live" : ""}`} aria-pressed={state.live} data-testid="live" title="Live tail (l)" onClick={setLive}>
          <i class="live-dot" /> {state.live ? (shown.frozen ? "Live: frozen" : "Live: on") : "Live tail"}
        </button>
      </header>
      <SearchBar state={state} />
      {volume.error && <ErrorNote error={volume.error} retry={volume.retry} what="The volume of logs" />}
      {!volume.data && !volume.error && <SkeletonBlock height={102} />}
      {volume.data && <VolumeChart volume={volume.data} select={setWindow} />}
      <div class={`logs-body${fields ? " with-facets" : ""}`}>
        {fields && <Facets state={state} window={window} />}
        <div class="logs-main">
          <div class="logs-bar">
            <button type="button" class="button small" aria-pressed={fields} data-testid="fields" title="Values of fields" onClick={() => setFields(!fields)}>
              <FilterIcon /> Fields
            </button>
            <Tabs state={state} />
            {state.tab === "records" && <Tools state={state} logs={shown.logs} />}
          </div>
          <Body state={state} window={window} shown={shown} />
        </div>
      </div>
    </main>
  );
}

function foundText({ levels }: LogVolume): string {
  const total = Object.values(levels).flat().reduce((sum, count) => sum + count, 0);
  return `${formatCount(total)} record${total === 1 ? "" : "s"}`;
}

function Tabs({ state }: { state: LogState }) {
  const to = (tab: string | null) => setParams({ tab, around: null });
  const isContext = state.around !== "";
  return (
    <div class="segments" role="group" aria-label="Records or patterns">
      <button type="button" aria-pressed={state.tab === "records" && !isContext} onClick={() => to(null)}>
        Records
      </button>
      <button type="button" aria-pressed={state.tab === "patterns" && !isContext} data-testid="patterns-tab" onClick={() => to("patterns")}>
        Patterns
      </button>
    </div>
  );
}

/** The window as of now: without refreshes that of the page may be old. */
function currentWindow(): Window {
  const { start, end, moving } = timeWindow.value;
  const now = moving ? Date.now() : end;
  return { start: start + now - end, end: now };
}

type Shown = ReturnType<typeof useShown>;

/** What the list shows: the window's records, or what arrives. */
function useShown(state: LogState, window: Window) {
  const [away, setAway] = useState(false);
  const [held, setHeld] = useState(false);
  const frozen = state.live && (away || held);
  // A live list starts from what was there, which then stays; another search starts anew.
  const subject = state.live ? JSON.stringify(state.search) : "";
  const began = useRef({ subject: "", window });
  if (!state.live || began.current.subject !== subject) began.current = { subject, window: state.live ? currentWindow() : window };
  const loaded = useLogs(state.search, began.current.window, state.tab === "records" && state.around === "");
  const since = began.current.window.end - 10_000;
  const tail = useTail(state.search, state.live, frozen, loaded.data ?? [], since);
  const logs = state.live ? tail.logs : (loaded.data ?? []);
  const resume = () => {
    setHeld(false);
    document.querySelector(".log-rows")?.scrollTo({ top: 0 });
  };
  const toggleFreeze = () => {
    if (!state.live) return;
    if (frozen) resume();
    else setHeld(true);
  };
  return { logs, loaded, tail, frozen, setAway, resume, toggleFreeze };
}

function Body({ state, window, shown }: { state: LogState; window: Window; shown: Shown }) {
  if (state.around) return <Context state={state} />;
  if (state.tab === "patterns") return <Patterns state={state} window={window} />;
  const { logs, loaded, tail, frozen } = shown;
  if (loaded.error && logs.length === 0) return <ErrorNote error={loaded.error} retry={loaded.retry} what="The logs" />;
  if (!loaded.data && logs.length === 0) return <Skeleton rows={14} height={20} />;
  if (logs.length === 0 && !state.live) {
    return (
      <Empty title="No log record matches.">
        Try a longer window of time, fewer words, or <a href={href("/logs")}>all logs</a>.
      </Empty>
    );
  }
  return (
    <div class="log-stage">
      {state.live && tail.problem && (
        <p class="tail-problem" role="status">
          {tail.problem}
        </p>
      )}
      {state.live && tail.skipped > 0 && (
        <p class="tail-problem" role="status" data-testid="skipped">
          {formatCount(tail.skipped)} came too fast to be shown; search finds them.
        </p>
      )}
      {frozen && (
        <button type="button" class="button fresh" data-testid="resume" onClick={shown.resume}>
          <PauseIcon /> {tail.waiting > 0 ? `${formatCount(tail.waiting)} new` : "Frozen"} · resume
        </button>
      )}
      {logs.length === 0 ? (
        <Empty title="Waiting for records.">Whatever arrives and matches is shown here.</Empty>
      ) : (
        <LogList logs={logs} state={state} onAway={shown.setAway} {...(state.live ? {} : { onNearEnd: loaded.loadMore })} />
      )}
    </div>
  );
}
