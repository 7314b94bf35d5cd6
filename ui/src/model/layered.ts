/**
 * A layered drawing of a directed graph: callers to the left of what they call, few crossings, the same graph always the same picture.
 *
 * The steps are those of Sugiyama: edges that close a cycle are turned round, nodes get layers by their longest way from a start, long edges
 * get a bend in each layer that they pass, layers are put in order (`layered-order.ts`), and rows are moved towards their neighbours. Cost: a
 * few milliseconds for a hundred nodes.
 */
import { ordered } from "./layered-order";

export interface GraphEdge {
  from: string;
  to: string;
}

export interface Point {
  x: number;
  y: number;
}

export interface LayeredEdge<Edge extends GraphEdge> {
  edge: Edge;
  /** From node to node, with the bends between. */
  points: Point[];
}

export interface Layered<Edge extends GraphEdge> {
  nodes: Map<string, Point>;
  edges: LayeredEdge<Edge>[];
  width: number;
  height: number;
}

/** Distances between the middles of neighbours. */
export interface Spacing {
  x: number;
  y: number;
}

/** The same from top to bottom. */
export function turned<Edge extends GraphEdge>({ nodes, edges, width, height }: Layered<Edge>): Layered<Edge> {
  const turn = ({ x, y }: Point): Point => ({ x: y, y: x });
  return {
    nodes: new Map([...nodes].map(([name, at]) => [name, turn(at)])),
    edges: edges.map(({ edge, points }) => ({ edge, points: points.map(turn) })),
    width: height,
    height: width,
  };
}

/** A node of the drawing: one of the graph's, or a bend. */
export interface Vertex {
  id: string;
  layer: number;
  before: Vertex[];
  after: Vertex[];
  y: number;
}

export function layered<Edge extends GraphEdge>(names: readonly string[], edges: readonly Edge[], spacing: Spacing): Layered<Edge> {
  const all = [...new Set([...names, ...edges.flatMap(({ from, to }) => [from, to])])].sort();
  const linked = edges.filter(({ from, to }) => from !== to);
  const connected = new Set(linked.flatMap(({ from, to }) => [from, to]));
  const inner = all.filter((name) => connected.has(name));
  const alone = all.filter((name) => !connected.has(name));

  const forward = acyclic(inner, linked);
  const layers = layersOf(inner, forward);
  const vertices = new Map(inner.map((name): [string, Vertex] => [name, { id: name, layer: layers.get(name)!, before: [], after: [], y: 0 }]));
  const bends = new Map<string, Vertex[]>();
  for (const { from, to } of forward) bends.set(keyOf(from, to), chain(vertices, from, to));
  const rows = ordered([...vertices.values()]);
  settle(rows);

  const placed = [...vertices.values()];
  const least = placed.reduce((low, vertex) => Math.min(low, vertex.y), 0);
  const most = placed.reduce((high, vertex) => Math.max(high, vertex.y - least), 0);
  const at = (vertex: Vertex): Point => ({ x: (vertex.layer + 0.5) * spacing.x, y: (vertex.y - least + 0.5) * spacing.y });
  const nodes = new Map(inner.map((name) => [name, at(vertices.get(name)!)]));
  const columns = Math.max(1, rows.length, Math.min(alone.length, 4));
  // Those without calls stand below, in rows.
  const below = inner.length > 0 ? most + 1 : 0;
  alone.forEach((name, i) => nodes.set(name, { x: ((i % columns) + 0.5) * spacing.x, y: (below + Math.floor(i / columns) + 0.5) * spacing.y }));
  return {
    nodes,
    edges: edges.map((edge) => ({ edge, points: pointsOf(edge, nodes, bends, at) })),
    width: columns * spacing.x,
    height: Math.max(1, below + Math.ceil(alone.length / columns)) * spacing.y,
  };
}

const keyOf = (from: string, to: string) => JSON.stringify([from, to]);

/** Each pair once, those that would close a cycle turned round: later in an order in which callers tend to come first. */
function acyclic(names: readonly string[], edges: readonly GraphEdge[]): GraphEdge[] {
  const rank = new Map(callersFirst(names, edges).map((name, i) => [name, i]));
  const pairs = new Map<string, GraphEdge>();
  for (const { from, to } of edges) {
    const turned = rank.get(from)! > rank.get(to)!;
    const [a, b] = turned ? [to, from] : [from, to];
    pairs.set(keyOf(a, b), { from: a, to: b });
  }
  return [...pairs.values()].sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** As Eades, Lin and Smyth do: ends to the back, starts to the front, otherwise whoever calls most more than he is called. */
function callersFirst(names: readonly string[], edges: readonly GraphEdge[]): string[] {
  const left = new Set(names);
  const degrees = (name: string) => {
    let out = 0;
    let into = 0;
    for (const { from, to } of edges) {
      if (from === name && left.has(to)) out += 1;
      if (to === name && left.has(from)) into += 1;
    }
    return { out, into };
  };
  const front: string[] = [];
  const back: string[] = [];
  while (left.size > 0) {
    const known = [...left].map((name) => ({ name, ...degrees(name) }));
    const end = known.find(({ out }) => out === 0);
    const start = known.find(({ into }) => into === 0);
    const next = end ?? start ?? known.reduce((best, one) => (one.out - one.into > best.out - best.into ? one : best));
    left.delete(next.name);
    if (next === end) back.unshift(next.name);
    else front.push(next.name);
  }
  return [...front, ...back];
}

/** The longest way to each; then those that start a way come as near to what they call as they can. */
function layersOf(names: readonly string[], edges: readonly GraphEdge[]): Map<string, number> {
  const layers = new Map(names.map((name) => [name, 0]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const { from, to } of edges) {
      const least = layers.get(from)! + 1;
      if (layers.get(to)! >= least) continue;
      layers.set(to, least);
      changed = true;
    }
  }
  for (const name of names) {
    if (edges.some(({ to }) => to === name)) continue;
    const called = edges.filter(({ from }) => from === name).map(({ to }) => layers.get(to)!);
    if (called.length > 0) layers.set(name, called.reduce((a, b) => Math.min(a, b)) - 1);
  }
  return layers;
}

/** Links two nodes through a bend in each layer between, and returns the bends. */
function chain(vertices: Map<string, Vertex>, from: string, to: string): Vertex[] {
  const [first, last] = [vertices.get(from)!, vertices.get(to)!];
  const between: Vertex[] = [];
  let before = first;
  for (let layer = first.layer + 1; layer < last.layer; layer++) {
    const bend: Vertex = { id: keyOf(from, to) + layer, layer, before: [before], after: [], y: 0 };
    vertices.set(bend.id, bend);
    before.after.push(bend);
    between.push(bend);
    before = bend;
  }
  before.after.push(last);
  last.before.push(before);
  return between;
}

const SWEEPS = 12;

/** Moves rows towards the middle of their neighbours, without changing the order or coming nearer than 1. */
function settle(rows: Vertex[][]): void {
  for (const row of rows) row.forEach((vertex, i) => (vertex.y = i - (row.length - 1) / 2));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : rows.toReversed()) {
      const wanted = row.map((vertex) => middle((down ? vertex.before : vertex.after).map((one) => one.y)) ?? vertex.y);
      spread(row, wanted);
    }
  }
}

const middle = (values: number[]) => (values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length);

/** The places nearest to the wanted ones that keep order and distance: runs that would overlap share their mean. */
function spread(row: Vertex[], wanted: number[]): void {
  const runs: { start: number; size: number; sum: number }[] = [];
  wanted.forEach((want, i) => {
    let run = { start: i, size: 1, sum: want - i };
    for (let last = runs.at(-1); last && last.sum / last.size > run.sum / run.size; last = runs.at(-1)) {
      runs.pop();
      run = { start: last.start, size: last.size + run.size, sum: last.sum + run.sum };
    }
    runs.push(run);
  });
  for (const { start, size, sum } of runs) for (let i = start; i < start + size; i++) row[i].y = sum / size + i;
}

function pointsOf({ from, to }: GraphEdge, nodes: ReadonlyMap<string, Point>, bends: ReadonlyMap<string, Vertex[]>, at: (vertex: Vertex) => Point): Point[] {
  const ahead = bends.get(keyOf(from, to));
  const between = ahead ?? bends.get(keyOf(to, from))?.toReversed() ?? [];
  return [nodes.get(from)!, ...between.map(at), nodes.get(to)!];
}
