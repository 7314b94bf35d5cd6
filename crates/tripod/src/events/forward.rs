//! Events as log records, which have an event's name, so that they stand beside the spans during which they were recorded.
//!
//! A failure is the semantic conventions' `exception`; the others have no name there and have one of ours.

use std::time::Duration;

use super::encoded::Encoded;
use super::event::EventKind;
use crate::Value;
use crate::context::stack;
use crate::encode::{Body, Log};
use crate::engine;
use crate::export::readable;
use crate::logs::{self, Level};

/// Hands events on.
pub(super) struct Forward {
    scope: u16,
}

impl Forward {
    pub(super) fn new() -> Self {
        Self { scope: engine::scope_id("tripod.events") }
    }

    pub(super) fn send(&self, event: &Encoded<'_>, unix_nanos: u64) {
        match event.kind {
            EventKind::Performance => {
                let duration = Duration::try_from_secs_f64(event.value).unwrap_or_default();
                let took = readable::duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
                let attributes = [
                    ("tripod.event.operation", Value::Str(event.name)),
                    ("tripod.event.duration", Value::Double(event.value)),
                    ("tripod.event.provider", Value::Str(event.provider)),
                ];
                let message = format_args!("{} of {} took {took}", event.name, event.provider);
                self.write(event, unix_nanos, ("tripod.event.performance", Level::Info), message, &attributes);
            }
            EventKind::Failure => {
                let attributes = [
                    ("exception.type", Value::Str(event.name)),
                    ("exception.message", Value::Str(event.message())),
                    ("tripod.event.operation", Value::Str(event.operation)),
                    ("tripod.event.provider", Value::Str(event.provider)),
                ];
                let message = format_args!("{} of {} failed: {}", event.operation, event.provider, event.message());
                self.write(event, unix_nanos, ("exception", Level::Error), message, &attributes);
            }
            EventKind::Metric => {
                let mut attributes: Vec<(&str, Value<'_>)> = vec![
                    ("tripod.event.metric", Value::Str(event.name)),
                    ("tripod.event.value", Value::Double(event.value)),
                ];
                attributes.extend(event.labels().map(|(key, value)| (key, Value::Str(value))));
                let message = format_args!("{} is {}", event.name, event.value);
                self.write(event, unix_nanos, ("tripod.event.metric", Level::Info), message, &attributes);
            }
        }
    }

    fn write(
        &self,
        event: &Encoded<'_>,
        unix_nanos: u64,
        (event_name, level): (&str, Level),
        message: std::fmt::Arguments<'_>,
        attributes: &[(&str, Value<'_>)],
    ) {
        if !logs::log_enabled(level) {
            return;
        }
        stack::with(|local| {
            let record = Log {
                time_unix_nanos: unix_nanos,
                observed_unix_nanos: local.clock.now().unix_nanos,
                severity: level as i32,
                severity_text: level.as_str(),
                body: Body::Message(message),
                attributes,
                extra: &[],
                event_name,
                span: event.span.unwrap_or_default(),
            };
            logs::emit(local, self.scope, &record);
        });
    }
}
