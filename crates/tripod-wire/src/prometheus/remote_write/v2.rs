//! Prometheus remote write, version 2.0 (`io.prometheus.write.v2.Request`): every string once, in a table that the series refer to.

use std::collections::HashMap;

use super::{Histogram, MetricType, Sample};
use crate::WireError;
use crate::proto::kind::{Double, Enum, Int64, Kind, Many, One, Packed, Uint32};
use crate::proto::{Reader, WireType, protobuf_message, put_bytes};

/// Series with samples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The strings; the first is empty. [`Symbols`] gathers them.
    pub symbols: Vec<String>,
    /// The series.
    pub timeseries: Vec<TimeSeries>,
}

/// A series with samples in order of time, or with histograms, and what is known of its metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TimeSeries {
    /// Places of names and values in turn, sorted by name; `__name__` is the metric's.
    pub labels_refs: Vec<u32>,
    /// Floats.
    pub samples: Vec<Sample>,
    /// Native histograms.
    pub histograms: Vec<Histogram>,
    /// Examples of what was measured.
    pub exemplars: Vec<Exemplar>,
    /// What is known of the metric.
    pub metadata: Metadata,
    /// When counting began, in milliseconds since the Unix epoch; 0 when not known.
    pub created_timestamp: i64,
}

/// An example of what was measured, usually with a trace's id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar {
    /// Places of names and values in turn.
    pub labels_refs: Vec<u32>,
    /// The value.
    pub value: f64,
    /// When, in milliseconds since the Unix epoch.
    pub timestamp: i64,
}

/// What is known of a metric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its type.
    pub kind: MetricType,
    /// The place of what it measures.
    pub help_ref: u32,
    /// The place of its unit.
    pub unit_ref: u32,
}

/// Gathers strings, each once.
///
/// ```
/// use tripod_wire::prometheus::remote_write::v2::Symbols;
/// let mut symbols = Symbols::default();
/// assert_eq!([symbols.place("job"), symbols.place("api"), symbols.place("job"), symbols.place("")], [1, 2, 1, 0]);
/// assert_eq!(symbols.into_table(), ["", "job", "api"]);
/// ```
#[derive(Debug, Default)]
pub struct Symbols {
    places: HashMap<String, u32>,
}

impl Symbols {
    /// The place of a string in the table.
    pub fn place(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.places.len() as u32 + 1;
        self.places.insert(text.to_owned(), place);
        place
    }

    /// The table, the empty string first.
    pub fn into_table(self) -> Vec<String> {
        let mut table = vec![String::new(); self.places.len() + 1];
        for (text, place) in self.places {
            table[place as usize] = text;
        }
        table
    }
}

/// Strings in a row: empty ones count too.
struct Texts;

impl Kind for Texts {
    type Field = Vec<String>;

    fn merge(field: &mut Vec<String>, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        let text = reader.string(wire_type)?.to_owned();
        reader.grow(field, 1)?;
        field.push(text);
        Ok(())
    }

    fn put(field: &Vec<String>, number: u32, out: &mut Vec<u8>) {
        field.iter().for_each(|text| put_bytes(out, number, text.as_bytes()));
    }
}

protobuf_message!(Request {
    4 symbols: Texts,
    5 timeseries: Many<TimeSeries>,
});

protobuf_message!(TimeSeries {
    1 labels_refs: Packed<Uint32>,
    2 samples: Many<Sample>,
    3 histograms: Many<Histogram>,
    4 exemplars: Many<Exemplar>,
    5 metadata: One<Metadata>,
    6 created_timestamp: Int64,
});

protobuf_message!(Exemplar {
    1 labels_refs: Packed<Uint32>,
    2 value: Double,
    3 timestamp: Int64,
});

protobuf_message!(Metadata {
    1 kind: Enum<MetricType>,
    3 help_ref: Uint32,
    4 unit_ref: Uint32,
});
