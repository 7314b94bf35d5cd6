//! An output: an exporter and how it is served, where that differs from what the settings and the exporter itself say.

use std::fmt;
use std::time::Duration;

use super::{Exporter, Filter, Signal, Signals};
use crate::metrics::Temporality;

/// An exporter and how it is served; what is not said here, the settings say, and then the exporter.
///
/// ```
/// use std::time::Duration;
/// use tripod::{MemoryExporter, Output, Signal};
/// let slowly = Output::new(MemoryExporter::default()).metric_interval(Duration::from_secs(300)).signals([Signal::Metrics]);
/// let builder = tripod::init().exporter(slowly).exporter(MemoryExporter::default());
/// ```
#[must_use = "nothing is sent before it is given to a builder"]
pub struct Output {
    pub(crate) exporter: Box<dyn Exporter>,
    pub(crate) options: OutputOptions,
}

/// What an output says; `None` where it leaves it to others.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputOptions {
    pub(crate) metric_interval: Option<Duration>,
    pub(crate) temporality: Option<Temporality>,
    pub(crate) signals: Option<Signals>,
    pub(crate) queue_memory: Option<usize>,
    pub(crate) filter: Option<Filter>,
    /// Records in a batch, by signal.
    pub(crate) max_batch: [Option<usize>; 3],
    /// Of spans and of logs.
    pub(crate) schedule_delay: [Option<Duration>; 2],
}

impl OutputOptions {
    pub(crate) fn takes(&self, signal: Signal) -> bool {
        self.signals.is_none_or(|signals| signals.contains(signal))
    }
}

impl Output {
    /// The exporter, served as the settings say.
    pub fn new(exporter: impl Exporter + 'static) -> Self {
        Self { exporter: Box::new(exporter), options: OutputOptions::default() }
    }

    /// How often metrics are collected for it.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.options.metric_interval = Some(interval);
        self
    }

    /// Whether counters and histograms tell it what they count since the start, or since the last export. A destination that knows only
    /// one of the two is told the wrong thing by the other.
    pub fn temporality(mut self, temporality: Temporality) -> Self {
        self.options.temporality = Some(temporality);
        self
    }

    /// Which signals it gets, of those that it can take.
    pub fn signals(mut self, signals: impl IntoIterator<Item = Signal>) -> Self {
        self.options.signals = Some(signals.into_iter().fold(Signals::default(), Signals::with));
        self
    }

    /// Which records of these signals it gets.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.options.filter = Some(filter);
        self
    }

    /// Spans, logs or points of metrics that are sent to it at once, at most. Where that is more than [`Builder::max_batch`] says, spans
    /// and logs are gathered until they are so many or the delay is over.
    ///
    /// [`Builder::max_batch`]: crate::Builder::max_batch
    pub fn max_batch(mut self, records: usize) -> Self {
        self.options.max_batch = [Some(records.max(1)); 3];
        self
    }

    /// How long spans and logs wait at most before they are sent to it.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.options.schedule_delay = [Some(delay); 2];
        self
    }

    /// Bytes of batches that may wait for it; beyond it, the oldest are dropped and counted.
    pub fn queue_memory(mut self, bytes: usize) -> Self {
        self.options.queue_memory = Some(bytes);
        self
    }
}

impl<E: Exporter + 'static> From<E> for Output {
    fn from(exporter: E) -> Self {
        Self::new(exporter)
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("exporter", &self.exporter.name()).field("options", &self.options).finish()
    }
}
