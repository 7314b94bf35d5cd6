//! What is known of each series by its number: its labels, and which series have a label.
//!
//! A label, name and value, is a number too; a series is a list of those, four bytes each. A million series of ten labels
//! take about 120 MB, strings included.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};
use roaring::RoaringBitmap;

use super::postings::Postings;
use super::symbols::{Symbol, Symbols};

/// A label's number.
type LabelId = u32;

#[derive(Debug, Default)]
pub(crate) struct Index {
    hasher: RandomState,
    pub(super) symbols: Symbols,
    labels: Vec<Label>,
    free_labels: Vec<LabelId>,
    by_pair: HashTable<LabelId>,
    /// The labels of a name.
    by_name: HashMap<Symbol, Vec<LabelId>, RandomState>,
    series: Vec<Place>,
    lists: Lists,
    pub(super) all: RoaringBitmap,
}

#[derive(Debug)]
pub(super) struct Label {
    pub(super) name: Symbol,
    pub(super) value: Symbol,
    /// Its place among those of its name.
    place: u32,
    pub(super) series: Postings,
}

/// Where the labels of a series stand.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: u32,
    len: u16,
}

impl Index {
    /// How many series there are.
    pub(super) fn len(&self) -> u64 {
        self.all.len()
    }

    /// The labels of a series, sorted by name, put into `labels`; of a series that is gone none.
    pub(crate) fn labels_of<'a>(&'a self, series: u32, labels: &mut Vec<(&'a str, &'a str)>) {
        labels.clear();
        let Some(place) = self.series.get(series as usize) else { return };
        labels.extend(self.lists.get(*place).iter().map(|label| {
            let label = &self.labels[*label as usize];
            (self.symbols.get(label.name), self.symbols.get(label.value))
        }));
    }

    /// How two series are sorted by their labels.
    pub(super) fn compare(&self, one: u32, other: u32) -> std::cmp::Ordering {
        let list = |series: u32| self.lists.get(self.series[series as usize]);
        let (one, other) = (list(one), list(other));
        let differs = one.iter().zip(other).find(|(a, b)| a != b);
        differs.map_or(one.len().cmp(&other.len()), |(a, b)| {
            let (a, b) = (&self.labels[*a as usize], &self.labels[*b as usize]);
            let names = self.symbols.get(a.name).cmp(self.symbols.get(b.name));
            names.then_with(|| self.symbols.get(a.value).cmp(self.symbols.get(b.value)))
        })
    }

    /// A series' value of a label; empty when it does not have it.
    pub(super) fn value(&self, series: u32, name: Symbol) -> &str {
        let labels = self.lists.get(self.series[series as usize]);
        let label = labels.iter().map(|label| &self.labels[*label as usize]).find(|label| label.name == name);
        label.map_or("", |label| self.symbols.get(label.value))
    }

    /// Adds a series under a number that is not in use; false when there is no more room for its strings.
    pub(super) fn insert(&mut self, series: u32, labels: &[(&str, &str)]) -> bool {
        let mut list = Vec::with_capacity(labels.len());
        for (name, value) in labels {
            let Some(label) = self.hold(name, value, series) else {
                list.into_iter().for_each(|label| self.release(label, series));
                return false;
            };
            list.push(label);
        }
        if self.series.len() <= series as usize {
            self.series.resize(series as usize + 1, Place::default());
        }
        self.series[series as usize] = self.lists.insert(&list);
        self.all.insert(series);
        true
    }

    pub(super) fn remove(&mut self, series: u32) {
        if !self.all.remove(series) {
            return;
        }
        let place = std::mem::take(&mut self.series[series as usize]);
        for label in self.lists.get(place).to_vec() {
            self.release(label, series);
        }
        self.lists.remove(place);
    }

    fn hold(&mut self, name: &str, value: &str, series: u32) -> Option<LabelId> {
        if let Some(label) = self.find(name, value) {
            self.labels[label as usize].series.insert(series);
            return Some(label);
        }
        let name = self.symbols.hold(name)?;
        let Some(value) = self.symbols.hold(value) else {
            self.symbols.release(name);
            return None;
        };
        let of_name = self.by_name.entry(name).or_default();
        let new = Label { name, value, place: of_name.len() as u32, series: Postings::One(series) };
        let id = if let Some(id) = self.free_labels.pop() {
            self.labels[id as usize] = new;
            id
        } else {
            self.labels.push(new);
            self.labels.len() as u32 - 1
        };
        of_name.push(id);
        let (hasher, labels) = (&self.hasher, &self.labels);
        let hash = |id: &LabelId| hasher.hash_one((labels[*id as usize].name, labels[*id as usize].value));
        self.by_pair.insert_unique(hash(&id), id, hash);
        Some(id)
    }

    fn release(&mut self, id: LabelId, series: u32) {
        let label = &mut self.labels[id as usize];
        if !label.series.remove(series) {
            return;
        }
        let (name, value, place) = (label.name, label.value, label.place);
        if let Some(of_name) = self.by_name.get_mut(&name) {
            of_name.swap_remove(place as usize);
            if let Some(moved) = of_name.get(place as usize) {
                self.labels[*moved as usize].place = place;
            }
            if of_name.is_empty() {
                self.by_name.remove(&name);
            }
        }
        if let Ok(found) = self.by_pair.find_entry(self.hasher.hash_one((name, value)), |known| *known == id) {
            found.remove();
        }
        self.labels[id as usize].series = Postings::List(Vec::new());
        self.free_labels.push(id);
        self.symbols.release(name);
        self.symbols.release(value);
    }

    fn find(&self, name: &str, value: &str) -> Option<LabelId> {
        let (name, value) = (self.symbols.find(name)?, self.symbols.find(value)?);
        let same = |id: &LabelId| self.labels[*id as usize].name == name && self.labels[*id as usize].value == value;
        self.by_pair.find(self.hasher.hash_one((name, value)), same).copied()
    }

    /// A label that some series has.
    pub(super) fn label(&self, name: &str, value: &str) -> Option<&Label> {
        self.find(name, value).map(|id| &self.labels[id as usize])
    }

    /// The labels of a name.
    pub(super) fn labels_named(&self, name: &str) -> impl Iterator<Item = &Label> {
        let ids = self.symbols.find(name).and_then(|name| self.by_name.get(&name)).map_or(&[][..], Vec::as_slice);
        ids.iter().map(|id| &self.labels[*id as usize])
    }

    /// How many labels a name has.
    pub(super) fn count_named(&self, name: &str) -> u64 {
        self.symbols.find(name).and_then(|name| self.by_name.get(&name)).map_or(0, |ids| ids.len() as u64)
    }

    /// Names with their labels.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &Label>)> {
        self.by_name
            .iter()
            .map(|(name, ids)| (self.symbols.get(*name), ids.iter().map(|id| &self.labels[*id as usize])))
    }

    /// Calls `with` for each name that some of these series have.
    pub(crate) fn names_of(&self, series: &RoaringBitmap, mut with: impl FnMut(&str)) {
        for (name, mut labels) in self.names() {
            if labels.any(|label| label.series.meets(series)) {
                with(name);
            }
        }
    }

    /// Calls `with` for each value that a label has in some of these series.
    pub(crate) fn values_of(&self, name: &str, series: &RoaringBitmap, mut with: impl FnMut(&str)) {
        for label in self.labels_named(name).filter(|label| label.series.meets(series)) {
            with(self.symbols.get(label.value));
        }
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        let of_names: usize = self.by_name.values().map(|ids| 48 + ids.capacity() * size_of::<LabelId>()).sum();
        let postings: usize = self.labels.iter().map(|label| label.series.memory()).sum();
        self.symbols.memory()
            + self.labels.capacity() * size_of::<Label>()
            + self.free_labels.capacity() * size_of::<LabelId>()
            + self.by_pair.allocation_size()
            + of_names
            + postings
            + self.series.capacity() * size_of::<Place>()
            + self.lists.memory()
            + self.all.serialized_size()
    }
}

/// Lists of labels, one behind the other; places that were given back are used again for lists of the same length.
#[derive(Debug, Default)]
struct Lists {
    all: Vec<LabelId>,
    free: HashMap<u16, Vec<u32>, RandomState>,
}

impl Lists {
    fn get(&self, place: Place) -> &[LabelId] {
        &self.all[place.start as usize..][..place.len as usize]
    }

    fn insert(&mut self, list: &[LabelId]) -> Place {
        let len = list.len() as u16;
        if let Some(start) = self.free.get_mut(&len).and_then(Vec::pop) {
            self.all[start as usize..][..list.len()].copy_from_slice(list);
            return Place { start, len };
        }
        let start = self.all.len() as u32;
        self.all.extend_from_slice(list);
        Place { start, len }
    }

    fn remove(&mut self, place: Place) {
        if place.len > 0 {
            self.free.entry(place.len).or_default().push(place.start);
        }
    }

    fn memory(&self) -> usize {
        let free: usize = self.free.values().map(|starts| 32 + starts.capacity() * size_of::<u32>()).sum();
        self.all.capacity() * size_of::<LabelId>() + free
    }
}
