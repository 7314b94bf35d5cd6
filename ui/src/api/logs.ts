/** `GET /api/logs` and what belongs to it: volume, facets, patterns, context, tail. */
import type { Window } from "../state/time-range";
import { getJson, withQuery } from "./http";

export interface LogRecord {
  id: string;
  timestamp: string;
  timestamp_unix_nano: string;
  severity: string;
  severity_number: number;
  body: unknown;
  service: string;
  trace_id: string;
  span_id: string;
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
  scope: string;
  event_name: string;
}

export interface LogSearch {
  query?: string;
  logql?: string;
  filter?: readonly string[];
  without?: readonly string[];
  pattern?: readonly string[];
  not_pattern?: readonly string[];
  service?: string;
  trace_id?: string;
  span_id?: string;
  min_severity?: string;
  severity?: string;
}

export interface LogVolume {
  start_unix_nano: string;
  end_unix_nano: string;
  steps: number;
  levels: Record<string, number[]>;
}

/** What a summary was made of: where `complete` is false, counts are those of a sample of `scanned` of `of` records. */
export interface Looked {
  records: number;
  scanned: number;
  of: number;
  complete: boolean;
}

export interface LogFacet {
  key: string;
  attribute: boolean;
  records: number;
  distinct: number;
  has_more: boolean;
  values: { value: string; count: number }[];
}

export interface LogFacets extends Looked {
  facets: LogFacet[];
}

export interface LogPattern {
  pattern: string;
  count: number;
  share: number;
  levels: Record<string, number>;
  volume: number[];
  samples: string[];
  example: string;
}

export interface LogPatterns extends Looked {
  start_unix_nano: string;
  end_unix_nano: string;
  patterns: LogPattern[];
  others: number;
}

export interface LogContext {
  /** Newest first. */
  logs: LogRecord[];
  position: number;
  has_older: boolean;
  has_newer: boolean;
}

export type ContextOf = "stream" | "service" | "trace" | "all";

const seconds = (window: Window | null) => (window ? { start: window.start / 1000, end: window.end / 1000 } : {});

export async function fetchLogs(search: LogSearch, window: Window | null, limit: number, signal?: AbortSignal): Promise<LogRecord[]> {
  const answer = await getJson<{ logs: LogRecord[] }>("/api/logs", { ...search, ...seconds(window), limit }, signal);
  return answer.logs;
}

/** Records up to a time in nanoseconds, which numbers can't hold. */
export async function fetchLogsUntil(search: LogSearch, window: Window, until: string, limit: number, signal?: AbortSignal): Promise<LogRecord[]> {
  const answer = await getJson<{ logs: LogRecord[] }>("/api/logs", { ...search, start: window.start / 1000, end: until, limit }, signal);
  return answer.logs;
}

export const fetchLogVolume = (search: LogSearch, window: Window, signal?: AbortSignal) =>
  getJson<LogVolume>("/api/logs/volume", { ...search, ...seconds(window), steps: 60 }, signal);

/** Without keys: of the fields that tell the most records apart. */
export const fetchLogFacets = (search: LogSearch, window: Window, keys: readonly string[], signal?: AbortSignal) =>
  getJson<LogFacets>("/api/logs/facets", { ...search, ...seconds(window), key: keys, values: 12 }, signal);

export const fetchLogPatterns = (search: LogSearch, window: Window, signal?: AbortSignal) =>
  getJson<LogPatterns>("/api/logs/patterns", { ...search, ...seconds(window), steps: 40, limit: 200 }, signal);

export const fetchLogContext = (id: string, of: ContextOf, before: number, after: number, signal?: AbortSignal) =>
  getJson<LogContext>("/api/logs/context", { id, of, before, after }, signal);

/** The keys of attributes that records have. */
export async function fetchLogKeys(signal?: AbortSignal): Promise<string[]> {
  const answer = await getJson<{ keys: { key: string }[] }>("/api/attributes", { signal: "logs", limit: 2000 }, signal);
  return answer.keys.map((one) => one.key);
}

export const tailUrl = (search: LogSearch, start: number) => withQuery("/api/logs/tail", { ...search, start: start / 1000 });
