/** Loading as a hook: what came, what went wrong, and a way to try again. */
import { signal } from "@preact/signals";
import { useCallback, useEffect, useState } from "preact/hooks";
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

/**
 * Runs `load` when `subject` or `version` changes. While a new version of the same subject is under way the old data stays, so a
 * refresh doesn't blink; another subject starts from nothing. A null subject loads nothing.
 */
export function useLoad<T>(
  subject: string | null,
  version: string | number,
  load: (signal: AbortSignal) => Promise<T>,
): Loaded<T> {
  const [kept, setKept] = useState<Kept<T>>({ subject: "", loading: true });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    if (subject === null) return;
    const abort = new AbortController();
    const unlessAborted = (next: (before: Kept<T>) => Kept<T>) => !abort.signal.aborted && setKept(next);
    setKept((before) => (before.subject === subject ? { ...before, loading: true } : { subject, loading: true }));
    underWay.value += 1;
    const done = load(abort.signal).then(
      (data) => unlessAborted(() => ({ subject, data, loading: false })),
      (cause) => unlessAborted((before) => ({ ...before, error: asApiError(cause), loading: false })),
    );
    void done.finally(() => (underWay.value -= 1));
    return () => abort.abort();
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
