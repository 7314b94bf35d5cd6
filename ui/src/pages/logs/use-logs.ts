/**
 * The records to show. Plain: those of the window. Live: polled every two seconds, newest first, as many as are kept; while one
 * reads further down the list stands still and what came since is only counted.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { fetchLogs, type LogRecord, type LogSearch } from "../../api/logs";
import { useLoad, type Loaded } from "../../state/load";
import { timeWindow } from "../../state/time-range";

const POLL_MS = 2000;

export interface Logs extends Loaded<LogRecord[]> {
  /** Records that came while the list stands still. */
  waiting: number;
}

export function useLogs(search: LogSearch, limit: number, live: boolean, frozen: boolean): Logs {
  const [tick, setTick] = useState(0);
  const shown = useRef<LogRecord[] | undefined>(undefined);
  const window = timeWindow.value;
  const span = window.end - window.start;
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => document.visibilityState === "visible" && setTick((before) => before + 1), POLL_MS);
    return () => clearInterval(timer);
  }, [live]);

  const version = live ? tick : `${window.start}-${window.end}`;
  const loaded = useLoad(`logs ${live} ${limit} ${JSON.stringify(search)}`, version, (signal) => {
    const now = Date.now();
    return fetchLogs(search, live ? { start: now - span, end: now } : window, limit, signal);
  });

  if (!loaded.data || !live || !frozen || !shown.current) shown.current = loaded.data;
  const newest = shown.current?.[0]?.timestamp_unix_nano;
  const behind = loaded.data?.findIndex((log) => log.timestamp_unix_nano === newest) ?? 0;
  return { ...loaded, data: shown.current, waiting: behind < 0 ? (loaded.data?.length ?? 0) : behind };
}
