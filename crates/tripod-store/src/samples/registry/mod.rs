//! The registry of series that memory knows: labels to number and back, and numbers by label.
//!
//! All memory tables name series by the registry's numbers. A series comes with its first sample and goes when it is in no
//! memory table any more and was not written to for a while, so churn does not fill memory; its samples are in parts, which
//! have their labels in them. The way of a request takes one lock, which queries never take ([`identities`]).

mod generations;
mod identities;
mod index;
mod order;
mod postings;
mod select;
mod statistics;
mod symbols;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use roaring::RoaringBitmap;
use tripod_wire::proto::{put_bytes, put_len_delimited};
use twox_hash::XxHash3_128;

pub(crate) use self::generations::Generation;
use self::generations::Generations;
use self::identities::Identities;
pub(crate) use self::identities::{FoundSeries, Identity};
pub(crate) use self::index::Index;
use self::order::Order;
use super::limits::{self, Limits, Refusal};
use super::remote_write::Buffers;

/// The registry's memory is known but for so small a share of its series.
const COUNTED_SHARE: u64 = 64;

/// Bytes of the hash's secret.
const SECRET: usize = 192;

#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) limits: Limits,
    secret: Box<[u8]>,
    identities: RwLock<Identities>,
    index: RwLock<Index>,
    numbers: Mutex<Numbers>,
    generations: Generations,
    order: Mutex<Order>,
    pub(super) buffers: Buffers,
    /// Series that came and went, ever.
    changes: AtomicU64,
    counted: Mutex<Counted>,
    /// While the log is read after a start: what was accepted once is accepted again, whatever the limits.
    restoring: AtomicBool,
}

/// What the registry took when it was counted last, which looks at every label.
#[derive(Debug, Default)]
struct Counted {
    changes: u64,
    bytes: usize,
}

/// Numbers that can be given out. Its lock is that of whoever adds or removes series.
#[derive(Debug, Default)]
struct Numbers {
    next: u32,
    /// Given back, with the generation in which they were.
    free: VecDeque<(u32, u32)>,
    /// Given out since the order was last brought up to date.
    new: Vec<u32>,
    oldest_held: u32,
}

impl Numbers {
    fn take(&mut self) -> u32 {
        if let Some((generation, number)) = self.free.front().copied()
            && generation < self.oldest_held
        {
            self.free.pop_front();
            return number;
        }
        self.next += 1;
        self.next - 1
    }
}

impl Registry {
    pub(crate) fn new(limits: Limits) -> Self {
        let random = RandomState::new();
        let secret = (0..SECRET / 8).flat_map(|at| random.hash_one(at).to_le_bytes()).collect();
        Self {
            limits,
            secret,
            identities: RwLock::default(),
            index: RwLock::default(),
            numbers: Mutex::default(),
            generations: Generations::default(),
            order: Mutex::default(),
            buffers: Buffers::default(),
            changes: AtomicU64::new(0),
            counted: Mutex::default(),
            restoring: AtomicBool::new(true),
        }
    }

    /// Told when the log has been read: from now on limits hold.
    pub(crate) fn restored(&self) {
        self.restoring.store(false, Ordering::Relaxed);
    }

    fn is_restoring(&self) -> bool {
        self.restoring.load(Ordering::Relaxed)
    }

    /// Holds the current generation: while it is held, no number of a series seen from now on is given to another.
    pub(crate) fn hold(&self) -> Generation {
        self.generations.current()
    }

    /// To find series by the hashes of their labels; the lock must be short.
    pub(crate) fn finder(&self, generation: u32) -> Finder<'_> {
        let identities = self.identities.read().unwrap_or_else(PoisonError::into_inner);
        Finder { registry: self, identities, generation, expected: 0 }
    }

    /// What is known of series; the lock must be short.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hash of labels as they stand in a request.
    #[inline]
    pub(crate) fn identity(&self, labels: &[u8]) -> Identity {
        XxHash3_128::oneshot_with_secret(&self.secret, labels).unwrap_or_default()
    }

    /// A series that may be new, marked as written to at time `newest`. `spelled` is the identity of its labels as they came, if they came as bytes;
    /// `labels` are in any order.
    pub(crate) fn resolve(
        &self,
        labels: &mut Vec<(&str, &str)>,
        spelled: Option<Identity>,
        generation: u32,
        newest: i64,
    ) -> Result<FoundSeries, Refusal> {
        labels.retain(|(_, value)| !value.is_empty());
        labels.sort_by(|a, b| a.0.cmp(b.0));
        let identity = self.identity(&spell(labels));
        let known = self.finder(generation).find(identity, newest);
        let found = match known {
            Some(found) => found,
            None => self.create(labels, identity, generation, newest)?,
        };
        if let Some(spelled) = spelled
            && spelled != identity
        {
            self.identities.write().unwrap_or_else(PoisonError::into_inner).insert_alias(spelled, found.series);
        }
        Ok(found)
    }

    /// The number of a series, by its labels sorted by name.
    pub(crate) fn find(&self, labels: &[(&str, &str)], generation: u32) -> Option<u32> {
        let found = self.finder(generation).find(self.identity(&spell(labels)), i64::MIN);
        found.map(|found| found.series)
    }

    fn create(
        &self,
        labels: &[(&str, &str)],
        identity: Identity,
        generation: u32,
        newest: i64,
    ) -> Result<FoundSeries, Refusal> {
        limits::check(labels, &self.limits)?;
        let mut numbers = self.numbers();
        if let Some(found) = self.finder(generation).find(identity, newest) {
            return Ok(found);
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if index.len() >= self.limits.series && !self.is_restoring() {
            return Err(Refusal::Full);
        }
        let number = numbers.take();
        if !index.insert(number, labels) {
            numbers.free.push_back((0, number));
            return Err(Refusal::Invalid("the labels of all series take more than 4 GiB".to_owned()));
        }
        drop(index);
        numbers.new.push(number);
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.identities.write().unwrap_or_else(PoisonError::into_inner).insert(identity, number, generation, newest);
        Ok(FoundSeries { series: number, newest: i64::MIN })
    }

    /// The time before which samples of a series are refused.
    #[inline]
    pub(crate) fn oldest(&self, found: FoundSeries) -> i64 {
        if self.is_restoring() { i64::MIN } else { found.newest.saturating_sub(self.limits.out_of_order) }
    }

    /// Says of which metric there are too many series.
    pub(crate) fn explain(&self, refusal: Refusal) -> Refusal {
        if refusal != Refusal::Full {
            return refusal;
        }
        let (metric, series) = self.index().largest_metric();
        Refusal::TooMany { limit: self.limits.series, metric, series }
    }

    /// Forgets the series that nobody needs; says how many those were.
    pub(crate) fn forget(&self, now: Instant) -> usize {
        let (oldest_held, oldest_needed) = self.generations.advance(now, self.limits.idle);
        let current = *self.generations.current();
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers = self.numbers();
        numbers.oldest_held = oldest_held;
        let removed = self.identities.write().unwrap_or_else(PoisonError::into_inner).remove_unseen(oldest_needed);
        if removed.is_empty() {
            return 0;
        }
        let gone: RoaringBitmap = removed.iter().copied().collect();
        order.remove(&gone);
        numbers.new.retain(|number| !gone.contains(*number));
        numbers.free.extend(removed.iter().map(|number| (current, *number)));
        drop((order, numbers));
        self.changes.fetch_add(removed.len() as u64, Ordering::Relaxed);
        for some in removed.chunks(1024) {
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            some.iter().for_each(|number| index.remove(*number));
        }
        removed.len()
    }

    /// Series in order of their labels.
    pub(crate) fn sorted(&self, series: &RoaringBitmap) -> Vec<u32> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let new = std::mem::take(&mut self.numbers().new);
        order.add(new, || self.index());
        order.all().iter().copied().filter(|number| series.contains(*number)).collect()
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> u64 {
        self.index().len()
    }

    /// Bytes in memory; counted anew when one in [`COUNTED_SHARE`] of the series came or went since.
    pub(crate) fn memory(&self) -> usize {
        let changes = self.changes.load(Ordering::Relaxed);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if changes - counted.changes > self.len() / COUNTED_SHARE || counted.bytes == 0 {
            *counted = Counted { changes, bytes: self.count_memory() };
        }
        counted.bytes
    }

    fn count_memory(&self) -> usize {
        let identities = self.identities.read().unwrap_or_else(PoisonError::into_inner).memory();
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner).memory();
        identities + order + self.index().memory()
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds series by the hashes of their labels.
#[derive(Debug)]
pub(crate) struct Finder<'a> {
    registry: &'a Registry,
    identities: RwLockReadGuard<'a, Identities>,
    generation: u32,
    expected: u32,
}

impl Finder<'_> {
    /// A series, which is marked as written to at time `newest`.
    #[inline]
    pub(crate) fn find(&mut self, identity: Identity, newest: i64) -> Option<FoundSeries> {
        let found = self.identities.find(identity, self.expected, self.generation, newest)?;
        self.expected = found.series + 1;
        Some(found)
    }

    /// The same by labels as they stand in a request.
    #[inline]
    pub(crate) fn find_labels(&mut self, labels: &[u8], newest: i64) -> Option<FoundSeries> {
        self.find(self.registry.identity(labels), newest)
    }
}

/// Labels as senders write them into a remote write request.
pub(crate) fn spell(labels: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(labels.iter().map(|(name, value)| name.len() + value.len() + 8).sum());
    for (name, value) in labels {
        put_len_delimited(&mut out, 1, |out| {
            put_bytes(out, 1, name.as_bytes());
            put_bytes(out, 2, value.as_bytes());
        });
    }
    out
}
