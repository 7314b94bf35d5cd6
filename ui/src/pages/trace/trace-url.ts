/** What one chose in a trace, kept in the URL: the same names on its own page and in the drawer over another page. */
import { param, route, setParams } from "../../state/url";

export interface TraceState {
  span: string;
  find: string;
  collapsed: ReadonlySet<string>;
  /** The stretch of the trace that is shown, as fractions of its duration. */
  zoom: [number, number];
  /** Marks the critical path. */
  path: boolean;
}

export const NO_TRACE = { trace: null, span: null, find: null, fold: null, zoom: null, path: null };

export function readTraceState(): TraceState {
  void route.value;
  return {
    span: param("span"),
    find: param("find"),
    collapsed: new Set(param("fold").split(",").filter(Boolean)),
    zoom: parseZoom(param("zoom")),
    path: param("path") === "1",
  };
}

export function parseZoom(text: string): [number, number] {
  const [from, to] = text.split("-").map(Number);
  return from >= 0 && to <= 1 && to > from ? [from, to] : [0, 1];
}

export const formatZoom = ([from, to]: [number, number]) => (from <= 0 && to >= 1 ? null : `${from.toFixed(4)}-${to.toFixed(4)}`);

export const selectSpan = (id: string | null) => setParams({ span: id }, "replace");

export const setZoom = (zoom: [number, number]) => setParams({ zoom: formatZoom(zoom) }, "replace");

export function toggleCollapsed(id: string, collapsed: ReadonlySet<string>): void {
  const next = new Set(collapsed);
  if (!next.delete(id)) next.add(id);
  setParams({ fold: [...next].join(",") || null }, "replace");
}
