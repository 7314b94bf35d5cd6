use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn windows(max_series: usize) -> Windows {
    let quantiles = vec![0.5, 0.99];
    Windows::new(Shape { lengths: vec![MINUTE, HOUR], quantiles, relative_error: 0.01, max_series })
}

fn key<'a>(name: &'a str, provider: &'a str) -> Key<'a> {
    Key { kind: EventKind::Performance, name, provider }
}

/// Series of a window: name and count.
fn counts(windows: &Windows, window: usize, now: u64) -> Vec<(String, u64)> {
    let series = (0..windows.len()).filter_map(|place| windows.series(place, window, now));
    series.map(|series| (series.name, series.count)).collect()
}

#[test]
fn an_event_leaves_a_window_when_it_is_older_than_that() {
    let mut windows = windows(10);
    windows.record(key("fetch", "p1"), 0, Some(0.5));
    windows.record(key("fetch", "p1"), 59 * SECOND, Some(1.5));
    let of = |now: u64, window: usize| counts(&windows, window, now * SECOND).first().map_or(0, |(_, count)| *count);
    assert_eq!([of(59, 0), of(61, 0), of(111, 0), of(120, 0)], [2, 1, 1, 0]);
    assert_eq!([of(59, 1), of(3100, 1), of(3600, 1)], [2, 2, 0], "the long window goes by eighths of an hour");
}

#[test]
fn rates_are_of_the_time_that_the_window_reaches_back() {
    let mut windows = windows(10);
    for at in 0..1000 {
        windows.record(key("fetch", "p1"), at * SECOND / 10, Some(0.1));
    }
    let series = windows.series(0, 0, 100 * SECOND).unwrap();
    assert!((series.rate - 10.0).abs() < 0.5, "ten a second: {}", series.rate);
    let mut young = self::windows(10);
    young.record(key("fetch", "p1"), 1000, None);
    assert_eq!(young.series(0, 0, 2000).unwrap().rate, 1.0, "a moment is no time to take a rate of");
}

#[test]
fn too_many_series_count_as_one_and_idle_ones_make_room() {
    let mut windows = windows(2);
    for name in ["a", "b", "c", "d", "a"] {
        windows.record(key(name, "p"), SECOND, None);
    }
    let other = |count: u64| (OVERFLOW.to_owned(), count);
    assert_eq!(counts(&windows, 1, SECOND), [("a".to_owned(), 2), ("b".to_owned(), 1), other(2)]);
    assert_eq!(windows.overflowed(), 2);
    let later = 2 * 3600 * SECOND;
    windows.record(key("c", "p"), later, None);
    windows.record(key("a", "p"), later, None);
    assert_eq!(counts(&windows, 1, later), [("c".to_owned(), 1), ("a".to_owned(), 1)]);
    assert_eq!(windows.overflowed(), 2);
}

#[test]
fn errors_are_shared_out_by_provider_and_type() {
    let mut windows = windows(20);
    for (kind, name, provider, events) in [
        (EventKind::Performance, "fetch", "p1", 90),
        (EventKind::Failure, "Timeout", "p1", 8),
        (EventKind::Failure, "Refused", "p1", 2),
        (EventKind::Performance, "fetch", "p2", 5),
        (EventKind::Metric, "cpu", "", 7),
    ] {
        (0..events).for_each(|_| windows.record(Key { kind, name, provider }, SECOND, None));
    }
    let rates = windows.error_rates(0, SECOND);
    let shown: Vec<_> = rates.iter().map(|rate| (&*rate.provider, rate.attempts, rate.failures, rate.rate())).collect();
    assert_eq!(shown, [("p1", 100, 10, 0.1), ("p2", 5, 0, 0.0)]);
    assert_eq!((rates[0].rate_of("Timeout"), rates[0].rate_of("Refused"), rates[0].rate_of("Odd")), (0.08, 0.02, 0.0));
}

proptest! {
    #[test]
    fn a_windows_quantiles_are_those_of_its_values_within_the_error(
        mut values in prop::collection::vec(1e-6_f64..1e3, 1..300), quantile in 0.0_f64..1.0,
    ) {
        let mut windows = windows(10);
        for (at, value) in values.iter().enumerate() {
            windows.record(key("fetch", "p1"), at as u64 * SECOND / 10, Some(*value));
        }
        values.sort_by(f64::total_cmp);
        let exact = values[(quantile * (values.len() - 1) as f64) as usize];
        let found = windows.series(0, 1, 30 * SECOND).unwrap().values.unwrap();
        prop_assert!((found.quantile(quantile) / exact - 1.0).abs() <= 0.01 + 1e-9, "{} {exact}", found.quantile(quantile));
        prop_assert_eq!((found.min, found.max), (values[0], values[values.len() - 1]));
    }
}
