/** What one chose in a trace, kept in the URL: the same names on its own page and in the drawer over another page. */
import { param, route, setParams } from "../../state/url";
import { toggle } from "../../model/trace-rows";

/** The ways to look at a trace; the first is what one sees without a choice. */
export const TABS = [
  { id: "waterfall", title: "Waterfall" },
  { id: "flame", title: "Flame graph" },
  { id: "stats", title: "Statistics" },
  { id: "spans", title: "Spans" },
] as const;

export type Tab = (typeof TABS)[number]["id"];

/** What is left of the rows: all, or some with what is above them. */
export const ONLIES = ["matches", "errors", "path"] as const;
export type Only = (typeof ONLIES)[number];

export interface TraceState {
  tab: Tab;
  /** A span's key. */
  span: string;
  find: string;
  only: ReadonlySet<Only>;
  /** Spans that are open or closed by hand, other than the two rules below say. */
  toggled: ReadonlySet<string>;
  level: number;
  folded: ReadonlySet<string>;
  hidden: ReadonlySet<string>;
  /** The stretch of the trace that is shown, as fractions of its duration. */
  zoom: [number, number];
  /** Marks the critical path. */
  path: boolean;
}

/** The parameters, all of them unset. Over another page they stand among that page's, so their names are not the obvious short ones. */
export const NO_TRACE = {
  trace: null, span: null, find: null, fold: null, zoom: null, path: null, as: null, only: null, levels: null, foldservice: null,
  hideservice: null, flame: null, spansort: null, spangroup: null,
};

export function readTraceState(): TraceState {
  const { params } = route.value;
  const list = (name: string) => new Set(param(name).split(",").filter(Boolean));
  const level = Number(param("levels"));
  return {
    tab: TABS.find((one) => one.id === param("as"))?.id ?? "waterfall",
    span: param("span"),
    find: param("find"),
    only: new Set(ONLIES.filter((one) => list("only").has(one))),
    toggled: list("fold"),
    level: Number.isInteger(level) && level > 0 ? level - 1 : Infinity,
    folded: new Set(params.getAll("foldservice")),
    hidden: new Set(params.getAll("hideservice")),
    zoom: parseZoom(param("zoom")),
    path: param("path") === "1",
  };
}

export function parseZoom(text: string): [number, number] {
  const [from, to] = text.split("-").map(Number);
  return from >= 0 && to <= 1 && to > from ? [from, to] : [0, 1];
}

export const formatZoom = ([from, to]: [number, number]) => (from <= 0 && to >= 1 ? null : `${from.toFixed(5)}-${to.toFixed(5)}`);

export const joined = (keys: ReadonlySet<string>) => [...keys].join(",") || null;

export const selectSpan = (key: string | null) => setParams({ span: key }, "replace");

export const setZoom = (zoom: [number, number]) => setParams({ zoom: formatZoom(zoom) }, "replace");

export const toggleSpan = (key: string, { toggled }: TraceState) => setParams({ fold: joined(toggle(new Set(toggled), key)) }, "replace");

export const toggleOnly = (one: Only, { only }: TraceState) => setParams({ only: joined(toggle(new Set<string>(only), one)) }, "replace");

/** Shows so many levels, whatever was opened or closed by hand; `Infinity` shows all. */
export const setLevel = (level: number) =>
  setParams({ levels: Number.isFinite(level) ? Math.max(0, level) + 1 : null, fold: null, foldservice: null }, "replace");

export const toggleIn = (name: "hideservice" | "foldservice", service: string, before: ReadonlySet<string>) =>
  setParams({ [name]: [...toggle(new Set(before), service)] }, "replace");
