//! Samples as a stream: memory tables and parts are read side by side, in order of labels, and of what they know of one series its
//! samples are put together before the next one is read. What is held is the samples of one series.
//!
//! Sources are asked the oldest first, so that of equal times what was written later stays.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Selector;
use super::gather::{Strings, in_order};
use super::part::{Cursor, Pair};
use super::query::{Memories, STEP};
use super::registry::Generation;
use crate::{Labels, NativeHistogram, SeriesView, StoreError, VisitSeries};

/// So few series of memory tables are sorted for a query; more are taken in the order that a flush would take them.
const SORTED_HERE: u64 = 4096;
/// So many strings of labels are kept, each once; then all are forgotten.
const KEPT_STRINGS: usize = 1 << 16;

/// Calls `visit` with each series of these parts and memory tables.
pub(super) fn scan(
    mut parts: Vec<Cursor<'_>>,
    memories: &Memories<'_>,
    selector: &Selector,
    visit: &mut VisitSeries<'_>,
) -> Result<(), StoreError> {
    let mut memory = InMemory::new(memories, selector);
    let (mut floats, mut histograms) = (Vec::new(), Vec::new());
    let mut chosen = Vec::new();
    loop {
        let Some((labels, in_memory)) = lowest(&parts, memory.labels(), &mut chosen) else { return Ok(()) };
        floats.clear();
        histograms.clear();
        for at in &chosen {
            parts[*at].read(&mut floats, &mut histograms)?;
            parts[*at].next()?;
        }
        if in_memory {
            memory.read(&mut floats, &mut histograms);
            memory.next();
        }
        in_order(&mut floats);
        in_order(&mut histograms);
        if floats.is_empty() && histograms.is_empty() {
            continue;
        }
        let series = SeriesView { labels: &labels, floats: &floats, histograms: &histograms };
        if let ControlFlow::Break(()) = visit(series) {
            return Ok(());
        }
    }
}

/// The lowest labels that a source is at, which parts are there, and whether memory is; none at the end of all.
fn lowest(parts: &[Cursor<'_>], in_memory: Option<&[Pair]>, chosen: &mut Vec<usize>) -> Option<(Labels, bool)> {
    chosen.clear();
    let mut lowest: Option<&[Pair]> = None;
    for (at, part) in parts.iter().enumerate() {
        let Some(labels) = part.labels() else { continue };
        match lowest.map_or(Ordering::Less, |lowest| labels.cmp(lowest)) {
            Ordering::Less => {
                chosen.clear();
                chosen.push(at);
                lowest = Some(labels);
            }
            Ordering::Equal => chosen.push(at),
            Ordering::Greater => {}
        }
    }
    let order = match (in_memory, lowest) {
        (Some(in_memory), Some(lowest)) => in_memory.cmp(lowest),
        (Some(_), None) => Ordering::Less,
        (None, _) => Ordering::Greater,
    };
    if order == Ordering::Less {
        chosen.clear();
    }
    let labels = if order == Ordering::Greater { lowest } else { in_memory };
    labels.map(|labels| (Labels::from_sorted(labels), order != Ordering::Greater))
}

/// Stands at a series of the memory tables, or at their end.
struct InMemory<'a> {
    memories: &'a Memories<'a>,
    /// Numbers mean the same series as long as this is held.
    _held: Generation,
    /// Those to come, in order of labels.
    numbers: std::vec::IntoIter<u32>,
    /// The next ones of them, the very next one last.
    named: Vec<(u32, Vec<Pair>)>,
    strings: Strings,
}

impl<'a> InMemory<'a> {
    fn new(memories: &'a Memories<'a>, selector: &Selector) -> Self {
        let held = memories.registry.hold();
        let present = memories.present(selector);
        let mut all = Self {
            memories,
            _held: held,
            numbers: Vec::new().into_iter(),
            named: Vec::new(),
            strings: Strings::default(),
        };
        if present.len() <= SORTED_HERE {
            let numbers: Vec<u32> = present.iter().collect();
            numbers.chunks(STEP).for_each(|some| all.name(some));
            all.named.sort_unstable_by(|a, b| b.1.cmp(&a.1));
        } else {
            all.numbers = memories.registry.sorted(&present).into_iter();
            all.name_next();
        }
        all
    }

    fn labels(&self) -> Option<&[Pair]> {
        self.named.last().map(|(_, labels)| labels.as_slice())
    }

    fn next(&mut self) {
        self.named.pop();
        if self.named.is_empty() {
            self.name_next();
        }
    }

    /// Appends the samples of the series it is at.
    fn read(&self, floats: &mut Vec<(i64, f64)>, histograms: &mut Vec<(i64, Arc<NativeHistogram>)>) {
        let Some((number, _)) = self.named.last() else { return };
        let (start, end) = (self.memories.start, self.memories.end);
        for memory in &self.memories.tables {
            memory.floats(*number, start, end, floats);
            memory.extras(*number, |extras| {
                let within = extras.histograms.iter().filter(|(time, _)| (start..=end).contains(time));
                histograms.extend(within.cloned());
            });
        }
    }

    fn name_next(&mut self) {
        let next: Vec<u32> = self.numbers.by_ref().take(STEP).collect();
        self.name(&next);
        self.named.reverse();
    }

    /// Looks up the labels of a few series under one lock.
    fn name(&mut self, numbers: &[u32]) {
        if self.strings.len() > KEPT_STRINGS {
            self.strings.clear();
        }
        let index = self.memories.registry.index();
        let mut labels = Vec::new();
        for number in numbers {
            index.labels_of(*number, &mut labels);
            let pairs = labels.iter().map(|(name, value)| (self.strings.get(name), self.strings.get(value)));
            self.named.push((*number, pairs.collect()));
        }
    }
}
