//! Signals: what generators find in what they watch.

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::Timer;
use crate::labels;

metric_set! {
    /// The metrics of generators of signals.
    "signals" {
        generated: Counter = "signals_generated_total" [signal_type, source] "" "Signals generated";
        duration: Histogram = "signal_generation_duration_seconds" [signal_type] "s" "How long looking for signals takes";
    }
}

/// A generator of signals.
///
/// ```
/// let crosses = tripod::catalog::signals::Generator::new("golden_cross_generator");
/// let looking = crosses.generation("golden_cross");
/// crosses.generated("golden_cross");
/// looking.stop();
/// ```
#[derive(Clone)]
pub struct Generator {
    source: Arc<str>,
    metrics: &'static Metrics,
}

impl Generator {
    /// The generator of this name.
    pub fn new(source: impl Into<Arc<str>>) -> Self {
        Self { source: source.into(), metrics: Metrics::get() }
    }

    /// It looks for signals of a type, whether or not it finds any.
    pub fn generation<'a>(&self, signal_type: &'a str) -> Timer<'a> {
        Timer::start(&self.metrics.duration, Some(("signal_type", signal_type)))
    }

    /// It has found one.
    pub fn generated(&self, signal_type: &str) {
        self.metrics.generated.inc(labels!(signal_type, source = *self.source));
    }
}
