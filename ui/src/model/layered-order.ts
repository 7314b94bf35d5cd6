/** The order within the layers of a drawing: sweeps by the mean place of the neighbours, then swaps of two; the best that was seen stays. */
import type { Vertex } from "./layered";

const SWEEPS = 16;

export function ordered(vertices: readonly Vertex[]): Vertex[][] {
  const rows = depthFirst(vertices);
  let best = rows.map((row) => [...row]);
  let least = crossings(best);
  for (let sweep = 0; sweep < SWEEPS && least > 0; sweep++) {
    const down = sweep % 2 === 0;
    const places = placesOf(rows);
    for (const row of down ? rows : rows.toReversed()) {
      const means = new Map(row.map((vertex) => [vertex, mean((down ? vertex.before : vertex.after).map((one) => places.get(one)!)) ?? places.get(vertex)!]));
      row.sort((a, b) => means.get(a)! - means.get(b)!);
      row.forEach((vertex, i) => places.set(vertex, i));
    }
    swap(rows);
    const count = crossings(rows);
    if (count < least) [best, least] = [rows.map((row) => [...row]), count];
  }
  return best;
}

/** Neighbours next to one another to begin with, so that separate parts of a graph don't mix. */
function depthFirst(vertices: readonly Vertex[]): Vertex[][] {
  const rows: Vertex[][] = [];
  const seen = new Set<Vertex>();
  const visit = (first: Vertex) => {
    const stack = [first];
    for (let vertex = stack.pop(); vertex; vertex = stack.pop()) {
      if (seen.has(vertex)) continue;
      seen.add(vertex);
      (rows[vertex.layer] ??= []).push(vertex);
      stack.push(...vertex.before, ...vertex.after.toReversed());
    }
  };
  [...vertices].sort((a, b) => a.layer - b.layer).forEach(visit);
  return Array.from(rows, (row) => row ?? []);
}

const placesOf = (rows: readonly Vertex[][]) => new Map(rows.flatMap((row) => row.map((vertex, i): [Vertex, number] => [vertex, i])));

const mean = (values: number[]) => (values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length);

/** Two neighbours change places where that makes fewer lines cross. */
function swap(rows: Vertex[][]): void {
  const places = placesOf(rows);
  for (const row of rows) {
    for (let i = 0; i + 1 < row.length; i++) {
      const [a, b] = [row[i], row[i + 1]];
      const between = (first: Vertex, second: Vertex) => crossed(first.before, second.before, places) + crossed(first.after, second.after, places);
      if (between(a, b) <= between(b, a)) continue;
      [row[i], row[i + 1]] = [b, a];
      places.set(b, i).set(a, i + 1);
    }
  }
}

/** How many lines of two neighbours cross, the first being above. */
function crossed(first: readonly Vertex[], second: readonly Vertex[], places: ReadonlyMap<Vertex, number>): number {
  let count = 0;
  for (const a of first) for (const b of second) if (places.get(a)! > places.get(b)!) count += 1;
  return count;
}

/** How many pairs of lines cross in all. */
export function crossings(rows: readonly Vertex[][]): number {
  const places = placesOf(rows);
  let count = 0;
  for (const row of rows) for (let i = 0; i < row.length; i++) for (let j = i + 1; j < row.length; j++) count += crossed(row[i].after, row[j].after, places);
  return count;
}
