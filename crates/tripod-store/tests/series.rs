//! Series: samples, exemplars and metadata, selected by matchers as Prometheus does.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{open, span_id, trace_id};
use proptest::prelude::*;
use tripod_store::{
    Embedded, Exemplar, Labels, MatchOp, Matcher, Metadata, MetricKind, NativeHistogram, Options, Samples, SeriesStore,
    SeriesWrite, Store,
};

fn write(labels: &[(&str, &str)], floats: &[(i64, f64)]) -> SeriesWrite {
    SeriesWrite {
        labels: Labels::new(labels.iter().copied()),
        samples: Samples { floats: floats.to_vec(), ..Samples::default() },
        exemplars: Vec::new(),
        metadata: None,
    }
}

fn matcher(name: &str, op: &str, value: &str) -> Matcher {
    let regex = || regex::Regex::new(&format!("^(?:{value})$")).unwrap();
    let op = match op {
        "=" => MatchOp::Equal,
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Regex(regex()),
        _ => MatchOp::NotRegex(regex()),
    };
    Matcher { name: name.into(), op, value: value.into() }
}

fn floats(store: &Embedded, start: i64, end: i64) -> Vec<(i64, f64)> {
    store.select(&[], start, end).unwrap().into_iter().flat_map(|series| series.samples.floats).collect()
}

fn reopened(store: Embedded, options: &Options) -> Embedded {
    drop(store);
    Embedded::open(options.clone()).unwrap().0
}

#[test]
fn late_samples_are_sorted_in_and_equal_times_replace_across_segments_too() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 60, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    let labels = [("__name__", "up")];
    for batch in [&[(10, 1.0), (30, 3.0)][..], &[(20, 2.0)], &[(30, 33.0), (5, 0.5)], &[(10, 11.0)]] {
        assert_eq!(store.append_series(&[write(&labels, batch)]).unwrap().accepted, batch.len() as u64);
    }
    let check = |store: &Embedded| {
        assert_eq!(floats(store, i64::MIN, i64::MAX), [(5, 0.5), (10, 11.0), (20, 2.0), (30, 33.0)]);
        assert_eq!(floats(store, 10, 20), [(10, 11.0), (20, 2.0)], "both ends belong to the window");
        assert_eq!(floats(store, 20, 10), []);
        assert_eq!(store.last(&Labels::new(labels)).unwrap(), Some((30, 33.0)));
        assert_eq!(store.last(&Labels::new([("a", "b")])).unwrap(), None);
    };
    check(&store);
    check(&reopened(store, &options));
}

#[test]
fn the_bits_of_a_nan_survive() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    store.append_series(&[write(&[("a", "b")], &[(1, stale)])]).unwrap();
    let store = reopened(store, &Options::new(dir.path()));
    assert_eq!(floats(&store, 0, 9)[0].1.to_bits(), stale.to_bits());
}

#[test]
fn histograms_and_metadata_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let histogram = Arc::new(NativeHistogram {
        schema: 3,
        count: 4.0,
        positive: (-2, vec![1.0, 3.0]),
        ..NativeHistogram::default()
    });
    let metadata = |help: &str| {
        Some((
            Arc::from("latency"),
            Arc::new(Metadata { kind: MetricKind::Histogram, help: help.into(), unit: "s".into() }),
        ))
    };
    let mut batch = write(&[("__name__", "latency")], &[]);
    batch.samples.histograms = vec![(7, Arc::clone(&histogram))];
    batch.metadata = metadata("old");
    store.append_series(&[batch.clone()]).unwrap();
    batch.metadata = metadata("how long it takes");
    store.append_series(&[batch]).unwrap();
    let check = |store: &Embedded| {
        assert_eq!(store.select(&[], 0, 9).unwrap()[0].samples.histograms, [(7, Arc::clone(&histogram))]);
        assert_eq!(store.metadata().unwrap()["latency"].help, "how long it takes");
        assert_eq!(store.status().samples, 1);
    };
    check(&store);
    check(&reopened(store, &Options::new(dir.path())));
}

#[test]
fn the_newest_exemplars_are_kept_each_once() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 3000, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    let exemplar = |time| Exemplar {
        time,
        value: 0.5,
        trace_id: trace_id(1),
        span_id: span_id(time as u64),
        labels: Labels::new([("k", "v")]),
    };
    for time in [3, 1, 2, 2, 2].into_iter().chain(4..100) {
        let mut batch = write(&[("__name__", "latency")], &[(time, 1.0)]);
        batch.exemplars = vec![exemplar(time)];
        store.append_series(&[batch]).unwrap();
    }
    let check = |store: &Embedded| {
        let found = store.exemplars(&[matcher("__name__", "=", "latency")], 0, 1000).unwrap();
        assert_eq!(found[0].exemplars, (36..100).map(exemplar).collect::<Vec<_>>());
        assert_eq!(store.exemplars(&[], 40, 41).unwrap()[0].exemplars, [exemplar(40), exemplar(41)]);
        assert_eq!(store.exemplars(&[matcher("__name__", "=", "other")], 0, 1000).unwrap(), []);
        assert_eq!(store.status().exemplars, 64);
    };
    check(&store);
    check(&reopened(store, &options));
}

#[test]
fn series_without_samples_in_the_window_are_not_selected() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store.append_series(&[write(&[("n", "old")], &[(1, 1.0)]), write(&[("n", "new")], &[(9, 1.0)])]).unwrap();
    assert_eq!(store.series(&[], 5, 10).unwrap(), [Labels::new([("n", "new")])]);
    assert_eq!(store.select(&[], 5, 10).unwrap().len(), 1);
    assert_eq!(
        store.series(&[vec![matcher("n", "=", "old")], vec![matcher("n", "=~", ".*")]], 0, 10).unwrap().len(),
        2
    );
    assert_eq!(store.series(&[vec![matcher("n", "=", "none")]], 0, 10).unwrap(), []);
}

fn arbitrary_labels() -> impl Strategy<Value = BTreeMap<&'static str, &'static str>> {
    let value = || prop::option::of(prop::sample::select(vec!["x", "y", "xy"]));
    (value(), value(), value()).prop_map(|(a, b, c)| {
        [("a", a), ("b", b), ("c", c)].into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

fn arbitrary_matcher() -> impl Strategy<Value = Matcher> {
    let value = prop::sample::select(vec!["", "x", "y", "x|y", "x.*", ".*", ".+", "x?"]);
    (prop::sample::select(vec!["a", "b", "c", "d"]), prop::sample::select(vec!["=", "!=", "=~", "!~"]), value)
        .prop_map(|(name, op, value)| matcher(name, op, value))
}

proptest! {
    #[test]
    fn matchers_select_what_a_look_at_every_series_selects(
        all in prop::collection::btree_set(arbitrary_labels(), 0..12), sets in prop::collection::vec(prop::collection::vec(arbitrary_matcher(), 0..4), 1..3),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        let writes: Vec<_> = all.iter().map(|labels| write(&labels.iter().map(|(name, value)| (*name, *value)).collect::<Vec<_>>(), &[(1, 1.0)])).collect();
        store.append_series(&writes).unwrap();
        let matches = |labels: &Labels, set: &[Matcher]| set.iter().all(|matcher| matcher.matches(labels.get(&matcher.name)));
        let mut labels: Vec<Labels> = writes.into_iter().map(|write| write.labels).collect();
        labels.sort();
        let expected: Vec<_> = labels.iter().filter(|labels| matches(labels, &sets[0])).cloned().collect();
        let selected: Vec<_> = store.select(&sets[0], 0, 2).unwrap().into_iter().map(|series| series.labels).collect();
        prop_assert_eq!(selected, expected);
        let expected: Vec<_> = labels.iter().filter(|labels| sets.iter().any(|set| matches(labels, set))).cloned().collect();
        prop_assert_eq!(store.series(&sets, 0, 2).unwrap(), expected);
    }

    #[test]
    fn samples_in_any_order_end_as_the_last_written_value_of_each_time(
        batches in prop::collection::vec(prop::collection::vec((0i64..20, any::<i32>()), 1..8), 1..8), segment_bytes in 50u64..400, start in 0i64..20, end in 0i64..20,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes, ..Options::new(dir.path()) };
        let (store, _) = Embedded::open(options.clone()).unwrap();
        let mut model = BTreeMap::new();
        for batch in &batches {
            let batch: Vec<(i64, f64)> = batch.iter().map(|(time, value)| (*time, f64::from(*value))).collect();
            model.extend(batch.iter().copied());
            store.append_series(&[write(&[("a", "b")], &batch)]).unwrap();
        }
        let expected: Vec<_> = model.iter().filter(|(time, _)| (start..=end).contains(*time)).map(|(time, value)| (*time, *value)).collect();
        prop_assert_eq!(floats(&store, start, end), expected.clone());
        let newest = model.last_key_value().map(|(time, value)| (*time, *value));
        prop_assert_eq!(store.last(&Labels::new([("a", "b")])).unwrap(), newest);
        let store = reopened(store, &options);
        prop_assert_eq!(floats(&store, start, end), expected);
    }
}
