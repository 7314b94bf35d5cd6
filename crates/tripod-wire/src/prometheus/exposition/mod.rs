//! Reads pages of metrics, in the formats that a scrape may answer: [`text()`] (Prometheus' own, version 0.0.4), [`open_metrics`]
//! (OpenMetrics 1.0) and [`protobuf()`].
//!
//! A page is handed over entry by entry, in its order, without being kept. A series comes with the bytes that tell it from every other
//! ([`Series::key`]) and takes its labels apart only when it is asked to: who scrapes the same page again and again knows most keys.
//! Numbers, bounds and quantiles are read as Prometheus reads them.

mod labels;
mod open_metrics;
mod protobuf;
mod text;

use std::borrow::Cow;

pub use self::open_metrics::open_metrics;
pub use self::protobuf::{Histograms, protobuf};
pub use self::text::text;
use super::remote_write::MetricType;
use super::series::NativeHistogram;
use super::text::format_value;
use crate::WireError;

/// What a page says.
#[derive(Debug)]
pub enum Entry<'a> {
    /// The type of a family; it holds for the series that follow.
    Kind {
        /// The family's name, as the page has it.
        family: Cow<'a, str>,
        /// Its type.
        kind: MetricType,
    },
    /// What a family measures.
    Help {
        /// The family's name.
        family: Cow<'a, str>,
        /// A text.
        help: Cow<'a, str>,
    },
    /// A family's unit.
    Unit {
        /// The family's name.
        family: Cow<'a, str>,
        /// The unit's word.
        unit: &'a str,
    },
    /// A value.
    Series(Series<'a>),
}

/// A label's name and value.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A value of a series.
#[derive(Debug)]
pub struct Series<'a> {
    /// Bytes that are the same in each page for this series, and others for every other of the page.
    pub key: &'a [u8],
    form: Form<'a>,
    /// The value.
    pub value: Value,
    /// When it was measured, in milliseconds since the Unix epoch, where the page says so.
    pub time: Option<i64>,
    /// Single measurements behind the value.
    pub exemplars: Vec<Exemplar<'a>>,
}

/// How the labels stand in the page.
#[derive(Debug, Clone, Copy)]
enum Form<'a> {
    /// `name{label="value"}`, in the line and under the type given.
    Text { metric: &'a str, line: usize, kind: MetricType },
    /// As the key: name and value by turns, each ended by [`END`].
    Joined(&'a [u8]),
}

/// Ends a text in a key; no UTF-8 has it.
const END: u8 = 0xff;

/// A number or a histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Box<NativeHistogram>),
}

/// A single measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar<'a> {
    /// Usually `trace_id` and `span_id`.
    pub labels: Vec<Label<'a>>,
    /// The measurement.
    pub value: f64,
    /// When, in milliseconds since the Unix epoch, where the page says so.
    pub time: Option<i64>,
}

impl<'a> Series<'a> {
    /// Its labels, `__name__` first; no name twice.
    ///
    /// # Errors
    /// When the labels are not written as they have to be.
    pub fn labels(&self) -> Result<Vec<Label<'a>>, WireError> {
        let labels = match self.form {
            Form::Text { metric, line, kind } => labels::of_metric(metric, line, kind)?,
            Form::Joined(key) => {
                let mut texts = key.split(|byte| *byte == END).map(String::from_utf8_lossy);
                let pair = || Some((texts.next()?, texts.next()?));
                std::iter::from_fn(pair).collect()
            }
        };
        let mut names: Vec<&str> = labels.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        if names.first().is_some_and(|name| name.is_empty()) {
            return Err(self.error("a label must have a name".to_owned()));
        }
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.error(format!("the label {:?} is there twice", pair[0]))),
            None => Ok(labels),
        }
    }

    /// An error about this series.
    fn error(&self, reason: String) -> WireError {
        match self.form {
            Form::Text { line, .. } => WireError::Page { line, reason },
            Form::Joined(_) => WireError::Invalid { message: "Metric", field: "labels", offset: 0, reason },
        }
    }
}

/// Prometheus' NaN, which is none that marks the end of a series.
const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// A number as pages have it.
fn number(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    Some(if value.is_nan() { NORMAL_NAN } else { value })
}

/// A bound or quantile as a label: the one way of several to write it that Prometheus has chosen.
fn bound(value: f64) -> String {
    let text = format_value(value);
    if value.is_finite() && !text.contains(['e', '.']) { text + ".0" } else { text }
}

/// How many lines there are; the last one may be empty.
fn lines(page: &[u8]) -> usize {
    page.split(|byte| *byte == b'\n').count()
}

/// The bytes of a page as text.
fn utf8(page: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(page).map_err(|error| WireError::Page {
        line: lines(&page[..error.valid_up_to()]),
        reason: "the text is not UTF-8".to_owned(),
    })
}
