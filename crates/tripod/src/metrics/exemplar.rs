//! Exemplars: one measurement among many, with the trace in which it was taken.

use std::sync::{Mutex, PoisonError};

use tripod_wire::otlp::metrics::{Exemplar, NumberValue};

use crate::context::{SpanContext, stack};

/// Room for the exemplar of one bucket or counter, until the next collection.
#[derive(Default)]
pub(crate) struct Slot {
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone, Copy)]
struct Kept {
    value: f64,
    time_unix_nano: u64,
    span: SpanContext,
}

impl Slot {
    /// Offers a measurement. It is kept when a sampled span is current and the slot is free, or by chance in place of the one
    /// that is there, so that busy times do not always show their first request.
    pub(crate) fn offer(&self, value: f64) {
        const REPLACE_ONE_IN: u8 = 16;
        stack::with(|local| {
            let span = local.span_context();
            if !span.sampled {
                return;
            }
            // Never waits: whoever holds the slot is writing an exemplar that is as good.
            let Ok(mut kept) = self.kept.try_lock() else { return };
            if kept.is_none() || local.chance(REPLACE_ONE_IN) {
                *kept = Some(Kept { value, time_unix_nano: local.clock.now(), span });
            }
        });
    }

    /// Takes the exemplar out.
    pub(crate) fn take(&self) -> Option<Exemplar> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Exemplar {
            time_unix_nano: kept.time_unix_nano,
            value: NumberValue::Double(kept.value),
            span_id: kept.span.span_id,
            trace_id: kept.span.trace_id,
            ..Default::default()
        })
    }
}
