//! An output: an exporter and how it is served, where that differs from what the settings and the exporter itself say.

use std::fmt;
use std::time::Duration;

use super::{Exporter, Signal, Signals};
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
