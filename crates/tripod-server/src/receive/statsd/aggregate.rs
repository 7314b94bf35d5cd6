//! What lines add up to, until it is flushed into series.
//!
//! Counters count up for as long as the server runs. Timers, histograms and distributions become native histograms: nobody has told
//! bounds, and these need none (see decision 40). A gauge stays as it was set. A set is the number of its members in an interval.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use tripod_store::{Labels, Metadata, MetricKind, NativeHistogram, Samples, SeriesWrite};
use tripod_wire::prometheus::escaping::Escaping;
use tripod_wire::prometheus::series::STALE_NAN;

use super::parse::{Fault, Kind, Line, number};

/// Series that are held at most.
const MAX_SERIES: usize = 100_000;
/// Members of a set that are told apart in an interval.
const MAX_MEMBERS: usize = 10_000;
/// Flushes without a line after which a series ends: an hour.
const IDLE_FLUSHES: u32 = 360;
/// Eight buckets for each doubling: a quantile is off by 4.5 % at most.
const SCHEMA: i32 = 3;
/// What is closer to zero counts as zero, what is further from it as this far: at most 640 buckets a side.
const NEAREST: f64 = 1.0 / (1_u64 << 30) as f64;
const FURTHEST: f64 = (1_u64 << 50) as f64;

/// All that has been sent.
#[derive(Debug, Default)]
pub(super) struct Aggregate {
    series: HashMap<Labels, State>,
}

#[derive(Debug)]
struct State {
    kind: Kind,
    value: Value,
    idle: u32,
    described: bool,
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Histogram(Histogram),
    Members(HashSet<u64>),
}

#[derive(Debug, Default)]
struct Histogram {
    count: f64,
    sum: f64,
    zero: f64,
    positive: BTreeMap<i32, f64>,
    negative: BTreeMap<i32, f64>,
}

impl Histogram {
    fn add(&mut self, value: f64, weight: f64) {
        self.count += weight;
        self.sum += value * weight;
        let size = value.abs();
        if size < NEAREST {
            self.zero += weight;
            return;
        }
        let index = (size.min(FURTHEST).log2() * f64::from(1 << SCHEMA)).ceil() as i32;
        let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        *side.entry(index).or_default() += weight;
    }

    fn native(&self) -> NativeHistogram {
        NativeHistogram {
            schema: SCHEMA,
            zero_threshold: NEAREST,
            zero_count: self.zero,
            count: self.count,
            sum: self.sum,
            positive: dense(&self.positive),
            negative: dense(&self.negative),
            ..NativeHistogram::default()
        }
    }
}

fn dense(side: &BTreeMap<i32, f64>) -> (i32, Vec<f64>) {
    match (side.keys().next(), side.keys().next_back()) {
        (Some(first), Some(last)) => {
            (*first, (*first..=*last).map(|index| side.get(&index).copied().unwrap_or(0.0)).collect())
        }
        _ => (0, Vec::new()),
    }
}

impl Aggregate {
    /// Adds a line; one whose values are not all numbers adds nothing.
    pub(super) fn add(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let numbers: Vec<f64> = match line.kind {
            Kind::Set => Vec::new(),
            _ => line.values.iter().map(|text| number(text)).collect::<Result<_, _>>()?,
        };
        let labels = labels(line);
        let room = self.series.len() < MAX_SERIES;
        let state = match self.series.entry(labels) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(_) if !room => return Err(Fault::TooManySeries),
            std::collections::hash_map::Entry::Vacant(new) => {
                let value = match line.kind {
                    Kind::Counter | Kind::Gauge => Value::Number(0.0),
                    Kind::Timer | Kind::Histogram => Value::Histogram(Histogram::default()),
                    Kind::Set => Value::Members(HashSet::new()),
                };
                new.insert(State { kind: line.kind, value, idle: 0, described: false })
            }
        };
        if state.kind != line.kind {
            return Err(Fault::OtherType);
        }
        state.idle = 0;
        state.take(line, &numbers);
        Ok(())
    }

    /// All series as samples of this time; those without a line for long end.
    pub(super) fn flush(&mut self, time: i64) -> Vec<SeriesWrite> {
        let mut writes = Vec::with_capacity(self.series.len());
        self.series.retain(|labels, state| {
            state.idle += 1;
            let ends = state.idle > IDLE_FLUSHES;
            writes.push(state.write(labels, time, ends));
            !ends
        });
        writes
    }
}

impl State {
    fn take(&mut self, line: &Line<'_>, numbers: &[f64]) {
        match &mut self.value {
            Value::Number(value) if line.kind == Kind::Counter => {
                *value += numbers.iter().sum::<f64>() / line.rate;
            }
            Value::Number(value) => {
                for (text, number) in line.values.iter().zip(numbers) {
                    // A gauge with a sign is a step from where it was.
                    *value = if text.starts_with(['+', '-']) { *value + number } else { *number };
                }
            }
            Value::Histogram(histogram) => {
                let unit = if line.kind == Kind::Timer { 1000.0 } else { 1.0 };
                numbers.iter().for_each(|number| histogram.add(number / unit, 1.0 / line.rate));
            }
            Value::Members(members) => {
                let hasher = foldhash::fast::FixedState::default();
                let room = MAX_MEMBERS.saturating_sub(members.len());
                members.extend(line.values.iter().take(room).map(|member| hasher.hash_one(member)));
            }
        }
    }

    fn write(&mut self, labels: &Labels, time: i64, ends: bool) -> SeriesWrite {
        let float = |value: f64| Samples { floats: vec![(time, value)], ..Samples::default() };
        let samples = match &mut self.value {
            Value::Histogram(histogram) => {
                let mark = || NativeHistogram { sum: STALE_NAN, ..NativeHistogram::default() };
                let native = if ends { mark() } else { histogram.native() };
                Samples { histograms: vec![(time, Arc::new(native))], ..Samples::default() }
            }
            _ if ends => float(STALE_NAN),
            Value::Number(value) => float(*value),
            Value::Members(members) => float(std::mem::take(members).len() as f64),
        };
        let metadata = (!std::mem::replace(&mut self.described, true)).then(|| {
            let kind = match self.kind {
                Kind::Counter => MetricKind::Counter,
                Kind::Gauge | Kind::Set => MetricKind::Gauge,
                Kind::Timer | Kind::Histogram => MetricKind::Histogram,
            };
            let unit = if self.kind == Kind::Timer { "seconds" } else { "" }.to_owned();
            (Arc::from(labels.name()), Arc::new(Metadata { kind, help: String::new(), unit }))
        });
        SeriesWrite { labels: labels.clone(), samples, exemplars: Vec::new(), metadata }
    }
}

/// Names in Prometheus' alphabet: other characters become `_`. A tag without a value is `true`.
fn labels(line: &Line<'_>) -> Labels {
    let name = Escaping::Underscores.escape(line.name).into_owned();
    let tag = |(name, value): &(&str, &str)| {
        let value = if value.is_empty() { "true" } else { value };
        (Escaping::Underscores.escape_label(name).into_owned(), value.to_owned())
    };
    let tags = line.tags.iter().filter(|(name, _)| !name.is_empty() && *name != "__name__").map(tag);
    Labels::new(std::iter::once(("__name__".to_owned(), name)).chain(tags))
}

#[cfg(test)]
mod tests {
    use super::super::parse::line;
    use super::*;

    fn add(aggregate: &mut Aggregate, text: &str) -> Result<(), Fault> {
        aggregate.add(&line(text.as_bytes())?)
    }

    fn floats(aggregate: &mut Aggregate) -> Vec<(String, f64)> {
        let writes = aggregate.flush(1);
        let float = |write: &SeriesWrite| {
            Some((format!("{:?}", write.labels.iter().collect::<Vec<_>>()), write.samples.floats.first()?.1))
        };
        let mut floats: Vec<_> = writes.iter().filter_map(float).collect();
        floats.sort_by(|a, b| a.0.cmp(&b.0));
        floats
    }

    #[test]
    fn counters_count_up_by_their_rate_and_stay() {
        let mut all = Aggregate::default();
        add(&mut all, "a.b:1|c|@0.1|#env:x").unwrap();
        add(&mut all, "a.b:2|c|#env:x").unwrap();
        let series = r#"[("__name__", "a_b"), ("env", "x")]"#.to_owned();
        assert_eq!(floats(&mut all), [(series.clone(), 12.0)]);
        assert_eq!(floats(&mut all), [(series, 12.0)]);
    }

    #[test]
    fn gauges_are_set_and_stepped_and_sets_begin_anew() {
        let mut all = Aggregate::default();
        for text in ["g:5|g", "g:-2|g", "g:+4|g", "s:a|s", "s:b|s", "s:a|s"] {
            add(&mut all, text).unwrap();
        }
        let value =
            |floats: &[(String, f64)], name: &str| floats.iter().find(|(labels, _)| labels.contains(name)).unwrap().1;
        let first = floats(&mut all);
        assert_eq!((value(&first, "\"g\""), value(&first, "\"s\"")), (7.0, 2.0));
        let second = floats(&mut all);
        assert_eq!((value(&second, "\"g\""), value(&second, "\"s\"")), (7.0, 0.0));
    }

    #[test]
    fn timers_are_histograms_of_seconds() {
        let mut all = Aggregate::default();
        add(&mut all, "t:1000:2000|ms|@0.5").unwrap();
        add(&mut all, "t:0|ms").unwrap();
        let writes = all.flush(7);
        let histogram = &writes[0].samples.histograms[0].1;
        assert_eq!((histogram.count, histogram.sum, histogram.zero_count), (5.0, 6.0, 1.0));
        // 1 is the upper bound of bucket 0, 2 that of bucket 8.
        assert_eq!(histogram.positive, (0, vec![2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]));
    }

    #[test]
    fn values_of_any_size_take_bounded_room() {
        let mut all = Aggregate::default();
        add(&mut all, "h:1e300:1e-300:-1e300:-1e-9:3|h").unwrap();
        let writes = all.flush(7);
        let histogram = &writes[0].samples.histograms[0].1;
        assert!(histogram.positive.1.len() <= 640 && histogram.negative.1.len() <= 640);
        assert_eq!(histogram.count, 5.0);
    }

    #[test]
    fn a_metric_keeps_its_type_and_what_is_no_number_adds_nothing() {
        let mut all = Aggregate::default();
        add(&mut all, "a:1|c").unwrap();
        assert_eq!(add(&mut all, "a:1|g"), Err(Fault::OtherType));
        assert_eq!(add(&mut all, "a:1:x|c"), Err(Fault::BadNumber));
        assert_eq!(floats(&mut all)[0].1, 1.0);
    }

    #[test]
    fn a_series_without_a_line_for_an_hour_ends() {
        let mut all = Aggregate::default();
        add(&mut all, "a:1|c").unwrap();
        for _ in 0..IDLE_FLUSHES {
            assert_eq!(all.flush(1)[0].samples.floats[0].1, 1.0);
        }
        assert_eq!(all.flush(1)[0].samples.floats[0].1.to_bits(), STALE_NAN.to_bits());
        assert!(all.flush(1).is_empty());
    }
}
