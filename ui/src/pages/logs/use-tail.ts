/** Live tail: records as they arrive. The browser connects again by itself and says what it had last, so nothing is lost in between. */
import { useEffect, useReducer, useRef } from "preact/hooks";
import { tailUrl, type LogRecord, type LogSearch } from "../../api/logs";
import { arrived, EMPTY_TAIL, resumed, waitingCount, type TailState } from "../../model/log-tail";

export interface Tail {
  logs: LogRecord[];
  waiting: number;
  skipped: number;
  /** Why nothing comes at present. */
  problem: string;
}

/** `since` is from when on, in milliseconds; records that the page shows already come once all the same. */
export function useTail(search: LogSearch, live: boolean, frozen: boolean, before: readonly LogRecord[], since: number): Tail {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const state = useRef<TailState>(EMPTY_TAIL);
  const problem = useRef("");
  const still = useRef(frozen);
  const started = useRef(false);
  still.current = frozen;
  const address = JSON.stringify(search);

  useEffect(() => {
    if (!live) return;
    state.current = EMPTY_TAIL;
    started.current = false;
    problem.current = "";
    const source = new EventSource(tailUrl(search, since));
    source.addEventListener("logs", (event: MessageEvent<string>) => {
      const { logs, skipped } = JSON.parse(event.data) as { logs: LogRecord[]; skipped: number };
      problem.current = "";
      state.current = arrived(state.current, logs, skipped, still.current);
      redraw(null as never);
    });
    source.addEventListener("failure", (event: MessageEvent<string>) => {
      problem.current = (JSON.parse(event.data) as { error: string }).error;
      source.close();
      redraw(null as never);
    });
    source.onerror = () => {
      problem.current = source.readyState === EventSource.CLOSED ? "The server refuses a live tail." : "The connection broke; trying again.";
      redraw(null as never);
    };
    source.onopen = () => {
      problem.current = "";
      redraw(null as never);
    };
    return () => source.close();
  }, [live, address]);

  // What the list showed when the tail began stays below what comes.
  if (live && !started.current && before.length > 0) {
    started.current = true;
    state.current = arrived(state.current, before, 0, false);
  }
  useEffect(() => {
    if (!live || frozen || waitingCount(state.current) === 0) return;
    state.current = resumed(state.current);
    redraw(null as never);
  }, [live, frozen]);
  return { logs: state.current.shown, waiting: waitingCount(state.current), skipped: state.current.skipped, problem: problem.current };
}
