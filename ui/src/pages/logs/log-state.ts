/** What the address says of the page of logs, and how it changes. */
import type { ContextOf, LogSearch } from "../../api/logs";
import { needles, searchOf, toggleFilter, type Beside, type Filter } from "../../model/log-query";
import { param, route, setParams } from "../../state/url";

export interface LogState {
  text: string;
  beside: Beside;
  search: LogSearch;
  needles: string[];
  /** Attributes that are columns, in order. */
  columns: string[];
  wrap: boolean;
  json: boolean;
  tab: "records" | "patterns";
  live: boolean;
  /** The record that is open. */
  open: string;
  /** The record whose context is shown. */
  around: string;
  of: ContextOf;
}

const CONTEXTS: readonly string[] = ["stream", "service", "trace", "all"];

export function readLogState(): LogState {
  const { params } = route.value;
  const text = param("q");
  const beside = {
    service: param("service"),
    severity: param("severity"),
    trace: param("trace_id"),
    patterns: params.getAll("pattern"),
    notPatterns: params.getAll("not"),
  };
  const of = param("of");
  return {
    text,
    beside,
    search: searchOf(text, beside),
    needles: needles(text),
    columns: params.getAll("col"),
    wrap: param("wrap") === "1",
    json: param("json") === "1",
    tab: param("tab") === "patterns" ? "patterns" : "records",
    live: param("live") === "1",
    open: param("log"),
    around: param("around"),
    of: CONTEXTS.includes(of) ? (of as ContextOf) : "stream",
  };
}

export const setText = (text: string) => setParams({ q: text.trim(), log: null, around: null });

export const filterBy = (filter: Filter) => setText(toggleFilter(param("q"), filter));

/** Shows only lines of a pattern, or none of them; the same again takes it back. */
export function filterPattern(pattern: string, excluded: boolean): void {
  const all = (name: string) => route.value.params.getAll(name).filter((one) => one !== pattern);
  const name = excluded ? "not" : "pattern";
  const was = route.value.params.getAll(name).includes(pattern);
  const lists = { pattern: all("pattern"), not: all("not") };
  if (!was) lists[name].push(pattern);
  setParams({ ...lists, log: null, around: null, ...(excluded || was ? {} : { tab: null }) });
}

export function toggleColumn(key: string): void {
  const columns = route.value.params.getAll("col");
  setParams({ col: columns.includes(key) ? columns.filter((one) => one !== key) : [...columns, key] }, "replace");
}

/** What stands around a record, or the list again. */
export const showContext = (id: string | null) => setParams({ around: id, of: null, tab: null, log: id, live: null });
