//! Rows in order of time, and the walk over many such lists from the newest row to the oldest.
//!
//! Twelve bytes a row, padded to sixteen. Rows mostly come in order; late ones are sorted in with the batch they came with,
//! at a cost of the rows that are newer than they.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use crate::Window;

/// A row's time and number.
pub(crate) type Entry = (u64, u32);

/// Rows in order of time, of equal times in order of their number.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    entries: Vec<Entry>,
    /// The first so many are in order.
    sorted: usize,
}

impl Timeline {
    /// Adds a row; [`Self::settle`] must follow before the next query.
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.sorted == self.entries.len() && self.entries.last().is_none_or(|last| *last < entry) {
            self.sorted += 1;
        }
        self.entries.push(entry);
    }

    /// Sorts in what was pushed out of order.
    pub(crate) fn settle(&mut self) {
        let Some(earliest) = self.entries.get(self.sorted..).and_then(|late| late.iter().min().copied()) else {
            return;
        };
        let from = self.entries[..self.sorted].partition_point(|entry| *entry < earliest);
        #[expect(
            clippy::stable_sort_primitive,
            reason = "it finds the runs that are in order already and merges them"
        )]
        self.entries[from..].sort();
        self.sorted = self.entries.len();
    }

    /// The rows within a window.
    pub(crate) fn within(&self, window: Window) -> &[Entry] {
        let from = self.entries.partition_point(|(time, _)| *time < window.start);
        let to = self.entries.partition_point(|(time, _)| *time <= window.end);
        self.entries.get(from..to).unwrap_or_default()
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

/// A list to walk over: which it is, by a number that stays the same from one walk to the next, and its rows.
pub(crate) type List<'a> = (u64, &'a [Entry]);

/// A place in a walk: time, list, row.
pub(crate) type Position = (u64, u64, u32);

/// Visits the rows of all lists from the newest to the oldest, only those older than `before` if that is given, until `visit`
/// breaks. Costs the logarithm of the number of lists a row.
pub(crate) fn walk(
    lists: &[List<'_>],
    before: Option<Position>,
    mut visit: impl FnMut(Position, usize) -> ControlFlow<()>,
) {
    let older = |id: u64, entries: &[Entry]| match before {
        Some(before) => entries.partition_point(|(time, row)| (*time, id, *row) < before),
        None => entries.len(),
    };
    let mut heads: BinaryHeap<(Position, usize, usize)> = BinaryHeap::with_capacity(lists.len());
    let push = |heads: &mut BinaryHeap<_>, at: usize, left: usize| {
        let (id, entries) = lists[at];
        if let Some((time, row)) = left.checked_sub(1).map(|last| entries[last]) {
            heads.push(((time, id, row), at, left - 1));
        }
    };
    for (at, (id, entries)) in lists.iter().enumerate() {
        push(&mut heads, at, older(*id, entries));
    }
    while let Some((position, at, left)) = heads.pop() {
        if visit(position, at).is_break() {
            return;
        }
        push(&mut heads, at, left);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_walk_in_parts_visits_every_row_of_the_window_newest_first(
            batches in prop::collection::vec(prop::collection::vec((0usize..3, 0u64..50), 0..20), 0..6), part in 1usize..10, start in 0u64..50, end in 0u64..50,
        ) {
            let window = Window { start, end };
            let mut timelines: [Timeline; 3] = Default::default();
            let mut expected = Vec::new();
            for (row, (list, time)) in batches.iter().flat_map(|batch| batch.iter()).enumerate() {
                timelines[*list].push((*time, row as u32));
                if window.contains(*time) {
                    expected.push((*time, *list as u64, row as u32));
                }
                if row % 7 == 0 {
                    timelines.iter_mut().for_each(Timeline::settle);
                }
            }
            timelines.iter_mut().for_each(Timeline::settle);
            expected.sort_unstable_by(|a, b| b.cmp(a));

            let lists: Vec<List<'_>> = timelines.iter().enumerate().map(|(id, timeline)| (id as u64, timeline.within(window))).collect();
            let (mut visited, mut before) = (Vec::new(), None);
            loop {
                let len = visited.len();
                walk(&lists, before, |position, at| {
                    assert_eq!(lists[at].0, position.1);
                    visited.push(position);
                    before = Some(position);
                    if visited.len() == len + part { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
                if visited.len() == len {
                    break;
                }
            }
            prop_assert_eq!(visited, expected);
        }
    }
}
