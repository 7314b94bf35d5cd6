//! The values of templates: those of Go that Prometheus' templates can meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use tripod_promql::{Histogram, Labels, SampleValue};

/// What an alert gives to its templates.
#[derive(Debug)]
pub(crate) struct AlertData {
    /// Of the series that the expression gave, its name among them.
    pub(crate) labels: Labels,
    /// Of this server.
    pub(crate) external_labels: Labels,
    /// Where this server can be reached.
    pub(crate) external_url: String,
    /// What the expression gave.
    pub(crate) value: SampleValue,
}

/// One series of a query's answer.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) value: SampleValue,
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Labels(Labels),
    Map(Arc<BTreeMap<String, Value>>),
    /// What `query` gives.
    Vector(Arc<Vec<Value>>),
    Sample(Arc<Sample>),
    Histogram(Arc<Histogram>),
    Alert(Arc<AlertData>),
    /// Nanoseconds.
    Duration(i64),
    /// Milliseconds since the Unix epoch.
    Time(i64),
}

impl From<&SampleValue> for Value {
    fn from(value: &SampleValue) -> Self {
        match value {
            SampleValue::Float(value) => Self::Float(*value),
            SampleValue::Histogram(histogram) => Self::Histogram(Arc::clone(histogram)),
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl Value {
    /// The type's name in Go.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Map(_) => "map[string]interface {}",
            Self::Vector(_) => "template.queryResult",
            Self::Sample(_) => "*template.sample",
            Self::Histogram(_) => "*histogram.FloatHistogram",
            Self::Alert(_) => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
            }
            Self::Duration(_) => "time.Duration",
            Self::Time(_) => "*time.Time",
        }
    }

    /// Whether `if` and `with` go on with it.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Duration(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Labels(labels) => !labels.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Vector(list) => !list.is_empty(),
            Self::Sample(_) | Self::Histogram(_) | Self::Alert(_) | Self::Time(_) => true,
        }
    }

    /// A field or an entry; the error says what has no such field.
    pub(super) fn field(&self, name: &str) -> Result<Self, String> {
        let found = match self {
            Self::Labels(labels) => return Ok(labels.get(name).into()),
            Self::Map(map) => return Ok(map.get(name).cloned().unwrap_or(Self::Nil)),
            Self::Sample(sample) => match name {
                "Labels" => Some(Self::Labels(sample.labels.clone())),
                "Value" => Some((&sample.value).into()),
                _ => None,
            },
            Self::Alert(data) => match name {
                "Labels" => Some(Self::Labels(data.labels.clone())),
                "ExternalLabels" => Some(Self::Labels(data.external_labels.clone())),
                "ExternalURL" => Some(data.external_url.as_str().into()),
                "Value" => Some((&data.value).into()),
                _ => None,
            },
            Self::Histogram(histogram) => match name {
                "Count" => Some(Self::Float(histogram.count)),
                "Sum" => Some(Self::Float(histogram.sum)),
                "ZeroCount" => Some(Self::Float(histogram.zero_count)),
                "ZeroThreshold" => Some(Self::Float(histogram.zero_threshold)),
                "Schema" => Some(Self::Int(histogram.schema.into())),
                _ => None,
            },
            Self::Nil => return Err(format!("nil data; no entry for key {name:?}")),
            _ => None,
        };
        found.ok_or_else(|| format!("can't evaluate field {name} in type {}", self.type_name()))
    }

    /// Whether a field of it has the type "anything" in Go, which errors then name.
    pub(super) fn is_any(&self, field: &str) -> bool {
        matches!(self, Self::Alert(_) | Self::Sample(_)) && field == "Value"
    }
}
