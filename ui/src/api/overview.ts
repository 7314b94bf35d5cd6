/** `GET /api/overview`: rate, errors and duration of every service. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";

export interface ServiceOverview {
  service: string;
  calls: number;
  errors: number;
  /** Calls a second. */
  rate: number;
  /** 0 to 1. */
  error_ratio: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
  calls_by_step: number[];
  errors_by_step: number[];
  p95_ms_by_step: (number | null)[];
}

export interface Overview {
  start_unix_nano: string;
  end_unix_nano: string;
  steps: number;
  services: ServiceOverview[];
}

export const fetchOverview = (window: Window, signal?: AbortSignal) =>
  getJson<Overview>("/api/overview", { start: window.start / 1000, end: window.end / 1000, steps: 30 }, signal);
