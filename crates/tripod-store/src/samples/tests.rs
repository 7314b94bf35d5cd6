//! Queries against a naive model, over writes in both forms.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tripod_wire::prometheus::remote_write as wire;
use tripod_wire::proto::Message;

use super::batch::Batch;
use super::limits::Limits;
use super::memory::Memory;
use super::query::{self, Memories};
use super::registry::Registry;
use super::{Gathered, Selector, codec};
use crate::engine::RecordKind;
use crate::{Labels, MatchOp, Matcher, Samples, SelectedSeries, SeriesWrite, StoreError};

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
    let batch = Batch::decode(registry, RecordKind::RemoteWrite, request)?;
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
    let mut gathered = Gathered::<Samples>::default();
    Memories::new(registry, tables, start, end).select(&Selector::new(matchers), &mut gathered);
    query::selected(gathered)
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
    let batch = Batch::decode(&registry, RecordKind::RemoteWrite, &bytes).unwrap();
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

proptest! {
    #[test]
    fn memory_tables_answer_as_a_look_at_every_sample_does(
        tables in prop::collection::vec(prop::collection::vec((pairs(), any::<bool>(), prop::collection::vec((0i64..30, 0i32..4), 1..4)), 0..20), 1..4),
        matchers in matchers(), start in 0i64..30, len in 0i64..30,
    ) {
        let registry = Registry::new(Limits::default());
        let memories: Vec<_> = tables.iter().map(|_| Arc::new(Memory::default())).collect();
        let mut model: BTreeMap<Labels, BTreeMap<i64, f64>> = BTreeMap::new();
        for (table, memory) in tables.iter().zip(&memories) {
            for (pairs, remote_write, samples) in table {
                let samples: Vec<_> = samples.iter().map(|(time, value)| (*time, f64::from(*value))).collect();
                let labels = Labels::new(pairs.iter().map(|(name, value)| (*name, *value)));
                model.entry(labels.clone()).or_default().extend(samples.iter().copied());
                let kept = samples.len() as u64;
                if *remote_write {
                    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, *value)).collect();
                    let appended = write(&registry, memory, &request(vec![series(&pairs, &samples)])).unwrap();
                    prop_assert_eq!(appended.accepted, kept);
                } else {
                    let samples = Samples { floats: samples, ..Samples::default() };
                    let bytes = codec::encode(&[SeriesWrite { labels, samples, exemplars: Vec::new(), metadata: None }]);
                    let batch = Batch::decode(&registry, RecordKind::Series, &bytes).unwrap();
                    prop_assert_eq!(batch.appended.accepted, kept);
                    memory.apply(batch);
                }
            }
        }
        let end = start + len;
        let matching = |labels: &Labels| matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name)));
        let expected: Vec<_> = model.iter().filter(|(labels, _)| matching(labels)).map(|(labels, samples)| {
            (labels.clone(), samples.range(start..=end).map(|(time, value)| (*time, *value)).collect::<Vec<_>>())
        }).filter(|(_, samples)| !samples.is_empty()).collect();
        let found: Vec<_> = select(&registry, &memories, &matchers, start, end).into_iter().map(|it| (it.labels, it.samples.floats)).collect();
        prop_assert_eq!(&found, &expected);

        let selector = Selector::new(&matchers);
        let tables = Memories::new(&registry, &memories, start, end);
        let mut gathered = Gathered::default();
        tables.series(&selector, &mut gathered);
        let series: Vec<_> = gathered.into_sorted().into_iter().map(|(labels, ())| labels).collect();
        prop_assert_eq!(series, expected.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>());

        let (mut names, mut values) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        let all = Memories::new(&registry, &memories, i64::MIN, i64::MAX);
        all.label_names(&selector, &mut names);
        all.label_values("a", &selector, &mut values);
        let matching: Vec<_> = model.keys().filter(|labels| matching(labels)).collect();
        prop_assert_eq!(names, matching.iter().flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned())).collect());
        prop_assert_eq!(values, matching.iter().map(|labels| labels.get("a").to_owned()).filter(|a| !a.is_empty()).collect());
        for (labels, samples) in &model {
            prop_assert_eq!(all.last(labels), samples.last_key_value().map(|(time, value)| (*time, *value)));
        }
    }

    #[test]
    fn any_bytes_are_a_batch_or_an_error_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), pairs in pairs(), cut in any::<prop::sample::Index>()) {
        let registry = Registry::new(Limits::default());
        let memory = Memory::default();
        let _: Result<_, _> = write(&registry, &memory, &bytes);
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
