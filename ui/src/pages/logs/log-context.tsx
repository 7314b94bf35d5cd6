/** What stands around a record: the records before and after it of the same stream, service or trace. */
import { useState } from "preact/hooks";
import { fetchLogContext, type ContextOf } from "../../api/logs";
import { ErrorNote, Skeleton } from "../../components/feedback";
import { useKeys } from "../../state/keys";
import { useLoad } from "../../state/load";
import { setParams } from "../../state/url";
import { LogList } from "./log-list";
import { showContext, type LogState } from "./log-state";

const OFS: [ContextOf, string][] = [
  ["stream", "same source"],
  ["service", "same service"],
  ["trace", "same trace"],
  ["all", "everything"],
];
const STEP = 50;
const MOST = 500;

export function Context({ state }: { state: LogState }) {
  const [reach, setReach] = useState({ id: state.around, before: STEP, after: STEP });
  const { before, after } = reach.id === state.around ? reach : { before: STEP, after: STEP };
  const loaded = useLoad(`context ${state.around} ${state.of}`, `${before} ${after}`, (signal) => fetchLogContext(state.around, state.of, before, after, signal));
  const back = () => showContext(null);
  useKeys("Context", [{ keys: ["Escape"], does: "Back to the list", run: back }]);
  const more = (side: "before" | "after") => setReach({ id: state.around, before, after, [side]: Math.min(MOST, (side === "before" ? before : after) * 4) });
  return (
    <section class="context" aria-label="Context of a record" data-testid="context">
      <div class="context-head">
        <button type="button" class="button small" onClick={back} data-testid="context-back">
          ← Back to the list
        </button>
        <span class="segments" role="group" aria-label="What is shown around it">
          {OFS.map(([of, name]) => (
            <button key={of} type="button" aria-pressed={state.of === of} onClick={() => setParams({ of: of === "stream" ? null : of }, "replace")}>
              {name}
            </button>
          ))}
        </span>
        {loaded.data && (
          <span class="context-more">
            <button type="button" class="button small" disabled={!loaded.data.has_newer || after >= MOST} onClick={() => more("after")}>
              More after
            </button>
            <button type="button" class="button small" disabled={!loaded.data.has_older || before >= MOST} onClick={() => more("before")}>
              More before
            </button>
          </span>
        )}
      </div>
      {loaded.error && <ErrorNote error={loaded.error} retry={loaded.retry} what="The context" />}
      {!loaded.data && !loaded.error && <Skeleton rows={12} height={20} />}
      {loaded.data && <LogList key={`${state.around} ${state.of}`} logs={loaded.data.logs} state={state} marked={state.around} onAway={() => undefined} />}
    </section>
  );
}
