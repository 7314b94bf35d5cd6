//! Exporters that only a configuration file can name: a second place for a signal to go by OTLP, a file of JSON lines; each with the
//! batches and the interval of the processor or reader that it stands in.

use std::path::PathBuf;
use std::time::Duration;

use super::OtlpTarget;
use super::resolve::{DEFAULT_BATCH, DEFAULT_DELAY, queue_bytes, shorter};
use super::settings::{BatchSettings, InOrder, Merge, OtlpSettings, Settings};
use crate::Error;
use crate::metrics::Temporality;
use crate::pipeline::{OutputOptions, Signal, Signals};

/// One of them, as the file has it.
#[derive(Debug)]
pub(super) struct Further {
    pub(super) signal: Signal,
    pub(super) to: FurtherTo<OtlpSettings>,
    /// Of spans and logs.
    pub(super) batch: BatchSettings,
    /// Of metrics.
    pub(super) interval: Option<Duration>,
    pub(super) timeout: Option<Duration>,
    pub(super) temporality: Option<Temporality>,
}

/// Where it sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "yaml", feature = "jsonl")), allow(dead_code, reason = "only a file names them"))]
pub(crate) enum FurtherTo<T> {
    Otlp(T),
    /// Standard output, if there is no path.
    File(Option<PathBuf>),
}

/// One of them, with defaults.
#[derive(Debug, Clone)]
pub(crate) struct FurtherOutput {
    pub(crate) signal: Signal,
    pub(crate) to: FurtherTo<OtlpTarget>,
    pub(crate) options: OutputOptions,
}

impl InOrder<Further> {
    /// What code and environment say comes first: of where a signal goes, and of how often.
    pub(super) fn yield_to(&mut self, stronger: &Settings) {
        self.0.retain(|further| stronger.destinations[further.signal as usize].is_none());
        for further in &mut self.0 {
            if let Some(batch) = stronger.batch_of(further.signal) {
                further.batch = batch.or(further.batch);
            }
            further.interval = stronger.metric_interval.or(further.interval);
            further.timeout = stronger.metric_timeout.or(further.timeout);
            further.temporality = stronger.temporality.or(further.temporality);
        }
    }

    pub(super) fn any(&self, signal: Signal) -> bool {
        self.0.iter().any(|further| further.signal == signal)
    }

    pub(super) fn resolve(self, notices: &mut Vec<String>) -> Result<Vec<FurtherOutput>, Error> {
        self.0.into_iter().map(|further| further.resolve(notices)).collect()
    }
}

impl Further {
    fn resolve(self, notices: &mut Vec<String>) -> Result<FurtherOutput, Error> {
        let (signal, batch) = (self.signal, self.batch);
        let to = match self.to {
            FurtherTo::Otlp(otlp) => {
                let mut target = otlp.resolve(signal, notices)?;
                target.timeout = shorter(target.timeout, batch.export_timeout.or(self.timeout));
                FurtherTo::Otlp(target)
            }
            FurtherTo::File(path) => FurtherTo::File(path),
        };
        let mut options = OutputOptions {
            signals: Some(Signals::default().with(signal)),
            metric_interval: self.interval,
            temporality: self.temporality,
            queue_memory: batch.max_queue.map(queue_bytes),
            ..OutputOptions::default()
        };
        // The first exporter's batches are not this one's.
        if signal != Signal::Metrics {
            options.max_batch[signal as usize] = Some(batch.max_records.unwrap_or(DEFAULT_BATCH));
            options.schedule_delay = [Some(batch.delay.unwrap_or(DEFAULT_DELAY)); 2];
        }
        Ok(FurtherOutput { signal, to, options })
    }
}
