//! Rules on the server's store.

use std::collections::HashMap;
use std::sync::Arc;

use tripod_promql::{Engine, Histogram, Labels, Output, QueryError, SampleValue};
use tripod_store::{NativeHistogram, ResetHint, Samples, SeriesWrite, Store};

use super::ground::{Ground, RuleSample};
use crate::query::selectors::StoreSource;

/// A store and the engine that asks it.
pub(super) struct StoreGround {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Engine,
}

impl Ground for StoreGround {
    fn query(&self, query: &str, at: i64) -> Result<Output, QueryError> {
        self.engine.instant(&StoreSource::new(self.store.as_ref()), query, at)
    }

    fn append(&self, samples: Vec<RuleSample>) -> Result<(), String> {
        let mut writes: HashMap<Labels, Samples> = HashMap::with_capacity(samples.len());
        for sample in samples {
            let series = writes.entry(sample.labels).or_default();
            match sample.value {
                SampleValue::Float(value) => series.floats.push((sample.time, value)),
                SampleValue::Histogram(one) => series.histograms.push((sample.time, Arc::new(native(&one)))),
            }
        }
        let write = |(labels, samples)| SeriesWrite {
            labels: to_store(&labels),
            samples,
            exemplars: Vec::new(),
            metadata: None,
        };
        let writes: Vec<SeriesWrite> = writes.into_iter().map(write).collect();
        let appended = self.store.append_series(&writes).map_err(|error| error.to_string())?;
        match appended.reason {
            Some(reason) if appended.rejected > 0 => {
                Err(format!("{} samples were refused: {reason}", appended.rejected))
            }
            _ => Ok(()),
        }
    }

    fn last(&self, labels: &Labels) -> Result<Option<(i64, f64)>, String> {
        self.store.last(&to_store(labels)).map_err(|error| error.to_string())
    }
}

fn to_store(labels: &Labels) -> tripod_store::Labels {
    tripod_store::Labels::new(labels.shared().iter().cloned())
}

fn native(histogram: &Histogram) -> NativeHistogram {
    NativeHistogram {
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count,
        count: histogram.count,
        sum: histogram.sum,
        positive: histogram.positive.clone(),
        negative: histogram.negative.clone(),
        custom_values: Arc::clone(&histogram.custom_values),
        reset_hint: match histogram.reset_hint {
            tripod_promql::ResetHint::Unknown => ResetHint::Unknown,
            tripod_promql::ResetHint::Reset => ResetHint::Reset,
            tripod_promql::ResetHint::NotReset => ResetHint::NotReset,
            tripod_promql::ResetHint::Gauge => ResetHint::Gauge,
        },
    }
}
