//! What the fuzz targets start from: columns, indexes and records as the encoders write them, in each of their forms.

use std::sync::Arc;

use tripod_wire::otlp::{AnyValue, InstrumentationScope, KeyValue, Resource};
use tripod_wire::proto::{Message, Reader, put_bytes};
use tripod_wire::{SpanId, TraceId};

use crate::columns::{Strings, fixed, floats, ints, strings};
use crate::index::filter::FilterBuilder;
use crate::index::hash::{self, KeyHash};
use crate::index::{postings, rows};
use crate::records::{Attributes, ColumnSet, Contexts, KnownContexts};
use crate::samples::codec;
use crate::{Exemplar, Labels, Metadata, MetricKind, NativeHistogram, Samples, SeriesWrite};

/// Rows of a column.
const ROWS: u64 = 200;

/// Seeds by the names of their targets.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let mut seeds = columns();
    seeds.extend(indexes());
    seeds.extend(records());
    // Kind 3 of the log's records.
    seeds.push(("store_request", [&[3], codec::encode(&[series()]).as_slice()].concat()));
    seeds
}

/// A column behind the byte that says what it is of, and how many values it has.
fn column(kind: u8, count: u64, encode: impl FnOnce(&mut Vec<u8>)) -> (&'static str, Vec<u8>) {
    let [low, high] = (count as u16).to_le_bytes();
    let mut seed = vec![kind, low, high];
    encode(&mut seed);
    ("store_column", seed)
}

fn columns() -> Vec<(&'static str, Vec<u8>)> {
    // Numbers without an order that are the same each time.
    let scattered = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let numbers: [fn(u64) -> u64; 5] = [
        |_| 7,
        |at| 1_795_238_947_000_000_000 + at * 15_000_000,
        |at| [200, 404, 50_000_000_000][at as usize % 3],
        |at| at * at % 251,
        |at| (at * at * at) % 1_000_003,
    ];
    let decimals: [fn(u64) -> f64; 4] = [
        |_| 1.5,
        |at| at as f64 / 100.0,
        |at| (at as f64).sqrt(),
        |at| [f64::NAN, f64::INFINITY, -0.0, 1e300][at as usize % 4],
    ];
    let texts: [fn(u64) -> String; 4] = [
        |_| "GET".to_owned(),
        |at| format!("/api/orders/{at}/items?page={}", at % 7),
        |at| ["checkout", "payment", ""][at as usize % 3].to_owned(),
        |at| format!("{:016x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    ];
    let mut seeds = Vec::new();
    for number in numbers {
        let values: Vec<u64> = (0..ROWS).map(number).collect();
        seeds.push(column(0, ROWS, |out| ints::encode(&values, out)));
    }
    let values: Vec<u64> = (0..ROWS).map(scattered).collect();
    seeds.push(column(0, ROWS, |out| ints::encode(&values, out)));
    for number in decimals {
        let values: Vec<f64> = (0..ROWS).map(number).collect();
        seeds.push(column(1, ROWS, |out| floats::encode(&values, out)));
    }
    let spans: Vec<[u8; 8]> = (0..ROWS).map(|at| scattered(at).to_le_bytes()).collect();
    seeds.push(column(2, ROWS, |out| fixed::encode(&spans, out)));
    let traces: Vec<[u8; 16]> = (0..ROWS).map(|at| u128::from(scattered(at / 9)).to_be_bytes()).collect();
    seeds.push(column(3, ROWS, |out| fixed::encode(&traces, out)));
    for text in texts {
        let mut values = Strings::default();
        (0..ROWS).for_each(|at| values.push(text(at).as_bytes()));
        seeds.push(column(4, ROWS, |out| strings::encode(&values, out)));
    }
    seeds
}

/// An index behind the byte that says of which kind it is, and a hash to look for.
fn index(kind: u8, hash: u64, bytes: &[u8]) -> (&'static str, Vec<u8>) {
    ("store_index", [&[kind], hash.to_le_bytes().as_slice(), bytes].concat())
}

fn indexes() -> Vec<(&'static str, Vec<u8>)> {
    let (mut of_rows, mut filter) = (rows::Builder::default(), FilterBuilder::default());
    for at in 0..ROWS as u32 {
        let hash = hash::id(&(at / 3).to_le_bytes());
        of_rows.push(hash, at * 7);
        filter.insert(hash);
    }
    let mut pairs = postings::Builder::default();
    for block in 0..12 {
        for (key, values) in [("http.request.method", 2), ("user.id", 40)] {
            let values: Vec<String> = (0..values).map(|at| format!("{key}-{}", at * (block + 1) % 60)).collect();
            let values = values.iter().map(|value| (value.as_bytes(), 3));
            pairs.add_all(block, key, KeyHash::new(key), values, |hash| filter.insert(hash));
        }
    }
    let mut written = Vec::new();
    let finished = pairs.finish(&mut |bytes| {
        written.extend_from_slice(bytes);
        Ok(())
    });
    finished.expect("memory takes all");
    let known = hash::id(&9u32.to_le_bytes());
    let mut rows = Vec::new();
    let mut write = |bytes: &[u8]| {
        rows.extend_from_slice(bytes);
        Ok(())
    };
    of_rows.finish(&[], 0, &mut write).expect("memory takes all");
    vec![index(0, known, &rows), index(1, known, &written), index(2, known, &filter.finish())]
}

fn records() -> Vec<(&'static str, Vec<u8>)> {
    let mut contexts = Contexts::default();
    for service in ["checkout", "payment", "checkout"] {
        let resource = Resource { attributes: vec![KeyValue::new("service.name", service)], ..Resource::default() }
            .encode_to_vec();
        let scope = InstrumentationScope { name: "shop".to_owned(), ..InstrumentationScope::default() }.encode_to_vec();
        contexts
            .intern(&KnownContexts::default(), &resource, &scope, "https://example.com/1", "")
            .expect("both were encoded here");
    }
    let mut of_contexts = vec![0, contexts.len() as u8, 0];
    contexts.encode(&mut of_contexts);

    let mut attributes = Attributes::default();
    for at in 0..ROWS {
        let mut row = vec![
            KeyValue::new("http.request.method", ["GET", "POST"][at as usize % 2]),
            KeyValue::new("http.response.status_code", AnyValue::Int(200 + at as i64 % 3)),
        ];
        if at % 5 == 0 {
            row.push(KeyValue::new("share", AnyValue::Double(at as f64 / 8.0)));
        }
        if at % 16 == 0 {
            row.push(KeyValue::new("tags", AnyValue::Array(vec!["a".into(), AnyValue::Bool(true)])));
        }
        let mut bytes = Vec::new();
        row.iter().for_each(|attribute| put_bytes(&mut bytes, 9, &attribute.encode_to_vec()));
        let mut reader = Reader::new(&bytes, "Span");
        while let Ok(Some((_, wire_type))) = reader.next_field() {
            attributes.read(&mut reader, wire_type).expect("they were encoded here");
        }
        attributes.end_row();
    }
    let mut columns = ColumnSet::default();
    attributes.encode("a", &mut columns);
    let [low, high] = (ROWS as u16).to_le_bytes();
    let mut of_attributes = vec![1, low, high];
    for (_, column) in columns.iter() {
        of_attributes.extend_from_slice(&(column.len() as u16).to_le_bytes());
        of_attributes.extend_from_slice(column);
    }
    vec![("store_records", of_contexts), ("store_records", of_attributes)]
}

fn series() -> SeriesWrite {
    let histogram = NativeHistogram {
        schema: 3,
        zero_count: 1.0,
        count: 7.0,
        sum: 9.5,
        positive: (-2, vec![1.0, 0.0, 3.0]),
        negative: (0, vec![2.0]),
        ..NativeHistogram::default()
    };
    let exemplar = Exemplar {
        time: 1_795_238_947_000,
        value: 0.25,
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        labels: Labels::new([("user", "9")]),
    };
    SeriesWrite {
        labels: Labels::new([("__name__", "up"), ("job", "node")]),
        samples: Samples {
            floats: (0..20).map(|at| (1_795_238_947_000 + at * 15_000, at as f64)).collect(),
            histograms: vec![(1_795_238_947_000, Arc::new(histogram))],
        },
        exemplars: vec![exemplar],
        metadata: Some((
            "up".into(),
            Arc::new(Metadata { kind: MetricKind::Gauge, help: "is it?".to_owned(), unit: String::new() }),
        )),
    }
}
