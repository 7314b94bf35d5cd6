//! The system's clock is set while telemetry runs: a day ahead, two days back. Waits are measured by the monotonic clock, so batches,
//! collections and retries come when they are due; spans keep their durations and soon have the new time.
//!
//! This program has a `clock_gettime` of its own, through which the standard library reads both clocks: the system's clock is what it
//! is plus what a test says, the monotonic one is left alone.
#![cfg(target_os = "linux")]

mod common;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tripod::{Batch, ExportError, Exported, Exporter, MemoryExporter, Output, Signal};

/// Seconds that the system's clock is ahead.
static AHEAD: AtomicI64 = AtomicI64::new(0);
const DAY: i64 = 86_400;

/// # Safety
/// As `clock_gettime(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the same call, past the C library; the caller gives a valid pointer.
    let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) } as libc::c_int;
    if result == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: it was just written.
        unsafe { (*time).tv_sec += AHEAD.load(Ordering::Relaxed) };
    }
    result
}

/// Sets the clock for as long as it lives.
struct Ahead;

impl Ahead {
    fn set(days: i64) -> Self {
        let before = SystemTime::now();
        let was = AHEAD.swap(days * DAY, Ordering::Relaxed);
        let jumped =
            SystemTime::now().duration_since(before).map_or_else(|e| -e.duration().as_secs_f64(), |d| d.as_secs_f64());
        assert!((jumped - (days * DAY - was) as f64).abs() < 60.0, "the clock was set: {jumped}");
        Self
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        AHEAD.store(0, Ordering::Relaxed);
    }
}

/// Counts batches by signal; asks for a second's patience as often as it is told.
#[derive(Clone, Default)]
struct Receiver {
    batches: Arc<[AtomicU64; 3]>,
    tries: Arc<Mutex<Vec<Instant>>>,
    refusals: Arc<AtomicU64>,
}

const ASKED: Duration = Duration::from_millis(500);

impl Receiver {
    fn batches(&self, signal: Signal) -> u64 {
        self.batches[signal as usize].load(Ordering::Relaxed)
    }
}

impl Exporter for Receiver {
    fn name(&self) -> &'static str {
        "receiver"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        self.tries.lock().unwrap().push(Instant::now());
        let refuse = |left: u64| left.checked_sub(1);
        if self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok() {
            return Err(ExportError::Retry { after: Some(ASKED), reason: "busy".to_owned() });
        }
        self.batches[batch.signal as usize].fetch_add(1, Ordering::Relaxed);
        Ok(Exported::default())
    }
}

#[test]
fn batches_and_collections_come_when_they_are_due() {
    let _turn = common::turn();
    let receiver = Receiver::default();
    let output = Output::new(receiver.clone()).schedule_delay(Duration::from_millis(10));
    let _guard = tripod::init().exporter(output.metric_interval(Duration::from_millis(20))).start().unwrap();
    tripod::counter("clock_jumps_total").build().add(1, &[]);
    for days in [1, -2, 0, 400] {
        let _ahead = Ahead::set(days);
        let before = [Signal::Traces, Signal::Metrics].map(|signal| receiver.batches(signal));
        tripod::span!("work").end();
        common::wait_until(|| receiver.batches(Signal::Traces) > before[0]);
        common::wait_until(|| receiver.batches(Signal::Metrics) > before[1] + 2);
    }
}

#[test]
fn a_retry_comes_neither_sooner_nor_later() {
    let _turn = common::turn();
    for days in [1, -2] {
        let receiver = Receiver::default();
        receiver.refusals.store(1, Ordering::Relaxed);
        let builder = tripod::init().metrics(false).schedule_delay(Duration::from_millis(10));
        let _guard = builder.exporter(receiver.clone()).start().unwrap();
        tripod::span!("work").end();
        common::wait_until(|| receiver.tries.lock().unwrap().len() == 1);
        let _ahead = Ahead::set(days);
        common::wait_until(|| receiver.batches(Signal::Traces) == 1);
        let tries = receiver.tries.lock().unwrap();
        assert!(tries[1] - tries[0] >= ASKED, "{:?}", tries[1] - tries[0]);
    }
}

#[test]
fn a_span_keeps_its_duration_and_later_ones_have_the_new_time() {
    let _turn = common::turn();
    let memory = MemoryExporter::default();
    let guard = tripod::init().metrics(false).exporter(memory.clone()).start().unwrap();
    for days in [1, -2] {
        memory.clear();
        let (span, began) = (tripod::span!("over the jump"), Instant::now());
        let _ahead = Ahead::set(days);
        // A thread takes the time of day from the system once a second.
        std::thread::sleep(Duration::from_millis(1100));
        span.end();
        let took = began.elapsed();
        let now = SystemTime::now();
        tripod::span!("after it").end();
        assert!(guard.flush());
        let span = memory.span("over the jump").unwrap();
        let duration = Duration::from_nanos(span.end_time_unix_nano - span.start_time_unix_nano);
        assert!(duration >= Duration::from_millis(1000) && duration <= took + Duration::from_secs(1), "{duration:?}");
        let after = memory.span("after it").unwrap();
        let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(after.start_time_unix_nano);
        let off = start.duration_since(now).unwrap_or_else(|error| error.duration());
        assert!(off < Duration::from_secs(60), "{off:?}");
    }
}
