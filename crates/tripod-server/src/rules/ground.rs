//! What rules stand on: queries, and a place for what they give. The server's is its store; unit tests of rules have one in memory.

use tripod_promql::{Labels, Output, QueryError, SampleValue, Value, VectorSample};

/// A sample that a rule gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleSample {
    pub(crate) labels: Labels,
    /// Milliseconds since the Unix epoch.
    pub(crate) time: i64,
    pub(crate) value: SampleValue,
}

/// Answers queries and keeps samples. Blocks while it does.
pub(crate) trait Ground: Send + Sync {
    /// Evaluates a query at a time.
    fn query(&self, query: &str, at: i64) -> Result<Output, QueryError>;

    /// Keeps samples.
    fn append(&self, samples: Vec<RuleSample>) -> Result<(), String>;

    /// The newest sample of exactly this series.
    fn last(&self, labels: &Labels) -> Result<Option<(i64, f64)>, String>;
}

/// What a rule's expression gives: a vector, or a number as a vector of one.
pub(crate) fn vector(ground: &dyn Ground, query: &str, at: i64) -> Result<Vec<VectorSample>, String> {
    let output = ground.query(query, at).map_err(|error| error.to_string())?;
    match output.value {
        Value::Vector(samples) => Ok(samples),
        Value::Scalar(time, value) => {
            Ok(vec![VectorSample { labels: Labels::empty(), time, value: SampleValue::Float(value) }])
        }
        Value::String(..) | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}
