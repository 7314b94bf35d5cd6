//! What events cost in memory: recording allocates nothing once warm, ten thousand events take about a megabyte, and windows take the
//! same however many values they have seen; and their quantiles beside exact ones.
#![cfg(feature = "events")]

#[path = "common/allocator.rs"]
mod allocator;
mod common;

use std::time::{Duration, Instant};

use common::turn;
use tripod::events::{Collector, CollectorConfig, EventKind, Failure, Metric, Performance};
use tripod::labels;

fn patient() -> CollectorConfig {
    CollectorConfig::new().flush_interval(Duration::from_secs(3600))
}

fn record_each_kind(collector: &Collector) {
    let error = std::fmt::Error;
    collector.record(Performance { operation: "api_call", duration: Duration::from_millis(5), provider: "provider1" });
    collector.record(Failure { provider: "provider1", operation: "fetch", ..Failure::of(&error) });
    collector.record(Metric { name: "cpu_usage", value: 75.5, labels: labels!(host = "server1", core = 3) });
}

#[test]
fn recording_allocates_nothing_once_warm() {
    let _turn = turn();
    let collector = patient().start().unwrap();
    // Until chunks of the lane have been filled, read and handed back.
    for _ in 0..5000 {
        record_each_kind(&collector);
    }
    assert!(collector.flush());
    let before = allocator::allocations();
    (0..100).for_each(|_| record_each_kind(&collector));
    assert_eq!(allocator::allocations() - before, 0);
}

#[test]
fn ten_thousand_events_take_about_a_megabyte() {
    let _turn = turn();
    let collector = patient().start().unwrap();
    let before = allocator::live();
    let rounds = || {
        for _ in 0..20 {
            for _ in 0..1000 {
                record_each_kind(&collector);
            }
            assert!(collector.flush());
        }
        allocator::live() - before
    };
    let (once, twice) = (rounds(), rounds());
    assert_eq!(collector.recent(usize::MAX).len(), 10_000);
    println!("10,000 events, windows and lanes: {once} bytes, {} an event", once / 10_000);
    // Beside the events themselves: a lane of the thread's, at most six chunks of 64 KiB, and windows for three series.
    assert!(once < 3 << 20, "{once}");
    assert!((twice - once).abs() < 256 << 10, "bounded: {once}, then {twice}");
}

/// Values by their number, of how many.
type Distribution = fn(u64, u64, &mut fastrand::Rng) -> f64;

const DISTRIBUTIONS: [(&str, Distribution); 7] = [
    ("uniform", |_, _, random| 0.001 + random.f64()),
    ("lognormal", |_, _, random| (-3.0 + 1.5 * normal(random)).exp()),
    ("bimodal", |_, _, random| {
        if random.f64() < 0.9 { 0.01 * (1.0 + 0.1 * normal(random)) } else { 2.0 * (1.0 + 0.05 * normal(random)) }
    }),
    ("constant", |_, _, _| 0.125_f64.next_up()),
    ("ascending", |at, _, _| 1e-3 * (at + 1) as f64),
    ("descending", |at, all, _| 1e-3 * (all - at) as f64),
    ("both signs", |_, _, random| normal(random) * 100.0),
];

fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * random.f64().max(f64::MIN_POSITIVE).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
}

const QUANTILES: [f64; 9] = [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0];

/// What a window finds beside what is exact: the greatest relative error. Also the bytes that are in use after each tenth.
fn compare(of: Distribution, values: u64, relative_error: f64) -> (f64, Vec<i64>) {
    let config = patient().relative_error(relative_error).windows([Duration::from_secs(36_000)]);
    let collector = config.max_events(5_000).start().unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let mut exact = Vec::with_capacity(values as usize);
    let mut live = Vec::new();
    for at in 0..values {
        let value = of(at, values, &mut random);
        exact.push(value);
        collector.record(Metric { name: "value", value, labels: &[] });
        if at % 4096 == 4095 {
            assert!(collector.flush());
        }
        if at % (values / 10) == values / 10 - 1 {
            live.push(allocator::live());
        }
    }
    let aggregated = collector.aggregated();
    assert_eq!((collector.stats().kept, collector.stats().dropped), (values, 0));
    let found = aggregated.windows[0].series(EventKind::Metric, "value", "").unwrap().values.clone().unwrap();
    exact.sort_by(f64::total_cmp);
    let error = |quantile: &f64| {
        let exact = exact[(quantile * (values - 1) as f64) as usize];
        let found = found.quantile(*quantile);
        if exact == 0.0 { found.abs() } else { (found / exact - 1.0).abs() }
    };
    assert_eq!((found.min, found.max), (exact[0], exact[exact.len() - 1]));
    (QUANTILES.iter().map(error).fold(0.0, f64::max), live)
}

/// The bytes in use do not grow with what a window has seen. After three tenths all is warm, and only buckets may come, where values still
/// reach further: 8 bytes for each, at most 2,048 at 1 %.
fn check_distributions(values: u64) {
    for (name, of) in DISTRIBUTIONS {
        for relative_error in [0.01, 0.05] {
            let start = Instant::now();
            let (worst, live) = compare(of, values, relative_error);
            let grown = live[9] - live[2];
            println!(
                "{name}: {values} values, error {worst:.5} of {relative_error}, {grown} bytes more in the last seven tenths, {:.1?}",
                start.elapsed()
            );
            assert!(worst <= relative_error * (1.0 + 1e-9), "{name}: {worst}");
            assert!(grown < 32 << 10, "{name}: {live:?}");
        }
    }
}

#[test]
fn a_windows_quantiles_are_exact_ones_within_the_stated_error() {
    let _turn = turn();
    check_distributions(100_000);
}

/// `cargo test --release -p tripod --features events --test events_allocations -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute in a release build"]
fn a_windows_quantiles_of_ten_million_values_are_exact_ones_within_the_stated_error() {
    let _turn = turn();
    check_distributions(10_000_000);
}

/// `cargo test --release -p tripod --features events --test events_allocations -- --ignored --nocapture`
#[test]
#[ignore = "figures, which mean something only in a release build"]
fn what_recording_costs() {
    const EVENTS: u32 = 5_000;
    const ROUNDS: u32 = 200;
    let _turn = turn();
    let collector = patient().start().unwrap();
    let time = |what: &str, record: &mut dyn FnMut()| {
        let mut took = Duration::ZERO;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            (0..EVENTS).for_each(|_| record());
            took += start.elapsed();
            assert!(collector.flush());
        }
        println!("{what}: {:.1} ns an event", took.as_nanos() as f64 / f64::from(EVENTS * ROUNDS));
    };
    let duration = Duration::from_millis(5);
    let performance = Performance { operation: "api_call", duration, provider: "provider1" };
    time("performance", &mut || collector.record(performance));
    let error = std::fmt::Error;
    let failure = Failure { provider: "provider1", operation: "fetch", ..Failure::of(&error) };
    time("failure", &mut || collector.record(failure));
    time("metric", &mut || {
        collector.record(Metric { name: "cpu_usage", value: 75.5, labels: labels!(host = "server1") });
    });
    assert_eq!(collector.stats().dropped, 0);
}
