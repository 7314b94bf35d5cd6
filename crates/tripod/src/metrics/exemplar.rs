//! Exemplars: one measurement among many, with the trace in which it was taken.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tripod_wire::otlp::metrics::{Exemplar, NumberValue};

use crate::context::{SpanContext, stack};

/// Room for the exemplar of one bucket or counter: the first measurement in a sampled span since the last collection.
#[derive(Default)]
pub(crate) struct Slot {
    /// Whether there is one, so that all further measurements cost no more than a look.
    filled: AtomicBool,
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone, Copy)]
struct Kept {
    value: f64,
    time_unix_nano: u64,
    span: SpanContext,
}

impl Slot {
    /// Offers a measurement. Without a sampled span that is current it costs a look at a thread-local flag.
    #[inline]
    pub(crate) fn offer(&self, value: f64) {
        if stack::is_sampled() && !self.filled.load(Ordering::Relaxed) {
            self.fill(value);
        }
    }

    #[cold]
    fn fill(&self, value: f64) {
        stack::with(|local| {
            let span = local.span_context();
            if !span.is_sampled() {
                return;
            }
            // Never waits: whoever holds the slot is writing an exemplar that is as good.
            let Ok(mut kept) = self.kept.try_lock() else { return };
            *kept = Some(Kept { value, time_unix_nano: local.clock.now().unix_nanos, span });
            self.filled.store(true, Ordering::Relaxed);
        });
    }

    /// Takes the exemplar out.
    pub(crate) fn take(&self) -> Option<Exemplar> {
        let kept = self.kept.try_lock().ok()?.take()?;
        self.filled.store(false, Ordering::Relaxed);
        Some(Exemplar {
            time_unix_nano: kept.time_unix_nano,
            value: NumberValue::Double(kept.value),
            span_id: kept.span.span_id,
            trace_id: kept.span.trace_id,
            ..Default::default()
        })
    }
}
