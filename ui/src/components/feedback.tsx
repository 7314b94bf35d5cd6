/** What a page shows while it waits, when it fails, and when there is nothing. */
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/http";

interface ErrorProps {
  error: ApiError;
  retry: () => void;
  /** What was asked for. */
  what: string;
  /** Instead of "… could not be loaded." */
  title?: string;
}

export function ErrorNote({ error, retry, what, title }: ErrorProps) {
  return (
    <div class="note note-error" role="alert" data-testid="error">
      <div>
        <strong>{title ?? `${what} could not be loaded.`}</strong>
        <p class="note-text">{error.message}</p>
        {error.status > 0 && <p class="faint">HTTP {error.status}</p>}
      </div>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

export function Skeleton({ rows = 6, height = 28 }: { rows?: number; height?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} class="skeleton-row" style={{ height: `${height}px`, width: `${96 - ((i * 37) % 30)}%` }} />
      ))}
    </div>
  );
}

export const SkeletonBlock = ({ height }: { height: number }) => (
  <div class="skeleton" role="status" aria-label="Loading">
    <div class="skeleton-row" style={{ height: `${height}px` }} />
  </div>
);

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty" data-testid="empty">
      <p class="empty-title">{title}</p>
      <div class="faint">{children}</div>
    </div>
  );
}
