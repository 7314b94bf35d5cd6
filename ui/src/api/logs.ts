/** `GET /api/logs` and `/api/logs/volume`. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";

export interface LogRecord {
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

const seconds = (window: Window | null) => (window ? { start: window.start / 1000, end: window.end / 1000 } : {});

export async function fetchLogs(
  search: LogSearch,
  window: Window | null,
  limit: number,
  signal?: AbortSignal,
): Promise<LogRecord[]> {
  const answer = await getJson<{ logs: LogRecord[] }>("/api/logs", { ...search, ...seconds(window), limit }, signal);
  return answer.logs;
}

export const fetchLogVolume = (search: LogSearch, window: Window, signal?: AbortSignal) =>
  getJson<LogVolume>("/api/logs/volume", { ...search, ...seconds(window), steps: 60 }, signal);
