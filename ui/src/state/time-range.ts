/** The window of time all pages look at: the last so-and-so much, or from one moment to another; and how often it moves on. */
import { computed, effect, signal } from "@preact/signals";
import { route, setParams } from "./url";

/** Milliseconds since the Unix epoch. */
export interface Window {
  start: number;
  end: number;
}

export const RANGES = ["5m", "15m", "1h", "6h", "24h"] as const;
export const REFRESHES = ["off", "5", "10", "30"] as const;
export const DEFAULT_RANGE = "15m";
export const DEFAULT_REFRESH = "10";

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };

/** Milliseconds of `15m`, `6h`, …; undefined for anything else. */
export function parseRange(text: string): number | undefined {
  const match = /^(\d{1,5})([smhd])$/.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * UNITS[match[2]] || undefined;
}

/** The window that the parameters ask for at a given moment. */
export function windowOf(params: URLSearchParams, now: number): Window & { moving: boolean } {
  const start = Number(params.get("from"));
  const end = Number(params.get("to"));
  if (start > 0 && end > start) return { start, end, moving: false };
  const span = parseRange(params.get("range") ?? DEFAULT_RANGE) ?? parseRange(DEFAULT_RANGE)!;
  return { start: now - span, end: now, moving: true };
}

/** Now, as of the last refresh; whole seconds keep addresses of requests short. */
export const clock = signal(wholeSecond());

export const timeWindow = computed(() => windowOf(route.value.params, clock.value));

export const rangeName = computed(() => {
  if (!timeWindow.value.moving) return "custom";
  const range = route.value.params.get("range") ?? DEFAULT_RANGE;
  return parseRange(range) ? range : DEFAULT_RANGE;
});

export const refreshEvery = computed(() => {
  const refresh = route.value.params.get("refresh") ?? DEFAULT_REFRESH;
  return (REFRESHES as readonly string[]).includes(refresh) ? refresh : DEFAULT_REFRESH;
});

function wholeSecond(): number {
  return Math.ceil(Date.now() / 1000) * 1000;
}

export function refreshNow(): void {
  clock.value = wholeSecond();
}

export function setRange(range: string): void {
  refreshNow();
  setParams({ range: range === DEFAULT_RANGE ? null : range, from: null, to: null });
}

export function setWindow({ start, end }: Window): void {
  setParams({ range: null, from: Math.floor(start), to: Math.max(Math.ceil(end), Math.floor(start) + 1) });
}

/** Doubles the window around its middle, but never past now. */
export function zoomOut(): void {
  const { start, end } = timeWindow.value;
  const half = (end - start) / 2;
  setWindow({ start: start - half, end: Math.min(end + half, wholeSecond()) });
}

/** Moves the window on while it is a moving one and the page is seen. */
export function startClock(): void {
  effect(() => {
    const seconds = Number(refreshEvery.value);
    if (!seconds || !timeWindow.value.moving) return;
    const timer = setInterval(() => document.visibilityState === "visible" && refreshNow(), seconds * 1000);
    return () => clearInterval(timer);
  });
}
