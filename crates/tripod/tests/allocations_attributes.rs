//! A call of a function that attributes observe allocates nothing once warm.

#[path = "common/allocator.rs"]
mod allocator;

use std::time::Duration;

use tripod::{Batch, ExportError, Exported, Exporter};

/// Takes everything, keeps nothing.
struct Discards;

impl Exporter for Discards {
    fn name(&self) -> &'static str {
        "discards"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        Ok(Exported::default())
    }
}

#[tripod::track_metrics(labels(method = method, n = n))]
#[tripod::measure_latency("allocations_seconds", labels(tier = "gold"))]
#[tripod::count_calls("allocations_total", labels(method = %method))]
// Without errors, as a span records where they came about, where the program asks for that.
#[tripod::traced(fields(method = method, n = n), errors = false)]
#[tripod::telemetry(provider = "allocations", errors = false)]
#[tripod::monitor_resource("allocations")]
#[tripod::cache_metrics("allocations")]
fn observed(method: &str, n: u32) -> Result<Option<u32>, std::fmt::Error> {
    match n {
        0 => Ok(None),
        1 => Err(std::fmt::Error),
        n => Ok(Some(n)),
    }
}

/// Allocations of some calls, few enough that what they record fits into what the thread has.
fn allocations(calls: u32) -> u64 {
    let before = allocator::allocations();
    for n in 0..calls {
        let _ = observed(["GET", "POST"][n as usize % 2], n % 3);
    }
    allocator::allocations() - before
}

#[test]
fn a_call_allocates_nothing_once_warm() {
    let builder = tripod::init().exporter(Discards).metrics(false).schedule_delay(Duration::from_secs(3600));
    let guard = builder.start().unwrap();
    assert!(allocations(60) > 0, "they are counted");
    assert!(guard.flush());
    let least = (0..5).map(|_| allocations(60)).min();
    assert_eq!(least, Some(0));
}
