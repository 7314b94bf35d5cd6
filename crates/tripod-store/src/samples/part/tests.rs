//! Whole parts: what was written is found, by any matchers and times, also after merges, and damage is named.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tripod_wire::{SpanId, TraceId};

use super::histograms::tests::{Bits, bits, histogram};
use super::{SeriesPart, SeriesWriter, merge, verify};
use crate::disk::RealDisk;
use crate::engine::{NewPart, PartFile, PartIds, PartSink};
use crate::samples::{EXEMPLARS, EXEMPLARS_PER_SERIES, ExemplarRows, SAMPLES, Selector, SeriesRows};
use crate::{Exemplar, Labels, MatchOp, Matcher, Metadata, MetricKind, NativeHistogram, Samples, StoreError};

#[derive(Debug, Default)]
struct Ids(u64);

impl PartIds for Ids {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// A directory with parts.
pub(super) struct Parts {
    dir: tempfile::TempDir,
    ids: Ids,
}

pub(super) type Model = BTreeMap<Labels, Samples>;

impl Parts {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), ids: Ids::default() }
    }

    /// Writes a part.
    pub(super) fn write(
        &mut self,
        kind: &str,
        write: impl FnOnce(NewPart<'_>) -> Result<NewPart<'_>, StoreError>,
    ) -> (SeriesPart, PartFile) {
        let mut sink = PartSink::new(&RealDisk, self.dir.path(), "samples", 0, &mut self.ids);
        let part = sink.create(kind, 0).unwrap();
        let part = write(part).unwrap();
        sink.finish(part).unwrap();
        let file = open(self.dir.path(), sink.written().last().unwrap());
        (SeriesPart::open(&file).unwrap(), file)
    }

    fn samples(&mut self, model: &Model) -> (SeriesPart, PartFile) {
        self.write(SAMPLES, |part| {
            let mut writer = SeriesWriter::new(part)?;
            for (labels, samples) in model {
                let labels: Vec<_> = labels.iter().collect();
                writer.push(&SeriesRows {
                    labels: &labels,
                    floats: &samples.floats,
                    histograms: &samples.histograms,
                })?;
            }
            writer.finish([])
        })
    }
}

fn open(dir: &Path, meta: &crate::engine::PartMeta) -> PartFile {
    PartFile::open(&RealDisk, dir, meta).unwrap()
}

fn select(part: &(SeriesPart, PartFile), matchers: &[Matcher], start: i64, end: i64) -> Vec<(Labels, Samples)> {
    let mut found = Vec::new();
    let mut query = part.0.query(&part.1);
    let each = &mut |rows: SeriesRows<'_>| {
        let samples = Samples { floats: rows.floats.to_vec(), histograms: rows.histograms.to_vec() };
        found.push((Labels::new(rows.labels.iter().copied()), samples));
        Ok(())
    };
    query.select(&Selector::new(matchers), start, end, each).unwrap();
    found
}

fn series(part: &(SeriesPart, PartFile), matchers: &[Matcher], start: i64, end: i64) -> Vec<Labels> {
    let mut found = Vec::new();
    let each = &mut |labels: &[(&str, &str)]| {
        found.push(Labels::new(labels.iter().copied()));
        Ok(())
    };
    part.0.query(&part.1).series(&Selector::new(matchers), start, end, each).unwrap();
    found
}

/// What a part should answer.
fn naive(model: &Model, matchers: &[Matcher], start: i64, end: i64) -> Vec<(Labels, Samples)> {
    let mut found = Vec::new();
    for (labels, samples) in model {
        if !matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name))) {
            continue;
        }
        let mut samples = samples.clone();
        samples.floats.retain(|(time, _)| (start..=end).contains(time));
        samples.histograms.retain(|(time, _)| (start..=end).contains(time));
        if !samples.floats.is_empty() || !samples.histograms.is_empty() {
            found.push((labels.clone(), samples));
        }
    }
    found
}

/// A series bit by bit, so that NaNs are compared.
type Exact = (Labels, Vec<(i64, u64)>, Vec<(i64, Bits)>);

fn exact(found: &[(Labels, Samples)]) -> Vec<Exact> {
    let each = |(labels, samples): &(Labels, Samples)| {
        let floats = samples.floats.iter().map(|(time, value)| (*time, value.to_bits())).collect();
        let histograms = samples.histograms.iter().map(|(time, histogram)| (*time, bits(histogram))).collect();
        (labels.clone(), floats, histograms)
    };
    found.iter().map(each).collect()
}

fn matcher(name: &str, op: u8, value: &str) -> Matcher {
    let regex = || regex::Regex::new(&format!("^(?s:{value})$")).unwrap();
    let op = match op {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex(regex()),
        _ => MatchOp::NotRegex(regex()),
    };
    Matcher { name: name.to_owned(), op, value: value.to_owned() }
}

fn labels() -> impl Strategy<Value = Labels> {
    let name = prop::sample::select(vec!["__name__", "a", "ab", "b", "\0", "a\0"]);
    let value = prop::sample::select(vec!["up", "x", "xy", "xyz", "y", "\u{1f9ed}", "\0"]);
    prop::collection::vec((name, value), 0..4).prop_map(Labels::new)
}

fn matchers() -> impl Strategy<Value = Vec<Matcher>> {
    let name = prop::sample::select(vec!["__name__", "a", "ab", "b", "none", "a\0"]);
    let value =
        prop::sample::select(vec!["up", "x", "xy", "", "x.*", ".*", ".+", "x|y", "x|", "xyz?", ".*y", ".*y.*", "no"]);
    let matcher = (name, 0u8..4, value).prop_map(|(name, op, value)| matcher(name, op, value));
    prop::collection::vec(matcher, 0..4)
}

fn samples() -> impl Strategy<Value = Samples> {
    let value = prop_oneof![any::<u64>().prop_map(f64::from_bits), (0i64..100).prop_map(|value| value as f64)];
    let floats = prop::collection::btree_map(prop_oneof![0i64..50, any::<i64>()], value, 0..12);
    let histograms = prop::collection::btree_map(0i64..50, histogram(), 0..3);
    (floats, histograms).prop_map(|(floats, histograms)| Samples {
        floats: floats.into_iter().collect(),
        histograms: histograms.into_iter().map(|(time, histogram)| (time, Arc::new(histogram))).collect(),
    })
}

fn model() -> impl Strategy<Value = Model> {
    prop::collection::btree_map(labels(), samples(), 0..40)
}

/// Both, where the later one's sample stays of two with the same time.
fn both(earlier: &Model, later: &Model) -> Model {
    let mut model = earlier.clone();
    for (labels, samples) in later {
        let held = model.entry(labels.clone()).or_default();
        let floats: BTreeMap<_, _> = held.floats.iter().chain(&samples.floats).copied().collect();
        let histograms: BTreeMap<_, _> = held.histograms.iter().chain(&samples.histograms).cloned().collect();
        *held = Samples { floats: floats.into_iter().collect(), histograms: histograms.into_iter().collect() };
    }
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_part_answers_as_its_series_do(model in model(), matchers in matchers(), times in (-5i64..60, 0i64..60), all in any::<bool>()) {
        let part = Parts::new().samples(&model);
        let (start, end) = if all { (i64::MIN, i64::MAX) } else { (times.0, times.0 + times.1) };
        let expected = naive(&model, &matchers, start, end);
        prop_assert_eq!(exact(&select(&part, &matchers, start, end)), exact(&expected));
        let expected: Vec<Labels> = expected.into_iter().map(|(labels, _)| labels).collect();
        prop_assert_eq!(series(&part, &matchers, start, end), expected);
        verify(&part.0, &part.1).unwrap();
    }

    #[test]
    fn a_merged_part_has_what_its_inputs_had_and_the_later_value_of_two(models in prop::collection::vec(model(), 1..4)) {
        let mut parts = Parts::new();
        let inputs: Vec<_> = models.iter().map(|model| parts.samples(model)).collect();
        let inputs: Vec<_> = inputs.iter().map(|(part, file)| (part, file)).collect();
        let merged = parts.write(SAMPLES, |part| merge(&inputs, part));
        let model = models.iter().fold(Model::new(), |model, later| both(&model, later));
        let expected = naive(&model, &[], i64::MIN, i64::MAX);
        prop_assert_eq!(exact(&select(&merged, &[], i64::MIN, i64::MAX)), exact(&expected));
        verify(&merged.0, &merged.1).unwrap();
    }

    #[test]
    fn damage_is_an_error_or_changes_nothing(model in model(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let parts = &mut Parts::new();
        let part = parts.samples(&model);
        let path = part.1.path.clone();
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        let changed = bytes[at] != to;
        bytes[at] = to;
        std::fs::write(&path, &bytes).unwrap();
        let file = open(parts.dir.path(), &part.1.meta);
        let verified = SeriesPart::open(&file).and_then(|part| verify(&part, &file));
        // The magic in front is for people.
        if changed && at >= 8 {
            prop_assert!(matches!(verified, Err(StoreError::Damaged { .. })), "it was not noticed");
        }
    }
}

fn regular(count: i64, step: i64, first: i64) -> Samples {
    Samples { floats: (0..count).map(|at| (first + at * step, at as f64)).collect(), histograms: Vec::new() }
}

#[test]
fn series_of_one_target_share_their_times() {
    let times: Vec<i64> = super::measure::times(480, 3);
    let model = |series: usize| -> Model {
        let each = |number| {
            let floats = times.iter().map(|time| (*time, f64::from(number % 3))).collect();
            (Labels::new([("n", format!("{number:05}"))]), Samples { floats, histograms: Vec::new() })
        };
        (0..series as u32).map(each).collect()
    };
    let mut parts = Parts::new();
    let one = parts.samples(&model(1)).1.len();
    let many = parts.samples(&model(1000)).1.len();
    assert!(many < one + 1000 * 12, "{one} bytes for one series, {many} for 1,000");
}

#[test]
fn short_chunks_become_long_ones_and_long_ones_are_copied() {
    let mut parts = Parts::new();
    let labels = Labels::new([("__name__", "up")]);
    let inputs: Vec<_> = (0..16)
        .map(|at| parts.samples(&Model::from([(labels.clone(), regular(120, 15_000, at * 1_800_000))])))
        .collect();
    let inputs: Vec<_> = inputs.iter().map(|(part, file)| (part, file)).collect();
    let merged = parts.write(SAMPLES, |part| merge(&inputs, part));
    let block = merged.0.query(&merged.1).block(0).unwrap();
    // Eight hours; a window is 2^25 ms, about nine hours.
    assert_eq!(block.columns.iter().map(|column| column.count).collect::<Vec<_>>(), [1920]);
    assert_eq!(select(&merged, &[], 0, i64::MAX)[0].1.floats.len(), 1920);

    let again = parts.write(SAMPLES, |part| merge(&[(&merged.0, &merged.1)], part));
    assert_eq!(std::fs::read(&again.1.path).unwrap(), std::fs::read(&merged.1.path).unwrap());
}

#[test]
fn a_read_of_an_hour_touches_the_chunks_of_that_hour() {
    let part = Parts::new().samples(&Model::from([(Labels::new([("__name__", "up")]), regular(86_400, 1000, 0))]));
    let block = part.0.query(&part.1).block(0).unwrap();
    let counts: Vec<u32> = block.columns.iter().map(|column| column.count).collect();
    assert!(counts.len() > 20 && counts.iter().all(|count| *count <= 4096), "{counts:?}");
    let found = select(&part, &[], 3_600_000, 7_199_999);
    assert_eq!(found[0].1.floats.len(), 3600);
}

#[test]
fn names_and_values_of_labels_are_listed_with_how_many_there_are() {
    let model: Model = (0..300u32)
        .map(|at| {
            (
                Labels::new([("__name__", "up".to_owned()), ("i", format!("{at:03}")), ("z", (at % 2).to_string())]),
                regular(1, 1, 5),
            )
        })
        .collect();
    let part = Parts::new().samples(&model);
    let mut query = part.0.query(&part.1);
    let names: Vec<(String, u32)> =
        query.label_names().unwrap().into_iter().map(|(name, values)| (name.into(), values)).collect();
    assert_eq!(names, [("__name__".to_owned(), 1), ("i".to_owned(), 300), ("z".to_owned(), 2)]);
    let mut values = Vec::new();
    query
        .label_values("z", &mut |value, series| {
            values.push((value.to_owned(), series));
            Ok(())
        })
        .unwrap();
    assert_eq!(values, [("0".to_owned(), 150), ("1".to_owned(), 150)]);
}

#[test]
fn metadata_of_the_later_part_stays() {
    let about = |help: &str| Metadata { kind: MetricKind::Counter, help: help.to_owned(), unit: "By".to_owned() };
    let (old, new, other) = (about("old"), about("new"), about("other"));
    let mut parts = Parts::new();
    let first = parts.write(SAMPLES, |part| SeriesWriter::new(part)?.finish([("requests", &old), ("sent", &other)]));
    let second = parts.write(SAMPLES, |part| SeriesWriter::new(part)?.finish([("requests", &new)]));
    let merged = parts.write(SAMPLES, |part| merge(&[(&first.0, &first.1), (&second.0, &second.1)], part));
    let metadata = merged.0.query(&merged.1).metadata().unwrap();
    assert_eq!(metadata, BTreeMap::from([("requests".to_owned(), new), ("sent".to_owned(), other)]));
}

fn exemplar(time: i64) -> Exemplar {
    Exemplar {
        time,
        value: time as f64 / 8.0,
        trace_id: TraceId([time as u8; 16]),
        span_id: SpanId([7; 8]),
        labels: Labels::new([("note", "x")]),
    }
}

#[test]
fn exemplars_are_found_by_series_and_time_and_merges_keep_the_newest_once_each() {
    let mut parts = Parts::new();
    let mut write = |times: std::ops::Range<i64>| {
        let exemplars: Vec<Exemplar> = times.map(exemplar).collect();
        parts.write(EXEMPLARS, |part| {
            let mut writer = SeriesWriter::new(part)?;
            for series in ["a", "b"] {
                writer.push_exemplars(&ExemplarRows { labels: &[("__name__", series)], exemplars: &exemplars })?;
            }
            writer.finish([])
        })
    };
    let (first, second) = (write(0..40), write(30..90));
    let merged = parts.write(EXEMPLARS, |part| merge(&[(&first.0, &first.1), (&second.0, &second.1)], part));
    verify(&merged.0, &merged.1).unwrap();
    let find = |part: &(SeriesPart, PartFile), start, end| {
        let mut found = Vec::new();
        let each = &mut |rows: ExemplarRows<'_>| {
            found.push((rows.labels[0].1.to_owned(), rows.exemplars.to_vec()));
            Ok(())
        };
        part.0.query(&part.1).exemplars(&Selector::new(&[Matcher::equal("__name__", "b")]), start, end, each).unwrap();
        found
    };
    assert_eq!(find(&first, 10, 11), [("b".to_owned(), vec![exemplar(10), exemplar(11)])]);
    let newest: Vec<Exemplar> = (90 - EXEMPLARS_PER_SERIES as i64..90).map(exemplar).collect();
    assert_eq!(find(&merged, 0, 1000), [("b".to_owned(), newest)]);
}

#[test]
fn histograms_are_cut_into_chunks_of_bounded_size() {
    let histogram = NativeHistogram { positive: (0, vec![1.0; 1000]), ..NativeHistogram::default() };
    let list: Vec<_> = (0..1000).map(|at| (at * 1000, Arc::new(histogram.clone()))).collect();
    let model = Model::from([(Labels::new([("a", "b")]), Samples { floats: Vec::new(), histograms: list })]);
    let part = Parts::new().samples(&model);
    let block = part.0.query(&part.1).block(0).unwrap();
    assert!(block.columns.iter().all(|column| column.count <= 132), "{:?}", block.columns);
    assert_eq!(exact(&select(&part, &[], 0, i64::MAX)), exact(&naive(&model, &[], 0, i64::MAX)));
}
