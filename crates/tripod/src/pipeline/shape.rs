//! How batches are made to suit one output: what its filter leaves out is left out, what is too large for it is divided.
//!
//! Done on the outlet's thread, and only for outputs that ask for it: all others share the collector's batch as it is.

use std::sync::Arc;

use super::filter::Filter;
use super::request::Request;
use super::{Batch, OutputOptions};

/// What an output asks of its batches.
pub(super) struct Shape {
    filter: Option<Filter>,
    /// By signal.
    max_records: [Option<usize>; 3],
}

impl Shape {
    pub(super) fn new(options: &OutputOptions) -> Self {
        Self { filter: options.filter.clone(), max_records: options.max_batch }
    }

    /// What the filter keeps of the batch, and how many records it leaves out.
    pub(super) fn filter(&self, batch: Arc<Batch>) -> (Arc<Batch>, u64) {
        let filter = self.filter.as_ref().filter(|filter| filter.is_about(batch.signal));
        match filter.and_then(|filter| filter.apply(&batch)) {
            Some(kept) => {
                let filtered = batch.records - kept.records;
                (Arc::new(kept), filtered)
            }
            None => (batch, 0),
        }
    }

    /// The batch, or several of it that are as large as they may be.
    pub(super) fn divide(&self, batch: Arc<Batch>) -> Vec<Arc<Batch>> {
        match self.max_records[batch.signal as usize] {
            Some(max) => divide(&batch, max).unwrap_or_else(|| vec![batch]),
            None => vec![batch],
        }
    }
}

/// The two halves of a batch; `None` when it can't be divided.
pub(super) fn halve(batch: &Batch) -> Option<Vec<Arc<Batch>>> {
    divide(batch, usize::try_from(batch.records.div_ceil(2)).ok()?)
}

/// Batches of at most so many records; `None` when it is one already, or no request.
fn divide(batch: &Batch, max: usize) -> Option<Vec<Arc<Batch>>> {
    if batch.records <= max as u64 {
        return None;
    }
    let request = Request::read(batch)?;
    Some(request.records.chunks(max.max(1)).map(|records| Arc::new(request.batch(records))).collect())
}

/// One batch of several of one signal: requests are put together by putting one behind the other.
pub(super) fn join(mut batches: Vec<Arc<Batch>>) -> Option<Arc<Batch>> {
    if batches.len() < 2 {
        return batches.pop();
    }
    let signal = batches.first()?.signal;
    let mut body = Vec::with_capacity(batches.iter().map(|batch| batch.body.len()).sum());
    batches.iter().for_each(|batch| body.extend_from_slice(&batch.body));
    let records = batches.iter().map(|batch| batch.records).sum();
    Some(Arc::new(Batch { signal, records, body }))
}

#[cfg(test)]
mod tests;
