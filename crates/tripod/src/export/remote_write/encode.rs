//! Series as the messages of remote write 1.0 and 2.0.

use tripod_wire::prometheus::remote_write::v2::{self, Symbols};
use tripod_wire::prometheus::remote_write::{
    BucketSpan, Exemplar, Histogram, Label, MetricMetadata, Sample, TimeSeries, WriteRequest,
};
use tripod_wire::prometheus::series::{NativeHistogram, Pair, Value};
use tripod_wire::proto::Message;

use super::gather::{Family, Series};

/// Version 1.0. What is known of a metric stands once, beside the series.
pub(super) fn version_1(families: &[Family], series: &[Series]) -> Vec<u8> {
    let mut request = WriteRequest::default();
    let mut described = None;
    for one in series {
        if described.replace(one.family) != Some(one.family) {
            request.metadata.extend(metadata(&families[one.family]));
        }
        let (samples, histograms) = value(one);
        let exemplars = one.exemplars.iter();
        let exemplars =
            exemplars.map(|one| Exemplar { labels: labels(&one.labels), value: one.value, timestamp: one.time });
        request.timeseries.push(TimeSeries {
            labels: labels(&one.labels),
            samples,
            exemplars: exemplars.collect(),
            histograms,
        });
    }
    request.encode_to_vec()
}

/// Version 2.0.
pub(super) fn version_2(families: &[Family], series: &[Series]) -> Vec<u8> {
    let mut symbols = Symbols::default();
    let mut timeseries = Vec::with_capacity(series.len());
    for one in series {
        let family = &families[one.family];
        let (samples, histograms) = value(one);
        let labels_refs = places(&mut symbols, &one.labels);
        let exemplars = one.exemplars.iter().map(|one| v2::Exemplar {
            labels_refs: places(&mut symbols, &one.labels),
            value: one.value,
            timestamp: one.time,
        });
        let exemplars = exemplars.collect();
        let (help_ref, unit_ref) = (symbols.place(&family.help), symbols.place(&family.unit));
        let metadata = v2::Metadata { kind: family.kind, help_ref, unit_ref };
        let created_timestamp = one.created;
        timeseries.push(v2::TimeSeries { labels_refs, samples, histograms, exemplars, metadata, created_timestamp });
    }
    v2::Request { symbols: symbols.into_table(), timeseries }.encode_to_vec()
}

fn metadata(family: &Family) -> Option<MetricMetadata> {
    let Family { name, kind, help, unit } = family;
    let metadata =
        MetricMetadata { kind: *kind, metric_family_name: name.clone(), help: help.clone(), unit: unit.clone() };
    Some(metadata).filter(|metadata| !metadata.metric_family_name.is_empty())
}

fn labels(pairs: &[Pair]) -> Vec<Label> {
    pairs.iter().map(|(name, value)| Label { name: name.to_string(), value: value.to_string() }).collect()
}

fn places(symbols: &mut Symbols, pairs: &[Pair]) -> Vec<u32> {
    pairs.iter().flat_map(|(name, value)| [symbols.place(name), symbols.place(value)]).collect()
}

fn value(series: &Series) -> (Vec<Sample>, Vec<Histogram>) {
    match &series.value {
        Value::Float(value) => (vec![Sample { value: *value, timestamp: series.time }], Vec::new()),
        Value::Native(native) => (Vec::new(), vec![histogram(native, series.time)]),
    }
}

fn histogram(native: &NativeHistogram, timestamp: i64) -> Histogram {
    let (positive_spans, positive_deltas) = buckets(&native.positive);
    let (negative_spans, negative_deltas) = buckets(&native.negative);
    Histogram {
        count_int: Some(native.count),
        sum: native.sum,
        schema: native.schema,
        zero_threshold: native.zero_threshold,
        zero_count_int: Some(native.zero_count),
        negative_spans,
        negative_deltas,
        positive_spans,
        positive_deltas,
        timestamp,
        ..Histogram::default()
    }
}

/// Runs of buckets that are not empty, and each of them as the difference from the one before.
fn buckets((first, counts): &(i32, Vec<u64>)) -> (Vec<BucketSpan>, Vec<i64>) {
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut offset, mut before) = (*first, 0);
    for count in counts {
        if *count == 0 {
            offset += 1;
            continue;
        }
        match spans.last_mut() {
            Some(span) if offset == 0 => span.length += 1,
            _ => spans.push(BucketSpan { offset, length: 1 }),
        }
        offset = 0;
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        before = count;
    }
    (spans, deltas)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Undoes [`buckets`]: index and count of those that are not empty.
    fn undone(spans: &[BucketSpan], deltas: &[i64]) -> Vec<(i32, u64)> {
        let (mut index, mut count, mut deltas, mut found) = (0, 0, deltas.iter(), Vec::new());
        for span in spans {
            index += span.offset;
            for _ in 0..span.length {
                count += deltas.next().unwrap();
                found.push((index, count as u64));
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        found
    }

    proptest! {
        #[test]
        fn spans_and_differences_say_what_the_buckets_hold(
            first in -1000..1000_i32,
            counts in prop::collection::vec(prop_oneof![Just(0), 0..u64::from(u32::MAX)], 0..40),
        ) {
            let (spans, deltas) = buckets(&(first, counts.clone()));
            let held = (first..).zip(counts).filter(|(_, count)| *count > 0).collect::<Vec<_>>();
            prop_assert_eq!(undone(&spans, &deltas), held);
            prop_assert!(spans.iter().skip(1).all(|span| span.offset > 0), "spans do not touch");
        }
    }
}
