//! Version 2.0 as version 1.0, from bytes to bytes: who reads one of them reads both.
//!
//! Samples and histograms are the same messages in both and are copied as they are; references become the labels they stand for. One
//! pass over the symbols, one over the series, and nothing is kept but a slice a symbol. As a symbol is written out at each of its
//! references, the result may be far larger than what came: it is bounded by a limit.
//!
//! What a version 2.0 request says of when counting began has no place in version 1.0 and is left out.

use std::collections::HashSet;

use super::MetricType;
use crate::WireError;
use crate::proto::{Reader, WireType, put_bytes, put_fixed64, put_len_delimited, put_tag, put_varint};

/// The label that is a metric's name.
const NAME: &str = "__name__";

/// A version 2.0 request (`io.prometheus.write.v2.Request`) as one of version 1.0, of at most `limit` bytes.
///
/// Metadata goes to the metric family: the name of the series, without `_bucket`, `_count` and `_sum` where its type has these.
///
/// # Errors
/// When the bytes are no such request, a reference leads nowhere, or the result would be larger than `limit`.
pub fn to_version_1(request: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
    let mut translation = Translation { symbols: symbols(request)?, limit, ..Translation::default() };
    let mut reader = Reader::new(request, "Request");
    while let Some((number, wire_type)) = reader.next_field()? {
        if number == 5 {
            reader.name_field("timeseries");
            reader.nested(wire_type, "TimeSeries", |reader| translation.series(reader))?;
        } else {
            reader.skip(number, wire_type)?;
        }
    }
    let Translation { mut out, metadata, .. } = translation;
    if out.len() + metadata.len() > limit {
        return Err(too_large(limit));
    }
    out.extend_from_slice(&metadata);
    Ok(out)
}

fn too_large(limit: usize) -> WireError {
    WireError::TooLarge { message: "Request", limit }
}

fn symbols(request: &[u8]) -> Result<Vec<&str>, WireError> {
    let mut symbols = Vec::new();
    let mut reader = Reader::new(request, "Request");
    while let Some((number, wire_type)) = reader.next_field()? {
        if number == 4 {
            reader.name_field("symbols");
            let symbol = reader.string(wire_type)?;
            reader.grow(&mut symbols, 1)?;
            symbols.push(symbol);
        } else {
            reader.skip(number, wire_type)?;
        }
    }
    Ok(symbols)
}

#[derive(Default)]
struct Translation<'a> {
    symbols: Vec<&'a str>,
    limit: usize,
    /// The series.
    out: Vec<u8>,
    /// What comes behind them, and the families it is of.
    metadata: Vec<u8>,
    described: HashSet<&'a str>,
    /// References of the labels at hand.
    references: Vec<u32>,
}

/// What is known of a series' metric.
#[derive(Clone, Copy, Default, PartialEq)]
struct Description<'a> {
    kind: MetricType,
    help: &'a str,
    unit: &'a str,
}

impl<'a> Translation<'a> {
    fn series(&mut self, reader: &mut Reader<'_>) -> Result<(), WireError> {
        let mut name = "";
        let mut description = Description::default();
        let mut out = std::mem::take(&mut self.out);
        let mut result = Ok(());
        put_len_delimited(&mut out, 1, |out| result = self.fields(reader, out, &mut name, &mut description));
        self.out = out;
        result?;
        self.describe(name, &description)
    }

    fn fields(
        &mut self,
        reader: &mut Reader<'_>,
        out: &mut Vec<u8>,
        name: &mut &'a str,
        description: &mut Description<'a>,
    ) -> Result<(), WireError> {
        self.references.clear();
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                1 => self.read_references(reader, wire_type)?,
                2 => self.copy(reader, wire_type, "samples", 2, out)?,
                3 => self.copy(reader, wire_type, "histograms", 4, out)?,
                4 => {
                    reader.name_field("exemplars");
                    // Its references take the place of those of the series.
                    let of_series = std::mem::take(&mut self.references);
                    reader.nested(wire_type, "Exemplar", |reader| self.exemplar(reader, out))?;
                    self.references = of_series;
                }
                5 => {
                    reader.name_field("metadata");
                    *description = reader.nested(wire_type, "Metadata", |reader| self.description(reader))?;
                }
                _ => reader.skip(number, wire_type)?,
            }
        }
        *name = self.labels(reader, out)?.unwrap_or_default();
        Ok(())
    }

    fn copy(
        &self,
        reader: &mut Reader<'_>,
        wire_type: WireType,
        field: &'static str,
        number: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), WireError> {
        reader.name_field(field);
        put_bytes(out, number, reader.bytes(wire_type)?);
        self.check(out)
    }

    fn check(&self, out: &[u8]) -> Result<(), WireError> {
        if out.len() > self.limit { Err(too_large(self.limit)) } else { Ok(()) }
    }

    /// Packed or one by one.
    fn read_references(&mut self, reader: &mut Reader<'_>, wire_type: WireType) -> Result<(), WireError> {
        reader.name_field("labels_refs");
        if wire_type != WireType::Len {
            self.references.push(reader.varint(wire_type)? as u32);
            return Ok(());
        }
        let mut packed = reader.packed(wire_type)?;
        while !packed.is_empty() {
            self.references.push(packed.varint(WireType::Varint)? as u32);
        }
        Ok(())
    }

    /// Writes the labels that the references stand for; the metric's name, if it is among them.
    fn labels(&self, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<Option<&'a str>, WireError> {
        reader.name_field("labels_refs");
        let (pairs, odd) = self.references.as_chunks::<2>();
        if !odd.is_empty() {
            let all = self.references.len();
            return Err(reader.invalid(format!("{all} references, which must be pairs of a name and a value")));
        }
        let mut metric = None;
        for [name, value] in pairs {
            let (name, value) = (self.symbol(reader, *name)?, self.symbol(reader, *value)?);
            if name == NAME {
                metric = Some(value);
            }
            put_len_delimited(out, 1, |out| {
                put_bytes(out, 1, name.as_bytes());
                put_bytes(out, 2, value.as_bytes());
            });
            self.check(out)?;
        }
        Ok(metric)
    }

    fn symbol(&self, reader: &Reader<'_>, reference: u32) -> Result<&'a str, WireError> {
        let symbol = self.symbols.get(reference as usize).copied();
        symbol.ok_or_else(|| {
            reader.invalid(format!("a reference to symbol {reference} of a table of {}", self.symbols.len()))
        })
    }

    fn exemplar(&mut self, reader: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), WireError> {
        let (mut value, mut time) = (0, 0);
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                1 => self.read_references(reader, wire_type)?,
                2 => value = reader.fixed64(wire_type)?,
                3 => time = reader.varint(wire_type)?,
                _ => reader.skip(number, wire_type)?,
            }
        }
        let mut result = Ok(None);
        put_len_delimited(out, 3, |out| {
            result = self.labels(reader, out);
            put_fixed64(out, 2, value);
            put_tag(out, 3, WireType::Varint);
            put_varint(out, time);
        });
        result.map(drop)
    }

    fn description(&self, reader: &mut Reader<'_>) -> Result<Description<'a>, WireError> {
        let mut description = Description::default();
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                1 => description.kind = MetricType(reader.varint(wire_type)? as i32),
                3 | 4 => {
                    reader.name_field(if number == 3 { "help_ref" } else { "unit_ref" });
                    let reference = reader.varint(wire_type)? as u32;
                    // Senders without a table of symbols refer to the empty one all the same.
                    let text = if reference == 0 { "" } else { self.symbol(reader, reference)? };
                    if number == 3 { description.help = text } else { description.unit = text }
                }
                _ => reader.skip(number, wire_type)?,
            }
        }
        Ok(description)
    }

    /// Says once what is known of a family.
    fn describe(&mut self, name: &'a str, description: &Description<'a>) -> Result<(), WireError> {
        let Description { kind, help, unit } = description;
        let family = family(name, *kind);
        if *description == Description::default() || family.is_empty() || !self.described.insert(family) {
            return Ok(());
        }
        put_len_delimited(&mut self.metadata, 3, |out| {
            put_tag(out, 1, WireType::Varint);
            put_varint(out, i64::from(kind.0) as u64);
            put_bytes(out, 2, family.as_bytes());
            put_bytes(out, 4, help.as_bytes());
            put_bytes(out, 5, unit.as_bytes());
        });
        self.check(&self.metadata)
    }
}

/// The family of a series: classic histograms and summaries have several series each.
fn family(name: &str, kind: MetricType) -> &str {
    let suffixes: &[&str] = match kind {
        MetricType::HISTOGRAM | MetricType::GAUGE_HISTOGRAM => &["_bucket", "_count", "_sum"],
        MetricType::SUMMARY => &["_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::super::v2::{Metadata, Request, Symbols, TimeSeries};
    use super::super::{MetricMetadata, WriteRequest};
    use super::*;
    use crate::proto::Message;

    fn of(names: &[(&str, MetricType)]) -> Vec<u8> {
        let mut symbols = Symbols::default();
        let mut series = |(name, kind): &(&str, MetricType)| TimeSeries {
            labels_refs: vec![symbols.place(NAME), symbols.place(name)],
            metadata: Metadata { kind: *kind, help_ref: symbols.place("Help."), unit_ref: symbols.place("seconds") },
            ..TimeSeries::default()
        };
        let timeseries = names.iter().map(&mut series).collect();
        Request { symbols: symbols.into_table(), timeseries }.encode_to_vec()
    }

    #[test]
    fn metadata_is_said_once_a_family() {
        let histogram = MetricType::HISTOGRAM;
        let bytes =
            of(&[("a_bucket", histogram), ("a_sum", histogram), ("b_sum", MetricType::GAUGE), ("a_count", histogram)]);
        let request = WriteRequest::decode(&to_version_1(&bytes, 1000).unwrap()).unwrap();
        let family = |kind, name: &str| MetricMetadata {
            kind,
            metric_family_name: name.to_owned(),
            help: "Help.".to_owned(),
            unit: "seconds".to_owned(),
        };
        assert_eq!(request.metadata, [family(histogram, "a"), family(MetricType::GAUGE, "b_sum")]);
    }

    #[test]
    fn a_reference_that_leads_nowhere_and_one_without_a_value_are_errors() {
        for (references, reason) in [(vec![1, 9], "symbol 9 of a table of 2"), (vec![1, 1, 1], "3 references")] {
            let series = TimeSeries { labels_refs: references, ..TimeSeries::default() };
            let request = Request { symbols: vec![String::new(), "a".to_owned()], timeseries: vec![series] };
            let error = to_version_1(&request.encode_to_vec(), 1000).unwrap_err().to_string();
            assert!(error.contains("TimeSeries.labels_refs") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_long_symbol_that_is_used_again_and_again_meets_the_limit() {
        let series = TimeSeries { labels_refs: vec![1; 20_000], ..TimeSeries::default() };
        let request = Request { symbols: vec![String::new(), "x".repeat(10_000)], timeseries: vec![series] };
        let error = to_version_1(&request.encode_to_vec(), 1 << 20).unwrap_err();
        assert_eq!(error, too_large(1 << 20));
    }
}
