/** `GET /api/correlate` and `/api/correlate/differences`: what is behind a point, and what tells some spans from the rest. */
import type { Window } from "../state/time-range";
import { getJson } from "./http";
import type { Labels } from "./metrics";

export interface NearTrace {
  traceID: string;
  /** No exemplar names it: it was found by service, operation, time. */
  inferred: boolean;
  reason: string;
  /** The store doesn't have it any more. */
  missing?: boolean;
  service?: string;
  operation?: string;
  start_unix_nano?: string;
  duration_ns?: string;
  spans?: number;
  errors?: number;
}

export interface Correlated {
  exemplars: { trace_id: string; span_id: string; value: number; time_unix_nano: string }[];
  traces: NearTrace[];
  notes: string[];
}

export interface PointQuery {
  query: string;
  /** Of the point's own series. */
  labels: Labels;
  /** Milliseconds since the Unix epoch. */
  at: number;
  /** Where it is a measurement, as exemplars are. */
  value: number | null;
  window: Window;
}

export const fetchNear = ({ query, labels, at, value, window }: PointQuery, signal?: AbortSignal) =>
  getJson<Correlated>(
    "/api/correlate",
    {
      query,
      label: Object.entries(labels).map(([name, text]) => `${name}=${text}`),
      time: at / 1000,
      value,
      start: window.start / 1000,
      end: window.end / 1000,
      limit: 12,
      logs: 1,
    },
    signal,
  );

/** How many of a group of spans have a value. */
export interface Share {
  spans: number;
  /** 0 to 1. */
  ratio: number;
}

export interface DifferentValue {
  value: string;
  difference: number;
  selection: Share;
  baseline: Share;
}

export interface DifferentAttribute {
  scope: "span" | "resource" | "intrinsic";
  key: string;
  difference: number;
  distinct: number;
  values: DifferentValue[];
}

export interface Differences {
  selection: { spans: number; sampled: number };
  baseline: { spans: number; sampled: number };
  attributes: DifferentAttribute[];
  notes: string[];
}

export interface Selected {
  window: Window;
  service: string;
  operation: string;
  /** Like `120ms`, or "". */
  min: string;
  max: string;
  /** These traces, instead of durations. */
  traces: string[];
}

export const fetchDifferences = ({ window, service, operation, min, max, traces }: Selected, baseline: Window, signal?: AbortSignal) =>
  getJson<Differences>(
    "/api/correlate/differences",
    {
      service,
      operation,
      minDuration: min,
      maxDuration: max,
      traceID: traces,
      start: window.start / 1000,
      end: window.end / 1000,
      baseline_start: baseline.start / 1000,
      baseline_end: baseline.end / 1000,
      limit: 30,
    },
    signal,
  );
