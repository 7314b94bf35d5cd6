/**
 * What one leaves out of the traces found, and what there is to choose from. A condition is `service=NAME`, `operation=NAME` (of the
 * root), `status=failed`, or, with a dot before it, an attribute: `.http.route=/orders`.
 */
import type { TraceSummary } from "../api/trace-summaries";
import { parseTag } from "./search";

export interface Exclusions {
  services: ReadonlySet<string>;
  operations: ReadonlySet<string>;
  failed: boolean;
  fine: boolean;
  /** Whose traces the server is asked for, as summaries don't have them. */
  attributes: { key: string; value: string }[];
  /** Traces take at least and at most this long, microseconds. The server's own conditions are on spans. */
  took: [number, number] | null;
}

export function readExclusions(texts: readonly string[], took = ""): Exclusions {
  const pairs = texts.flatMap((text) => parseTag(text) ?? []);
  const of = (key: string) => new Set(pairs.filter((pair) => pair.key === key).map((pair) => pair.value));
  const status = of("status");
  return {
    services: of("service"),
    operations: of("operation"),
    failed: status.has("failed"),
    fine: status.has("ok"),
    attributes: pairs.filter((pair) => pair.key.startsWith(".")).map(({ key, value }) => ({ key: key.slice(1), value })),
    took: parseTook(took),
  };
}

/** `12.3ms-1.5s`, as the address has it. */
export function parseTook(text: string): [number, number] | null {
  const [least, most] = text.split("-").map(microsOf);
  return least !== undefined && most !== undefined && least <= most ? [least, most] : null;
}

export const formatTook = ([least, most]: [number, number]) => `${durationText(least, "down")}-${durationText(most, "up")}`;

const UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6 };

function microsOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s)$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]] : undefined;
}

/** `without` are ids of traces that have an excluded attribute. */
export function exclude(traces: readonly TraceSummary[], not: Exclusions, without: ReadonlySet<string>): TraceSummary[] {
  return traces.filter((trace) => {
    if (not.took && (trace.duration < not.took[0] || trace.duration > not.took[1])) return false;
    if (without.has(trace.id) || (trace.errors > 0 ? not.failed : not.fine)) return false;
    return !not.operations.has(trace.root) && !trace.services.some((service) => not.services.has(service.name));
  });
}

export interface Facet {
  title: string;
  /** Of the conditions that its values make; attributes begin with a dot. */
  key: string;
  values: { value: string; traces: number; failed: number }[];
}

/** What summaries have in common: services, what they begin with, and whether they failed. The most frequent first. */
export function facetsOf(traces: readonly TraceSummary[]): Facet[] {
  const services = new Counter();
  const operations = new Counter();
  const status = new Counter();
  for (const trace of traces) {
    const failed = trace.errors > 0;
    for (const service of trace.services) services.add(service.name, service.errors > 0);
    operations.add(trace.root, failed);
    status.add(failed ? "failed" : "ok", failed);
  }
  return [
    { title: "Status", key: "status", values: status.ranked() },
    { title: "Service", key: "service", values: services.ranked() },
    { title: "Begins with", key: "operation", values: operations.ranked() },
  ];
}

class Counter {
  readonly #counts = new Map<string, { value: string; traces: number; failed: number }>();

  add(value: string, failed: boolean): void {
    const count = this.#counts.get(value) ?? { value, traces: 0, failed: 0 };
    count.traces += 1;
    if (failed) count.failed += 1;
    this.#counts.set(value, count);
  }

  ranked(): Facet["values"] {
    return [...this.#counts.values()].sort((a, b) => b.traces - a.traces || a.value.localeCompare(b.value));
  }
}

/** A query with one more condition on the trace: before whatever its pipeline does. */
export function withCondition(q: string, condition: string): string {
  const query = q.trim();
  if (query === "" || query === "{}" || query === "{ }") return `{ ${condition} }`;
  const pipe = pipeAt(query);
  const [spans, rest] = pipe < 0 ? [query, ""] : [query.slice(0, pipe).trimEnd(), ` ${query.slice(pipe)}`];
  return `${spans} && { ${condition} }${rest}`;
}

/** Where the pipeline begins: the first lone `|` outside of braces and quotes. */
function pipeAt(query: string): number {
  let depth = 0;
  let quote = "";
  for (let i = 0; i < query.length; i++) {
    const char = query[i];
    if (quote) {
      if (char === "\\") i += 1;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "`") quote = char;
    else if (char === "{") depth += 1;
    else if (char === "}") depth -= 1;
    else if (char === "|" && depth === 0) {
      if (query[i + 1] !== "|") return i;
      i += 1;
    }
  }
  return -1;
}

export const quoted = (text: string) => `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"')}"`;

/** A key as TraceQL writes it: in quotes where it isn't a plain name. */
export const attributeName = (key: string) => (/^[A-Za-z_][\w.\-/]*$/.test(key) ? `.${key}` : `.${quoted(key)}`);

/** A duration for an address: `12.3ms`; the least is rounded down and the most up, so that what one dragged over stays in it. */
export function durationText(micros: number, round: "down" | "up"): string {
  const [scale, unit] = micros >= 1e6 ? [1e6, "s"] : micros >= 1e3 ? [1e3, "ms"] : [1, "us"];
  const digits = (micros / scale) * 100;
  return `${(round === "down" ? Math.floor(digits) : Math.ceil(digits)) / 100}${unit}`;
}

/** Which character of a query is at fault, from the server's message, which counts from one; -1 when it doesn't say. */
export function faultAt(message: string): number {
  const at = /at position (\d+)/.exec(message)?.[1];
  return at === undefined ? -1 : Number(at) - 1;
}
