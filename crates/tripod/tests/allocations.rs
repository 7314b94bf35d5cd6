//! Recording allocates nothing once warm: counted on the thread that records.

#[path = "common/allocator.rs"]
mod allocator;
mod common;

use std::time::Duration;

use common::turn;
use tripod::{Batch, Context, ExportError, Exported, Exporter, Guard, Sampler};

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

fn start(sampler: Sampler) -> Guard {
    let builder = tripod::init().exporter(Discards).metrics(false).sampler(sampler);
    builder.schedule_delay(Duration::from_secs(3600)).start().unwrap()
}

/// Allocations of some calls, once warm: chunks of the lane have been filled, read and handed back. Few enough that one chunk, which
/// is surely there, suffices them: the collector may be late.
fn allocations(guard: &Guard, mut call: impl FnMut(u64)) -> u64 {
    for _ in 0..8 {
        (0..500).for_each(&mut call);
        assert!(guard.flush());
    }
    let before = allocator::allocations();
    (0..20).for_each(&mut call);
    allocator::allocations() - before
}

/// What is done, and how.
type Call = (&'static str, fn(u64));

#[tripod::traced]
fn traced(order: u64, customer: &str) -> u64 {
    order + customer.len() as u64
}

fn nested(depth: u64) {
    let _span = tripod::span!("nested", depth);
    if depth > 0 {
        nested(depth - 1);
    }
}

#[test]
fn spans_logs_and_contexts_allocate_nothing_once_warm() {
    let _turn = turn();
    let guard = start(Sampler::always_on());
    let calls: [Call; 9] = [
        ("a span", |_| tripod::span!("span").end()),
        ("a span with eight attributes and an event", |n| {
            let span = tripod::span!("span", n, a = "text", b = true, c = 1.5, d = n, e = "more", f = %n, g = ?n);
            span.add_event("event", tripod::labels!(n, why = "because"));
        }),
        ("attributes and an outcome set while it runs", |n| {
            let span = tripod::span!("span");
            tripod::current().set_attribute("n", n as i64);
            span.set_status(tripod::StatusCode::ERROR, "failed");
        }),
        ("eleven nested spans", |_| nested(10)),
        ("a log record with eight fields", |n| {
            tripod::info!("message {n}", n, a = "text", b = true, c = 1.5, d = n, e = "more", f = %n, g = ?n);
        }),
        ("a log record in a span", |n| {
            let _span = tripod::span!("span");
            tripod::warn!("message", n);
        }),
        ("a log record below the level", |n| tripod::trace!("message {n}", n)),
        ("a traced function", |n| assert!(traced(n, "ada") >= n)),
        ("a context attached", |_| {
            let span = tripod::span!("span");
            let context = Context::current();
            drop(span);
            let _attached = context.attach();
            tripod::span!("child").end();
        }),
    ];
    for (what, call) in calls {
        assert_eq!(allocations(&guard, call), 0, "{what}");
    }
}

#[test]
fn a_span_that_is_not_sampled_or_not_recorded_allocates_nothing() {
    let _turn = turn();
    let guard = start(Sampler::always_off());
    let span = |n| tripod::span!("span", n, a = "text").add_event("event", &[]);
    assert_eq!(allocations(&guard, span), 0);
    drop(guard);
    let guard = tripod::init().exporter(Discards).metrics(false).traces(false).start().unwrap();
    assert_eq!(allocations(&guard, span), 0);
}
