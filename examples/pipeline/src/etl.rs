//! A pipeline: items wait, are extracted, transformed and loaded. What it does is an imitation; what it records is not.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use tripod::catalog::pipeline::{Execution, Pipeline};
use tripod::traced;

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("the source answered nothing for {0:?}")]
    Timeout(Duration),
    #[error("item {0} is no record")]
    Malformed(u64),
}

impl StepError {
    /// For a label: few, whatever the message says.
    fn kind(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// A pipeline under a name.
pub(crate) struct Etl {
    metrics: Pipeline,
    extracted: AtomicU32,
}

impl Etl {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { metrics: Pipeline::new(name), extracted: AtomicU32::new(0) }
    }

    /// What it records into.
    pub(crate) fn metrics(&self) -> &Pipeline {
        &self.metrics
    }

    /// One execution, with what has come in meanwhile.
    #[traced("run pipeline")]
    pub(crate) fn run(&self) {
        let waiting = fastrand::u32(50..200);
        self.metrics.queued(waiting);
        let execution = self.metrics.execute();
        match self.steps(&execution, waiting) {
            Ok(items) => {
                tripod::info!("{items} items processed");
                execution.success();
            }
            Err(error) => {
                tripod::error!("the pipeline failed", error = !error);
                execution.error(error.kind());
            }
        }
        self.metrics.dequeued(waiting);
    }

    fn steps(&self, execution: &Execution<'_>, waiting: u32) -> Result<u64, StepError> {
        let items = step(execution, "extract", || self.extract(waiting))?;
        let records = step(execution, "transform", || transform(&items))?;
        step(execution, "load", || self.load(records.len()))?;
        Ok(records.len() as u64)
    }

    #[traced(fields(items = waiting))]
    fn extract(&self, waiting: u32) -> Result<Vec<u64>, StepError> {
        let patience = Duration::from_millis(20);
        self.metrics.api_calls("source", 1);
        sleep(patience.mul_f64(fastrand::f64()));
        // The fourth of every ten.
        match self.extracted.fetch_add(1, Ordering::Relaxed) % 10 {
            3 => Err(StepError::Timeout(patience)),
            _ => Ok((0..u64::from(waiting)).collect()),
        }
    }

    #[traced(fields(records))]
    fn load(&self, records: usize) -> Result<(), StepError> {
        sleep(Duration::from_millis(fastrand::u64(1..8)));
        self.metrics.items(records as u64);
        self.metrics.api_calls("warehouse", records.div_ceil(50) as u64);
        // A fiftieth of a cent for each.
        self.metrics.cost(records as f64 * 0.0002);
        Ok(())
    }
}

#[traced(fields(items = items.len()))]
fn transform(items: &[u64]) -> Result<Vec<String>, StepError> {
    sleep(Duration::from_millis(fastrand::u64(1..20)));
    let record = |item: &u64| match fastrand::u32(..) {
        0..=400_000 => Err(StepError::Malformed(*item)),
        _ => Ok(format!("record {item}")),
    };
    items.iter().map(record).collect()
}

/// Runs a step and counts it by how it ends.
fn step<T>(execution: &Execution<'_>, name: &str, work: impl FnOnce() -> Result<T, StepError>) -> Result<T, StepError> {
    let step = execution.step(name);
    let result = work();
    match result {
        Ok(_) => step.success(),
        Err(_) => step.error(),
    }
    result
}
