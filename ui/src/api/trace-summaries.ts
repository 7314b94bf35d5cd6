/** `GET /api/trace-summaries`: what a list or a picture of many traces needs, without their spans. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";

export interface TraceSummary {
  id: string;
  root: string;
  rootService: string;
  /** Milliseconds since the Unix epoch. */
  startMs: number;
  /** Microseconds. */
  duration: number;
  spans: number;
  errors: number;
  /** What the failed span nearest the root says. */
  failure: string;
  /** The one with most spans first. */
  services: ServiceShare[];
  /** What a query found in it, and the first span of that. */
  matched?: { spans: number; first: string };
}

export interface ServiceShare {
  name: string;
  spans: number;
  errors: number;
}

export interface Summaries {
  /** Newest first. */
  traces: TraceSummary[];
  /** Whether these are all that match. */
  complete: boolean;
  /** Why not, if the server said. */
  note?: string | undefined;
}

export interface TraceSearch {
  service: string;
  operation: string;
  /** Conditions on attributes; all must hold. */
  tags: Record<string, string>;
  /** Like `100ms`. */
  minDuration: string;
  maxDuration: string;
  limit: number;
}

interface WireSummary {
  traceID: string;
  service: string;
  operation: string;
  start_unix_nano: string;
  duration_ns: string;
  spans: number;
  errors: number;
  services: ServiceShare[];
  error?: string | null;
}

export async function fetchSummaries(search: TraceSearch, window: Window, signal?: AbortSignal): Promise<Summaries> {
  const { tags, ...conditions } = search;
  const query = {
    ...conditions,
    tags: Object.keys(tags).length > 0 ? JSON.stringify(tags) : "",
    start: Math.round(window.start * 1000),
    end: Math.round(window.end * 1000),
  };
  const answer = await getJson<{ summaries: WireSummary[]; complete: boolean }>("/api/trace-summaries", query, signal);
  return { traces: answer.summaries.map(fromWire), complete: answer.complete };
}

export function fromWire(wire: WireSummary): TraceSummary {
  return {
    id: wire.traceID,
    root: wire.operation,
    rootService: wire.service,
    startMs: Number(wire.start_unix_nano) / 1e6,
    duration: Number(wire.duration_ns) / 1e3,
    spans: wire.spans,
    errors: wire.errors,
    failure: wire.error ?? "",
    services: [...wire.services].sort((a, b) => b.spans - a.spans || a.name.localeCompare(b.name)),
  };
}
