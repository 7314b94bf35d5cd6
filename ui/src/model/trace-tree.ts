/** The order in which a tree is shown: depth first, siblings by start. No recursion, as a trace may be a chain. */

export interface TreeOrder {
  /** Which input each row is. */
  order: Uint32Array;
  /** By row; -1 for roots. */
  parent: Int32Array;
  depth: Int32Array;
  below: Int32Array;
  /** Inputs that were cut from their parent, as the two were each other's ancestors. */
  cut: Set<number>;
}

/** `parents` has an input's parent or -1; an input must not be its own. */
export function orderTree(parents: Int32Array, starts: Float64Array): TreeOrder {
  const size = parents.length;
  const { firstChild, nextSibling, roots } = siblings(parents, byStart(starts));
  const tree: TreeOrder = {
    order: new Uint32Array(size),
    parent: new Int32Array(size),
    depth: new Int32Array(size),
    below: new Int32Array(size),
    cut: new Set(),
  };
  const rowOf = new Int32Array(size).fill(-1);
  // One more than there are inputs: one that is cut waits as a child of its own descendants, too.
  const stack = new Int32Array(size + 1);
  let rows = 0;
  const walk = (from: number) => {
    let top = 0;
    stack[top++] = from;
    for (let isRoot = true; top > 0; isRoot = false) {
      const at = stack[--top];
      if (!isRoot && nextSibling[at] >= 0) stack[top++] = nextSibling[at];
      if (rowOf[at] >= 0) continue;
      const row = rows++;
      const parent = isRoot ? -1 : rowOf[parents[at]];
      rowOf[at] = row;
      tree.order[row] = at;
      tree.parent[row] = parent;
      tree.depth[row] = parent < 0 ? 0 : tree.depth[parent] + 1;
      if (firstChild[at] >= 0) stack[top++] = firstChild[at];
    }
  };
  for (let root = roots; root >= 0; root = nextSibling[root]) walk(root);
  // What hangs on no root hangs on itself: shown as a root, cut at the first seen.
  for (let at = 0; at < size && rows < size; at++) {
    if (rowOf[at] >= 0) continue;
    tree.cut.add(at);
    walk(at);
  }
  for (let row = size - 1; row > 0; row--) if (tree.parent[row] >= 0) tree.below[tree.parent[row]] += tree.below[row] + 1;
  return tree;
}

/** Inputs by start; most come that way, and then nothing is sorted. */
function byStart(starts: Float64Array): Uint32Array {
  const order = Uint32Array.from(starts, (_, i) => i);
  for (let i = 1; i < starts.length; i++) if (starts[i] < starts[i - 1]) return order.sort((a, b) => starts[a] - starts[b] || a - b);
  return order;
}

function siblings(parents: Int32Array, order: Uint32Array): { firstChild: Int32Array; nextSibling: Int32Array; roots: number } {
  const firstChild = new Int32Array(parents.length).fill(-1);
  const nextSibling = new Int32Array(parents.length).fill(-1);
  let roots = -1;
  for (let i = order.length - 1; i >= 0; i--) {
    const at = order[i];
    const parent = parents[at];
    nextSibling[at] = parent < 0 ? roots : firstChild[parent];
    if (parent < 0) roots = at;
    else firstChild[parent] = at;
  }
  return { firstChild, nextSibling, roots };
}
