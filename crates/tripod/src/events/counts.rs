//! What became of the events, as counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a collector has done so far; see [`Collector::stats`](super::Collector::stats).
///
/// Every event that was recorded is filtered, kept, dropped, or still waiting: `created` is their sum. With a file, what is kept is
/// persisted, unwritten, or waits to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CollectorStats {
    /// Events that were recorded, whatever became of them.
    pub created: u64,
    /// Left out by a filter.
    pub filtered: u64,
    /// Counted in the windows, and handed on to the file and to the logs.
    pub kept: u64,
    /// Lost before they were looked at: more came than the collector could take, or it was closed.
    pub dropped: u64,
    /// Waiting to be looked at.
    pub waiting: u64,
    /// Written to the file.
    pub persisted: u64,
    /// Kept, but lost on their way to the file, as it could not be written to.
    pub unwritten: u64,
    /// How often writing to the file failed.
    pub write_errors: u64,
    /// Events of which a text was cut.
    pub cut: u64,
    /// Events that count in no series of their own, as there are too many.
    pub overflowed: u64,
    /// How often a filter has panicked.
    pub filter_panics: u64,
    /// How often a callback of a threshold has panicked.
    pub callback_panics: u64,
}

/// The same while it changes.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) filtered: Count,
    pub(super) kept: Count,
    pub(super) dropped: Count,
    pub(super) persisted: Count,
    pub(super) unwritten: Count,
    pub(super) write_errors: Count,
    pub(super) cut: Count,
    pub(super) overflowed: Count,
    pub(super) filter_panics: Count,
    pub(super) callback_panics: Count,
}

#[derive(Default)]
pub(super) struct Count(pub(super) AtomicU64);

impl Count {
    #[inline]
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Counts one. Answers whether it is the first.
    pub(super) fn first(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) == 0
    }

    pub(super) fn set(&self, to: u64) {
        self.0.store(to, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    /// Counts from zero again, in a forked child.
    pub(super) fn reset(&self) {
        let Self {
            filtered, kept, dropped, persisted, unwritten, write_errors, cut, overflowed, filter_panics, ..
        } = self;
        let all = [filtered, kept, dropped, persisted, unwritten, write_errors, cut, overflowed, filter_panics];
        all.into_iter().chain([&self.callback_panics]).for_each(|count| count.set(0));
    }

    pub(super) fn stats(&self, waiting: u64) -> CollectorStats {
        let [filtered, kept, dropped] = [&self.filtered, &self.kept, &self.dropped].map(Count::get);
        CollectorStats {
            created: filtered + kept + dropped + waiting,
            filtered,
            kept,
            dropped,
            waiting,
            persisted: self.persisted.get(),
            unwritten: self.unwritten.get(),
            write_errors: self.write_errors.get(),
            cut: self.cut.get(),
            overflowed: self.overflowed.get(),
            filter_panics: self.filter_panics.get(),
            callback_panics: self.callback_panics.get(),
        }
    }
}
