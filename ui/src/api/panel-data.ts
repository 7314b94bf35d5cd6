/** What the queries of a panel answer, as tables: one request a query, all in a queue, so that a large dashboard leaves room for others. */
import { queue } from "../lib/queue";
import { withFilters } from "../model/dashboard/adhoc";
import { bucketFrame, nameFor, seriesFrames, tableFrame, type PromData } from "../model/dashboard/answers";
import type { Frame } from "../model/dashboard/frames";
import { interpolate, parseInterval, stepFor, timeScope, type Scope } from "../model/dashboard/variables";
import type { Window } from "../state/time-range";
import type { AdhocFilter, Panel, Target } from "./dashboards";
import { getJson } from "./http";
import type { ExemplarPoint } from "../charts/exemplar-dots";
import { fetchExemplarPoints } from "./exemplars";

/** Queries at once, over all panels. */
export const inTurn = queue(6);

export interface PanelData {
  frames: Frame[];
  window: Window;
  /** Seconds between two points. */
  step: number;
  warnings: string[];
}

export interface PanelRequest {
  panel: Panel;
  scope: Scope;
  window: Window;
  filters: readonly AdhocFilter[];
  /** About so many points of a line. */
  points: number;
}

/** The window of a panel, which may have one of its own. */
export function panelWindow(panel: Pick<Panel, "timeFrom" | "timeShift">, window: Window, scope: Scope): Window {
  const length = panel.timeFrom ? parseInterval(interpolate(panel.timeFrom, scope)) : undefined;
  const shift = (panel.timeShift ? (parseInterval(interpolate(panel.timeShift, scope)) ?? 0) : 0) * 1000;
  const start = length ? window.end - length * 1000 : window.start;
  return { start: start - shift, end: window.end - shift };
}

/** A query as it is asked: with its step, and all variables put in. */
export function askedAs(target: Target, { panel, scope, window, filters, points }: PanelRequest): { expr: string; step: number; scope: Scope } {
  const written = interpolate(target.interval || panel.interval || "", scope).replace(/^[><=]+/, "");
  const least = parseInterval(written);
  const step = stepFor(window, Math.min(panel.maxPoints ?? Infinity, points), least ?? 1) * target.factor;
  const full: Scope = new Map([...scope, ...timeScope(window, step, least)]);
  const expr = interpolate(target.expr, full, target.source === "prometheus" || target.source === "loki" ? "promql" : "glob");
  return { expr: target.source === "prometheus" ? withFilters(expr, filters) : expr, step, scope: full };
}

const ofSeries = (target: Target) => !target.hide && (target.source === "prometheus" || target.source === "loki");

/** Asks all queries of a panel that are not hidden. */
export async function fetchPanel(request: PanelRequest, signal: AbortSignal): Promise<PanelData> {
  const targets = (request.panel.targets ?? []).filter(ofSeries);
  const answers = await Promise.all(targets.map((target) => inTurn(signal, () => fetchTarget(target, request, targets.length > 1, signal))));
  return {
    frames: answers.flatMap((answer) => answer.frames),
    window: request.window,
    step: Math.max(1, ...targets.map((target) => askedAs(target, request).step)),
    warnings: [...new Set(answers.flatMap((answer) => answer.warnings))],
  };
}

async function fetchTarget(target: Target, request: PanelRequest, many: boolean, signal: AbortSignal): Promise<{ frames: Frame[]; warnings: string[] }> {
  const { expr, step, scope } = askedAs(target, request);
  const { start, end } = request.window;
  const base = target.source === "loki" ? "/loki/api/v1" : "/api/v1";
  const instant = target.instant && !target.range;
  // Aligned times make the points of two refreshes the same ones.
  const times = [Math.floor(start / 1000 / step) * step, Math.ceil(end / 1000 / step) * step, end / 1000];
  const [from, to, at] = target.source === "loki" ? times.map((seconds) => `${Math.floor(seconds * 1000)}000000`) : times;
  const query = instant ? { query: expr, time: at } : { query: expr, start: from, end: to, step };
  const answer = await getJson<{ data: PromData; warnings?: string[]; infos?: string[] }>(`${base}/${instant ? "query" : "query_range"}`, query, signal);
  const make = target.format === "table" ? tableFrame : target.format === "heatmap" ? bucketFrame : seriesFrames;
  return { frames: make(answer.data, nameFor(target, expr, (text) => interpolate(text, scope)), many), warnings: [...(answer.warnings ?? []), ...(answer.infos ?? [])] };
}

/** Exemplars of a panel's queries, of those that can have any. A query that has none is none that failed: the chart stands without them. */
export async function fetchPanelExemplars(request: PanelRequest, signal: AbortSignal): Promise<ExemplarPoint[]> {
  const targets = (request.panel.targets ?? []).filter((target) => !target.hide && target.exemplars && target.source === "prometheus" && target.range);
  const ask = (target: Target) => inTurn(signal, () => fetchExemplarPoints(askedAs(target, request).expr, request.window, signal));
  return (await Promise.all(targets.map((target) => ask(target).catch(() => [])))).flat();
}
