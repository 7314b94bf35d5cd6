//! How a batch of series is written to the log.
//!
//! A version byte, a dictionary of the batch's distinct strings, then the writes, which name strings by their number.
//! Numbers are varints, times are differences to the time before (zigzag), floats are their eight bytes as they are, so that NaN
//! payloads survive. A sample of a regular series costs ten to eleven bytes, its labels two bytes each.

use std::collections::HashMap;
use std::sync::Arc;

use tripod_wire::{SpanId, TraceId};

use super::METRIC_KINDS;
use crate::columns::varint;
use crate::{Exemplar, Labels, Metadata, NativeHistogram, ResetHint, Samples, SeriesWrite};

/// Histograms have nothing but buckets of a resolution.
const PLAIN: u8 = 1;
/// Behind the buckets of a histogram stand its reset hint, and the bounds of custom buckets.
const EXTENDED: u8 = 2;

/// A metric family and what is known of it.
type Described = (Arc<str>, Arc<Metadata>);

/// The bytes of a batch.
pub(crate) fn encode(batch: &[SeriesWrite]) -> Vec<u8> {
    let plain =
        |histogram: &NativeHistogram| histogram.custom_values.is_empty() && histogram.reset_hint == ResetHint::Unknown;
    let mut histograms = batch.iter().flat_map(|write| &write.samples.histograms);
    let version = if histograms.all(|(_, histogram)| plain(histogram)) { PLAIN } else { EXTENDED };
    let mut encoder = Encoder { version, ..Encoder::default() };
    encoder.count(batch.len());
    for write in batch {
        encoder.write(write);
    }
    encoder.finish()
}

/// The batch in `bytes`, or what is wrong with them.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<SeriesWrite>, &'static str> {
    let mut decoder = Decoder { rest: bytes, strings: Vec::new(), version: PLAIN };
    [decoder.version] = decoder.bytes()?;
    if ![PLAIN, EXTENDED].contains(&decoder.version) {
        return Err("unknown version of the series batch");
    }
    let strings = decoder.count(1)?;
    for _ in 0..strings {
        let string = decoder.string()?;
        decoder.strings.push(string);
    }
    let writes = decoder.count(5)?;
    let batch = (0..writes).map(|_| decoder.write()).collect::<Result<_, _>>()?;
    if decoder.rest.is_empty() { Ok(batch) } else { Err("bytes behind the series batch") }
}

#[derive(Default)]
struct Encoder<'a> {
    version: u8,
    strings: Vec<&'a str>,
    numbers: HashMap<&'a str, u64>,
    out: Vec<u8>,
}

impl<'a> Encoder<'a> {
    fn finish(self) -> Vec<u8> {
        let mut head = Encoder { out: vec![self.version], ..Encoder::default() };
        head.count(self.strings.len());
        for string in self.strings {
            head.count(string.len());
            head.out.extend_from_slice(string.as_bytes());
        }
        head.out.extend_from_slice(&self.out);
        head.out
    }

    fn write(&mut self, write: &'a SeriesWrite) {
        self.labels(&write.labels);
        self.count(write.samples.floats.len());
        let mut before = 0;
        for &(time, value) in &write.samples.floats {
            self.time(time, &mut before);
            self.float(value);
        }
        self.count(write.samples.histograms.len());
        before = 0;
        for (time, histogram) in &write.samples.histograms {
            self.time(*time, &mut before);
            self.histogram(histogram);
        }
        self.count(write.exemplars.len());
        before = 0;
        for exemplar in &write.exemplars {
            self.time(exemplar.time, &mut before);
            self.float(exemplar.value);
            self.out.extend_from_slice(&exemplar.trace_id.0);
            self.out.extend_from_slice(&exemplar.span_id.0);
            self.labels(&exemplar.labels);
        }
        self.metadata(write.metadata.as_ref());
    }

    fn metadata(&mut self, metadata: Option<&'a Described>) {
        let Some((family, metadata)) = metadata else { return self.out.push(0) };
        let kind = METRIC_KINDS.iter().position(|kind| *kind == metadata.kind).unwrap_or_default();
        self.out.push(kind as u8 + 1);
        self.string(family);
        self.string(&metadata.help);
        self.string(&metadata.unit);
    }

    fn histogram(&mut self, histogram: &NativeHistogram) {
        self.signed(histogram.schema.into());
        for value in [histogram.zero_threshold, histogram.zero_count, histogram.count, histogram.sum] {
            self.float(value);
        }
        for (first, buckets) in [&histogram.positive, &histogram.negative] {
            self.signed((*first).into());
            self.count(buckets.len());
            buckets.iter().for_each(|bucket| self.float(*bucket));
        }
        if self.version == EXTENDED {
            self.out.push(histogram.reset_hint as u8);
            self.count(histogram.custom_values.len());
            histogram.custom_values.iter().for_each(|bound| self.float(*bound));
        }
    }

    fn labels(&mut self, labels: &'a Labels) {
        self.count(labels.iter().len());
        for (name, value) in labels.iter() {
            self.string(name);
            self.string(value);
        }
    }

    fn string(&mut self, string: &'a str) {
        let next = self.strings.len() as u64;
        let number = *self.numbers.entry(string).or_insert(next);
        if number == next {
            self.strings.push(string);
        }
        self.unsigned(number);
    }

    fn time(&mut self, time: i64, before: &mut i64) {
        self.signed(time.wrapping_sub(*before));
        *before = time;
    }

    fn float(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.unsigned(count as u64);
    }

    fn signed(&mut self, value: i64) {
        self.unsigned(varint::zigzag(value));
    }

    fn unsigned(&mut self, value: u64) {
        varint::put(value, &mut self.out);
    }
}

struct Decoder<'a> {
    version: u8,
    rest: &'a [u8],
    strings: Vec<Arc<str>>,
}

impl Decoder<'_> {
    fn write(&mut self) -> Result<SeriesWrite, &'static str> {
        let labels = self.labels()?;
        let floats = self.list(9, |decoder, before| Ok((decoder.time(before)?, decoder.float()?)))?;
        let histograms =
            self.list(38, |decoder, before| Ok((decoder.time(before)?, Arc::new(decoder.histogram()?))))?;
        let exemplars = self.list(34, Self::exemplar)?;
        let metadata = self.metadata()?;
        Ok(SeriesWrite { labels, samples: Samples { floats, histograms }, exemplars, metadata })
    }

    /// A counted list of things with a time, of which each takes at least `size` bytes.
    fn list<T>(
        &mut self,
        size: usize,
        mut item: impl FnMut(&mut Self, &mut i64) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        let count = self.count(size)?;
        let mut before = 0;
        (0..count).map(|_| item(self, &mut before)).collect()
    }

    fn exemplar(&mut self, before: &mut i64) -> Result<Exemplar, &'static str> {
        Ok(Exemplar {
            time: self.time(before)?,
            value: self.float()?,
            trace_id: TraceId(self.bytes()?),
            span_id: SpanId(self.bytes()?),
            labels: self.labels()?,
        })
    }

    fn metadata(&mut self) -> Result<Option<Described>, &'static str> {
        let [kind] = self.bytes()?;
        if kind == 0 {
            return Ok(None);
        }
        let kind = *METRIC_KINDS.get(usize::from(kind) - 1).ok_or("unknown kind of metric")?;
        let family = self.reference()?;
        let help = self.reference()?.as_ref().to_owned();
        let unit = self.reference()?.as_ref().to_owned();
        Ok(Some((family, Arc::new(Metadata { kind, help, unit }))))
    }

    fn histogram(&mut self) -> Result<NativeHistogram, &'static str> {
        let mut histogram = NativeHistogram {
            schema: self.small()?,
            zero_threshold: self.float()?,
            zero_count: self.float()?,
            count: self.float()?,
            sum: self.float()?,
            positive: self.buckets()?,
            negative: self.buckets()?,
            ..NativeHistogram::default()
        };
        if self.version == EXTENDED {
            let [hint] = self.bytes()?;
            histogram.reset_hint = *ResetHint::ALL.get(usize::from(hint)).ok_or("an unknown reset hint")?;
            let bounds = self.count(8)?;
            histogram.custom_values = (0..bounds).map(|_| self.float()).collect::<Result<_, _>>()?;
        }
        Ok(histogram)
    }

    fn buckets(&mut self) -> Result<(i32, Vec<f64>), &'static str> {
        let first = self.small()?;
        let count = self.count(8)?;
        Ok((first, (0..count).map(|_| self.float()).collect::<Result<_, _>>()?))
    }

    fn labels(&mut self) -> Result<Labels, &'static str> {
        let count = self.count(2)?;
        let pair = |_| Ok((self.reference()?, self.reference()?));
        let pairs: Vec<(Arc<str>, Arc<str>)> = (0..count).map(pair).collect::<Result<_, &'static str>>()?;
        Ok(Labels::new(pairs))
    }

    fn reference(&mut self) -> Result<Arc<str>, &'static str> {
        let number = usize::try_from(self.unsigned()?).map_err(|_| "a string that is not there")?;
        self.strings.get(number).cloned().ok_or("a string that is not there")
    }

    fn string(&mut self) -> Result<Arc<str>, &'static str> {
        let len = self.count(1)?;
        let (string, rest) = self.rest.split_at(len);
        self.rest = rest;
        std::str::from_utf8(string).map(Arc::from).map_err(|_| "a string that is not UTF-8")
    }

    fn time(&mut self, before: &mut i64) -> Result<i64, &'static str> {
        *before = before.wrapping_add(self.signed()?);
        Ok(*before)
    }

    fn float(&mut self) -> Result<f64, &'static str> {
        self.bytes().map(u64::from_le_bytes).map(f64::from_bits)
    }

    /// A number of things of which each takes at least `size` bytes: more than fit are an error, not an allocation.
    fn count(&mut self, size: usize) -> Result<usize, &'static str> {
        let count = self.unsigned()?;
        let fitting = self.rest.len() / size;
        usize::try_from(count).ok().filter(|count| *count <= fitting).ok_or("a count beyond the end")
    }

    fn small(&mut self) -> Result<i32, &'static str> {
        i32::try_from(self.signed()?).map_err(|_| "a number beyond 32 bits")
    }

    fn signed(&mut self) -> Result<i64, &'static str> {
        Ok(varint::unzigzag(self.unsigned()?))
    }

    fn unsigned(&mut self) -> Result<u64, &'static str> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.bytes()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err("a number beyond 64 bits");
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a number beyond 64 bits")
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or("the bytes end inside a value")?;
        self.rest = rest;
        Ok(*bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels() -> impl Strategy<Value = Labels> {
        prop::collection::vec(("[a-d]{1,2}", "[x-z]{0,2}|\\PC{0,3}"), 0..4).prop_map(Labels::new)
    }

    fn float() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits)
    }

    prop_compose! {
        fn histogram()(schema in -4..9, floats in prop::array::uniform4(float()), positive in (any::<i32>(), prop::collection::vec(float(), 0..4)),
            negative in (any::<i32>(), prop::collection::vec(float(), 0..4)), bounds in prop::option::of(prop::collection::vec(float(), 0..4)),
            hint in 0..4usize) -> Arc<NativeHistogram> {
            let [zero_threshold, zero_count, count, sum] = floats;
            let (schema, custom_values) = bounds.map_or_else(
                || (schema, Arc::default()),
                |bounds| (NativeHistogram::CUSTOM_BUCKETS, Arc::from(bounds)),
            );
            let reset_hint = ResetHint::ALL[hint];
            Arc::new(NativeHistogram {
                schema, zero_threshold, zero_count, count, sum, positive, negative, custom_values, reset_hint,
            })
        }
    }

    prop_compose! {
        fn exemplar()(time in any::<i64>(), value in float(), trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), labels in labels()) -> Exemplar {
            Exemplar { time, value, trace_id: TraceId(trace), span_id: SpanId(span), labels }
        }
    }

    fn metadata() -> impl Strategy<Value = Option<Described>> {
        prop::option::of((0..METRIC_KINDS.len(), "\\PC{0,4}", "\\PC{0,4}", "[a-z]{1,4}").prop_map(
            |(kind, help, unit, family)| {
                (Arc::from(family.as_str()), Arc::new(Metadata { kind: METRIC_KINDS[kind], help, unit }))
            },
        ))
    }

    prop_compose! {
        fn write()(labels in labels(), floats in prop::collection::vec((any::<i64>(), float()), 0..5),
            histograms in prop::collection::vec((any::<i64>(), histogram()), 0..3), exemplars in prop::collection::vec(exemplar(), 0..3),
            metadata in metadata()) -> SeriesWrite {
            SeriesWrite { labels, samples: Samples { floats, histograms }, exemplars, metadata }
        }
    }

    proptest! {
        #[test]
        fn a_batch_survives_the_way_to_disk_and_back_bit_by_bit(batch in prop::collection::vec(write(), 0..5)) {
            let bytes = encode(&batch);
            let back = decode(&bytes).unwrap();
            prop_assert_eq!(&encode(&back), &bytes);
            // Not by `==`, to which a NaN is never equal.
            prop_assert_eq!(format!("{back:?}"), format!("{batch:?}"));
            for (back, sent) in back.iter().zip(&batch) {
                let bits = |write: &SeriesWrite| write.samples.floats.iter().map(|(_, value)| value.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(bits(back), bits(sent));
            }
        }

        #[test]
        fn a_batch_that_is_cut_off_is_an_error(batch in prop::collection::vec(write(), 1..3)) {
            let bytes = encode(&batch);
            for end in 0..bytes.len() {
                prop_assert!(decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_a_batch_or_an_error_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            for version in [PLAIN, EXTENDED] {
                let _ = decode(&[&[version], bytes.as_slice()].concat());
            }
        }
    }

    #[test]
    fn a_sample_of_a_regular_series_costs_at_most_eleven_bytes() {
        let write = |samples: i64| SeriesWrite {
            labels: Labels::new([("__name__", "up")]),
            samples: Samples {
                floats: (0..samples).map(|at| (1_795_238_947_000 + at * 15_000, 1.0)).collect(),
                ..Samples::default()
            },
            exemplars: Vec::new(),
            metadata: None,
        };
        let (few, many) = (encode(&[write(1)]).len(), encode(&[write(101)]).len());
        assert!(many - few <= 100 * 11 + 1, "{few} and {many} bytes");
    }
}
