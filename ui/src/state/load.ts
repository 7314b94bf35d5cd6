/** Loading as a hook: what came, what went wrong, and a way to try again. */
import { signal } from "@preact/signals";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/http";

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  retry: () => void;
}

/** How many requests are under way; the bar at the top shows that there are. */
export const underWay = signal(0);

interface Kept<T> {
  subject: string;
  data?: T;
  error?: ApiError;
  loading: boolean;
}

/** A request that is under way; later ones have larger numbers. */
interface Running {
  number: number;
  abort: AbortController;
}

/**
 * Runs `load` when `subject` or `version` changes. While a new version of the same subject is under way the old data stays, so a
 * refresh doesn't blink, and a request that takes longer than a refresh is let come to its end: of those under way the oldest and the
 * newest stay. Another subject starts from nothing. A null subject loads nothing.
 */
export function useLoad<T>(
  subject: string | null,
  version: string | number,
  load: (signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const [kept, setKept] = useState<Kept<T>>({ subject: "", loading: true });
  const [attempt, setAttempt] = useState(0);
  const running = useRef<Running[]>([]);
  const shown = useRef(0);
  const next = useRef(0);

  useEffect(
    () => () => {
      running.current.forEach(({ abort }) => abort.abort());
      running.current = [];
    },
    [subject],
  );

  useEffect(() => {
    if (subject === null) return;
    const mine: Running = { number: ++next.current, abort: new AbortController() };
    if (running.current.length > 1) running.current.pop()!.abort.abort();
    running.current.push(mine);
    const leave = (change: (before: Kept<T>) => Kept<T>) => {
      running.current = running.current.filter((one) => one !== mine);
      if (mine.abort.signal.aborted || mine.number < shown.current) return;
      shown.current = mine.number;
      setKept((before) => ({ ...change(before), loading: running.current.length > 0 }));
    };
    setKept((before) => (before.subject === subject ? { ...before, loading: true } : { subject, loading: true }));
    underWay.value += 1;
    const done = load(mine.abort.signal).then(
      (data) => leave(() => ({ subject, data, loading: false })),
      (cause) => leave((before) => ({ ...before, error: asApiError(cause), loading: false })),
    );
    void done.finally(() => (underWay.value -= 1));
  }, [subject, version, attempt]);

  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  const current = subject !== null && kept.subject === subject;
  return {
    data: current ? kept.data : undefined,
    error: current ? kept.error : undefined,
    loading: subject !== null && (!current || kept.loading),
    retry,
  };
}

function asApiError(cause: unknown): ApiError {
  return cause instanceof ApiError ? cause : new ApiError(cause instanceof Error ? cause.message : String(cause), 0, "");
}
