//! Which columns a row has, in which order: paths through a tree whose every step is a column.
//!
//! A row being built walks down from the root. Each node remembers the child that was taken last, as the guess for the next
//! row; other children are found by hash. A node at which a row has ended has a shape: its path as a list.

use std::collections::HashMap;

/// A node of the tree; the root is where each row begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Step(u32);

/// The shapes of all rows.
#[derive(Debug, Clone)]
pub(super) struct Shapes {
    nodes: Vec<Node>,
    /// A node and a column, and the child that they lead to.
    children: HashMap<(Step, u32), Step, foldhash::fast::RandomState>,
    /// The columns of all shapes, one shape behind the other.
    lists: Vec<u32>,
    /// Where each shape's list ends.
    ends: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: Step,
    /// The column that led here.
    column: u32,
    /// Columns from the root to here.
    depth: u32,
    /// The child taken last; the root, which is no child, where none was.
    next: Step,
    shape: Option<u32>,
}

impl Default for Shapes {
    fn default() -> Self {
        let root = Node { parent: Step(0), column: 0, depth: 0, next: Step(0), shape: None };
        Self { nodes: vec![root], children: HashMap::default(), lists: Vec::new(), ends: Vec::new() }
    }
}

impl Shapes {
    /// Where the last row went from here, and by which column.
    #[inline]
    pub(super) fn guess(&self, from: Step) -> Option<(u32, Step)> {
        let next = self.nodes[from.0 as usize].next;
        (next != Step::default()).then(|| (self.nodes[next.0 as usize].column, next))
    }

    /// Goes on by a column.
    pub(super) fn step(&mut self, from: Step, column: u32) -> Step {
        let new = Step(self.nodes.len() as u32);
        let to = *self.children.entry((from, column)).or_insert(new);
        if to == new {
            let depth = self.nodes[from.0 as usize].depth + 1;
            self.nodes.push(Node { parent: from, column, depth, next: Step::default(), shape: None });
        }
        self.nodes[from.0 as usize].next = to;
        to
    }

    /// The shape of a row that ends here, and how many columns it has.
    #[inline]
    pub(super) fn end(&mut self, at: Step) -> (u32, u32) {
        let node = self.nodes[at.0 as usize];
        (node.shape.unwrap_or_else(|| self.add_shape(at)), node.depth)
    }

    #[cold]
    fn add_shape(&mut self, at: Step) -> u32 {
        let shape = self.ends.len() as u32;
        let start = self.lists.len();
        let mut node = at;
        while node != Step::default() {
            let Node { parent, column, .. } = self.nodes[node.0 as usize];
            self.lists.push(column);
            node = parent;
        }
        self.lists[start..].reverse();
        self.ends.push(self.lists.len() as u32);
        self.nodes[at.0 as usize].shape = Some(shape);
        shape
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The columns of a shape, in order.
    #[inline]
    pub(super) fn columns(&self, shape: u32) -> &[u32] {
        let shape = shape as usize;
        let start = if shape == 0 { 0 } else { self.ends[shape - 1] as usize };
        &self.lists[start..self.ends[shape] as usize]
    }

    /// Bytes in memory, roughly.
    pub(super) fn memory(&self) -> usize {
        let of_node = size_of::<Node>() + 2 * size_of::<((Step, u32), Step)>();
        self.nodes.len() * of_node + (self.lists.len() + self.ends.len()) * size_of::<u32>()
    }
}
