/** Alerts: the rules and how they stand, what they did, what one would have done; own rules; silences. */
import type { Window } from "../state/time-range";
import { getJson, sendJson } from "./http";
import type { Labels } from "./metrics";

export type AlertState = "inactive" | "pending" | "firing";

export interface Alert {
  labels: Labels;
  annotations: Labels;
  state: AlertState;
  /** RFC 3339. */
  activeAt: string;
  value: string;
  /** Ids of silences. */
  silencedBy?: string[];
}

export interface AlertRule {
  group: string;
  file: string;
  name: string;
  query: string;
  /** Seconds. */
  duration: number;
  keepFiringFor: number;
  labels: Labels;
  annotations: Labels;
  state: AlertState;
  health: string;
  lastError?: string;
  alerts: Alert[];
}

interface Group {
  name: string;
  file: string;
  rules: AlertRule[];
}

export async function fetchAlertRules(signal?: AbortSignal): Promise<AlertRule[]> {
  const { data } = await getJson<{ data: { groups: Group[] } }>("/api/v1/rules", { type: "alert" }, signal);
  return data.groups.flatMap(({ name, file, rules }) => rules.map((rule) => ({ ...rule, group: name, file })));
}

/** How many alerts fire that nobody silenced. */
export async function fetchFiringCount(signal?: AbortSignal): Promise<number> {
  return (await getJson<unknown[]>("/api/v2/alerts?silenced=false", {}, signal)).length;
}

/** When an alert was in a state; seconds, and null for what goes on. */
export interface Stretch {
  state: AlertState;
  start: number;
  end: number | null;
  value: string | null;
}

export interface PastAlert {
  labels: Labels;
  stretches: Stretch[];
}

export interface Transition {
  /** Which of the alerts. */
  alert: number;
  at: number;
  from: AlertState;
  to: AlertState;
  value: string | null;
  /** Ids of traces. */
  traces: string[];
}

export interface History {
  start: number;
  end: number;
  alerts: PastAlert[];
  transitions: Transition[];
  complete: boolean;
}

const seconds = (window: Window) => ({ start: window.start / 1000, end: window.end / 1000 });

/** At most `limit` transitions, the latest; who wants none of them saves the server the search for values. */
export const fetchHistory = (window: Window, { rule = "", limit = 100 }: { rule?: string; limit?: number }, signal?: AbortSignal) =>
  getJson<History>("/api/alerts/history", { ...seconds(window), rule, limit }, signal);

/** A rule as it is made in the page. */
export interface OwnRule {
  name: string;
  expr: string;
  for: string;
  keep_firing_for: string;
  interval: string;
  labels: Labels;
  annotations: Labels;
}

export interface Preview {
  start: number;
  end: number;
  step: number;
  alerts: PastAlert[];
  fired: number;
  firing_seconds: number;
  notifications: number;
  warnings: string[];
  yaml: string;
}

export function fetchPreview(rule: OwnRule, window: Window, signal?: AbortSignal): Promise<Preview> {
  const { labels, annotations, ...texts } = rule;
  const pairs = { labels: JSON.stringify(labels), annotations: JSON.stringify(annotations) };
  return getJson<Preview>("/api/rules/preview", { ...texts, ...pairs, ...seconds(window) }, signal);
}

export interface OwnRules {
  file: string;
  rules: (OwnRule & { yaml: string })[];
}

export const fetchOwnRules = (signal?: AbortSignal) => getJson<OwnRules>("/api/rules/own", {}, signal);

const ownPath = (name: string) => `/api/rules/own/${encodeURIComponent(name)}`;

/** `fresh`: only where no rule has that name. */
export async function keepOwnRule({ name, ...rule }: OwnRule, fresh: boolean): Promise<void> {
  await sendJson("PUT", ownPath(name), rule, fresh ? { "if-none-match": "*" } : {});
}

export async function deleteOwnRule(name: string): Promise<void> {
  await sendJson("DELETE", ownPath(name));
}

/** As Alertmanager has it. */
export interface Matcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export interface Silence {
  id: string;
  status: { state: "active" | "pending" | "expired" };
  matchers: Matcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

export type NewSilence = Pick<Silence, "matchers" | "startsAt" | "endsAt" | "createdBy" | "comment">;

export const fetchSilences = (signal?: AbortSignal) => getJson<Silence[]>("/api/v2/silences", {}, signal);

export async function makeSilence(silence: NewSilence): Promise<void> {
  await sendJson("POST", "/api/v2/silences", silence);
}

export async function expireSilence(id: string): Promise<void> {
  await sendJson("DELETE", `/api/v2/silence/${encodeURIComponent(id)}`);
}
