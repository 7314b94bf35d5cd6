/**
 * Variables in texts: `$x`, `${x}`, `${x:format}` and `[[x]]`, those of the dashboard and those that the window of time makes
 * (`$__interval`, …). What is not known stays as it is written.
 */
import type { Choice, Variable } from "../../api/dashboards";
import type { Window } from "../../state/time-range";

/** What stands for all values, in addresses and in files. */
export const ALL = "$__all";

/** What a variable is at present. */
export interface Chosen {
  values: string[];
  texts: string[];
  /** All of them are chosen; this stands for them, if the variable says so. */
  all: boolean;
  allValue: string | null;
  multi: boolean;
}

export type Scope = ReadonlyMap<string, Chosen>;

export const single = (value: string, text = value): Chosen => ({ values: [value], texts: [text], all: false, allValue: null, multi: false });

const REFERENCE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}/g;

/** Puts variables in. `format` is that of a variable which says none: a query language has its own. */
export function interpolate(text: string, scope: Scope, format: Format = "glob"): string {
  if (!text.includes("$") && !text.includes("[[")) return text;
  return text.replace(REFERENCE, (whole: string, plain?: string, old?: string, oldFormat?: string, braced?: string, _path?: string, bracedFormat?: string) => {
    const chosen = scope.get(plain ?? old ?? braced ?? "");
    if (!chosen) return whole;
    return write(chosen, bracedFormat ?? oldFormat ?? format);
  });
}

/** The names of variables that a text uses. */
export function usedIn(text: string): string[] {
  return [...text.matchAll(REFERENCE)].map((match) => match[1] ?? match[2] ?? match[4]);
}

type Format = string;

function write(chosen: Chosen, format: Format): string {
  if (chosen.all && chosen.allValue !== null && format !== "text" && format !== "queryparam") return chosen.allValue;
  const { values } = chosen;
  const [name, argument = ""] = [format.split(":")[0], format.slice(format.indexOf(":") + 1)];
  switch (name) {
    case "regex":
      return alternatives(values, escapeRegex);
    case "pipe":
      return values.join("|");
    case "csv":
    case "raw":
      return values.join(",");
    case "distributed":
      return values.join(",");
    case "json":
      return JSON.stringify(values.length === 1 && !chosen.multi ? values[0] : values);
    case "singlequote":
      return values.map((value) => `'${value.replace(/'/g, "\\'")}'`).join(",");
    case "doublequote":
      return values.map((value) => `"${value.replace(/"/g, '\\"')}"`).join(",");
    case "sqlstring":
      return values.map((value) => `'${value.replace(/'/g, "''")}'`).join(",");
    case "lucene":
      return values.length === 1 ? values[0] : `(${values.map((value) => `"${value}"`).join(" OR ")})`;
    case "percentencode":
      return encodeURIComponent(values.length === 1 ? values[0] : `{${values.join(",")}}`);
    case "text":
      return chosen.texts.join(" + ");
    case "queryparam":
      return (chosen.all ? [ALL] : values).map((value) => `var-${encodeURIComponent(argument)}=${encodeURIComponent(value)}`).join("&");
    case "date":
      return dated(Number(values[0]), argument === format ? "" : argument);
    case "promql":
      return promql(chosen);
    default:
      return values.length === 1 ? values[0] : `{${values.join(",")}}`;
  }
}

/** Within a label matcher: one value as it is, several as a pattern of their texts, with what is special escaped twice. */
function promql({ values, multi, all }: Chosen): string {
  if (!multi && !all) return values[0]?.replace(/\\/g, "\\\\").replace(/'/g, "\\\\'") ?? "";
  return alternatives(values, (value) => escapeRegex(value).replace(/\\/g, "\\\\"));
}

function alternatives(values: readonly string[], escape: (value: string) => string): string {
  const escaped = values.map(escape);
  return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
}

export const escapeRegex = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

function dated(ms: number, format: string): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "";
  if (format === "seconds") return String(Math.floor(ms / 1000));
  return format === "" || format === "iso" ? date.toISOString() : date.toISOString().replace("T", " ").slice(0, 19);
}

/** Seconds of `1m`, `90s`, `1h30m`, `500ms`; undefined for anything else. */
export function parseInterval(text: string): number | undefined {
  const units: Record<string, number> = { ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000, y: 31536000 };
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwMy])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text.trim()) return undefined;
  return parts.reduce((total, [, count, unit]) => total + Number(count) * units[unit], 0);
}

/** `90` as `90s`, in the largest unit that divides it. */
export function writeInterval(seconds: number): string {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))}ms`;
  const whole = Math.round(seconds);
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "m"]] as const) if (whole % size === 0) return `${whole / size}${unit}`;
  return `${whole}s`;
}

const ROUND = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800];

/** The step that shows a window in about so many points: a round one, and none that is finer than asked for. */
export function stepFor(window: Window, points: number, least = 1): number {
  const wanted = (window.end - window.start) / 1000 / Math.max(1, points);
  const round = ROUND.find((step) => step >= wanted * 0.75) ?? Math.ceil(wanted);
  return Math.max(round, least);
}

/** How often sources report where nothing says so. */
const REPORTS = 15;

/** The variables of a window and a step: `$__interval`, `$__rate_interval`, `$__range`, … */
export function timeScope(window: Window, step: number, least = REPORTS): [string, Chosen][] {
  const range = Math.max(1, Math.round((window.end - window.start) / 1000));
  const rate = Math.max(step + least, 4 * least);
  const pairs: Record<string, string> = {
    __interval: writeInterval(step),
    __interval_ms: String(Math.round(step * 1000)),
    interval: writeInterval(step),
    __rate_interval: writeInterval(rate),
    __rate_interval_ms: String(rate * 1000),
    __range: `${range}s`,
    __range_s: String(range),
    __range_ms: String(range * 1000),
    __from: String(window.start),
    __to: String(window.end),
  };
  return Object.entries(pairs).map(([name, value]) => [name, single(value)]);
}

/** What a regular expression of a variable leaves of its values, as text and as value. */
export function filterValues(values: readonly string[], regex: string): Choice[] {
  const written = /^\/([\s\S]*)\/([gimsuy]*)$/.exec(regex);
  let pattern: RegExp | undefined;
  try {
    pattern = regex ? new RegExp(written ? written[1] : regex, written ? written[2].replace(/[gy]/g, "") : "") : undefined;
  } catch {
    pattern = undefined;
  }
  const choices = new Map<string, Choice>();
  for (const whole of values) {
    const match = pattern ? pattern.exec(whole) : undefined;
    if (match === null) continue;
    const named = match?.groups;
    const value = named?.value ?? (named?.text === undefined ? match?.slice(1).find((part) => part !== undefined) : whole) ?? whole;
    const text = named?.text ?? value;
    if (!choices.has(value)) choices.set(value, { text, value });
  }
  return [...choices.values()];
}

/** In one of Grafana's orders. */
export function sortChoices(choices: readonly Choice[], order: number): Choice[] {
  if (order === 0) return [...choices];
  const number = ({ text }: Choice) => Number(/\d+(\.\d+)?/.exec(text)?.[0] ?? -1);
  const fold = (text: string) => text.toLowerCase();
  const compare = (a: Choice, b: Choice) => {
    if (order === 3 || order === 4) return number(a) - number(b);
    if (order >= 5) return fold(a.text) < fold(b.text) ? -1 : Number(fold(a.text) > fold(b.text));
    return a.text < b.text ? -1 : Number(a.text > b.text);
  };
  const sorted = [...choices].sort(compare);
  return order % 2 === 0 ? sorted.reverse() : sorted;
}

/** What is chosen: of the address, or of the file, or the first there is; only what is among the choices, unless they are not known. */
export function choose(variable: Variable, choices: readonly Choice[], asked: readonly string[]): Chosen {
  const wanted = asked.length > 0 ? asked : variable.current;
  const all = variable.includeAll && (wanted.includes(ALL) || (wanted.length === 0 && variable.multi && variable.current.includes(ALL)));
  const base = { allValue: variable.allValue, multi: variable.multi };
  if (all) return { ...base, values: choices.map(({ value }) => value), texts: ["All"], all: true, multi: true };
  const known = (value: string) => choices.find((choice) => choice.value === value) ?? choices.find((choice) => choice.text === value);
  const found = wanted.flatMap((value) => known(value) ?? (asked.length > 0 && choices.length === 0 ? [{ text: value, value }] : []));
  if (found.length === 0 && variable.includeAll && wanted.length === 0 && choices.length > 0) return { ...base, values: choices.map(({ value }) => value), texts: ["All"], all: true, multi: true };
  const taken = found.length > 0 ? found : choices.slice(0, 1);
  const some = variable.multi ? taken : taken.slice(0, 1);
  return { ...base, values: some.map(({ value }) => value), texts: some.map(({ text }) => text), all: false };
}

/** A window as a dashboard writes it: `now-6h` to `now`. Days may be rounded (`now/d`). */
export function windowOfTexts(from: string, to: string, now: number): Window | undefined {
  const start = momentOf(from, now, false);
  const end = momentOf(to, now, true);
  return start !== undefined && end !== undefined && end > start ? { start, end } : undefined;
}

function momentOf(text: string, now: number, up: boolean): number | undefined {
  const match = /^now(?:-(\d+[smhdwMy]))?(?:\/([dwMy]))?$/.exec(text.trim());
  if (!match) {
    const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
    return Number.isFinite(at) && at > 0 ? at : undefined;
  }
  const at = now - (match[1] ? (parseInterval(match[1]) ?? 0) * 1000 : 0);
  if (!match[2]) return at;
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  if (match[2] === "w") day.setDate(day.getDate() - ((day.getDay() + 6) % 7));
  if (match[2] === "M" || match[2] === "y") day.setDate(1);
  if (match[2] === "y") day.setMonth(0);
  if (!up) return day.getTime();
  const next = new Date(day);
  if (match[2] === "d") next.setDate(next.getDate() + 1);
  if (match[2] === "w") next.setDate(next.getDate() + 7);
  if (match[2] === "M") next.setMonth(next.getMonth() + 1);
  if (match[2] === "y") next.setFullYear(next.getFullYear() + 1);
  return Math.min(next.getTime(), now);
}

/** The range of the address bar that a dashboard asks for, where it is one that the page has. */
export function rangeOf({ from, to }: { from: string; to: string }): string | undefined {
  const match = /^now-(\d+[smhd])$/.exec(from);
  return match && to === "now" && parseInterval(match[1]) ? match[1] : undefined;
}
