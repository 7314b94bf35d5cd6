/**
 * Two traces, compared by their structure: spans with the same path of services and operations from the root are one node on each
 * side, so that a request of today stands beside one of yesterday although no id is the same.
 */
import { FAILED, type Trace } from "./trace";

/** What one side has at a node. */
export interface Side {
  spans: number;
  errors: number;
  total: number;
  self: number;
  /** Key of its first span, "" where there is none. */
  key: string;
}

export type Change = "same" | "added" | "removed" | "changed";

export interface DiffNode {
  service: string;
  operation: string;
  depth: number;
  /** How many nodes are below; they follow at once. */
  below: number;
  a: Side;
  b: Side;
  change: Change;
}

/** Shares of the first side's time below this are noise. */
const NOISE = 0.05;

export const totalChange = ({ a, b }: DiffNode) => b.total - a.total;
export const selfChange = ({ a, b }: DiffNode) => b.self - a.self;

/** Depth first, siblings by when they first began on either side. */
export function compareTraces(a: Trace, b: Trace): DiffNode[] {
  const tree = new PathTree();
  tree.add(a, "a");
  tree.add(b, "b");
  return tree.flatten();
}

interface PathNode {
  service: string;
  operation: string;
  first: number;
  children: Map<string, PathNode>;
  a: Side;
  b: Side;
}

const emptySide = (): Side => ({ spans: 0, errors: 0, total: 0, self: 0, key: "" });
const newNode = (service: string, operation: string): PathNode => ({ service, operation, first: Infinity, children: new Map(), a: emptySide(), b: emptySide() });

class PathTree {
  readonly #root = newNode("", "");

  add(trace: Trace, side: "a" | "b"): void {
    const nodes: PathNode[] = [];
    for (let row = 0; row < trace.size; row++) {
      const parent = trace.parent[row] < 0 ? this.#root : nodes[trace.parent[row]];
      const service = trace.services[trace.service[row]].name;
      const operation = trace.operations[trace.operation[row]];
      const path = `${service}\n${operation}`;
      let node = parent.children.get(path);
      if (!node) parent.children.set(path, (node = newNode(service, operation)));
      nodes[row] = node;
      node.first = Math.min(node.first, trace.start[row]);
      const sums = node[side];
      if (sums.spans === 0) sums.key = trace.keys[row];
      sums.spans += 1;
      sums.errors += trace.flags[row] & FAILED;
      sums.total += trace.duration[row];
      sums.self += trace.self[row];
    }
  }

  flatten(): DiffNode[] {
    const found: DiffNode[] = [];
    const stack = inOrder(this.#root).map((node) => ({ node, depth: 0 }));
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { node, depth } = next;
      const { service, operation, a, b } = node;
      found.push({ service, operation, depth, below: 0, a, b, change: changeOf(a, b) });
      for (const child of inOrder(node)) stack.push({ node: child, depth: depth + 1 });
    }
    countBelow(found);
    return found;
  }
}

/** The last first, as they go on a stack. */
const inOrder = (node: PathNode) => [...node.children.values()].sort((x, y) => y.first - x.first);

function changeOf(a: Side, b: Side): Change {
  if (a.spans === 0) return "added";
  if (b.spans === 0) return "removed";
  const moved = Math.abs(b.total - a.total) > Math.max(a.total, b.total) * NOISE;
  return moved || a.spans !== b.spans || a.errors !== b.errors ? "changed" : "same";
}

/** From the last on: what is below a node was counted when the node comes. */
function countBelow(nodes: DiffNode[]): void {
  for (let i = nodes.length - 1; i >= 0; i--) {
    let below = 0;
    for (let child = i + 1; child < nodes.length && nodes[child].depth > nodes[i].depth; child += nodes[child].below + 1) below += nodes[child].below + 1;
    nodes[i].below = below;
  }
}

/** Nodes that differ, with those above them, so that one sees where they are. */
export function changedNodes(nodes: readonly DiffNode[]): DiffNode[] {
  const keep: boolean[] = [];
  /** A node of less depth is above the one that was kept last. */
  let wanted = 0;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { depth, change } = nodes[i];
    keep[i] = change !== "same" || depth < wanted;
    if (keep[i]) wanted = depth;
  }
  return nodes.filter((_, i) => keep[i]);
}

/** Where self time changed most comes first: what is above it changed only because of it. */
export const byChange = (nodes: readonly DiffNode[]) =>
  nodes.filter((node) => node.change !== "same").sort((x, y) => Math.abs(selfChange(y)) - Math.abs(selfChange(x)));
