//! The table of series in loom: `./test loom`.

use std::ptr;

use loom::cell::UnsafeCell;
use loom::thread;
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData};
use tripod_wire::prometheus::names::MetricKind;

use super::super::aggregate::{Aggregate, Head};
use super::super::cells::CellReader;
use super::{OVERFLOW, Seeds, Series, SeriesMap};
use crate::export::prometheus::Samples;
use crate::sync::model::atomic::{AtomicU64, Ordering};

/// Counts; loom watches whether a series is complete when another thread finds it.
struct Watched(AtomicU64, UnsafeCell<u64>);

// SAFETY: the cell is only read once the series is made; loom sees to it.
unsafe impl Sync for Watched {}

impl Aggregate for Watched {
    type Shape = ();
    type State = u64;
    type Point = ();

    fn new((): &()) -> Self {
        Self(AtomicU64::new(0), UnsafeCell::new(1))
    }

    fn state(&self, (): &(), _: &CellReader) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn has_deltas((): &()) -> bool {
        true
    }

    fn since(now: &u64, before: &u64) -> Option<u64> {
        now.checked_sub(*before)
    }

    fn point((): &(), _: u64, _: Head) {}

    fn data((): &(), _: Vec<()>, _: AggregationTemporality) -> MetricData {
        MetricData::Empty
    }

    fn kind((): &()) -> MetricKind {
        MetricKind::Counter
    }

    fn write(&self, (): &(), _: &CellReader, _: &mut Samples<'_>) {}
}

type Map = &'static SeriesMap<Watched>;

fn map(limit: usize) -> Map {
    // The same in every run: loom repeats what it has seen.
    Box::leak(Box::new(SeriesMap::with_seeds(limit, Seeds([0x1234_5678_9abc_def1, 0xfedc_ba98_7654_3211, 1]))))
}

/// Counts in the series of this label.
fn count(map: Map, n: i64) -> &'static Series<Watched> {
    let series = map.get(&(), crate::labels!(n));
    // A plain load, which loom refuses unless the series was surely made before.
    // SAFETY: nobody writes to it.
    assert_eq!(series.numbers.1.with(|made| unsafe { *made }), 1);
    series.numbers.0.fetch_add(1, Ordering::Relaxed);
    series
}

fn counted(map: Map) -> Vec<u64> {
    map.all().iter().map(|series| series.numbers.0.load(Ordering::Relaxed)).collect()
}

#[test]
fn a_label_set_that_threads_bring_at_once_is_one_series() {
    loom::model(|| {
        let map = map(10);
        let other = thread::spawn(move || {
            count(map, 1);
        });
        let own = count(map, 1);
        other.join().unwrap();
        assert!(ptr::eq(own, count(map, 1)));
        assert_eq!((counted(map), map.count()), (vec![3], 1));
    });
}

#[test]
fn series_are_found_while_the_table_grows() {
    loom::model(|| {
        let map = map(10);
        let first = count(map, 0);
        let growing = thread::spawn(move || {
            count(map, 1);
            count(map, 2);
        });
        assert!(ptr::eq(first, count(map, 0)));
        let last = count(map, 2);
        growing.join().unwrap();
        assert!(ptr::eq(last, count(map, 2)) && !ptr::eq(first, last));
        let mut all = counted(map);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    });
}

#[test]
fn beyond_the_limit_there_is_one_series_for_the_rest() {
    loom::model(|| {
        let map = map(1);
        let other = thread::spawn(move || {
            count(map, 1);
        });
        count(map, 2);
        other.join().unwrap();
        count(map, 3);
        let all = map.all();
        assert_eq!(all.iter().filter(|series| series.labels.iter().any(|(key, _)| key == OVERFLOW)).count(), 1);
        assert_eq!((all.len(), counted(map).iter().sum::<u64>(), map.overflowed()), (2, 3, 2));
    });
}
