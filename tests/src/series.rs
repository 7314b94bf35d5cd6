//! Points of metrics, as sent and as Prometheus' API answers them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::Tripod;
use crate::records::{Attributes, Scope, text};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// Samples by series; their times in milliseconds.
pub type Series = BTreeMap<Labels, Vec<(i64, Sample)>>;

/// A data point as OpenTelemetry has it, with what its metric says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Point {
    /// Attributes of the resource.
    pub resource: Attributes,
    /// Instrumentation scope.
    pub scope: Scope,
    /// The metric's name, as OpenTelemetry has it.
    pub name: String,
    /// Attributes of the point.
    pub attributes: Attributes,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// Whether it says what came since the point before, rather than all so far.
    #[serde(default)]
    pub delta: bool,
    /// What was measured.
    #[serde(flatten)]
    pub data: Data,
    /// Single measurements, with the trace they were made in.
    pub exemplars: Vec<Exemplar>,
}

/// What a point says, by the kind of its metric.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind")]
#[allow(missing_docs, reason = "the fields of the protocol")]
pub enum Data {
    Sum { value: f64 },
    Gauge { value: f64 },
    Histogram { count: u64, sum: f64, bucket_counts: Vec<u64>, explicit_bounds: Vec<f64> },
    ExponentialHistogram { count: u64, sum: f64, scale: i32, zero_count: u64, positive: Buckets },
}

/// Buckets of an exponential histogram.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Buckets {
    /// Index of the first.
    pub offset: i32,
    /// Measurements in each.
    pub bucket_counts: Vec<u64>,
}

/// A single measurement.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exemplar {
    /// Hex.
    pub trace_id: String,
    /// Hex.
    pub span_id: String,
    /// The measurement.
    pub value: f64,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
}

/// A value at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// A number.
    Float(f64),
    /// A native histogram: count, sum, measurements that are zero, and the buckets that are not empty: lower bound, upper bound
    /// (both to ten digits), count.
    Histogram(f64, f64, f64, Vec<(String, String, f64)>),
}

/// An exemplar as it is compared: its series, trace id, span id, value, milliseconds.
pub type FoundExemplar = (Labels, String, String, String, i64);

/// What points become in Prometheus; `name` says by which name Prometheus knows a metric.
pub fn series_of(points: &[Point], name: impl Fn(&str) -> String) -> Series {
    let mut series = Series::new();
    for point in points {
        let name = name(&point.name);
        let time = millis(point.time_unix_nano);
        let mut put = |suffix: &str, le: Option<String>, sample: Sample| {
            series.entry(labels(point, &format!("{name}{suffix}"), le)).or_default().push((time, sample));
        };
        match &point.data {
            Data::Sum { value } | Data::Gauge { value } => put("", None, Sample::Float(*value)),
            Data::Histogram { count, sum, bucket_counts, explicit_bounds } => {
                put("_count", None, Sample::Float(*count as f64));
                put("_sum", None, Sample::Float(*sum));
                let mut so_far = 0;
                for (bound, bucket) in upper_bounds(explicit_bounds).zip(bucket_counts) {
                    so_far += bucket;
                    put("_bucket", Some(bound), Sample::Float(so_far as f64));
                }
            }
            Data::ExponentialHistogram { count, sum, scale, zero_count, positive } => {
                let buckets = native_buckets(*scale, positive);
                put("", None, Sample::Histogram(*count as f64, *sum, *zero_count as f64, buckets));
            }
        }
    }
    series
}

/// The same points with deltas summed up; of exponential histograms, whose resolution may change on the way, without buckets.
pub fn summed_up(points: &[Point]) -> Vec<Point> {
    let mut sums: BTreeMap<(String, String), Data> = BTreeMap::new();
    let mut sum_up = |point: &Point| {
        let mut point = point.clone();
        if point.delta {
            let series = (point.name.clone(), format!("{:?}", point.attributes));
            let sum = sums.entry(series).and_modify(|sum| sum.add(&point.data)).or_insert_with(|| point.data.clone());
            point.data = sum.clone();
        }
        if let Data::ExponentialHistogram { positive, .. } = &mut point.data {
            positive.bucket_counts.clear();
        }
        point
    };
    points.iter().map(&mut sum_up).collect()
}

impl Data {
    fn add(&mut self, more: &Self) {
        match (self, more) {
            (Self::Sum { value }, Self::Sum { value: more }) => *value += more,
            (
                Self::Histogram { count, sum, bucket_counts, .. },
                Self::Histogram { count: more, sum: more_sum, bucket_counts: more_buckets, .. },
            ) => {
                (*count, *sum) = (*count + more, *sum + more_sum);
                bucket_counts.iter_mut().zip(more_buckets).for_each(|(bucket, more)| *bucket += more);
            }
            (
                Self::ExponentialHistogram { count, sum, zero_count, .. },
                Self::ExponentialHistogram { count: more, sum: more_sum, zero_count: more_zeros, .. },
            ) => (*count, *sum, *zero_count) = (*count + more, *sum + more_sum, *zero_count + more_zeros),
            (_, more) => panic!("a delta of another kind: {more:?}"),
        }
    }
}

/// Samples with the buckets of native histograms left out; their sum still says that all are there.
pub fn without_buckets(mut series: Series) -> Series {
    for (_, sample) in series.values_mut().flatten() {
        if let Sample::Histogram(count, _, zeros, buckets) = sample {
            let in_buckets: f64 = buckets.iter().map(|(_, _, count)| count).sum();
            assert_eq!(in_buckets + *zeros, *count, "every measurement is in a bucket");
            buckets.clear();
        }
    }
    series
}

/// The labels of `target_info` of a resource: all its attributes.
pub fn target_info_of(resource: &Attributes) -> Labels {
    let own = |key: &str| matches!(key, "service.name" | "service.instance.id");
    let others = resource.iter().filter(|(key, _)| !own(key)).map(|(key, value)| (label_name(key), label_value(value)));
    others.chain(target(resource)).chain([("__name__".to_owned(), "target_info".to_owned())]).collect()
}

/// The exemplars of points, as Prometheus finds them.
pub fn exemplars_of(points: &[Point], name: impl Fn(&str) -> String) -> BTreeSet<FoundExemplar> {
    let found = |point: &Point, exemplar: &Exemplar| {
        let (name, le) = (name(&point.name), bucket_of(&point.data, exemplar.value));
        let name = if le.is_some() { format!("{name}_bucket") } else { name };
        let Exemplar { trace_id, span_id, value, time_unix_nano } = exemplar.clone();
        (labels(point, &name, le), trace_id, span_id, value.to_string(), millis(time_unix_nano))
    };
    points.iter().flat_map(|point| point.exemplars.iter().map(move |exemplar| found(point, exemplar))).collect()
}

fn bucket_of(data: &Data, value: f64) -> Option<String> {
    let Data::Histogram { explicit_bounds, .. } = data else { return None };
    let at = explicit_bounds.iter().position(|bound| value <= *bound);
    upper_bounds(explicit_bounds).nth(at.unwrap_or(explicit_bounds.len()))
}

fn upper_bounds(bounds: &[f64]) -> impl Iterator<Item = String> {
    bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()])
}

/// Buckets in Prometheus' resolution, which ends at schema 8.
fn native_buckets(scale: i32, buckets: &Buckets) -> Vec<(String, String, f64)> {
    let schema = scale.min(8);
    let bound = |index: i32| format!("{:.9e}", (f64::from(index) * (-schema as f64).exp2()).exp2());
    let mut merged: BTreeMap<i32, u64> = BTreeMap::new();
    for (index, count) in (buckets.offset..).zip(&buckets.bucket_counts) {
        *merged.entry(index >> (scale - schema)).or_default() += count;
    }
    let filled = merged.into_iter().filter(|(_, count)| *count > 0);
    filled.map(|(index, count)| (bound(index), bound(index + 1), count as f64)).collect()
}

fn labels(point: &Point, name: &str, le: Option<String>) -> Labels {
    let attributes = point.attributes.iter().map(|(key, value)| (label_name(key), label_value(value)));
    let scope = [("otel_scope_name", &point.scope.name), ("otel_scope_version", &point.scope.version)];
    let scope =
        scope.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value.clone()));
    let of_scope = point
        .scope
        .attributes
        .iter()
        .map(|(key, value)| (format!("otel_scope_{}", label_name(key)), label_value(value)));
    let le = le.map(|le| ("le".to_owned(), le));
    let name = ("__name__".to_owned(), name.to_owned());
    attributes.chain(scope).chain(of_scope).chain(target(&point.resource)).chain(le).chain([name]).collect()
}

fn target(resource: &Attributes) -> impl Iterator<Item = (String, String)> {
    let names = [("service.name", "job"), ("service.instance.id", "instance")];
    names.into_iter().filter_map(|(key, label)| Some((label.to_owned(), label_value(resource.get(key)?))))
}

fn label_name(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn label_value(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn millis(nanos: u64) -> i64 {
    i64::try_from(nanos / 1_000_000).expect("a time of our days")
}

/// Every sample of the selected series in the hour before `end` (milliseconds).
pub fn series(server: &Tripod, selector: &str, end: i64) -> Series {
    let query = format!("{selector}[1h]");
    let answer = server.get("/api/v1/query", &[("query", &query), ("time", &seconds(end))]);
    assert_eq!((&answer["status"], &answer["data"]["resultType"]), (&"success".into(), &"matrix".into()), "{answer}");
    let rows = answer["data"]["result"].as_array().expect("series");
    let series: Series = rows.iter().map(|row| (labels_in(&row["metric"]), samples_in(row))).collect();
    assert_eq!(series.len(), rows.len(), "each series is there once");
    series
}

/// Every exemplar of the selected series in the hour before `end` (milliseconds).
pub fn exemplars(server: &Tripod, selector: &str, end: i64) -> BTreeSet<FoundExemplar> {
    let (start, end) = (seconds(end - 3_600_000), seconds(end));
    let answer = server.get("/api/v1/query_exemplars", &[("query", selector), ("start", &start), ("end", &end)]);
    let mut found = BTreeSet::new();
    for row in answer["data"].as_array().expect("series") {
        let series = labels_in(&row["seriesLabels"]);
        for exemplar in row["exemplars"].as_array().expect("exemplars") {
            let own = labels_in(&exemplar["labels"]);
            let value: f64 = text(&exemplar["value"]).parse().expect("a number");
            let (trace_id, span_id) = (own["trace_id"].clone(), own["span_id"].clone());
            found.insert((series.clone(), trace_id, span_id, value.to_string(), millis_in(&exemplar["timestamp"])));
        }
    }
    found
}

fn samples_in(row: &Value) -> Vec<(i64, Sample)> {
    let list = |name: &str| row[name].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let floats = list("values").iter().map(|pair| (millis_in(&pair[0]), Sample::Float(float(&pair[1]))));
    let histograms = list("histograms").iter().map(|pair| (millis_in(&pair[0]), histogram(&pair[1])));
    floats.chain(histograms).collect()
}

fn histogram(value: &Value) -> Sample {
    let mut zero = 0.0;
    let mut buckets = Vec::new();
    for bucket in value["buckets"].as_array().map_or(&[] as &[Value], Vec::as_slice) {
        let (lower, upper, count) = (float(&bucket[1]), float(&bucket[2]), float(&bucket[3]));
        if lower <= 0.0 && upper >= 0.0 {
            zero += count;
        } else {
            buckets.push((format!("{lower:.9e}"), format!("{upper:.9e}"), count));
        }
    }
    Sample::Histogram(float(&value["count"]), float(&value["sum"]), zero, buckets)
}

fn labels_in(labels: &Value) -> Labels {
    let labels = labels.as_object().expect("labels");
    labels.iter().map(|(name, value)| (name.clone(), text(value).to_owned())).collect()
}

fn float(value: &Value) -> f64 {
    text(value).parse().unwrap_or_else(|_| panic!("{value} must be a number in a string"))
}

fn millis_in(seconds: &Value) -> i64 {
    (seconds.as_f64().expect("seconds") * 1000.0).round() as i64
}

fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}
