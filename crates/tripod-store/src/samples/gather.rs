//! One answer out of many sources: what memory tables and parts say of the same series comes together by its labels.
//!
//! Sources are asked the oldest first, and each adds to what is there already. Labels are made once a series, however many
//! sources know it, and each string once.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use crate::Labels;

/// Something for each series: its samples, its exemplars, or nothing but that it is there.
#[derive(Debug)]
pub(crate) struct Gathered<T> {
    hasher: RandomState,
    places: HashTable<u32>,
    series: Vec<(Labels, T)>,
    strings: Strings,
}

/// Strings, each once.
#[derive(Debug, Default)]
pub(super) struct Strings {
    hasher: RandomState,
    known: HashTable<Arc<str>>,
}

impl Strings {
    /// The one string of this text.
    pub(super) fn get(&mut self, text: &str) -> Arc<str> {
        let hasher = &self.hasher;
        let hash = hasher.hash_one(text);
        let known = self.known.entry(hash, |known| known.as_ref() == text, |known| hasher.hash_one(known.as_ref()));
        Arc::clone(known.or_insert_with(|| Arc::from(text)).get())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            places: HashTable::new(),
            series: Vec::new(),
            strings: Strings::default(),
        }
    }
}

impl<T: Default> Gathered<T> {
    /// What has been gathered of a series, to add to it. Labels are sorted by name.
    pub(crate) fn series(&mut self, labels: &[(&str, &str)]) -> &mut T {
        let hash = self.hasher.hash_one(labels);
        let same = |at: &u32| self.series[*at as usize].0.iter().eq(labels.iter().copied());
        let at = match self.places.find(hash, same) {
            Some(at) => *at as usize,
            None => self.add(labels, hash),
        };
        &mut self.series[at].1
    }

    fn add(&mut self, labels: &[(&str, &str)], hash: u64) -> usize {
        let pairs: Vec<_> =
            labels.iter().map(|(name, value)| (self.strings.get(name), self.strings.get(value))).collect();
        let at = self.series.len();
        self.series.push((Labels::new(pairs), T::default()));
        let (hasher, series) = (&self.hasher, &self.series);
        self.places.insert_unique(hash, at as u32, |at| hash_of(hasher, &series[*at as usize].0));
        at
    }

    /// The series, sorted by labels.
    pub(crate) fn into_sorted(self) -> Vec<(Labels, T)> {
        let mut series = self.series;
        series.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        series
    }
}

fn hash_of(hasher: &RandomState, labels: &Labels) -> u64 {
    let pairs: Vec<(&str, &str)> = labels.iter().collect();
    hasher.hash_one(pairs.as_slice())
}

/// Sorts what came from several sources by time; of equal times what came last stays.
pub(crate) fn in_order<T>(list: &mut Vec<(i64, T)>) {
    if list.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    list.sort_by_key(|(time, _)| *time);
    list.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_the_same_by_its_labels_whoever_speaks_of_it() {
        let mut gathered = Gathered::<Vec<u32>>::default();
        for number in 0..100u32 {
            let value = (number % 10).to_string();
            gathered.series(&[("a", &value), ("b", "x")]).push(number);
        }
        let sorted = gathered.into_sorted();
        assert_eq!(sorted.len(), 10);
        assert_eq!(sorted[3], (Labels::new([("a", "3"), ("b", "x")]), (0..10).map(|tens| tens * 10 + 3).collect()));
    }

    #[test]
    fn of_equal_times_the_later_value_stays() {
        let mut list = vec![(2, 'a'), (3, 'b'), (1, 'c'), (2, 'd'), (2, 'e')];
        in_order(&mut list);
        assert_eq!(list, [(1, 'c'), (2, 'e'), (3, 'b')]);
    }
}
