//! How many of the requests to a provider succeed: of those that ended within the last five minutes, so that an alert on it ends when
//! the provider has recovered.
//!
//! A window is a ring of slots of ten seconds. Counting is one addition to a slot's number, or its replacement when the slot's time has
//! come again. The share is worked out when metrics are collected; where no request ended, there is none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use super::Metrics;
use crate::clock::Instant;
use crate::labels;
use crate::metrics::MAX_SERIES;
use crate::sync::RwLock;
use crate::sync::fork::{self, Inside};

const SLOT: Duration = Duration::from_secs(10);
const SLOTS: usize = 30;

/// The requests that ended of late, by how.
pub(super) struct Window {
    succeeded: Ring,
    failed: Ring,
}

/// Each number has its slot's time above its lower half.
type Ring = [AtomicU64; SLOTS];

static WINDOWS: RwLock<Option<HashMap<Arc<str>, Arc<Window>>>> = RwLock::new(None);

impl Window {
    /// The window of a provider, one for the process.
    pub(super) fn of(provider: &Arc<str>) -> Arc<Self> {
        if let Some(known) = WINDOWS.read().as_ref().and_then(|windows| windows.get(provider).cloned()) {
            return known;
        }
        report();
        let new = Arc::new(Self::new());
        let mut windows = WINDOWS.write();
        let windows = windows.get_or_insert_default();
        if windows.len() >= MAX_SERIES {
            // The gauge keeps no more providers apart: this one's share is not reported.
            return new;
        }
        Arc::clone(windows.entry(Arc::clone(provider)).or_insert(new))
    }

    fn new() -> Self {
        Self { succeeded: [const { AtomicU64::new(0) }; SLOTS], failed: [const { AtomicU64::new(0) }; SLOTS] }
    }

    pub(super) fn succeeded(&self, requests: u32) {
        add(&self.succeeded, Time::now(), requests);
    }

    pub(super) fn failed(&self, requests: u32) {
        add(&self.failed, Time::now(), requests);
    }

    /// The share of those that succeeded, from 0 to 1.
    fn success_rate(&self, now: Time) -> Option<f64> {
        let (succeeded, failed) = (sum(&self.succeeded, now), sum(&self.failed, now));
        (succeeded + failed > 0).then(|| succeeded as f64 / (succeeded + failed) as f64)
    }
}

/// A slot's time: slots since the first request, and below them which fork of the first process it is: what its parent counted is not a
/// child's.
#[derive(Clone, Copy, PartialEq)]
struct Time(u32);

impl Time {
    fn now() -> Self {
        Self::after(begin().elapsed())
    }

    fn after(since_begin: Duration) -> Self {
        // From one on: what has never been counted into is of no time.
        let slot = 1 + since_begin.as_secs() / SLOT.as_secs();
        Self((slot as u32) << 8 | fork::count() & 0xff)
    }

    fn slot(self) -> u32 {
        self.0 >> 8
    }

    fn is_within(self, now: Self) -> bool {
        self.0 & 0xff == now.0 & 0xff && now.slot().wrapping_sub(self.slot()) < SLOTS as u32
    }
}

/// When the first request was counted.
fn begin() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get().unwrap_or_else(|| {
        // Not while the process forks, as below.
        let _inside = Inside::enter();
        BEGIN.get_or_init(Instant::now)
    })
}

fn add(ring: &Ring, time: Time, requests: u32) {
    let slot = &ring[time.slot() as usize % SLOTS];
    let mut seen = slot.load(Ordering::Relaxed);
    while seen >> 32 != u64::from(time.0) {
        let anew = u64::from(time.0) << 32 | u64::from(requests);
        match slot.compare_exchange_weak(seen, anew, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => seen = now,
        }
    }
    slot.fetch_add(requests.into(), Ordering::Relaxed);
}

fn sum(ring: &Ring, now: Time) -> u64 {
    let all = ring.iter().map(|slot| slot.load(Ordering::Relaxed));
    all.filter(|seen| Time((seen >> 32) as u32).is_within(now)).map(|seen| seen & u64::from(u32::MAX)).sum()
}

/// Has the shares reported at each collection.
fn report() {
    static ONCE: Once = Once::new();
    // Not while the process forks: a child would wait for ever for the thread that registers it.
    let _inside = (!ONCE.is_completed()).then(Inside::enter);
    ONCE.call_once(|| {
        Metrics::get().success_rate.observe(|observer| {
            let windows: Vec<_> =
                WINDOWS.read().iter().flatten().map(|(name, one)| (name.clone(), one.clone())).collect();
            let now = Time::now();
            for (provider, window) in windows {
                if let Some(rate) = window.success_rate(now) {
                    observer.observe(rate, labels!(provider = *provider));
                }
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::after(Duration::from_secs(seconds))
    }

    #[test]
    fn the_rate_recovers_when_failures_are_older_than_the_window() {
        let window = Window::new();
        assert_eq!(window.success_rate(at(0)), None, "nothing ended");
        add(&window.failed, at(0), 3);
        add(&window.succeeded, at(0), 1);
        assert_eq!(window.success_rate(at(0)), Some(0.25));
        add(&window.succeeded, at(200), 4);
        assert_eq!(window.success_rate(at(299)), Some(5.0 / 8.0));
        assert_eq!(window.success_rate(at(300)), Some(1.0), "failures are forgotten");
        assert_eq!(window.success_rate(at(500)), None, "and so is everything");
    }

    #[test]
    fn a_slot_is_counted_anew_when_its_time_comes_again() {
        let window = Window::new();
        add(&window.failed, at(0), 7);
        add(&window.failed, at(300), 1);
        add(&window.succeeded, at(300), 1);
        assert_eq!(window.success_rate(at(300)), Some(0.5));
    }

    #[test]
    fn threads_that_meet_in_a_slot_lose_nothing() {
        let window = Window::new();
        add(&window.succeeded, at(0), 9);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| add(&window.succeeded, at(300), 1)));
            }
        });
        assert_eq!(sum(&window.succeeded, at(300)), 40_000);
    }

    #[test]
    fn a_window_is_one_for_the_provider() {
        let provider = Arc::from("one window");
        assert!(Arc::ptr_eq(&Window::of(&provider), &Window::of(&provider)));
    }
}
