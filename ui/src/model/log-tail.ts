/**
 * The records of a live tail: what is shown, and what waits while one reads. A record that comes twice, as may happen after the
 * server was started anew, is kept once.
 */
import type { LogRecord } from "../api/logs";

/** So many are shown, and may wait; older ones go. */
export const MOST = 10_000;

export interface TailState {
  /** Newest first. */
  shown: LogRecord[];
  waiting: LogRecord[];
  /** Records that waited and went, since there were too many. */
  dropped: number;
  /** Records that the server did not send, since there were too many at once. */
  skipped: number;
}

export const EMPTY_TAIL: TailState = { shown: [], waiting: [], dropped: 0, skipped: 0 };

const newer = (a: LogRecord, b: LogRecord) =>
  a.timestamp_unix_nano.length - b.timestamp_unix_nano.length ||
  (a.timestamp_unix_nano < b.timestamp_unix_nano ? -1 : a.timestamp_unix_nano > b.timestamp_unix_nano ? 1 : a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Both lists as one, newest first, each record once. What comes is mostly newer, so the lists are merged rather than sorted. */
export function merged(fresh: readonly LogRecord[], known: readonly LogRecord[]): LogRecord[] {
  const sorted = [...fresh].sort((a, b) => newer(b, a));
  const all: LogRecord[] = [];
  let [i, j] = [0, 0];
  while (i < sorted.length || j < known.length) {
    const order = i === sorted.length ? -1 : j === known.length ? 1 : newer(sorted[i], known[j]);
    const next = order >= 0 ? sorted[i++] : known[j++];
    if (all.at(-1)?.id !== next.id) all.push(next);
  }
  return all;
}

export function arrived(state: TailState, logs: readonly LogRecord[], skipped: number, frozen: boolean): TailState {
  const next = { ...state, skipped: state.skipped + skipped };
  if (!frozen) return { ...next, shown: merged([...logs, ...state.waiting], state.shown).slice(0, MOST), waiting: [] };
  const shown = new Set(state.shown.slice(0, MOST).map((log) => log.id));
  const waiting = merged(
    logs.filter((log) => !shown.has(log.id)),
    state.waiting,
  );
  return { ...next, waiting: waiting.slice(0, MOST), dropped: next.dropped + Math.max(0, waiting.length - MOST) };
}

/** Shows what waited. */
export const resumed = (state: TailState): TailState => ({ ...arrived(state, [], 0, false), dropped: 0 });

export const waitingCount = (state: TailState) => state.waiting.length + state.dropped;
