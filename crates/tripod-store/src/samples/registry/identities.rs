//! From a series' labels as they stand in a request to its number, without taking them apart.
//!
//! A series is known by 128 bits of hash over its labels in protobuf, sorted, as every sender writes them. The hash is keyed
//! with a secret of this process; that two of a billion series share one has odds of 1 to 10^20, so bytes are not compared.
//! Senders repeat their series in one order, and numbers were given in that order: the series behind the last one is tried
//! first, which needs no look into the table and reads memory in order.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashTable};

/// The hash of a series' labels.
pub(crate) type Identity = u128;

/// So many spellings of series that differ from the usual one are remembered, at least.
const MIN_ALIASES: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Identities {
    by_hash: HashTable<u32>,
    by_number: Vec<Known>,
    /// Other spellings of the same labels: not sorted, with empty values, encoded in another way.
    aliases: HashMap<Identity, u32, RandomState>,
}

/// Two halves, so that it is aligned as a `u64`.
#[derive(Debug, Default)]
struct Known {
    high: u64,
    low: u64,
    /// The time of the newest sample.
    newest: AtomicI64,
    /// The generation in which it was written to last.
    seen: AtomicU32,
    present: bool,
}

/// A series that was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundSeries {
    /// Its number.
    pub(crate) series: u32,
    /// The time of its newest sample before this one.
    pub(crate) newest: i64,
}

impl Known {
    fn identity(&self) -> Identity {
        u128::from(self.high) << 64 | u128::from(self.low)
    }
}

impl Identities {
    /// A series, which is marked as seen with a sample of time `newest`; `expected` is tried first.
    #[inline]
    pub(super) fn find(&self, identity: Identity, expected: u32, generation: u32, newest: i64) -> Option<FoundSeries> {
        let number = match self.by_number.get(expected as usize) {
            Some(known) if known.present && known.identity() == identity => expected,
            _ => self.look_up(identity)?,
        };
        let known = &self.by_number[number as usize];
        let before = known.newest.load(Ordering::Relaxed);
        if before < newest {
            known.newest.fetch_max(newest, Ordering::Relaxed);
        }
        // Two requests may race: whichever generation stays is one that is pinned, or later.
        if known.seen.load(Ordering::Relaxed) < generation {
            known.seen.fetch_max(generation, Ordering::Relaxed);
        }
        Some(FoundSeries { series: number, newest: before })
    }

    fn look_up(&self, identity: Identity) -> Option<u32> {
        let same = |number: &u32| self.by_number[*number as usize].identity() == identity;
        self.by_hash.find(identity as u64, same).or_else(|| self.aliases.get(&identity)).copied()
    }

    pub(super) fn insert(&mut self, identity: Identity, number: u32, generation: u32, newest: i64) {
        if self.by_number.len() <= number as usize {
            self.by_number.resize_with(number as usize + 1, Known::default);
        }
        self.by_number[number as usize] = Known {
            high: (identity >> 64) as u64,
            low: identity as u64,
            newest: newest.into(),
            seen: generation.into(),
            present: true,
        };
        let by_number = &self.by_number;
        self.by_hash.insert_unique(identity as u64, number, |number| by_number[*number as usize].low);
    }

    pub(super) fn insert_alias(&mut self, identity: Identity, number: u32) {
        if self.aliases.len() >= MIN_ALIASES + 2 * self.by_hash.len() {
            self.aliases.clear();
        }
        self.aliases.insert(identity, number);
    }

    /// Removes the series of which nothing was seen since before a generation; returns their numbers.
    pub(super) fn remove_unseen(&mut self, since: u32) -> Vec<u32> {
        let mut removed = Vec::new();
        for (number, known) in self.by_number.iter_mut().enumerate() {
            if known.present && *known.seen.get_mut() < since {
                known.present = false;
                removed.push(number as u32);
            }
        }
        for number in &removed {
            let low = self.by_number[*number as usize].low;
            if let Ok(found) = self.by_hash.find_entry(low, |known| known == number) {
                found.remove();
            }
        }
        if !removed.is_empty() {
            self.aliases.clear();
        }
        removed
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.by_number.capacity() * size_of::<Known>() + self.by_hash.allocation_size() + self.aliases.allocation_size()
    }
}
