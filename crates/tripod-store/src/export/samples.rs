//! Samples as rows, a series after the other.

use std::io::Write;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, StringBuilder};
use arrow_schema::{DataType, Field};
use serde_json::{Map, Value, json};

use super::Table;
use super::table::{Finish, Rows, Times, field, push_text, text, times};
use crate::{Labels, Matcher, NativeHistogram, Store, StoreError, Window};

/// Prometheus' marker of the end of a series: no value.
const STALE: u64 = 0x7ff0_0000_0000_0002;

const NANOS_A_MILLI: u64 = 1_000_000;

pub(super) fn export(store: &dyn Store, window: Window, out: impl Write + Send) -> Result<u64, StoreError> {
    let mut table: Table<Samples, _> = Table::new(out)?;
    let (start, end) = (window.start.div_ceil(NANOS_A_MILLI) as i64, (window.end / NANOS_A_MILLI) as i64);
    for labels in store.series(&[], start, end)? {
        let matchers: Vec<_> = labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        let text = self::labels(&labels);
        // Series with these labels and more match as well.
        for series in store.select(&matchers, start, end)?.into_iter().filter(|series| series.labels == labels) {
            let floats = series.samples.floats.iter().map(|(time, value)| (*time, Sample::Float(*value)));
            let histograms = series.samples.histograms.iter();
            let mut samples: Vec<_> =
                floats.chain(histograms.map(|(time, histogram)| (*time, Sample::Histogram(histogram)))).collect();
            samples.sort_by_key(|(time, _)| *time);
            for (time, sample) in samples {
                table.push(Row { time, metric: labels.name(), labels: &text, sample })?;
            }
        }
    }
    table.finish()
}

struct Row<'a> {
    time: i64,
    metric: &'a str,
    labels: &'a str,
    sample: Sample<'a>,
}

#[derive(Clone, Copy)]
enum Sample<'a> {
    Float(f64),
    Histogram(&'a NativeHistogram),
}

/// All labels but the name.
fn labels(labels: &Labels) -> String {
    let labels = labels.iter().filter(|(name, _)| *name != "__name__");
    let object: Map<String, Value> = labels.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    Value::Object(object).to_string()
}

#[derive(Default)]
struct Samples {
    time: Times,
    metric: StringBuilder,
    labels: StringBuilder,
    value: Float64Builder,
    count: Float64Builder,
    sum: Float64Builder,
    histogram: StringBuilder,
}

impl Rows for Samples {
    type Row<'a> = Row<'a>;

    fn fields() -> Vec<Field> {
        vec![
            times("time"),
            text("metric"),
            text("labels"),
            field("value", DataType::Float64),
            field("count", DataType::Float64),
            field("sum", DataType::Float64),
            text("histogram"),
        ]
    }

    fn push(&mut self, row: Row<'_>) {
        self.time.push_millis(row.time);
        push_text(&mut self.metric, row.metric);
        self.labels.append_value(row.labels);
        let (value, histogram) = match row.sample {
            Sample::Float(value) => ((value.to_bits() != STALE).then_some(value), None),
            Sample::Histogram(histogram) => {
                (None, Some(histogram).filter(|histogram| histogram.sum.to_bits() != STALE))
            }
        };
        self.value.append_option(value);
        self.count.append_option(histogram.map(|histogram| histogram.count));
        self.sum.append_option(histogram.map(|histogram| histogram.sum));
        self.histogram.append_option(histogram.map(|histogram| {
            let mut json = json!({
                "schema": histogram.schema,
                "zero_threshold": histogram.zero_threshold,
                "zero_count": histogram.zero_count,
                "positive_offset": histogram.positive.0,
                "positive": histogram.positive.1,
                "negative_offset": histogram.negative.0,
                "negative": histogram.negative.1,
            });
            if !histogram.custom_values.is_empty() {
                json["custom_values"] = histogram.custom_values.to_vec().into();
            }
            json.to_string()
        }));
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            self.time.finish(),
            self.metric.column(),
            self.labels.column(),
            self.value.column(),
            self.count.column(),
            self.sum.column(),
            self.histogram.column(),
        ]
    }
}
