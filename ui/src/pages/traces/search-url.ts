/** What one searches for, as the address has it. */
import type { TraceSearch } from "../../api/trace-summaries";
import { normaliseDuration, tagsObject } from "../../model/search";
import { attributeName, quoted, withCondition } from "../../model/trace-search";
import { param, route, type Changes } from "../../state/url";

export const LIMITS = ["200", "1000", "5000"];
export const DEFAULT_LIMIT = 1000;
/** The server gives no more. */
export const MOST = 5000;

/** All conditions, unset. */
export const NO_CONDITIONS: Changes = { service: null, operation: null, tag: null, errors: null, min: null, max: null, q: null, not: null, took: null };

/** One asks with TraceQL when there is a query, or when one chose to write one. */
export const byQuery = () => route.value.params.has("q");

export function readSearch(): TraceSearch {
  const tags = tagsObject(route.value.params.getAll("tag"));
  if (param("errors") === "1") tags.error = "true";
  const limit = Number(param("limit")) || DEFAULT_LIMIT;
  return {
    service: param("service"),
    operation: param("operation"),
    tags,
    minDuration: normaliseDuration(param("min")) ?? "",
    maxDuration: normaliseDuration(param("max")) ?? "",
    limit: Math.min(limit, MOST),
  };
}

/** What choosing a value of a facet changes. */
export function including(key: string, value: string): Changes {
  if (byQuery()) return { q: withCondition(param("q"), asTraceQl(key, value)) };
  if (key === "service") return { service: value, operation: null };
  if (key === "operation") return { operation: value };
  if (key === "status") return value === "failed" ? { errors: "1", not: without(["status=failed"]) } : { errors: null, not: [...without(["status=failed"]), "status=failed"] };
  const tag = `${key.slice(1)}=${value}`;
  return { tag: [...route.value.params.getAll("tag").filter((one) => !one.startsWith(`${key.slice(1)}=`)), tag] };
}

/** What leaving it out changes. */
export const excluding = (key: string, value: string): Changes => ({ not: [...without([`${key}=${value}`]), `${key}=${value}`] });

export const without = (texts: readonly string[]) => route.value.params.getAll("not").filter((one) => !texts.includes(one));

function asTraceQl(key: string, value: string): string {
  if (key === "service") return `resource.service.name = ${quoted(value)}`;
  if (key === "operation") return `rootName = ${quoted(value)}`;
  if (key === "status") return value === "failed" ? "status = error" : "status != error";
  return `${attributeName(key.slice(1))} = ${literal(value)}`;
}

/** The server gives all values as texts; those that look like numbers or truths mostly are. */
const literal = (value: string) => (/^-?\d{1,15}(\.\d+)?$/.test(value) || value === "true" || value === "false" ? value : quoted(value));
