/**
 * What people type into the search of logs: words, `"phrases"`, `-without`, `key=value`, `key!=value`; or LogQL, where it begins with a
 * brace. Facets and values change this very text, so that there is one place which says what one looks at.
 */
import type { LogSearch } from "../api/logs";

/** A condition on a field: `service`, `severity`, `scope`, or an attribute by its key. */
export interface Filter {
  key: string;
  value: string;
  excluded: boolean;
}

export interface Typed {
  /** The whole text, when it is LogQL. */
  logql: string;
  /** Words and phrases that must occur. */
  words: string[];
  without: string[];
  filters: Filter[];
}

const KEY = String.raw`[A-Za-z_@][\w.@/-]*`;
const QUOTED = String.raw`"(?:\\.|[^"\\])*"?`;
const TOKEN = new RegExp(String.raw`(-?)(?:(${KEY})(!?=)(${QUOTED}|\S*)|(${QUOTED})|(\S+))`, "gy");

/** Names that people use for the fields. */
const ALIASES: Record<string, string> = { level: "severity", detected_level: "severity", service_name: "service", "service.name": "service", scope_name: "scope" };

export const isLogQl = (text: string) => text.trimStart().startsWith("{");

const unquote = (text: string) => (text.startsWith('"') ? text.slice(1).replace(/"$/, "").replace(/\\(.)/g, "$1") : text);

export function parseLogQuery(text: string): Typed {
  const typed: Typed = { logql: "", words: [], without: [], filters: [] };
  if (isLogQl(text)) return { ...typed, logql: text.trim() };
  for (const part of tokens(text)) {
    if (part.filter) typed.filters.push(part.filter);
    else if (part.word !== "") (part.excluded ? typed.without : typed.words).push(part.word);
  }
  return typed;
}

interface Token {
  text: string;
  word: string;
  excluded: boolean;
  filter: Filter | undefined;
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at])) at++;
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match || match[0] === "") return found;
    at = TOKEN.lastIndex;
    const [whole, minus, key, operator, value, phrase, word] = match;
    const excluded = minus === "-";
    if (key !== undefined) {
      const filter = { key: ALIASES[key] ?? key, value: unquote(value), excluded: excluded !== (operator === "!=") };
      if (filter.key === "severity") filter.value = filter.value.toUpperCase();
      found.push({ text: whole, word: "", excluded, filter });
    } else {
      // A dash alone is no exclusion of nothing.
      const plain = phrase !== undefined ? unquote(phrase) : (word ?? "");
      found.push({ text: whole, word: plain, excluded, filter: undefined });
    }
  }
}

/** The filter as one types it. */
export function filterText({ key, value, excluded }: Filter): string {
  const plain = value !== "" && /^[^\s"\\]+$/.test(value);
  return `${key}${excluded ? "!=" : "="}${plain ? value : `"${value.replace(/["\\]/g, "\\$&")}"`}`;
}

const same = (a: Filter, b: Filter) => a.key === b.key && a.value === b.value;

/** Adds a filter to what was typed; one that is there already goes, the opposite one is replaced. */
export function toggleFilter(text: string, filter: Filter): string {
  if (isLogQl(text)) return toggleLabel(text, filter);
  const all = tokens(text);
  const there = all.some((token) => token.filter && same(token.filter, filter) && token.filter.excluded === filter.excluded);
  const kept = all.filter((token) => !token.filter || !same(token.filter, filter)).map((token) => token.text);
  return [...kept, ...(there ? [] : [filterText(filter)])].join(" ");
}

/** Without all filters of a key. */
export function dropKey(text: string, key: string): string {
  if (isLogQl(text)) return text;
  return tokens(text)
    .filter((token) => token.filter?.key !== key)
    .map((token) => token.text)
    .join(" ");
}

const LABELS: Record<string, string> = { service: "service_name", severity: "detected_level", scope: "scope_name" };

/** The name that a key has as a label in LogQL. */
export const labelOf = (key: string) => LABELS[key] ?? key.replace(/^(?=\d)/, "_").replace(/[^A-Za-z0-9_]/g, "_");

function toggleLabel(text: string, { key, value, excluded }: Filter): string {
  const shown = key !== "severity" ? value : value === "UNSPECIFIED" ? "unknown" : value.toLowerCase();
  const stage = (out: boolean) => ` | ${labelOf(key)}${out ? "!=" : "="}${JSON.stringify(shown)}`;
  if (text.includes(stage(excluded))) return text.replace(stage(excluded), "");
  return text.replace(stage(!excluded), "").trimEnd() + stage(excluded);
}

/** What is known beside the text. */
export interface Beside {
  service: string;
  severity: string;
  trace: string;
  patterns: readonly string[];
  notPatterns: readonly string[];
}

/** What the server is asked. Phrases have no quotes within: what stands around one is two phrases. */
export function searchOf(text: string, beside: Beside): LogSearch {
  const typed = parseLogQuery(text);
  const quoted = (word: string) => (/\s/.test(word) ? `"${word}"` : word);
  return {
    logql: typed.logql,
    query: typed.words
      .flatMap((word) => word.split('"'))
      .filter((word) => word.trim() !== "")
      .map(quoted)
      .join(" "),
    without: typed.without,
    filter: typed.filters.map(({ key, value, excluded }) => `${key}${excluded ? "!=" : "="}${value}`),
    service: beside.service,
    min_severity: beside.severity,
    trace_id: beside.trace,
    pattern: beside.patterns,
    not_pattern: beside.notPatterns,
  };
}

/** The words to mark in what was found. */
export function needles(text: string): string[] {
  const typed = parseLogQuery(text);
  if (!typed.logql) return typed.words.filter((word) => word.trim() !== "");
  const contains = typed.logql.matchAll(/\|=\s*(?:"((?:\\.|[^"\\])*)"|`([^`]*)`)/g);
  return [...contains].map(([, quoted, raw]) => raw ?? (quoted ?? "").replace(/\\(.)/g, "$1")).filter((word) => word !== "");
}

export interface Piece {
  text: string;
  hit: boolean;
}

/** A text in pieces, those that are one of the words marked; whatever the case. */
export function pieces(text: string, words: readonly string[]): Piece[] {
  if (words.length === 0 || text === "") return [{ text, hit: false }];
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).sort((a, b) => b.length - a.length);
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(new RegExp(escaped.join("|"), "gi"))) {
    if (match.index > at) found.push({ text: text.slice(at, match.index), hit: false });
    found.push({ text: match[0], hit: true });
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ text: text.slice(at), hit: false });
  return found;
}
