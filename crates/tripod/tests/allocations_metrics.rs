//! What recording a metric allocates once it is warm: nothing. And what a series takes of memory.
//!
//! A file of its own, as it counts what the whole process allocates; one test, so that nothing else runs beside it.

#[path = "common/allocator.rs"]
mod allocator;

use tripod::metrics;

fn allocations(work: impl Fn()) -> u64 {
    // Warm: series, the thread's cells, exemplars' slots.
    (0..3).for_each(|_| work());
    let before = allocator::allocations();
    (0..100).for_each(|_| work());
    allocator::allocations() - before
}

#[test]
fn recording_allocates_nothing_once_warm_and_a_series_takes_little_memory() {
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
        let before = allocator::allocations();
        everything();
        round += allocator::allocations() - before;
    }
    assert_eq!(round, 0, "in a sampled span, with exemplars");
    drop((span, guard));

    let series = 100_000;
    let many = tripod::counter("alloc_many_total").max_series(series).build();
    let before = allocator::live();
    for n in 0..series {
        let (method, route, status) = (["GET", "POST"][n % 2], n / 2 % 1000, 200 + n / 2000);
        let (route, status) = (format!("/api/v1/{route}"), status.to_string());
        many.inc(tripod::labels!(method, route, status));
    }
    let bytes = (allocator::live() - before) as f64 / series as f64;
    println!("{bytes:.0} bytes a series");
    assert!(bytes <= 159.0, "{bytes} bytes a series");
}
