/** Columns of the list of logs: what a record has under a key, and what a body is that holds JSON. */
import type { LogRecord } from "../api/logs";

/** Fields that may be columns beside attributes; the rest are looked for in the record's attributes, then in its resource's. */
const FIELDS: Record<string, (log: LogRecord) => unknown> = {
  trace_id: (log) => log.trace_id,
  span_id: (log) => log.span_id,
  scope: (log) => log.scope,
  event_name: (log) => log.event_name,
};

export function columnValue(log: LogRecord, key: string): unknown {
  if (key in FIELDS) return FIELDS[key](log);
  return log.attributes[key] ?? log.resource[key];
}

export const moved = (columns: readonly string[], key: string, by: number): string[] => {
  const from = columns.indexOf(key);
  const to = from + by;
  if (from < 0 || to < 0 || to >= columns.length) return [...columns];
  const next = columns.filter((one) => one !== key);
  next.splice(to, 0, key);
  return next;
};

/** A body that is an object or a list, or the text of one. */
export function structured(body: unknown): unknown {
  if (typeof body === "object" && body !== null) return body;
  if (typeof body !== "string" || !/^\s*[[{]/.test(body)) return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

export const asJsonLines = (logs: readonly LogRecord[]) => logs.map((log) => `${JSON.stringify(log)}\n`).join("");
