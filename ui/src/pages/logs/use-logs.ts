/**
 * The records of the window, newest first, page by page as one scrolls. Where a page ends, more records may have the same time: the next
 * page asks for that time again and leaves out what is there.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { fetchLogs, fetchLogsUntil, type LogRecord, type LogSearch } from "../../api/logs";
import { merged } from "../../model/log-tail";
import { useLoad, type Loaded } from "../../state/load";
import type { Window } from "../../state/time-range";

const PAGE = 1000;
/** As many as a page of a list can have; who wants more downloads them. */
export const MOST = 100_000;

export interface Logs extends Loaded<LogRecord[]> {
  /** Whether there are older ones that are not shown. */
  hasMore: boolean;
  loadMore: () => void;
}

/** `active` is false while something else is shown. */
export function useLogs(search: LogSearch, window: Window, active: boolean): Logs {
  const subject = active ? `logs ${JSON.stringify(search)}` : null;
  const version = `${window.start}-${window.end}`;
  const first = useLoad(subject, version, (signal) => fetchLogs(search, window, PAGE, signal));
  const [older, setOlder] = useState<{ of: LogRecord[] | undefined; logs: LogRecord[]; ended: boolean }>({ of: undefined, logs: [], ended: false });
  const asking = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => asking.current?.abort(), [first.data]);

  const known = older.of === first.data ? older : { of: first.data, logs: first.data ?? [], ended: (first.data?.length ?? 0) < PAGE };
  const loadMore = () => {
    const last = known.logs.at(-1);
    if (!last || known.ended || known.logs.length >= MOST || asking.current?.signal.aborted === false) return;
    const abort = new AbortController();
    asking.current = abort;
    const same = known.logs.filter((log) => log.timestamp_unix_nano === last.timestamp_unix_nano).length;
    fetchLogsUntil(search, window, last.timestamp_unix_nano, PAGE + same, abort.signal)
      .then(
        (page) => {
          if (abort.signal.aborted) return;
          const logs = merged(page, known.logs);
          setOlder({ of: first.data, logs, ended: page.length < PAGE + same || logs.length === known.logs.length });
        },
        () => undefined,
      )
      .finally(() => abort.abort());
  };
  return { ...first, data: first.data && known.logs, hasMore: !known.ended && known.logs.length < MOST, loadMore };
}
