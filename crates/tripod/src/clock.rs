//! The clock: the processor's time-stamp counter, read as the time of day.
//!
//! Reading the counter costs some five nanoseconds, a quarter of what the system's clock takes, and turning a difference of ticks into
//! nanoseconds one multiplication. Each thread ties its ticks to the time of day anew every second, so that it follows when the
//! clock is set; a span counts from the tie it began with, so that its duration is right whatever happens meanwhile.
//!
//! How long a tick is, is measured against the system's monotonic clock: for a millisecond at first, and since the beginning
//! each time a thread ties anew. Where the counter does not run evenly, ticks are the system's nanoseconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::thread;
use std::time::{self, Duration, SystemTime};

use crate::sync::fork::Inside;

/// Whether ticks are the processor's.
static COUNTER: AtomicBool = AtomicBool::new(false);
/// Nanoseconds a tick, times 2³².
static RATE: AtomicU64 = AtomicU64::new(UNIT);
const UNIT: u64 = 1 << 32;

/// A moment that later ones are counted from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    ticks: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) unix_nanos: u64,
}

impl Moment {
    /// The time of day now, in nanoseconds since the Unix epoch, never before this moment.
    #[inline]
    pub(crate) fn now(self) -> u64 {
        // Not below zero: another processor's counter may lag by a few ticks.
        let since = ticks().wrapping_sub(self.ticks) as i64;
        self.unix_nanos + nanos(since.max(0) as u64)
    }

    /// The moment so long before, from which the present is as far away as from this one and that time more.
    pub(crate) fn earlier(self, by: Duration) -> Self {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX).min(self.unix_nanos);
        Self { ticks: self.ticks.wrapping_sub(ticks_in(nanos)), unix_nanos: self.unix_nanos - nanos }
    }
}

/// One thread's clock.
#[derive(Default)]
pub(crate) struct Clock {
    tie: Moment,
    /// The tie holds for so many ticks; none before the first.
    valid: u64,
}

impl Clock {
    const TIE_EVERY: Duration = Duration::from_secs(1);

    /// This moment.
    #[inline]
    pub(crate) fn now(&mut self) -> Moment {
        let ticks = ticks();
        let since = ticks.wrapping_sub(self.tie.ticks);
        if since >= self.valid {
            return self.tie_anew();
        }
        Moment { ticks, unix_nanos: self.tie.unix_nanos + nanos(since) }
    }

    #[cold]
    fn tie_anew(&mut self) -> Moment {
        calibrate();
        let (ticks, time) = paired(SystemTime::now);
        let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.tie = Moment { ticks, unix_nanos: since_epoch.as_nanos() as u64 };
        self.valid = ticks_in(Self::TIE_EVERY.as_nanos() as u64);
        self.tie
    }
}

/// A moment of which only the distance matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) fn now() -> Self {
        calibrate();
        Self::calibrated()
    }

    /// Now, where [`calibrate`] was called before: the counter is read, and nothing else.
    #[inline]
    pub(crate) fn calibrated() -> Self {
        Self(ticks())
    }

    #[inline]
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(self.nanos())
    }

    #[inline]
    pub(crate) fn seconds(self) -> f64 {
        self.nanos() as f64 * 1e-9
    }

    #[inline]
    fn nanos(self) -> u64 {
        let since = ticks().wrapping_sub(self.0) as i64;
        nanos(since.max(0) as u64)
    }
}

/// Now, as a number that can be written down and read again in this process.
#[cfg(feature = "events")]
#[inline]
pub(crate) fn stamp() -> u64 {
    ticks()
}

/// Nanoseconds from one stamp to another; none when the other is earlier.
#[cfg(feature = "events")]
pub(crate) fn nanos_between(earlier: u64, later: u64) -> u64 {
    nanos((later.wrapping_sub(earlier) as i64).max(0) as u64)
}

/// What a difference of ticks takes.
#[inline]
fn nanos(ticks: u64) -> u64 {
    // Relaxed: one number, of which any recent value will do.
    ((u128::from(ticks) * u128::from(RATE.load(Ordering::Relaxed))) >> 32) as u64
}

fn ticks_in(nanos: u64) -> u64 {
    ((u128::from(nanos) << 32) / u128::from(RATE.load(Ordering::Relaxed)).max(1)) as u64
}

#[inline]
fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    if COUNTER.load(Ordering::Relaxed) {
        // SAFETY: `COUNTER` is set only where the processor has the instruction.
        return unsafe { std::arch::x86_64::_rdtsc() };
    }
    system_nanos()
}

#[cold]
fn system_nanos() -> u64 {
    static BASE: OnceLock<time::Instant> = OnceLock::new();
    BASE.get_or_init(time::Instant::now).elapsed().as_nanos() as u64
}

/// A clock's time, and the ticks at which it was read, as near as can be.
fn paired<T>(read: impl Fn() -> T) -> (u64, T) {
    let attempt = || {
        let (before, time, after) = (ticks(), read(), ticks());
        (after.saturating_sub(before), before / 2 + after / 2, time)
    };
    // Whatever interrupts one of three attempts does not interrupt all.
    let nearest = [attempt(), attempt(), attempt()].into_iter().min_by_key(|(gap, ..)| *gap);
    nearest.map_or_else(|| (ticks(), read()), |(_, ticks, time)| (ticks, time))
}

/// Sees to it that [`Instant::calibrated`] can be used: a load, once it was called.
#[inline]
pub(crate) fn calibrate_once() {
    static DONE: Once = Once::new();
    if !DONE.is_completed() {
        DONE.call_once(calibrate);
    }
}

/// Measures how long a tick is: the first time for a millisecond, afterwards since then.
pub(crate) fn calibrate() {
    static FIRST: Once = Once::new();
    static SINCE: Mutex<Option<(u64, time::Instant)>> = Mutex::new(None);
    // Not while the process forks: a child is not to meet it half done.
    let inside = (!FIRST.is_completed()).then(Inside::enter);
    FIRST.call_once(|| {
        if !counter_is_even() {
            return;
        }
        COUNTER.store(true, Ordering::Relaxed);
        let begin = paired(time::Instant::now);
        thread::sleep(Duration::from_millis(1));
        if let Some(rate) = rate(begin, paired(time::Instant::now)) {
            RATE.store(rate, Ordering::Relaxed);
        }
        *SINCE.lock().unwrap_or_else(PoisonError::into_inner) = Some(begin);
    });
    drop(inside);
    // Whoever holds the lock measures just as well.
    let Ok(mut since) = SINCE.try_lock() else { return };
    let Some(begin) = *since else { return };
    let now = paired(time::Instant::now);
    if now.1.duration_since(begin.1) < Duration::from_millis(100) {
        return;
    }
    let (Some(measured), known) = (rate(begin, now), RATE.load(Ordering::Relaxed)) else { return };
    if measured.abs_diff(known) < known / 1000 {
        RATE.store(measured, Ordering::Relaxed);
    } else {
        // The machine slept, or moved: the rate stands, and measuring begins anew.
        *since = Some(now);
    }
}

fn rate(begin: (u64, time::Instant), end: (u64, time::Instant)) -> Option<u64> {
    let nanos = end.1.duration_since(begin.1).as_nanos();
    let rate = (nanos << 32).checked_div(u128::from(end.0.saturating_sub(begin.0)))?;
    u64::try_from(rate).ok().filter(|rate| *rate > 0)
}

/// Whether the processor's counter runs at one rate, in all states and on all processors.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn counter_is_even() -> bool {
    use std::arch::x86_64::__cpuid;
    const INVARIANT: u32 = 1 << 8;
    let by_processor = || __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & INVARIANT != 0;
    // A virtual machine may hide that bit; then the kernel's own choice tells.
    let by_kernel = || {
        let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
        source.is_ok_and(|source| source.trim() == "tsc")
    };
    by_processor() || by_kernel()
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn counter_is_even() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_that_of_the_system() {
        let system = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let (before, now, after) = (system(), Clock::default().now().unix_nanos, system());
        // The two clocks may differ by what tying them takes.
        assert!(now + 10_000_000 > before && now < after + 10_000_000, "{before} {now} {after}");
    }

    #[test]
    fn a_duration_is_that_of_the_systems_monotonic_clock() {
        let mut clock = Clock::default();
        clock.now();
        let (start, system) = (clock.now(), time::Instant::now());
        thread::sleep(Duration::from_millis(20));
        let (ours, theirs) = (start.now() - start.unix_nanos, system.elapsed().as_nanos() as u64);
        // One part in a hundred, and what may come between the two readings.
        assert!(ours.abs_diff(theirs) < theirs / 100 + 10_000_000, "{ours} {theirs}");
    }

    #[test]
    fn a_moment_on_a_processor_that_is_ahead_is_not_in_the_future() {
        calibrate();
        let ahead = Moment { ticks: ticks() + 1_000_000_000, unix_nanos: 5 };
        assert_eq!(ahead.now(), 5);
    }

    #[test]
    fn a_moment_before_the_processor_started_is_as_far_away_as_it_says() {
        let now = Clock::default().now();
        let earlier = now.earlier(Duration::from_secs(1_000_000_000));
        assert_eq!(earlier.unix_nanos, now.unix_nanos - 1_000_000_000_000_000_000);
        assert!(earlier.now().abs_diff(now.now()) < 1_000_000_000, "a part in 10⁹ of 30 years");
        assert_eq!(now.earlier(Duration::MAX).unix_nanos, 0);
    }

    #[test]
    fn the_rate_is_nanoseconds_for_ticks() {
        let begin = time::Instant::now();
        let end = begin + Duration::from_secs(2);
        assert_eq!(rate((1_000, begin), (1_000 + 4_000_000_000, end)), Some(UNIT / 2));
        assert_eq!(rate((1_000, begin), (1_000, end)), None);
    }
}
