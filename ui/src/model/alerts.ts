/** What the page of alerts makes of the server's answers. */
import type { Alert, AlertRule, AlertState, Matcher, NewSilence, OwnRule, PastAlert, Stretch } from "../api/alerts";
import type { Labels } from "../api/metrics";
import type { Window } from "../state/time-range";

/** Where a rule is shown: a silenced one bothers nobody. */
export type Standing = "firing" | "pending" | "silenced" | "broken" | "inactive";
export const STANDINGS: Standing[] = ["firing", "pending", "silenced", "broken", "inactive"];

export function standingOf(rule: AlertRule): Standing {
  const heard = rule.alerts.filter((alert) => !isSilenced(alert));
  if (heard.some(({ state }) => state === "firing")) return "firing";
  if (heard.some(({ state }) => state === "pending")) return "pending";
  if (rule.alerts.length > 0) return "silenced";
  return rule.health === "err" ? "broken" : "inactive";
}

export const isSilenced = (alert: Alert) => (alert.silencedBy?.length ?? 0) > 0;

/** Rules by where they stand; those that changed last come first, then by name. */
export function byStanding(rules: readonly AlertRule[]): Map<Standing, AlertRule[]> {
  const found = new Map(STANDINGS.map((standing): [Standing, AlertRule[]] => [standing, []]));
  for (const rule of rules) found.get(standingOf(rule))!.push(rule);
  const latest = (rule: AlertRule) => Math.max(0, ...rule.alerts.map(({ activeAt }) => Date.parse(activeAt)));
  for (const group of found.values()) group.sort((a, b) => latest(b) - latest(a) || a.name.localeCompare(b.name));
  return found;
}

/** Identifies a rule within the page: names need not be unique. */
export const ruleKey = ({ file, group, name, labels }: AlertRule) => JSON.stringify([file, group, name, labels]);

/** Whether a past alert is one of a rule's, as far as its labels tell. */
export function isOf(rule: AlertRule, past: PastAlert): boolean {
  const fixed = Object.entries(rule.labels).filter(([, value]) => !value.includes("{{"));
  return past.labels.alertname === rule.name && fixed.every(([name, value]) => past.labels[name] === value);
}

/** What tells an alert from the others of its rule. */
export function tellingLabels(alert: Labels, rule: Labels): [string, string][] {
  return Object.entries(alert).filter(([name, value]) => name !== "alertname" && rule[name] !== value);
}

/** Rows of a text filter: words that stand in the name, the labels or the expression. */
export function matchesText(rule: AlertRule, text: string): boolean {
  const all = [rule.name, rule.query, rule.group, ...rule.alerts.map(({ labels }) => JSON.stringify(labels)), JSON.stringify(rule.labels)].join("\n").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

export interface Bar {
  state: AlertState;
  /** Parts of the window, from 0 to 1. */
  left: number;
  width: number;
}

/** Stretches as parts of a window; what goes on does until its end. */
export function barsOf(stretches: readonly Stretch[], { start, end }: Window): Bar[] {
  const at = (seconds: number) => Math.min(1, Math.max(0, (seconds * 1000 - start) / (end - start)));
  return stretches.flatMap(({ state, ...one }) => {
    const [left, right] = [at(one.start), at(one.end ?? Infinity)];
    return right > left || (one.end !== null && one.end * 1000 >= start && one.start * 1000 <= end) ? [{ state, left, width: right - left }] : [];
  });
}

/** Several alerts as one: firing where one of them fires, else pending where one is. */
export function merged(alerts: readonly PastAlert[]): Stretch[] {
  const [pending, firing] = (["pending", "firing"] as const).map((state) => {
    const all = alerts.flatMap(({ stretches }) => stretches.filter((one) => one.state === state)).sort((a, b) => a.start - b.start);
    const found: Stretch[] = [];
    for (const one of all) {
      const last = found[found.length - 1];
      if (last && endOf(last) >= one.start) last.end = endOf(last) > endOf(one) ? last.end : one.end;
      else found.push({ ...one, value: null });
    }
    return found;
  });
  return [...pending.flatMap((one) => without(one, firing)), ...firing].sort((a, b) => a.start - b.start);
}

const endOf = ({ end }: Stretch) => end ?? Infinity;

/** What is left of a stretch beside others, which are in order of time. */
function without(stretch: Stretch, others: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = [];
  let { start } = stretch;
  for (const other of others) {
    if (endOf(other) <= start || other.start >= endOf(stretch)) continue;
    if (other.start > start) left.push({ ...stretch, start, end: other.start });
    start = endOf(other);
  }
  if (start < endOf(stretch)) left.push({ ...stretch, start });
  return left;
}

/** Firing and pending times for a chart to shade. */
export function shadesOf(alerts: readonly PastAlert[], window: Window) {
  return merged(alerts).map(({ state, start, end }) => ({
    start: Math.max(window.start, start * 1000),
    end: Math.min(window.end, end === null ? window.end : end * 1000),
    tone: state === "firing" ? ("error" as const) : ("warn" as const),
    // It stands beside a firing one mostly, and there is no room for both.
    label: state === "firing" ? "firing" : "",
  }));
}

/** `90` as `1m30s`, as rules are written. */
export function formatRuleDuration(seconds: number): string {
  const units: [string, number][] = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  let rest = Math.round(seconds);
  const text = units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count > 0 ? [`${count}${unit}`] : [];
  });
  return text.join("") || "0s";
}

const UNITS: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };

/** `1h30m`, `2d` in milliseconds; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  const parts = text.trim().match(/\d+[smhdw]/g);
  if (!parts || parts.join("") !== text.trim()) return undefined;
  return parts.reduce((sum, part) => sum + Number(part.slice(0, -1)) * UNITS[part.slice(-1)], 0) || undefined;
}

/** A silence of one alert: all its labels must be the same. */
export const matchersOf = (labels: Labels): Matcher[] => Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));

export const formatMatcher = ({ name, value, isRegex, isEqual }: Matcher) => `${name}${isEqual ? "=" : "!"}${isRegex ? "~" : isEqual ? "" : "="}${JSON.stringify(value)}`;

/** Reads `name="value"`, `name=~value` and the like, one a line or with commas between; says what is none. */
export function parseMatchers(text: string): { matchers: Matcher[]; error: string } {
  const matchers: Matcher[] = [];
  const pattern = /\s*([^\s"=!~,]+)\s*(=~|!~|!=|=)\s*("(?:\\.|[^"\\])*"|[^,\n"]*)\s*(?:[,\n]|$)/y;
  while (pattern.lastIndex < text.trimEnd().length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) return { matchers: [], error: `“${text.slice(at).trim().split("\n")[0]}” must be like job="shop" or job=~"shop.*"` };
    const [, name, operator, value] = match;
    matchers.push({ name, value: value.startsWith('"') ? unquote(value) : value.trim(), isRegex: operator.endsWith("~"), isEqual: operator.startsWith("=") });
  }
  return matchers.length > 0 ? { matchers, error: "" } : { matchers, error: "A silence needs a matcher." };
}

const unquote = (text: string) => text.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => (c === "n" ? "\n" : c));

/** Whether a silence of these matchers would fit the labels. */
export function fits(matchers: readonly Matcher[], labels: Labels): boolean {
  return matchers.every(({ name, value, isRegex, isEqual }) => {
    const own = labels[name] ?? "";
    if (!isRegex) return (own === value) === isEqual;
    try {
      return new RegExp(`^(?:${value})$`, "s").test(own) === isEqual;
    } catch {
      return false;
    }
  });
}

export function silenceFrom(matchers: Matcher[], millis: number, createdBy: string, comment: string, now: number): NewSilence {
  return { matchers, startsAt: new Date(now).toISOString(), endsAt: new Date(now + millis).toISOString(), createdBy, comment };
}

export const EMPTY_RULE: OwnRule = { name: "", expr: "", for: "", keep_firing_for: "", interval: "", labels: {}, annotations: {} };

/** A name for a rule about an expression: the metric's in the form that alerts have. */
export function nameFor(expr: string): string {
  const words = new Set(["by", "without", "on", "ignoring", "le", "and", "or", "unless", "bool", "group_left", "group_right", "offset"]);
  const names = expr.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, " ").match(/[a-zA-Z_:][\w:]*(?!\s*\()\b/g) ?? [];
  const metric = names.find((name) => !words.has(name) && !new RegExp(`\\b${name}\\s*\\(`).test(expr)) ?? "";
  const parts = metric.replace(/_(total|bucket|sum|count)$/, "").split(/[_:]+/);
  return parts.filter(Boolean).map((part) => part[0].toUpperCase() + part.slice(1)).join("");
}

/** Ids of the traces that an alert links to. */
export function tracesOf(annotations: Labels): string[] {
  return (annotations.tripod_traces ?? "").split(/\s+/).flatMap((url) => /\/trace\/([0-9a-f]{16,32})$/.exec(url)?.[1] ?? []);
}

/** The service that an alert is about, if its labels say one. */
export const serviceOf = (labels: Labels) => (labels.service_name ?? labels.service ?? labels.job ?? "").split("/").pop() ?? "";
