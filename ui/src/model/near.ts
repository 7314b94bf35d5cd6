/** A point that somebody pressed, as the address bar holds it, and how far around it its traces are looked for. */
import type { Labels } from "../api/metrics";
import { parseRange, type Window } from "../state/time-range";
import { parseTag } from "./search";

export interface NearPoint {
  /** The PromQL of the line. */
  query: string;
  /** Of the line itself, where the query makes several. */
  labels: Labels;
  /** Milliseconds since the Unix epoch. */
  at: number;
  /** Where the line shows measurements (quantiles), rather than how many there were. */
  value: number | null;
}

/** The parameters that hold one. */
export const NO_POINT = { near: null, "near.at": null, "near.label": null, "near.value": null };

export const nearParams = ({ query, labels, at, value }: NearPoint) => ({
  near: query,
  "near.at": Math.round(at),
  "near.label": Object.entries(labels).map(([key, text]) => `${key}=${text}`),
  "near.value": value === null ? null : String(Number(value.toPrecision(6))),
});

export function readNear(params: URLSearchParams): NearPoint | null {
  const query = params.get("near") ?? "";
  const at = Number(params.get("near.at"));
  if (query === "" || !(at > 0)) return null;
  const value = params.get("near.value");
  const labels = params.getAll("near.label").flatMap((text) => parseTag(text) ?? []);
  return { query, at, value: value === null || !Number.isFinite(Number(value)) ? null : Number(value), labels: Object.fromEntries(labels.map((one) => [one.key, one.value])) };
}

const LEAST_MS = 30_000;
const MOST_MS = 150_000;

/** A rate at a moment is of the time before it, so one looks back as far as the query does, and a little beyond on both sides. */
export function windowAround({ query, at }: NearPoint, spanMs: number): Window {
  const ranges = [...query.matchAll(/\[(\d+[smhd])[\]:]/g)].map(([, text]) => parseRange(text) ?? 0);
  const side = Math.min(MOST_MS, Math.max(LEAST_MS, spanMs / 60));
  return { start: at - Math.max(side, ...ranges), end: at + side };
}
