//! Which series have a label: few as a list, many as a bitmap of two bytes a series or less.

use roaring::RoaringBitmap;

/// A list of more is turned into a bitmap.
const MAX_LIST: usize = 32;

#[derive(Debug)]
pub(super) enum Postings {
    One(u32),
    /// Sorted.
    List(Vec<u32>),
    Bitmap(Box<RoaringBitmap>),
}

impl Postings {
    pub(super) fn insert(&mut self, series: u32) {
        match self {
            Self::One(one) => {
                let mut list = vec![*one, series];
                list.sort_unstable();
                list.dedup();
                *self = Self::List(list);
            }
            Self::List(list) => {
                if let Err(at) = list.binary_search(&series) {
                    list.insert(at, series);
                }
                if list.len() > MAX_LIST {
                    *self = Self::Bitmap(Box::new(list.iter().copied().collect()));
                }
            }
            Self::Bitmap(bitmap) => {
                bitmap.insert(series);
            }
        }
    }

    /// Takes a series out; says whether none is left.
    pub(super) fn remove(&mut self, series: u32) -> bool {
        match self {
            Self::One(one) => *one == series,
            Self::List(list) => {
                list.retain(|known| *known != series);
                list.is_empty()
            }
            Self::Bitmap(bitmap) => {
                bitmap.remove(series);
                bitmap.is_empty()
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::List(list) => list.len() as u64,
            Self::Bitmap(bitmap) => bitmap.len(),
        }
    }

    /// Adds its series to others.
    pub(super) fn add_to(&self, others: &mut RoaringBitmap) {
        match self {
            Self::One(one) => {
                others.insert(*one);
            }
            Self::List(list) => others.extend(list.iter().copied()),
            Self::Bitmap(bitmap) => *others |= bitmap.as_ref(),
        }
    }

    /// Takes its series away from others.
    pub(super) fn take_from(&self, others: &mut RoaringBitmap) {
        match self {
            Self::One(one) => {
                others.remove(*one);
            }
            Self::List(list) => list.iter().for_each(|series| {
                others.remove(*series);
            }),
            Self::Bitmap(bitmap) => *others -= bitmap.as_ref(),
        }
    }

    /// Those of the others that it has too.
    pub(super) fn intersection(&self, others: &RoaringBitmap) -> RoaringBitmap {
        match self {
            Self::One(one) => std::iter::once(*one).filter(|series| others.contains(*series)).collect(),
            Self::List(list) => list.iter().copied().filter(|series| others.contains(*series)).collect(),
            Self::Bitmap(bitmap) => bitmap.as_ref() & others,
        }
    }

    /// Whether it has one of the others.
    pub(super) fn meets(&self, others: &RoaringBitmap) -> bool {
        match self {
            Self::One(one) => others.contains(*one),
            Self::List(list) => list.iter().any(|series| others.contains(*series)),
            Self::Bitmap(bitmap) => !bitmap.is_disjoint(others),
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::List(list) => list.capacity() * size_of::<u32>(),
            Self::Bitmap(bitmap) => {
                let statistics = bitmap.statistics();
                let containers = statistics.n_bytes_array_containers
                    + statistics.n_bytes_run_containers
                    + statistics.n_bytes_bitset_containers;
                size_of::<RoaringBitmap>() + statistics.n_containers as usize * 40 + containers as usize
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_and_a_bitmap_are_the_same_set(
            steps in prop::collection::vec((0u32..100, prop::bool::weighted(0.8)), 0..200), others in prop::collection::vec(0u32..100, 0..50),
        ) {
            let mut postings = Postings::One(7);
            let mut model = BTreeSet::from([7]);
            let others: RoaringBitmap = others.into_iter().collect();
            for (series, insert) in steps {
                if insert {
                    postings.insert(series);
                    model.insert(series);
                } else if model.len() > 1 {
                    prop_assert!(!postings.remove(series) || model.is_empty());
                    model.remove(&series);
                }
                let all: RoaringBitmap = model.iter().copied().collect();
                let mut added = RoaringBitmap::new();
                postings.add_to(&mut added);
                prop_assert_eq!(&added, &all);
                prop_assert_eq!(postings.len(), all.len());
                prop_assert_eq!(postings.intersection(&others), &all & &others);
                prop_assert_eq!(postings.meets(&others), !all.is_disjoint(&others));
                let mut rest = others.clone();
                postings.take_from(&mut rest);
                prop_assert_eq!(rest, &others - &all);
            }
        }
    }
}
