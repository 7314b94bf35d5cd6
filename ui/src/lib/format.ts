/** Numbers, durations and times as people read them. */

const DURATIONS: [number, string][] = [
  [1, "µs"],
  [1e3, "ms"],
  [1e6, "s"],
  [60e6, "min"],
  [3600e6, "h"],
  [86400e6, "d"],
];

/** Three significant digits and a unit: `812 µs`, `41.7 ms`, `1.2 s`. */
export function formatDuration(micros: number): string {
  if (!Number.isFinite(micros)) return "–";
  if (micros === 0) return "0";
  const size = Math.abs(micros);
  if (size < 0.9995) return `${significant(micros * 1000)} ns`;
  let [scale, unit] = DURATIONS[0];
  // A value that would round up to the next unit is shown in that unit: 1 s, never 1000 ms.
  for (const [nextScale, nextUnit] of DURATIONS) if (size >= nextScale * 0.9995) [scale, unit] = [nextScale, nextUnit];
  return `${significant(micros / scale)} ${unit}`;
}

export const formatMillis = (ms: number | null | undefined) =>
  ms === null || ms === undefined ? "–" : formatDuration(ms * 1000);

/** At most three significant digits, without trailing zeros; whole numbers stay whole. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

const SCALES: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** `1.2k`, `3.4M`; small numbers with three significant digits. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "+∞" : "−∞";
  for (const [scale, suffix] of SCALES) if (Math.abs(value) >= scale) return significant(value / scale) + suffix;
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return significant(value);
}

export const formatCount = (value: number) => Math.round(value).toLocaleString("en-US");

/** `1 span`, `1,200 spans`. */
export const formatCounted = (count: number, noun: string) => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

export function formatPercent(ratio: number): string {
  if (!Number.isFinite(ratio)) return "–";
  if (ratio === 0) return "0%";
  const percent = ratio * 100;
  return `${percent < 0.1 ? "<0.1" : percent < 10 ? percent.toFixed(1) : Math.round(percent)}%`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; Math.abs(value) >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${significant(value)} ${units[unit]}`;
}

export type Unit = "seconds" | "milliseconds" | "bytes" | "ratio" | "none";

/** The unit of a metric: what its metadata says, or the suffix that Prometheus' naming rules gave it. */
export function unitOf(name: string, declared = ""): Unit {
  const base = name.replace(/_(total|bucket|sum|count)$/, "");
  if (/_count$/.test(name)) return "none";
  if (declared === "s" || declared === "seconds" || base.endsWith("_seconds")) return "seconds";
  if (declared === "ms" || base.endsWith("_milliseconds")) return "milliseconds";
  if (declared === "By" || declared === "bytes" || base.endsWith("_bytes")) return "bytes";
  if (base.endsWith("_ratio")) return "ratio";
  return "none";
}

const UNIT_NAMES: Record<string, string> = { s: "seconds", ms: "milliseconds", By: "bytes", "1": "" };

/** A declared unit as people say it; annotations such as `{request}` lose their braces. */
export const unitName = (declared: string) => UNIT_NAMES[declared] ?? declared.replace(/[{}]/g, "");

export function formatUnit(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return formatNumber(value);
  if (unit === "seconds") return formatDuration(value * 1e6);
  if (unit === "milliseconds") return formatDuration(value * 1e3);
  if (unit === "bytes") return formatBytes(value);
  if (unit === "ratio") return formatPercent(value);
  return formatNumber(value);
}

/** `just now`, `12 s ago`, `3 min ago`, `2 h ago`, `4 d ago`. */
export function formatAgo(at: number, now: number): string {
  const seconds = Math.round((now - at) / 1000);
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** Local `13:05:09`, with milliseconds on request. */
export function formatClock(ms: number, millis = false): string {
  const date = new Date(ms);
  const clock = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return millis ? `${clock}.${pad(date.getMilliseconds(), 3)}` : clock;
}

/** Local `2026-11-21`. */
export function formatDay(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

export const formatDateTime = (ms: number, millis = false) => `${formatDay(ms)} ${formatClock(ms, millis)}`;

/** An axis label that is as short as the span of time allows. */
export function formatTick(ms: number, spanMs: number): string {
  if (spanMs > 36 * 3600e3) return `${formatDay(ms).slice(5)} ${formatClock(ms).slice(0, 5)}`;
  return spanMs > 10 * 60e3 ? formatClock(ms).slice(0, 5) : formatClock(ms);
}

/** A value of an attribute or a log's body as one line of text. */
export function formatValue(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
