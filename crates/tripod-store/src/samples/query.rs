//! Questions: memory tables and parts asked with the same matchers, the oldest first, and their answers put together.
//!
//! Memory tables are asked by numbers of the registry, which one look at its postings gives for all of them; a query holds the
//! registry's generation, so that a number means one series throughout. No lock is held longer than it takes to copy the
//! samples of a series or the labels of a few.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::memory::{Memory, same};
use super::registry::Registry;
use super::{Gathered, Selector};
use crate::{Exemplar, Labels, Metadata, SeriesExemplars};

/// So many series are looked up under one lock.
pub(super) const STEP: usize = 256;

/// The memory tables of a view, and what names their series.
#[derive(Debug)]
pub(super) struct Memories<'a> {
    pub(super) registry: &'a Registry,
    pub(super) tables: Vec<&'a Memory>,
    pub(super) start: i64,
    pub(super) end: i64,
}

impl<'a> Memories<'a> {
    /// Those that may have something from `start` to `end`.
    pub(super) fn new(registry: &'a Registry, tables: &'a [Arc<Memory>], start: i64, end: i64) -> Self {
        let tables = tables.iter().map(Arc::as_ref).filter(|memory| memory.meets(start, end)).collect();
        Self { registry, tables, start, end }
    }

    /// The series that satisfy a selector and have samples.
    pub(super) fn series(&self, selector: &Selector, gathered: &mut Gathered<()>) {
        let has_samples = |number| self.tables.iter().any(|memory| memory.has_samples(number, self.start, self.end));
        self.each(selector, gathered, |number| has_samples(number).then_some(()), |(), ()| {});
    }

    /// The exemplars of the series that satisfy a selector.
    pub(super) fn exemplars(&self, selector: &Selector, gathered: &mut Gathered<Vec<Exemplar>>) {
        self.each(
            selector,
            gathered,
            |number| {
                let mut exemplars = Vec::new();
                for memory in &self.tables {
                    memory.extras(number, |extras| {
                        let within = extras.exemplars.iter().filter(|it| (self.start..=self.end).contains(&it.time));
                        exemplars.extend(within.cloned());
                    });
                }
                (!exemplars.is_empty()).then_some(exemplars)
            },
            |all, mut exemplars| all.append(&mut exemplars),
        );
    }

    /// Looks at each series that satisfies a selector, and adds what there is of it to what was gathered.
    fn each<T, U: Default>(
        &self,
        selector: &Selector,
        gathered: &mut Gathered<U>,
        look: impl Fn(u32) -> Option<T>,
        add: impl Fn(&mut U, T),
    ) {
        let _held = self.registry.hold();
        let candidates = self.present(selector);
        let mut found = Vec::with_capacity(STEP);
        let mut candidates = candidates.iter();
        loop {
            found.extend(candidates.by_ref().filter_map(|number| Some((number, look(number)?))).take(STEP));
            if found.is_empty() {
                return;
            }
            let index = self.registry.index();
            let mut labels = Vec::new();
            for (number, it) in found.drain(..) {
                index.labels_of(number, &mut labels);
                add(gathered.series(&labels), it);
            }
        }
    }

    /// The series that satisfy a selector and are in a table.
    pub(super) fn present(&self, selector: &Selector) -> RoaringBitmap {
        if self.tables.is_empty() {
            return RoaringBitmap::new();
        }
        let present = self.tables.iter().fold(RoaringBitmap::new(), |all, memory| all | memory.present());
        if selector.matchers.is_empty() { present } else { present & self.registry.index().select(selector) }
    }

    /// The names of labels of series that satisfy a selector.
    pub(super) fn label_names(&self, selector: &Selector, names: &mut BTreeSet<String>) {
        let _held = self.registry.hold();
        let present = self.present(selector);
        self.registry.index().names_of(&present, |name| {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        });
    }

    /// The values that a label has in series that satisfy a selector.
    pub(super) fn label_values(&self, name: &str, selector: &Selector, values: &mut BTreeSet<String>) {
        let _held = self.registry.hold();
        let present = self.present(selector);
        self.registry.index().values_of(name, &present, |value| {
            if !values.contains(value) {
                values.insert(value.to_owned());
            }
        });
    }

    /// What is known of metric families; what was said later stays.
    pub(super) fn metadata(tables: &[Arc<Memory>], metadata: &mut BTreeMap<String, Metadata>) {
        for memory in tables {
            let described = memory.metadata().into_iter();
            metadata.extend(described.map(|(family, it)| (family.to_string(), it.as_ref().clone())));
        }
    }

    /// The newest float of a series.
    pub(super) fn last(&self, labels: &Labels) -> Option<(i64, f64)> {
        let held = self.registry.hold();
        let pairs: Vec<_> = labels.iter().collect();
        let number = self.registry.find(&pairs, *held)?;
        // Of equal times the later table's is meant, which `max_by_key` returns.
        self.tables.iter().filter_map(|memory| memory.last(number)).max_by_key(|(time, _)| *time)
    }
}

/// Exemplars out of what was gathered, each once.
pub(super) fn exemplars(gathered: Gathered<Vec<Exemplar>>) -> Vec<SeriesExemplars> {
    let put_in_order = |(labels, mut exemplars): (Labels, Vec<Exemplar>)| {
        exemplars.sort_by_key(|exemplar| exemplar.time);
        let mut each: Vec<Exemplar> = Vec::with_capacity(exemplars.len());
        for exemplar in exemplars {
            let mut same_time = each.iter().rev().take_while(|known| known.time == exemplar.time);
            if !same_time.any(|known| same(known, &exemplar)) {
                each.push(exemplar);
            }
        }
        SeriesExemplars { labels, exemplars: each }
    };
    gathered.into_sorted().into_iter().map(put_in_order).filter(|found| !found.exemplars.is_empty()).collect()
}
