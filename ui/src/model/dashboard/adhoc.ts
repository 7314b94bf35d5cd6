/** Conditions on all queries of a dashboard: label matchers that are put into each selector of a PromQL expression. */
import type { AdhocFilter } from "../../api/dashboards";

const OPERATORS = new Set(["=", "!=", "=~", "!~"]);
/** Label names in parentheses follow these. */
const GROUPING = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);
const WORDS = new Set([...GROUPING, "and", "or", "unless", "offset", "bool", "inf", "nan", "atan2"]);
const AGGREGATIONS = new Set(["sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile", "limitk", "limit_ratio"]);
const TOKEN = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*|[a-zA-Z_:][a-zA-Z0-9_:]*|\d[\w.]*|\s+|[\s\S]/g;

/** The expression with the conditions in each of its selectors. */
export function withFilters(expr: string, filters: readonly AdhocFilter[]): string {
  const known = filters.filter(({ key, operator }) => /^[a-zA-Z_]\w*$/.test(key) && OPERATORS.has(operator));
  const matchers = known.map(({ key, operator, value }) => `${key}${operator}${JSON.stringify(value)}`);
  if (matchers.length === 0) return expr;
  const tokens: string[] = expr.match(TOKEN) ?? [];
  const next = (from: number) => {
    let at = from;
    while (tokens[at] !== undefined && /^(\s|#)/.test(tokens[at])) at++;
    return at;
  };
  /** The end of what stands in brackets, which is taken over as it is. */
  const closing = (from: number, bracket: string) => {
    const end = tokens.indexOf(bracket, from);
    return end < 0 ? tokens.length - 1 : end;
  };
  const out: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const [token, following] = [tokens[i], next(i + 1)];
    const word = token.toLowerCase();
    let last = i;
    if (token === "{") {
      last = closing(i, "}");
      const inside = tokens.slice(i + 1, last).join("").trim().replace(/,$/, "");
      out.push(`{${[inside, ...matchers].filter(Boolean).join(",")}}`);
    } else if (token === "[") {
      last = closing(i, "]");
      out.push(...tokens.slice(i, last + 1));
    } else if (GROUPING.has(word) && tokens[following] === "(") {
      last = closing(following, ")");
      out.push(...tokens.slice(i, last + 1));
    } else {
      out.push(token);
      const isName = /^[a-zA-Z_:]/.test(token) && !WORDS.has(word) && tokens[following] !== "(" && tokens[following] !== "{";
      const aggregates = AGGREGATIONS.has(word) && ["by", "without"].includes(tokens[following]?.toLowerCase() ?? "");
      if (isName && !aggregates) out.push(`{${matchers.join(",")}}`);
    }
    i = last;
  }
  return out.join("");
}
