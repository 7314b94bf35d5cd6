//! Queries against a naive model, over writes in both forms.
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tripod_wire::prometheus::remote_write as wire;
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::batch::Batch;
use super::limits::Limits;
use super::memory::Memory;
use super::query::Memories;
use super::registry::Registry;
use super::{Samples, Selector, codec, scan};
use crate::disk::RealDisk;
use crate::engine::testing::Harness;
use crate::engine::{Options, RecordKind, Signal, View};
use crate::{
    Exemplar, Labels, MatchOp, Matcher, Metadata, MetricKind, NativeHistogram, ResetHint, SelectedSeries, SeriesView,
    SeriesWrite, StoreError,
};

type Pairs = BTreeMap<&'static str, &'static str>;

fn series(pairs: &[(&str, &str)], samples: &[(i64, f64)]) -> wire::TimeSeries {
    wire::TimeSeries {
        labels: pairs.iter().map(|(n, v)| wire::Label { name: (*n).into(), value: (*v).into() }).collect(),
        samples: samples.iter().map(|(time, value)| wire::Sample { timestamp: *time, value: *value }).collect(),
        ..wire::TimeSeries::default()
    }
}

fn request(timeseries: Vec<wire::TimeSeries>) -> Vec<u8> {
    wire::WriteRequest { timeseries, metadata: Vec::new() }.encode_to_vec()
}

fn compressed(request: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(request).unwrap()
}

fn matcher(name: &str, op: &str, value: &str) -> Matcher {
    let regex = || regex::Regex::new(&format!("^(?s:{value})$")).unwrap();
    let op = match op {
        "=" => MatchOp::Equal,
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Regex(regex()),
        _ => MatchOp::NotRegex(regex()),
    };
    Matcher { name: name.into(), op, value: value.into() }
}

fn write(registry: &Registry, memory: &Memory, request: &[u8]) -> Result<crate::Appended, StoreError> {
    let batch = Batch::decode(registry, RecordKind::RemoteWrite, &compressed(request))?;
    let appended = batch.appended.clone();
    memory.apply(batch);
    Ok(appended)
}

fn select(
    registry: &Registry,
    tables: &[Arc<Memory>],
    matchers: &[Matcher],
    start: i64,
    end: i64,
) -> Vec<SelectedSeries> {
    let mut found = Vec::new();
    let memories = Memories::new(registry, tables, start, end);
    let visit = &mut |series: SeriesView<'_>| {
        found.push(SelectedSeries::from(series));
        ControlFlow::Continue(())
    };
    scan::scan(Vec::new(), &memories, &Selector::new(matchers), visit).unwrap();
    found
}

fn select_all(
    samples: &Samples,
    view: &View<Samples>,
    matchers: &[Matcher],
    start: i64,
    end: i64,
) -> Vec<SelectedSeries> {
    let mut found = Vec::new();
    let visit = &mut |series: SeriesView<'_>| {
        found.push(SelectedSeries::from(series));
        ControlFlow::Continue(())
    };
    samples.scan(view, matchers, start, end, visit).unwrap();
    found
}

#[test]
fn what_cannot_be_kept_is_counted_and_named_and_the_rest_is_kept() {
    let registry = Registry::new(Limits { series: 2, ..Limits::default() });
    registry.restored();
    let tables = [Arc::new(Memory::default())];
    let one = |pairs: &[(&str, &str)]| series(pairs, &[(1, 1.0)]);
    let answer = |requests| write(&registry, &tables[0], &request(requests));
    let appended = answer(vec![one(&[("a", "b")]), one(&[("__name__", "up")])]).unwrap();
    assert_eq!((appended.accepted, appended.rejected), (1, 1));
    assert_eq!(appended.reason.unwrap(), r#"the series {a="b"} has no __name__"#);
    let appended =
        answer(vec![one(&[("__name__", "up"), ("a", "1"), ("a", "2")]), one(&[("__name__", "up")])]).unwrap();
    assert_eq!(appended.reason.unwrap(), r#"the series up{a="1",a="2"} has the label "a" twice"#);
    let long = "x".repeat(20_000);
    let appended = answer(vec![one(&[("__name__", "up"), ("a", &long)]), one(&[("__name__", "up")])]).unwrap();
    assert!(appended.reason.unwrap().contains("has 20000 bytes as the value of \"a\", the limit is 16384"));
    let appended =
        answer(vec![one(&[("a", "1"), ("__name__", "up")]), one(&[("__name__", "up"), ("a", "2")])]).unwrap();
    assert_eq!((appended.accepted, appended.rejected), (1, 1), "known series and those up to the limit are kept");
    assert!(
        appended.reason.unwrap().contains("there are 2 series, which is the limit; 2 of them are of the metric \"up\"")
    );
    let error = answer(vec![one(&[("__name__", "other")])]).unwrap_err();
    assert!(matches!(error, StoreError::TooManySeries { limit: 2, series: 2, metric } if metric == "up"));
    assert_eq!(select(&registry, &tables, &[], 0, 9).len(), 2);
}

#[test]
fn a_label_that_is_not_utf8_is_refused_and_its_series_named() {
    let registry = Registry::new(Limits::default());
    let mut bytes = request(vec![series(&[("__name__", "up"), ("path", "/é")], &[(1, 1.0)])]);
    let at = bytes.windows(2).position(|pair| pair == "é".as_bytes()).unwrap();
    bytes[at] = 0xff;
    let batch = Batch::decode(&registry, RecordKind::RemoteWrite, &compressed(&bytes)).unwrap();
    assert_eq!((batch.appended.accepted, batch.appended.rejected), (0, 1));
    assert!(batch.appended.reason.unwrap().starts_with("the series up{path=\"/\u{fffd}"));
}

#[test]
fn labels_in_any_order_and_spelling_are_one_series() {
    let registry = Registry::new(Limits::default());
    let tables = [Arc::new(Memory::default())];
    for (time, pairs) in [
        (1, &[("__name__", "up"), ("a", "1"), ("b", "2")][..]),
        (2, &[("b", "2"), ("a", "1"), ("__name__", "up")]),
        (3, &[("__name__", "up"), ("a", "1"), ("b", "2"), ("c", "")]),
        (4, &[("b", "2"), ("a", "1"), ("__name__", "up")]),
    ] {
        write(&registry, &tables[0], &request(vec![series(pairs, &[(time, 0.5)])])).unwrap();
    }
    // Samples between labels: the labels do not stand together.
    let mut scattered = Vec::new();
    let one = |pairs: &[(&str, &str)], samples: &[(i64, f64)]| series(pairs, samples).encode_to_vec();
    scattered.extend(one(&[("__name__", "up"), ("a", "1")], &[(5, 0.5)]));
    scattered.extend(one(&[("b", "2")], &[(6, 0.5)]));
    let mut bytes = vec![0x0a, scattered.len() as u8];
    bytes.extend(scattered);
    write(&registry, &tables[0], &bytes).unwrap();
    let found = select(&registry, &tables, &[], 0, 9);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].samples.floats, (1..=6).map(|time| (time, 0.5)).collect::<Vec<_>>());
    assert_eq!(found[0].labels, Labels::new([("__name__", "up"), ("a", "1"), ("b", "2")]));
}

#[test]
fn what_is_too_late_for_its_series_is_refused_but_not_when_the_log_is_read_again() {
    let registry = Registry::new(Limits { out_of_order: 100, ..Limits::default() });
    let table = [Arc::new(Memory::default())];
    let late = |name: &str| request(vec![series(&[("__name__", name)], &[(950, 1.0), (899, 1.0), (1001, 1.0)])]);
    let begin = |name: &str| write(&registry, &table[0], &request(vec![series(&[("__name__", name)], &[(1000, 1.0)])]));
    begin("a").unwrap();
    assert_eq!(write(&registry, &table[0], &late("a")).unwrap().accepted, 3);
    registry.restored();
    begin("b").unwrap();
    let appended = write(&registry, &table[0], &late("b")).unwrap();
    assert_eq!((appended.accepted, appended.rejected), (2, 1));
    assert!(appended.reason.unwrap().contains("out-of-order window"));
    let times = |at: usize| {
        select(&registry, &table, &[], 0, 2000)[at].samples.floats.iter().map(|it| it.0).collect::<Vec<_>>()
    };
    assert_eq!((times(0), times(1)), (vec![899, 950, 1000, 1001], vec![950, 1000, 1001]));
}

#[test]
fn a_table_of_long_series_is_written_before_it_is_full_and_one_of_many_short_series_is_not() {
    let ripe = |count: usize, samples: i64| {
        let (signal, memory) = (Samples::new(Limits::default()), Memory::default());
        let mut noise = 1_u64;
        let mut value = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise as f64 / 3.0
        };
        for at in 0..count {
            let floats: Vec<_> = (0..samples).map(|second| (second * 1000, value())).collect();
            let one = series(&[("__name__", "m"), ("at", &at.to_string())], &floats);
            let batch = signal.decode(RecordKind::RemoteWrite, &compressed(&request(vec![one]))).unwrap();
            signal.apply(&memory, batch);
        }
        assert!(signal.bytes(&memory) < Options::new("").samples_table_bytes(), "it is not full");
        signal.ripe(&memory)
    };
    assert!(ripe(100, 20_000));
    assert!(!ripe(8_000, 250));
    assert!(!ripe(100, 5_000), "it is too small to be worth a part");
}

#[test]
fn series_that_nobody_writes_to_leave_and_their_numbers_are_used_again() {
    let registry = Registry::new(Limits { idle: Duration::ZERO, ..Limits::default() });
    let mut table = Arc::new(Memory::default());
    let churn = |round: u32| (0..100).map(move |at| (format!("{round}"), format!("{round:050}-{at:050}")));
    let mut memory = Vec::new();
    for round in 0..40 {
        let all =
            churn(round).map(|(round, at)| series(&[("__name__", "up"), ("round", &round), ("at", &at)], &[(1, 1.0)]));
        write(&registry, &table, &request(all.collect())).unwrap();
        let tables = [Arc::clone(&table)];
        let found = select(&registry, &tables, &[matcher("round", "=", &round.to_string())], 0, 9);
        assert_eq!(found.len(), 100);
        assert!(found.iter().all(|it| it.labels.get("round") == round.to_string()));
        let sorted = registry.sorted(&table.present());
        assert_eq!(sorted.len(), 100);
        let (mut one, mut other, index) = (Vec::new(), Vec::new(), registry.index());
        for pair in sorted.windows(2) {
            index.labels_of(pair[0], &mut one);
            index.labels_of(pair[1], &mut other);
            assert!(one < other);
        }
        drop(index);
        assert_eq!(registry.forget(Instant::now()), 0, "what is in a memory table stays");
        table = Arc::default();
        drop(tables);
        registry.forget(Instant::now());
        memory.push(registry.memory());
        assert!(registry.len() <= 200, "{} series", registry.len());
    }
    assert!(memory[39] <= memory[20] * 3 / 2, "{memory:?}");
}

#[test]
fn what_was_refused_does_not_come_back_with_a_restart() {
    let limits = || Limits { series: 3, out_of_order: 100, ..Limits::default() };
    let dir = tempfile::tempdir().unwrap();
    let store = Harness::open(Arc::new(RealDisk), dir.path(), Samples::new(limits()));
    let paths = ["/0", "/1", "/2", "/3", "/4"];
    let all = paths.map(|path| series(&[("__name__", "requests"), ("path", path)], &[(1000, 1.0), (1001, 2.0)]));
    let described = wire::MetricMetadata { metric_family_name: "requests".into(), ..wire::MetricMetadata::default() };
    let request = wire::WriteRequest { timeseries: all.to_vec(), metadata: vec![described] }.encode_to_vec();
    let appended = store.append(RecordKind::RemoteWrite, &compressed(&request)).unwrap();
    assert_eq!((appended.accepted, appended.rejected), (6, 4));
    // Too old by far, and refused, beside one that is not.
    let late = series(&[("__name__", "requests"), ("path", "/0")], &[(5, 9.0), (1002, 3.0)]);
    let late = wire::WriteRequest { timeseries: vec![late], metadata: Vec::new() }.encode_to_vec();
    let appended = store.append(RecordKind::RemoteWrite, &compressed(&late)).unwrap();
    assert_eq!((appended.accepted, appended.rejected), (1, 1));
    let check = |store: &Harness<Samples>| {
        let (samples, view) = (&store.table.signal, store.view());
        let found = select_all(samples, &view, &[], 0, 2000);
        let floats: Vec<_> = found.iter().map(|series| series.samples.floats.as_slice()).collect();
        let two = &[(1000, 1.0), (1001, 2.0)][..];
        assert_eq!(floats, [&[(1000, 1.0), (1001, 2.0), (1002, 3.0)][..], two, two]);
        assert_eq!((samples.counts(&view).series, samples.metadata(&view).unwrap().len()), (3, 1));
    };
    check(&store);
    check(&store.reopen(Samples::new(limits())));
}

fn custom(bounds: &[f64], buckets: (i32, &[f64])) -> wire::Histogram {
    wire::Histogram {
        schema: NativeHistogram::CUSTOM_BUCKETS,
        count_float: Some(buckets.1.iter().sum()),
        sum: 2.5,
        positive_spans: vec![wire::BucketSpan { offset: buckets.0, length: buckets.1.len() as u32 }],
        positive_counts: buckets.1.to_vec(),
        custom_values: bounds.to_vec(),
        reset_hint: wire::ResetHint::GAUGE,
        timestamp: 5,
        ..wire::Histogram::default()
    }
}

#[test]
fn custom_buckets_and_reset_hints_are_kept_in_memory_and_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = Harness::open(Arc::new(RealDisk), dir.path(), Samples::new(Limits::default()));
    let mut sent = series(&[("__name__", "latency")], &[]);
    let later = wire::Histogram { timestamp: 6, reset_hint: wire::ResetHint::YES, ..custom(&[0.1, 2.0], (0, &[1.0])) };
    sent.histograms = vec![custom(&[0.1, 1.0], (1, &[1.5, 4.0])), later];
    let appended = store.append(RecordKind::RemoteWrite, &compressed(&request(vec![sent]))).unwrap();
    assert_eq!((appended.accepted, appended.reason), (2, None));
    let check = |store: &Harness<Samples>| {
        let found = select_all(&store.table.signal, &store.view(), &[], 0, 9);
        let [(5, first), (6, second)] = &found[0].samples.histograms[..] else { panic!("{found:?}") };
        let expected = NativeHistogram {
            schema: NativeHistogram::CUSTOM_BUCKETS,
            count: 5.5,
            sum: 2.5,
            positive: (1, vec![1.5, 4.0]),
            custom_values: [0.1, 1.0].into(),
            reset_hint: ResetHint::Gauge,
            ..NativeHistogram::default()
        };
        assert_eq!(**first, expected);
        assert_eq!((&*second.custom_values, second.reset_hint), (&[0.1, 2.0][..], ResetHint::Reset));
    };
    check(&store);
    let store = store.reopen(Samples::new(Limits::default()));
    check(&store);
    store.flush();
    check(&store);
    assert!(store.verify().is_empty());
}

#[test]
fn custom_buckets_that_make_no_sense_are_refused_with_what_is_wrong() {
    let plain = wire::Histogram { schema: 3, reset_hint: wire::ResetHint::UNKNOWN, ..custom(&[1.0], (0, &[1.0])) };
    let zero = wire::Histogram { zero_count_float: Some(1.0), ..custom(&[1.0], (0, &[1.0])) };
    let unknown = wire::Histogram { schema: 9, custom_values: Vec::new(), ..custom(&[], (0, &[1.0])) };
    for (histogram, reason) in [
        (custom(&[1.0, 0.5], (0, &[1.0])), "not finite and ascending"),
        (custom(&[1.0, f64::INFINITY], (0, &[1.0])), "not finite and ascending"),
        (custom(&[f64::NAN], (0, &[1.0])), "not finite and ascending"),
        (custom(&[1.0], (1, &[1.0, 2.0])), "2 custom buckets that counts in those from 1 to 2"),
        (custom(&[1.0], (-1, &[1.0])), "from -1 to -1"),
        (zero, "a zero bucket"),
        (plain, "schema 3 with custom bounds"),
        (unknown, "schema 9, which must be from -4 to 8, or -53"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = Harness::open(Arc::new(RealDisk), dir.path(), Samples::new(Limits::default()));
        let mut sent = series(&[("__name__", "latency")], &[(4, 1.0)]);
        sent.histograms = vec![histogram];
        let appended = store.append(RecordKind::RemoteWrite, &compressed(&request(vec![sent]))).unwrap();
        assert_eq!((appended.accepted, appended.rejected), (1, 1));
        assert!(appended.reason.as_ref().is_some_and(|given| given.contains(reason)), "{:?}", appended.reason);
    }
}

#[test]
fn what_prometheus_sends_besides_floats_is_kept_in_memory_and_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = Harness::open(Arc::new(RealDisk), dir.path(), Samples::new(Limits::default()));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let label = |name: &str, value: &str| wire::Label { name: name.into(), value: value.into() };
    let spans = vec![wire::BucketSpan { offset: -2, length: 2 }, wire::BucketSpan { offset: 1, length: 1 }];
    let mut latency = series(&[("__name__", "latency")], &[]);
    latency.histograms = vec![wire::Histogram {
        schema: 3,
        count_int: Some(7),
        sum: 1.5,
        positive_spans: spans,
        positive_deltas: vec![1, 1, 2],
        timestamp: 5,
        ..wire::Histogram::default()
    }];
    let labels = vec![label("trace_id", trace), label("span_id", "b7ad6b7169203331"), label("user", "u1")];
    latency.exemplars = vec![wire::Exemplar { labels, value: 0.25, timestamp: 5 }];
    let kind = wire::MetricType::HISTOGRAM;
    let described =
        wire::MetricMetadata { kind, metric_family_name: "latency".into(), help: "how long".into(), unit: "s".into() };
    let only_metadata = wire::WriteRequest { timeseries: Vec::new(), metadata: vec![described] }.encode_to_vec();
    let check = |store: &Harness<Samples>, metadata: bool| {
        let (samples, view) = (&store.table.signal, store.view());
        let found = select_all(samples, &view, &[], 0, 9);
        let expected = NativeHistogram {
            schema: 3,
            count: 7.0,
            sum: 1.5,
            positive: (-2, vec![1.0, 2.0, 0.0, 4.0]),
            ..NativeHistogram::default()
        };
        assert_eq!(found[0].samples.histograms, [(5, Arc::new(expected))]);
        let found = samples.exemplars(&view, &[], 0, 9).unwrap();
        let exemplar = &found[0].exemplars[0];
        assert_eq!(
            (exemplar.trace_id.to_string(), exemplar.span_id.to_string()),
            (trace.into(), "b7ad6b7169203331".into())
        );
        assert_eq!((exemplar.value, exemplar.labels.clone()), (0.25, Labels::new([("user", "u1")])));
        let counts = samples.counts(&view);
        assert_eq!((counts.samples, counts.exemplars), (1, 1));
        let known = Metadata { kind: MetricKind::Histogram, help: "how long".into(), unit: "s".into() };
        assert_eq!(samples.metadata(&view).unwrap().get("latency"), metadata.then_some(&known));
    };
    store.append(RecordKind::RemoteWrite, &compressed(&request(vec![latency]))).unwrap();
    check(&store, false);
    store.flush();
    check(&store, false);
    store.append(RecordKind::RemoteWrite, &compressed(&only_metadata)).unwrap();
    check(&store, true);
    let store = store.reopen(Samples::new(Limits::default()));
    check(&store, true);
    store.flush();
    let store = store.reopen(Samples::new(Limits::default()));
    check(&store, true);
    assert!(store.verify().is_empty());
}

#[test]
fn statistics_name_what_there_is_most_of() {
    let registry = Registry::new(Limits::default());
    let all = (0..10).map(|at| {
        let (name, path) = (if at < 7 { "requests" } else { "up" }, format!("/{at}"));
        series(&[("__name__", name), ("job", "api"), ("path", &path)], &[(1, 1.0)])
    });
    write(&registry, &Memory::default(), &request(all.collect())).unwrap();
    let statistics = registry.index().statistics(2);
    let rows = |rows: &[crate::StatisticsRow]| {
        rows.iter().map(|row| format!("{} {}", row.name, row.count)).collect::<Vec<_>>()
    };
    assert_eq!((statistics.series, statistics.label_pairs), (10, 13));
    assert_eq!(rows(&statistics.series_by_metric), ["requests 7", "up 3"]);
    assert_eq!(rows(&statistics.values_by_label), ["path 10", "__name__ 2"]);
    assert_eq!(rows(&statistics.bytes_by_label), ["__name__ 62", "job 30"]);
    assert_eq!(rows(&statistics.series_by_label_pair), ["job=api 10", "__name__=requests 7"]);
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let value = || prop::option::of(prop::sample::select(vec!["x", "y", "xy", "zxy"]));
    (prop::sample::select(vec!["up", "down"]), value(), value(), value()).prop_map(|(name, a, b, c)| {
        let labels = [("__name__", Some(name)), ("a", a), ("b", b), ("c", c)];
        labels.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

fn matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let value =
        prop::sample::select(vec!["", "x", "y", "x|y", "x.*", ".*", ".+", "x?", ".*xy", ".*x.*", "u.|.x", "up|x"]);
    let name = prop::sample::select(vec!["__name__", "a", "b", "c", "d"]);
    let one = (name, prop::sample::select(vec!["=", "!=", "=~", "!~"]), value).prop_map(|(n, op, v)| matcher(n, op, v));
    prop::collection::vec(one, 0..4)
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    /// Samples of a series, by remote write or in the store's own encoding.
    Write(Pairs, bool, Vec<(i64, i32)>),
    Exemplar(Pairs, i64, u64),
    Flush,
    Merge,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Times around a midnight, so that parts of two days come to be.
    let samples = prop::collection::vec((MIDNIGHT - 15..MIDNIGHT + 15, 0i32..4), 1..4);
    let step = prop_oneof![
        8 => (pairs(), any::<bool>(), samples).prop_map(|(pairs, remote, samples)| Step::Write(pairs, remote, samples)),
        2 => (pairs(), MIDNIGHT - 15..MIDNIGHT + 15, 1u64..4).prop_map(|(pairs, time, id)| Step::Exemplar(pairs, time, id)),
        2 => Just(Step::Flush),
        1 => Just(Step::Merge),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..24)
}

const MIDNIGHT: i64 = 20_000 * 24 * 60 * 60 * 1000;

fn exemplar(time: i64, id: u64) -> Exemplar {
    let (trace_id, span_id) = (TraceId(u128::from(id).to_be_bytes()), SpanId(id.to_be_bytes()));
    Exemplar { time, value: 0.5, trace_id, span_id, labels: Labels::new([("k", "v")]) }
}

#[derive(Default)]
struct Model {
    samples: BTreeMap<Labels, BTreeMap<i64, f64>>,
    exemplars: BTreeMap<Labels, BTreeMap<(i64, u64), Exemplar>>,
}

/// Does the same to a store and a model.
fn run(steps: &[Step], dir: &std::path::Path) -> (Harness<Samples>, Model) {
    let signal = || Samples::new(Limits { idle: Duration::ZERO, ..Limits::default() });
    let mut store = Harness::open(Arc::new(RealDisk), dir, signal());
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Write(pairs, remote_write, samples) => {
                let floats: Vec<_> = samples.iter().map(|(time, value)| (*time, f64::from(*value))).collect();
                let labels = Labels::new(pairs.iter().map(|(name, value)| (*name, *value)));
                model.samples.entry(labels.clone()).or_default().extend(floats.iter().copied());
                let appended = if *remote_write {
                    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, *value)).collect();
                    store.append(RecordKind::RemoteWrite, &compressed(&request(vec![series(&pairs, &floats)])))
                } else {
                    let samples = crate::Samples { floats, ..crate::Samples::default() };
                    let write = SeriesWrite { labels, samples, exemplars: Vec::new(), metadata: None };
                    store.append(RecordKind::Series, &codec::encode(&[write]))
                };
                assert_eq!(appended.unwrap().accepted, samples.len() as u64);
            }
            Step::Exemplar(pairs, time, id) => {
                let labels = Labels::new(pairs.iter().map(|(name, value)| (*name, *value)));
                let exemplar = exemplar(*time, *id);
                model.exemplars.entry(labels.clone()).or_default().insert((*time, *id), exemplar.clone());
                let samples = crate::Samples::default();
                let write = SeriesWrite { labels, samples, exemplars: vec![exemplar], metadata: None };
                store.append(RecordKind::Series, &codec::encode(&[write])).unwrap();
            }
            Step::Flush => store.flush(),
            Step::Merge => store.merge(),
            Step::Reopen => store = store.reopen(signal()),
        }
    }
    assert!(store.verify().is_empty());
    (store, model)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn memory_and_parts_answer_as_a_look_at_every_sample_does(
        steps in steps(), matchers in matchers(), others in matchers(), start in MIDNIGHT - 20..MIDNIGHT + 15, len in 0i64..30,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, model) = run(&steps, dir.path());
        let (samples, view) = (&store.table.signal, store.view());
        let end = start + len;
        let satisfies = |labels: &Labels, matchers: &[Matcher]| matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name)));
        let matching = |labels: &Labels| satisfies(labels, &matchers);
        let expected: Vec<_> = model.samples.iter().filter(|(labels, _)| matching(labels)).map(|(labels, samples)| {
            (labels.clone(), samples.range(start..=end).map(|(time, value)| (*time, *value)).collect::<Vec<_>>())
        }).filter(|(_, samples)| !samples.is_empty()).collect();
        let found: Vec<_> = select_all(samples, &view, &matchers, start, end).into_iter().map(|it| (it.labels, it.samples.floats)).collect();
        prop_assert_eq!(&found, &expected);

        let sets = [matchers.clone(), others.clone()];
        let in_time = |samples: &BTreeMap<i64, f64>| samples.range(start..=end).next().is_some();
        let either: Vec<_> = model.samples.iter().filter(|(labels, samples)| in_time(samples) && sets.iter().any(|set| satisfies(labels, set))).map(|(labels, _)| labels.clone()).collect();
        prop_assert_eq!(samples.series(&view, &sets, start, end).unwrap(), either);

        // Series with nothing but exemplars have names in memory, and none in parts of samples.
        let of = |labels: &Labels| (matching(labels), labels.clone());
        let certain: Vec<_> = model.samples.keys().map(of).filter(|(matches, _)| *matches).collect();
        let possible: Vec<_> = certain.iter().cloned().chain(model.exemplars.keys().map(of).filter(|(matches, _)| *matches)).collect();
        let names = samples.label_names(&view, &matchers, i64::MIN, i64::MAX).unwrap();
        prop_assert!(certain.iter().all(|(_, labels)| labels.iter().all(|(name, _)| names.iter().any(|known| known == name))));
        prop_assert!(names.iter().all(|name| possible.iter().any(|(_, labels)| !labels.get(name).is_empty())));
        let values = samples.label_values(&view, "a", &matchers, i64::MIN, i64::MAX).unwrap();
        prop_assert!(certain.iter().all(|(_, labels)| labels.get("a").is_empty() || values.iter().any(|known| known == labels.get("a"))));
        prop_assert!(values.iter().all(|value| possible.iter().any(|(_, labels)| labels.get("a") == value)));
        prop_assert!(names.is_sorted() && values.is_sorted());

        for (labels, known) in &model.samples {
            prop_assert_eq!(samples.last(&view, labels).unwrap(), known.last_key_value().map(|(time, value)| (*time, *value)));
        }
        let expected: Vec<_> = model.exemplars.iter().filter(|(labels, _)| matching(labels)).map(|(labels, exemplars)| {
            (labels.clone(), exemplars.values().filter(|it| (start..=end).contains(&it.time)).cloned().collect::<Vec<_>>())
        }).filter(|(_, exemplars)| !exemplars.is_empty()).collect();
        let found: Vec<_> = samples.exemplars(&view, &matchers, start, end).unwrap().into_iter().map(|it| {
            let mut exemplars = it.exemplars;
            exemplars.sort_by_key(|exemplar| (exemplar.time, exemplar.trace_id));
            (it.labels, exemplars)
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_a_batch_or_an_error_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), pairs in pairs(), cut in any::<prop::sample::Index>()) {
        let registry = Registry::new(Limits::default());
        let memory = Memory::default();
        let _: Result<_, _> = write(&registry, &memory, &bytes);
        let _: Result<_, _> = Batch::decode(&registry, RecordKind::RemoteWrite, &bytes);
        let pairs: Vec<_> = pairs.into_iter().collect();
        let mut valid = request(vec![series(&pairs, &[(1, 1.0)]), series(&pairs, &[(2, 2.0)])]);
        valid.truncate(cut.index(valid.len()));
        let _: Result<_, _> = write(&registry, &memory, &valid);
        let at = cut.index(valid.len().max(1));
        if let (Some(byte), Some(other)) = (valid.get_mut(at), bytes.first()) {
            *byte = *other;
        }
        let _: Result<_, _> = write(&registry, &memory, &valid);
        let _ = select(&registry, &[Arc::new(memory)], &[], i64::MIN, i64::MAX);
    }
}
