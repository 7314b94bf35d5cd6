/**
 * An alert's expression as a query and a bound: `rate(errors[5m]) > 0.1` is the line of `rate(errors[5m])` and the level 0.1. What is
 * no comparison of a query with a number stays whole. Reads brackets, texts and comments of PromQL, no more.
 */

export const OPERATORS = [">", ">=", "<", "<=", "==", "!="] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Condition {
  query: string;
  operator: Operator;
  bound: number;
}

interface Token {
  text: string;
  at: number;
  depth: number;
}

const CLOSES: Record<string, string> = { "(": ")", "[": "]", "{": "}" };

/** Words, numbers, signs and texts with their depth in brackets; undefined where they don't match. */
function tokens(expr: string): Token[] | undefined {
  const found: Token[] = [];
  const open: string[] = [];
  const pattern = /\s+|#.*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[\w.]*|[\w:]+|>=|<=|==|!=|=~|!~|./gs;
  for (const { 0: text, index } of expr.matchAll(pattern)) {
    if (/^(\s|#)/.test(text)) continue;
    if (/^[)\]}]$/.test(text) && text !== open.pop()) return undefined;
    // A text that does not end.
    if (/^["'`]$/.test(text)) return undefined;
    found.push({ text, at: index, depth: open.length });
    if (CLOSES[text]) open.push(CLOSES[text]);
  }
  return open.length === 0 ? found : undefined;
}

const isOperator = (text: string): text is Operator => (OPERATORS as readonly string[]).includes(text);
const SETS = ["and", "or", "unless"];

/** The query and the bound of an expression; undefined where it is none of the kind. */
export function conditionOf(expr: string): Condition | undefined {
  const all = tokens(expr);
  if (!all || all.length === 0) return undefined;
  if (all[0].text === "(" && all[all.length - 1].text === ")" && all.slice(1, -1).every(({ depth }) => depth > 0)) {
    return conditionOf(expr.slice(all[0].at + 1, all[all.length - 1].at));
  }
  const top = all.filter(({ depth }) => depth === 0);
  if (top.some(({ text }) => SETS.includes(text.toLowerCase()) || text.toLowerCase() === "bool")) return undefined;
  const comparisons = top.filter(({ text }) => isOperator(text));
  const [only] = comparisons;
  if (comparisons.length !== 1 || !isOperator(only.text)) return undefined;
  const query = expr.slice(0, only.at).trim();
  const bound = numberOf(expr.slice(only.at + only.text.length));
  if (query === "" || bound === undefined || numberOf(query) !== undefined) return undefined;
  return { query, operator: only.text, bound };
}

function numberOf(text: string): number | undefined {
  const plain = text.replace(/#.*/g, "").replace(/\s+/g, "");
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(plain) ? Number(plain) : undefined;
}

/** The expression again. A query that binds less than a comparison gets parentheses. */
export function expressionOf({ query, operator, bound }: Condition): string {
  const top = (tokens(query) ?? []).filter(({ depth }) => depth === 0).map(({ text }) => text.toLowerCase());
  const loose = top.some((text) => isOperator(text) || SETS.includes(text));
  return `${loose ? `(${query.trim()})` : query.trim()} ${operator} ${bound}`;
}

export interface Suggestion {
  bound: number;
  why: string;
}

/** Bounds that the past speaks for: what was hardly ever passed, and what never was. */
export function suggestions(values: readonly number[], operator: Operator): Suggestion[] {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length < 5 || operator === "==" || operator === "!=") return [];
  const above = operator.startsWith(">");
  const [low, high] = [sorted[0], sorted[sorted.length - 1]];
  const rank = above ? 0.99 : 0.01;
  const rare = sorted[Math.round(rank * (sorted.length - 1))];
  const extreme = above ? high : low;
  // What was never below zero mostly can't be.
  const room = (Math.abs(extreme) || (above ? high - low : 0)) * 0.2;
  const found = [
    { bound: rare, why: "passed 1 % of the time" },
    { bound: above ? extreme + room : extreme - room, why: "never passed, by a fifth" },
  ].map(({ bound, why }) => ({ bound: Number(bound.toPrecision(2)), why }));
  // A level that never moved says nothing about 1 % of the time.
  return found.filter(({ bound }, i) => (i === 0 ? low !== high : room > 0 && bound !== found[0].bound));
}
