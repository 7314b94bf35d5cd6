//! Exemplars: one measurement among many, with the trace in which it was taken.
//!
//! A slot keeps the first measurement in a sampled span since the last collection, whoever collected. Collecting takes nothing out: it
//! begins a new *round*, in which the slot may be filled anew, so an exemplar reaches every reader. A slot's memory is allocated with
//! its first exemplar and kept; after that, filling it allocates nothing.

#[cfg(all(test, loom))]
mod model;

use std::ops::Range;
use std::ptr;

use tripod_wire::otlp::metrics::{Exemplar, NumberValue};

use super::exemplar_filter::ExemplarFilter;
use crate::context::{SpanContext, stack};
use crate::sync::model::Mutex;
use crate::sync::model::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The round that runs. They begin at 1: an empty slot is of round 0.
static ROUND: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);

/// Begins a new round; answers its number: what was recorded before is of lower rounds.
pub(crate) fn next_round() -> u32 {
    ROUND.fetch_add(1, Ordering::Relaxed) + 1
}

/// Room for a number of exemplars, a slot a bucket.
#[derive(Default)]
pub(crate) struct Exemplars {
    /// Null before the first exemplar; then never changed, never freed, as series aren't.
    slots: AtomicPtr<Vec<Slot>>,
}

#[derive(Default)]
struct Slot {
    /// In which round it was filled, so that all further measurements of the round cost no more than a look.
    round: AtomicU32,
    kept: Mutex<Kept>,
}

/// A measurement.
#[derive(Clone, Copy, Default)]
pub(crate) struct Kept {
    round: u32,
    pub(crate) value: f64,
    pub(crate) time_unix_nano: u64,
    pub(crate) span: SpanContext,
}

impl Exemplars {
    /// Offers a measurement to the slot at `at`, which is below `slots`. Without a sampled span that is current it costs a look at a
    /// thread-local flag.
    #[inline]
    pub(crate) fn offer(&self, slots: usize, at: usize, value: f64) {
        if ExemplarFilter::lets_through() {
            self.offer_sampled(slots, at, value);
        }
    }

    #[inline(never)]
    fn offer_sampled(&self, slots: usize, at: usize, value: f64) {
        let round = ROUND.load(Ordering::Relaxed);
        if let Some(slot) = self.slot(slots, at).filter(|slot| slot.is_due(round)) {
            slot.fill(round, value);
        }
    }

    #[inline]
    fn slot(&self, slots: usize, at: usize) -> Option<&Slot> {
        // SAFETY: published by `allocate` and never freed.
        let known = unsafe { self.slots.load(Ordering::Acquire).as_ref() };
        known.unwrap_or_else(|| self.allocate(slots)).get(at)
    }

    #[cold]
    fn allocate(&self, slots: usize) -> &Vec<Slot> {
        let made = Box::into_raw(Box::new((0..slots).map(|_| Slot::default()).collect()));
        // Release: whoever sees the pointer sees the slots.
        match self.slots.compare_exchange(ptr::null_mut(), made, Ordering::Release, Ordering::Acquire) {
            // SAFETY: just published, and never freed.
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // Somebody else was faster.
                // SAFETY: `made` was never published; `other` was, and is never freed.
                unsafe {
                    drop(Box::from_raw(made));
                    &*other
                }
            }
        }
    }

    /// What was kept in these rounds, with the slot it is in.
    pub(crate) fn kept(&self, rounds: &Range<u32>) -> impl Iterator<Item = (usize, Kept)> {
        // SAFETY: as in `offer_sampled`.
        let slots = unsafe { self.slots.load(Ordering::Acquire).as_ref() }.map_or(&[][..], Vec::as_slice);
        slots.iter().enumerate().filter_map(move |(at, slot)| {
            // Not waited for: whoever holds the slot is writing an exemplar of the next round.
            let kept = *slot.kept.try_lock()?;
            (kept.round > 0 && rounds.contains(&kept.round)).then_some((at, kept))
        })
    }

    /// The same as OTLP has them.
    pub(crate) fn otlp(&self, rounds: &Range<u32>) -> Vec<Exemplar> {
        self.kept(rounds).map(|(_, kept)| kept.otlp()).collect()
    }
}

impl Slot {
    #[inline]
    fn is_due(&self, round: u32) -> bool {
        self.round.load(Ordering::Relaxed) != round
    }

    #[cold]
    fn fill(&self, round: u32, value: f64) {
        stack::with(|local| {
            let span = local.span_context();
            if !span.is_sampled() && !ExemplarFilter::takes_all() {
                return;
            }
            self.keep(Kept { round, value, time_unix_nano: local.clock.now().unix_nanos, span });
        });
    }

    fn keep(&self, new: Kept) {
        // Never waits: whoever holds the slot is writing an exemplar that is as good, or reads the one before.
        let Some(mut kept) = self.kept.try_lock() else { return };
        // Whoever was slow does not replace what a later round has kept.
        if kept.round < new.round {
            *kept = new;
            self.round.store(new.round, Ordering::Relaxed);
        }
    }
}

impl Kept {
    fn otlp(self) -> Exemplar {
        Exemplar {
            time_unix_nano: self.time_unix_nano,
            value: NumberValue::Double(self.value),
            span_id: self.span.span_id,
            trace_id: self.span.trace_id,
            ..Default::default()
        }
    }
}
