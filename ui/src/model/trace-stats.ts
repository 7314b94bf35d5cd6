/** Where a trace's time went, by operation or by service. */
import { FAILED, type Trace } from "./trace";

export interface StatRow {
  service: string;
  /** "" when the row is a whole service. */
  operation: string;
  count: number;
  /** Sums of durations count what is below again; those of self times don't. */
  total: number;
  self: number;
  max: number;
  errors: number;
}

export function statisticsOf(trace: Trace, by: "operation" | "service"): StatRow[] {
  const { operations, services } = trace;
  const rows = new Map<number, StatRow>();
  for (let row = 0; row < trace.size; row++) {
    const service = trace.service[row];
    const operation = by === "operation" ? trace.operation[row] : 0;
    const key = service * operations.length + operation;
    let entry = rows.get(key);
    if (!entry) {
      entry = { service: services[service].name, operation: by === "operation" ? operations[operation] : "", count: 0, total: 0, self: 0, max: 0, errors: 0 };
      rows.set(key, entry);
    }
    const duration = trace.duration[row];
    entry.count += 1;
    entry.total += duration;
    entry.self += trace.self[row];
    entry.max = Math.max(entry.max, duration);
    entry.errors += trace.flags[row] & FAILED;
  }
  return [...rows.values()];
}
