/**
 * The flame graph's boxes. Spans of one parent with the same service and operation are one box, as wide as their sum: what is wide is
 * what takes the time, however many spans it is made of. Children that together take longer than their parent (they ran at the same
 * time) are scaled to fit into it.
 */
import { FAILED, type Trace } from "./trace";

export interface FlameBox {
  /** Index of the box it stands on, or -1. */
  parent: number;
  depth: number;
  service: number;
  operation: number;
  /** The first span of it. */
  row: number;
  spans: number;
  errors: number;
  /** Sums over its spans, microseconds. */
  total: number;
  self: number;
  /** Fractions of the whole width. */
  left: number;
  width: number;
}

export interface Flame {
  boxes: FlameBox[];
  depth: number;
  /** The box that a row is a part of. */
  boxOf: Int32Array;
}

/** One pass down the rows: parents come before their children. */
export function flameOf(trace: Trace, hidden: ReadonlySet<string> = new Set()): Flame {
  const boxes: FlameBox[] = [];
  const boxOf = new Int32Array(trace.size);
  const known = new Map<number, number>();
  const isHidden = trace.services.map((service) => hidden.has(service.name));
  for (let row = 0; row < trace.size; row++) {
    const parent = trace.parent[row] < 0 ? -1 : boxOf[trace.parent[row]];
    const service = trace.service[row];
    if (isHidden[service]) {
      boxOf[row] = parent;
      continue;
    }
    const operation = trace.operation[row];
    const key = ((parent + 1) * trace.services.length + service) * trace.operations.length + operation;
    let at = known.get(key);
    if (at === undefined) {
      at = boxes.length;
      known.set(key, at);
      boxes.push({ parent, depth: parent < 0 ? 0 : boxes[parent].depth + 1, service, operation, row, spans: 0, errors: 0, total: 0, self: 0, left: 0, width: 0 });
    }
    boxOf[row] = at;
    const box = boxes[at];
    box.spans += 1;
    box.errors += trace.flags[row] & FAILED;
    box.total += trace.duration[row];
    box.self += trace.self[row];
  }
  place(boxes);
  return { boxes, boxOf, depth: boxes.reduce((most, box) => Math.max(most, box.depth + 1), 0) };
}

/** Left and width of every box. A box comes after the one it stands on. */
function place(boxes: FlameBox[]): void {
  const sums = new Float64Array(boxes.length + 1);
  for (const box of boxes) sums[box.parent + 1] += box.total;
  const reached = new Float64Array(boxes.length + 1);
  for (const box of boxes) {
    const below = box.parent < 0 ? undefined : boxes[box.parent];
    const room = below ? below.width : 1;
    const whole = Math.max(sums[box.parent + 1], below?.total ?? 0) || 1;
    box.left = (below?.left ?? 0) + reached[box.parent + 1];
    box.width = (box.total / whole) * room;
    reached[box.parent + 1] += box.width;
  }
}

/** The box at a place: `x` a fraction of the width as zoomed, `depth` the line. */
export function boxAt(flame: Flame, x: number, depth: number): number {
  return flame.boxes.findIndex((box) => box.depth === depth && x >= box.left && x < box.left + box.width);
}

export type Move = "up" | "down" | "left" | "right";

/** Up is to the box it stands on, down to the widest on it; left and right stay on the line. */
export function neighbour(flame: Flame, at: number, move: Move): number {
  const { boxes } = flame;
  if (move === "up") return boxes[at].parent < 0 ? at : boxes[at].parent;
  if (move === "down") {
    const above = boxes.flatMap((box, i) => (box.parent === at ? [i] : []));
    return above.reduce((best, i) => (boxes[i].width > boxes[best].width ? i : best), above[0] ?? at);
  }
  const line = boxes.flatMap((box, i) => (box.depth === boxes[at].depth ? [i] : [])).sort((a, b) => boxes[a].left - boxes[b].left);
  return line[line.indexOf(at) + (move === "left" ? -1 : 1)] ?? at;
}
