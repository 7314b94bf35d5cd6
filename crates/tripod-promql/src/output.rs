//! What a query answers.

use std::sync::Arc;

use crate::{Histogram, Labels};

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The value.
    pub value: Value,
    /// What makes the value doubtful.
    pub warnings: Vec<String>,
    /// What the author of the query may want to know.
    pub infos: Vec<String>,
}

/// A value of one of the four types.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number at a time.
    Scalar(i64, f64),
    /// A text at a time.
    String(i64, Arc<str>),
    /// Series with one sample each, in the order the query asks for.
    Vector(Vec<VectorSample>),
    /// Series with samples over time, sorted by labels.
    Matrix(Vec<RangeSeries>),
}

impl Value {
    /// Whether it is a vector or matrix without series.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(..) | Self::String(..) => false,
            Self::Vector(samples) => samples.is_empty(),
            Self::Matrix(series) => series.is_empty(),
        }
    }
}

/// One series of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// The series.
    pub labels: Labels,
    /// When, milliseconds since the Unix epoch.
    pub time: i64,
    /// What.
    pub value: SampleValue,
}

/// One series of a matrix; both kinds of samples in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeSeries {
    /// The series.
    pub labels: Labels,
    /// Times and numbers.
    pub floats: Vec<(i64, f64)>,
    /// Times and histograms.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// A number or a histogram.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

impl SampleValue {
    /// The number, if it is one.
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Histogram(_) => None,
        }
    }
}
