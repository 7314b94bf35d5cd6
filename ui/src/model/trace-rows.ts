/** Which rows of a trace are shown: what is collapsed, hidden or filtered out is not. One pass over the trace. */
import { FAILED, type Trace } from "./trace";

export interface RowChoice {
  /** Keys of spans that are the other way than the rules below say: opened by hand, or closed. */
  toggled: ReadonlySet<string>;
  /** Spans at this depth and deeper start collapsed; Infinity for none. */
  level: number;
  /** Services whose spans start collapsed. */
  folded: ReadonlySet<string>;
  /** Services whose spans are left out; what is below them stays. */
  hidden: ReadonlySet<string>;
  /** Rows that are shown, with those above them; null for all. */
  only: Uint8Array | null;
}

export const EVERYTHING: RowChoice = { toggled: new Set(), level: Infinity, folded: new Set(), hidden: new Set(), only: null };

export const isCollapsed = (trace: Trace, row: number, choice: RowChoice) =>
  trace.below[row] > 0 &&
  (trace.depth[row] >= choice.level || choice.folded.has(trace.services[trace.service[row]].name)) !== choice.toggled.has(trace.keys[row]);

export function visibleRows(trace: Trace, choice: RowChoice): Uint32Array {
  const hidden = trace.services.map((service) => choice.hidden.has(service.name));
  const keep = choice.only && withAncestors(trace, choice.only);
  const rows = new Uint32Array(trace.size);
  let shown = 0;
  for (let row = 0; row < trace.size; row++) {
    if (keep && !keep[row]) {
      row += trace.below[row];
      continue;
    }
    if (!hidden[trace.service[row]]) rows[shown++] = row;
    if (isCollapsed(trace, row, choice)) row += trace.below[row];
  }
  return rows.subarray(0, shown);
}

/** Marks the rows above marked ones too, so that the tree stays one. */
export function withAncestors({ parent }: Trace, marks: Uint8Array): Uint8Array {
  const kept = marks.slice();
  for (let row = kept.length - 1; row > 0; row--) if (kept[row] && parent[row] >= 0) kept[parent[row]] = 1;
  return kept;
}

export const failedMarks = ({ flags }: Trace) => flags.map((bits) => bits & FAILED);

/** Both must hold; null holds for all. */
export function both(a: Uint8Array | null, b: Uint8Array | null): Uint8Array | null {
  return a && b ? a.map((mark, row) => mark & b[row]) : (a ?? b);
}

/** The toggled keys without which a row would be below something collapsed, and with which it isn't. */
export function opened(trace: Trace, row: number, choice: RowChoice): Set<string> {
  const toggled = new Set(choice.toggled);
  for (let above = trace.parent[row]; above >= 0; above = trace.parent[above]) {
    if (isCollapsed(trace, above, { ...choice, toggled })) toggle(toggled, trace.keys[above]);
  }
  return toggled;
}

export function toggle(keys: Set<string>, key: string): Set<string> {
  if (!keys.delete(key)) keys.add(key);
  return keys;
}
