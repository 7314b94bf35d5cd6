//! What recording a metric allocates once it is warm: nothing. And what a series takes of memory.
//!
//! A file of its own, as it counts what the whole process allocates; one test, so that nothing else runs beside it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tripod::metrics;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this thread's allocations count: those of the engine's threads, which may be just starting, don't.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
}

static BYTES: AtomicI64 = AtomicI64::new(0);

// SAFETY: hands every call on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.get() {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        BYTES.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl Fn()) -> u64 {
    // Warm: series, the thread's cells, exemplars' slots.
    (0..3).for_each(|_| work());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..100).for_each(|_| work());
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn recording_allocates_nothing_once_warm_and_a_series_takes_little_memory() {
    COUNTS.set(true);
    let guard = tripod::init().exporter(tripod::MemoryExporter::default()).self_metrics(false).start().unwrap();
    let counter = tripod::counter("alloc_total").build();
    let gauge = tripod::gauge("alloc_gauge").build();
    let up_down = tripod::up_down_counter("alloc_open").build();
    let explicit = tripod::histogram("alloc_seconds").build();
    let exponential = tripod::histogram("alloc_exponential").exponential_buckets(160).build();
    let summary = metrics::summary("alloc_summary").build();
    let (method, status) = (String::from("GET"), 200);
    let everything = || {
        let labels: &[_] = tripod::labels!(method, route = "/api/v1/orders", status);
        counter.inc(labels);
        counter.add_f64(0.5, labels);
        gauge.set(1.0, labels);
        up_down.add(-1, labels);
        for value in [0.001, 0.2, 3.0, 45.0, -1.0, 0.0] {
            explicit.record(value, labels);
            exponential.record(value, labels);
            summary.record(value, labels);
        }
    };
    assert_eq!(allocations(everything), 0, "without a span");
    let span = tripod::span!("sampled");
    // Each collection makes room for new exemplars.
    let mut round = allocations(everything);
    for _ in 0..3 {
        metrics::collect();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        everything();
        round += ALLOCATIONS.load(Ordering::Relaxed) - before;
    }
    assert_eq!(round, 0, "in a sampled span, with exemplars");
    drop((span, guard));

    let series = 100_000;
    let many = tripod::counter("alloc_many_total").max_series(series).build();
    let before = BYTES.load(Ordering::Relaxed);
    for n in 0..series {
        let (method, route, status) = (["GET", "POST"][n % 2], n / 2 % 1000, 200 + n / 2000);
        let (route, status) = (format!("/api/v1/{route}"), status.to_string());
        many.inc(tripod::labels!(method, route, status));
    }
    let bytes = (BYTES.load(Ordering::Relaxed) - before) as f64 / series as f64;
    println!("{bytes:.0} bytes a series");
    assert!(bytes <= 159.0, "{bytes} bytes a series");
}
