/** The variables of a dashboard: which values there are, which are chosen by the address; those that depend on others come after them. */
import type { AdhocFilter, Choice, Dashboard, Variable } from "../../api/dashboards";
import { ApiError } from "../../api/http";
import { inTurn } from "../../api/panel-data";
import { fetchVariableValues } from "../../api/variable-values";
import { choose, filterValues, interpolate, parseInterval, single, sortChoices, stepFor, timeScope, usedIn, writeInterval, type Chosen, type Scope } from "../../model/dashboard/variables";
import { useLoad, type Loaded } from "../../state/load";
import { timeWindow, type Window } from "../../state/time-range";
import { route } from "../../state/url";

export interface VariableState {
  variable: Variable;
  choices: Choice[];
  chosen: Chosen;
  error?: string;
}

export interface Variables {
  states: VariableState[];
  scope: Scope;
  filters: AdhocFilter[];
}

/** An interval that follows the window, as addresses have it. */
const AUTO = "$__auto";

export const paramOf = (name: string) => `var-${name}`;

export function useVariables(model: Dashboard | undefined, key: string): Loaded<Variables> {
  const { params } = route.value;
  const window = timeWindow.value;
  const asked = Object.fromEntries((model?.variables ?? []).map(({ name }) => [name, params.getAll(paramOf(name))]));
  const byTime = model?.variables.some((one) => one.byTime || one.auto) ? `${window.start}-${window.end}` : "";
  return useLoad(model ? `variables ${key}` : null, JSON.stringify([asked, model?.variables, byTime]), (signal) => load(model!, asked, window, signal));
}

async function load({ uid, title, variables }: Dashboard, asked: Record<string, string[]>, window: Window, signal: AbortSignal): Promise<Variables> {
  const scope = new Map<string, Chosen>([["__dashboard", single(title)], ["__dashboard_uid", single(uid ?? "")], ...timeScope(window, stepFor(window, 240))]);
  const known = new Map<string, VariableState>();
  let waiting = [...variables];
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ name }) => name));
    const needs = (one: Variable) => [...usedIn(one.query), ...usedIn(one.regex)].some((name) => name !== one.name && names.has(name));
    const free = waiting.filter((one) => !needs(one));
    // Where they need each other in a circle, the first one begins.
    const ready = free.length > 0 ? free : waiting.slice(0, 1);
    const states = await Promise.all(ready.map((one) => stateOf(one, asked[one.name] ?? [], scope, window, signal)));
    for (const state of states) {
      known.set(state.variable.name, state);
      if (state.variable.type !== "adhoc") scope.set(state.variable.name, state.chosen);
    }
    waiting = waiting.filter((one) => !ready.includes(one));
  }
  return { states: variables.map(({ name }) => known.get(name)!), scope, filters: variables.filter(({ type }) => type === "adhoc").flatMap((one) => filtersOf(one, asked[one.name] ?? [])) };
}

async function stateOf(variable: Variable, asked: string[], scope: Scope, window: Window, signal: AbortSignal): Promise<VariableState> {
  switch (variable.type) {
    case "constant":
      return { variable, choices: [], chosen: single(variable.query) };
    case "textbox":
      return { variable, choices: [], chosen: single(asked[0] ?? variable.current[0] ?? variable.query) };
    case "adhoc":
      return { variable, choices: [], chosen: single("") };
    case "datasource": {
      const choices = [{ text: "Tripod", value: "tripod" }];
      return { variable, choices, chosen: single("tripod", "Tripod") };
    }
    case "interval":
      return intervalState(variable, asked, window);
    case "custom":
      return { variable, choices: variable.options, chosen: choose(variable, variable.options, asked) };
    case "query": {
      try {
        const values = await inTurn(signal, () => fetchVariableValues(interpolate(variable.query, scope, "promql"), variable.source, window, signal));
        const choices = sortChoices(filterValues(values, interpolate(variable.regex, scope)), variable.sort);
        return { variable, choices, chosen: choose(variable, choices, asked) };
      } catch (cause) {
        signal.throwIfAborted();
        return { variable, choices: [], chosen: choose(variable, variable.options, asked), error: cause instanceof ApiError ? cause.message : String(cause) };
      }
    }
  }
}

function intervalState(variable: Variable, asked: string[], window: Window): VariableState {
  const choices = [...(variable.auto ? [{ text: "auto", value: AUTO }] : []), ...variable.options];
  const wanted = (asked.length > 0 ? asked : variable.current).map((value) => (value.startsWith("$__auto") ? AUTO : value));
  const chosen = choose({ ...variable, multi: false, includeAll: false }, choices, wanted);
  if (chosen.values[0] !== AUTO) return { variable, choices, chosen };
  const step = stepFor(window, variable.auto?.count ?? 30, parseInterval(variable.auto?.min ?? "10s") ?? 10);
  return { variable, choices, chosen: { ...single(writeInterval(step)), texts: ["auto"] } };
}

/** `key|=|value`, as Grafana has them in its addresses. */
export function filtersOf(variable: Variable, asked: string[]): AdhocFilter[] {
  if (asked.length === 0) return variable.filters;
  return asked.flatMap((text) => {
    const [key, operator, ...value] = text.split("|");
    return key && operator ? [{ key, operator, value: value.join("|") }] : [];
  });
}

export const filterParam = ({ key, operator, value }: AdhocFilter) => `${key}|${operator}|${value}`;
