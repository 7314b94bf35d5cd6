//! Prometheus remote write 1.0, straight from its bytes: in the steady state no label is looked at.
//!
//! The bytes of a series' labels stand together and are the same in each request: their hash finds the series. Only for a
//! series that is not known yet are they decoded, checked and, where a sender does not sort them, sorted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tripod_wire::prometheus::remote_write as wire;
use tripod_wire::proto::{Message, Reader};
use tripod_wire::{SpanId, TraceId, WireError};

use super::batch::{Batch, REFUSED, Run};
use super::limits::{self, Refusal};
use super::registry::{Finder, Registry};
use crate::{Exemplar, Labels, Metadata, MetricKind, NativeHistogram, ResetHint, StoreError};

/// The label that is a metric's name.
const NAME: &str = "__name__";

/// The most buckets of one side of a histogram, those without measurements between others included.
const MAX_BUCKETS: i64 = 1 << 16;

/// A series that no hash found, by the place of its run.
struct Unknown {
    run: usize,
    labels: Vec<u8>,
    /// The time of the newest of its samples.
    newest: i64,
}

/// A byte of snappy becomes no more bytes than this.
const MAX_RATIO: usize = 64;

/// Room for requests, used again: a fresh page for every few samples would cost more than reading them.
#[derive(Debug, Default)]
pub(super) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// So many are kept, and none that is larger.
    const KEPT: usize = 4;
    const KEPT_BYTES: usize = 4 << 20;

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut buffer = self.list().pop().unwrap_or_default();
        let result = work(&mut buffer);
        let mut kept = self.list();
        if buffer.capacity() <= Self::KEPT_BYTES && kept.len() < Self::KEPT {
            kept.push(buffer);
        }
        result
    }

    fn list(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request as it was before it was compressed.
pub(super) fn decompress<'a>(request: &[u8], buffer: &'a mut Vec<u8>) -> Result<&'a [u8], StoreError> {
    let invalid = |reason| WireError::Invalid { message: "WriteRequest", field: "snappy", offset: 0, reason };
    let len = snap::raw::decompress_len(request).map_err(|error| invalid(error.to_string()))?;
    if len > request.len().saturating_mul(MAX_RATIO) {
        return Err(invalid(format!("{} bytes can't become {len}", request.len())).into());
    }
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let len = snap::raw::Decoder::new().decompress(request, buffer).map_err(|error| invalid(error.to_string()))?;
    Ok(&buffer[..len])
}

/// Takes a request apart.
pub(super) fn decode(registry: &Registry, request: &[u8], batch: &mut Batch) -> Result<(), StoreError> {
    let mut unknown = Vec::new();
    let mut finder = registry.finder(*batch.generation);
    let mut reader = Reader::new(request, "WriteRequest");
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => {
                reader.name_field("timeseries");
                reader.nested(wire_type, "TimeSeries", |reader| {
                    series(reader, request, registry, &mut finder, batch, &mut unknown)
                })?;
            }
            3 => {
                reader.name_field("metadata");
                describe(wire::MetricMetadata::decode(reader.bytes(wire_type)?)?, batch);
            }
            _ => reader.skip(number, wire_type)?,
        }
    }
    drop(finder);
    resolve(registry, batch, &unknown);
    Ok(())
}

/// Reads one series.
fn series(
    reader: &mut Reader<'_>,
    request: &[u8],
    registry: &Registry,
    finder: &mut Finder<'_>,
    batch: &mut Batch,
    unknown: &mut Vec<Unknown>,
) -> Result<(), WireError> {
    let run = batch.runs.len();
    let before = batch.mark();
    let (mut labels, mut scattered) = (0..0, Vec::new());
    loop {
        let tag = reader.offset();
        let Some((number, wire_type)) = reader.next_field()? else { break };
        match number {
            1 => {
                reader.name_field("labels");
                reader.bytes(wire_type)?;
                let this = tag..reader.offset();
                if labels.end == tag {
                    labels.end = this.end;
                } else if labels.is_empty() {
                    labels = this;
                } else {
                    scattered.extend_from_slice(&request[labels]);
                    labels = this;
                }
            }
            2 => {
                reader.name_field("samples");
                batch.floats.push(reader.nested(wire_type, "Sample", sample)?);
            }
            3 => {
                reader.name_field("exemplars");
                batch.exemplars.push((run as u32, exemplar(wire::Exemplar::decode(reader.bytes(wire_type)?)?)));
            }
            4 => {
                reader.name_field("histograms");
                let one = wire::Histogram::decode(reader.bytes(wire_type)?)?;
                match histogram(&one) {
                    Ok(native) => batch.histograms.push((run as u32, one.timestamp, Arc::new(native))),
                    Err(reason) => batch.refuse(1, || Refusal::Invalid(reason)),
                }
            }
            _ => reader.skip(number, wire_type)?,
        }
    }
    let raw = if scattered.is_empty() {
        &request[labels]
    } else {
        scattered.extend_from_slice(&request[labels]);
        &scattered
    };
    let floats = (batch.floats.len() - before.floats) as u32;
    batch.appended.accepted += u64::from(floats) + (batch.histograms.len() - before.histograms) as u64;
    let newest = batch.times(before).max().unwrap_or(i64::MIN);
    if let Some(found) = finder.find_labels(raw, newest) {
        batch.runs.push(Run { series: found.series, floats });
        batch.refuse_older(before, registry.oldest(found));
    } else {
        unknown.push(Unknown { run, labels: raw.to_vec(), newest });
        batch.runs.push(Run { series: REFUSED, floats });
    }
    Ok(())
}

#[inline]
fn sample(reader: &mut Reader<'_>) -> Result<(i64, f64), WireError> {
    let (mut time, mut value) = (0, 0.0);
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => value = f64::from_bits(reader.fixed64(wire_type)?),
            2 => time = reader.varint(wire_type)? as i64,
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok((time, value))
}

/// Gives the series that were not found their numbers, or takes their samples out of what is accepted.
fn resolve(registry: &Registry, batch: &mut Batch, unknown: &[Unknown]) {
    if unknown.is_empty() {
        return;
    }
    let mut refused = false;
    for Unknown { run, labels, newest } in unknown {
        let identity = registry.identity(labels);
        let known = registry.finder(*batch.generation).find(identity, *newest);
        let found = known.map_or_else(
            || {
                let mut labels = read_labels(labels)?;
                registry.resolve(&mut labels, Some(identity), *batch.generation, *newest)
            },
            Ok,
        );
        match found {
            // A request that begins a series and goes on with it is kept whole, however far apart its samples are.
            Ok(found) => batch.runs[*run].series = found.series,
            Err(refusal) => {
                refused = true;
                let histograms = batch.histograms.iter().filter(|(of, ..)| *of as usize == *run).count() as u64;
                let samples = u64::from(batch.runs[*run].floats) + histograms;
                batch.appended.accepted -= samples;
                batch.refuse(samples, || registry.explain(refusal));
            }
        }
    }
    if refused {
        let runs = &batch.runs;
        batch.histograms.retain(|(run, ..)| runs[*run as usize].series != REFUSED);
        batch.exemplars.retain(|(run, _)| runs[*run as usize].series != REFUSED);
    }
}

/// The labels of a new series, in the order in which they came.
fn read_labels(bytes: &[u8]) -> Result<Vec<(&str, &str)>, Refusal> {
    let mut labels = Vec::new();
    let mut reader = Reader::new(bytes, "TimeSeries");
    while let Ok(Some((_, wire_type))) = reader.next_field() {
        let label = reader.bytes(wire_type).and_then(read_label);
        labels.push(label.map_err(|error| Refusal::Invalid(error.to_string()))?);
    }
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let texts: Option<Vec<_>> = labels.iter().map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    match texts {
        Some(texts) if texts.iter().any(|(name, value)| *name == NAME && !value.is_empty()) => Ok(texts),
        Some(texts) => Err(Refusal::Invalid(format!("the series {} has no {NAME}", limits::shown(&texts)))),
        None => {
            let lossy: Vec<_> =
                labels.iter().map(|(n, v)| (String::from_utf8_lossy(n), String::from_utf8_lossy(v))).collect();
            let lossy: Vec<_> = lossy.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
            Err(Refusal::Invalid(format!("the series {} has a label that is not UTF-8", limits::shown(&lossy))))
        }
    }
}

fn read_label(label: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut pair = (&[][..], &[][..]);
    let mut reader = Reader::new(label, "Label");
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => pair.0 = reader.bytes(wire_type)?,
            2 => pair.1 = reader.bytes(wire_type)?,
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok(pair)
}

fn describe(metadata: wire::MetricMetadata, batch: &mut Batch) {
    let kind = match metadata.kind {
        wire::MetricType::COUNTER => MetricKind::Counter,
        wire::MetricType::GAUGE => MetricKind::Gauge,
        wire::MetricType::HISTOGRAM | wire::MetricType::GAUGE_HISTOGRAM => MetricKind::Histogram,
        wire::MetricType::SUMMARY => MetricKind::Summary,
        wire::MetricType::INFO => MetricKind::Info,
        _ => MetricKind::Unknown,
    };
    let described = Metadata { kind, help: metadata.help, unit: metadata.unit };
    batch.metadata.push((metadata.metric_family_name.into(), Arc::new(described)));
}

/// An exemplar; labels that hold the ids of a trace and a span become these.
fn exemplar(sent: wire::Exemplar) -> Exemplar {
    let (mut trace_id, mut span_id) = (TraceId::NONE, SpanId::NONE);
    let mut labels = Vec::with_capacity(sent.labels.len());
    for label in sent.labels {
        match (label.name.as_str(), label.value.parse(), label.value.parse()) {
            ("trace_id" | "traceID" | "traceId", Ok(id), _) => trace_id = id,
            ("span_id" | "spanID" | "spanId", _, Ok(id)) => span_id = id,
            _ => labels.push((label.name, label.value)),
        }
    }
    Exemplar { time: sent.timestamp, value: sent.value, trace_id, span_id, labels: Labels::new(labels) }
}

/// A native histogram with its buckets in a row, or why it can't be kept.
fn histogram(sent: &wire::Histogram) -> Result<NativeHistogram, String> {
    let is_custom = sent.schema == NativeHistogram::CUSTOM_BUCKETS;
    if !is_custom && !(-4..=8).contains(&sent.schema) {
        return Err(format!("a histogram of schema {}, which must be from -4 to 8, or -53", sent.schema));
    }
    let histogram = NativeHistogram {
        schema: sent.schema,
        zero_threshold: sent.zero_threshold,
        zero_count: number(sent.zero_count_int, sent.zero_count_float),
        count: number(sent.count_int, sent.count_float),
        sum: sent.sum,
        positive: buckets(&sent.positive_spans, &sent.positive_deltas, &sent.positive_counts)?,
        negative: buckets(&sent.negative_spans, &sent.negative_deltas, &sent.negative_counts)?,
        custom_values: sent.custom_values.as_slice().into(),
        reset_hint: match sent.reset_hint {
            wire::ResetHint::YES => ResetHint::Reset,
            wire::ResetHint::NO => ResetHint::NotReset,
            wire::ResetHint::GAUGE => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        },
    };
    if is_custom {
        check_custom(&histogram)?;
    } else if !histogram.custom_values.is_empty() {
        return Err(format!("a histogram of schema {} with custom bounds, which need schema -53", sent.schema));
    }
    Ok(histogram)
}

/// As Prometheus has it: bounds that ascend, a bucket below each and one above, and nothing else.
fn check_custom(histogram: &NativeHistogram) -> Result<(), String> {
    let NativeHistogram { custom_values: bounds, positive, negative, .. } = histogram;
    if bounds.len() as i64 > MAX_BUCKETS {
        return Err(format!("a histogram with {} custom bounds, the limit is {MAX_BUCKETS}", bounds.len()));
    }
    if !bounds.is_sorted_by(|a, b| a < b) || bounds.iter().any(|bound| !bound.is_finite()) {
        return Err("a histogram whose custom bounds are not finite and ascending".to_owned());
    }
    let end = i64::from(positive.0) + positive.1.len() as i64;
    if !positive.1.is_empty() && (positive.0 < 0 || end > bounds.len() as i64 + 1) {
        let (buckets, last) = (bounds.len() + 1, end - 1);
        return Err(format!(
            "a histogram of {buckets} custom buckets that counts in those from {} to {last}",
            positive.0
        ));
    }
    if !negative.1.is_empty() || histogram.zero_count != 0.0 {
        return Err("a histogram of custom buckets with a zero bucket or negative ones".to_owned());
    }
    Ok(())
}

fn number(whole: Option<u64>, fraction: Option<f64>) -> f64 {
    fraction.unwrap_or_else(|| whole.unwrap_or_default() as f64)
}

/// The first bucket's index and all from there on; counts are whole and each the difference to the one before, or as they are.
fn buckets(spans: &[wire::BucketSpan], deltas: &[i64], counts: &[f64]) -> Result<(i32, Vec<f64>), String> {
    let mut sum = 0i64;
    let whole = deltas.iter().map(|delta| {
        sum = sum.wrapping_add(*delta);
        sum as f64
    });
    let mut counts: Box<dyn Iterator<Item = f64>> =
        if counts.is_empty() { Box::new(whole) } else { Box::new(counts.iter().copied()) };
    let Some(first) = spans.first().map(|span| span.offset) else { return Ok((0, Vec::new())) };
    let mut buckets = Vec::new();
    for (at, span) in spans.iter().enumerate() {
        let gap = if at == 0 { 0 } else { i64::from(span.offset) };
        let end = buckets.len() as i64 + gap + i64::from(span.length);
        if gap < 0 || end > MAX_BUCKETS {
            return Err(format!("the buckets of a histogram are out of order or more than {MAX_BUCKETS}"));
        }
        buckets.resize(buckets.len() + gap as usize, 0.0);
        buckets.extend(counts.by_ref().take(span.length as usize));
        if buckets.len() as i64 != end {
            return Err("a histogram has fewer counts than buckets".to_owned());
        }
    }
    Ok((first, buckets))
}
