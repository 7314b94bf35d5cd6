//! Logs: OpenTelemetry's loggers, for the appenders that write to them.

use std::borrow::Cow;
use std::time::SystemTime;

use ::opentelemetry::logs::{self as api, AnyValue, Severity};
use ::opentelemetry::{Context, InstrumentationScope, Key, SpanId, TraceFlags, TraceId};

use super::convert;
use crate::bridge::slice::as_slice;
use crate::bridge::targets;
use crate::context::suppress::is_suppressed;
use crate::context::{SpanContext, otel, stack};
use crate::encode::{Body, Log};
use crate::engine::{self, Act};
use crate::{ToValue, Value, logs};

/// Makes loggers.
///
/// `opentelemetry` 0.33 has no global provider of loggers, so an appender is given one:
/// `OpenTelemetryTracingBridge::new(&LoggerProvider::new())`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoggerProvider {}

impl LoggerProvider {
    /// A provider of loggers. All are the same: what is recorded goes to the telemetry that runs.
    pub fn new() -> Self {
        otel::install();
        Self {}
    }
}

impl api::LoggerProvider for LoggerProvider {
    type Logger = Logger;

    fn logger_with_scope(&self, scope: InstrumentationScope) -> Logger {
        Logger { scope: super::scope_number(&scope) }
    }
}

/// Writes log records.
#[derive(Clone, Debug)]
pub struct Logger {
    scope: u16,
}

impl api::Logger for Logger {
    type LogRecord = LogRecord;

    fn create_log_record(&self) -> LogRecord {
        LogRecord::default()
    }

    /// Records below Tripod's level are dropped; a record without a severity is kept.
    fn emit(&self, record: LogRecord) {
        if is_enabled(record.severity) {
            record.emit(self.scope);
        }
    }

    fn event_enabled(&self, level: Severity, _: &str, _: Option<&str>) -> bool {
        is_enabled(Some(level))
    }
}

fn is_enabled(severity: Option<Severity>) -> bool {
    engine::logs_on(severity.unwrap_or(Severity::Fatal4) as i32)
        && !is_suppressed()
        && !Context::is_current_telemetry_suppressed()
}

/// A log record about to be emitted.
#[derive(Clone, Debug, Default)]
pub struct LogRecord {
    event_name: Option<&'static str>,
    target: Option<Cow<'static, str>>,
    timestamp: Option<SystemTime>,
    observed: Option<SystemTime>,
    severity: Option<Severity>,
    severity_text: Option<&'static str>,
    body: Option<AnyValue>,
    attributes: Vec<(Key, AnyValue)>,
    span: Option<SpanContext>,
}

impl LogRecord {
    fn emit(&self, scope: u16) {
        // The target is more than the logger's name, which is the appender's.
        let scope = self.target.as_deref().filter(|target| !target.is_empty()).map_or(scope, targets::scope_of);
        let attributes = self.attributes.iter().map(|(key, value)| (key.as_str(), value.to_value()));
        as_slice(attributes, |attributes| {
            stack::with_or_lose(Act::Log, |local| {
                let observed = self.observed.map_or_else(|| local.clock.now().unix_nanos, convert::unix_nanos);
                let record = Log {
                    time_unix_nanos: self.timestamp.map_or(observed, convert::unix_nanos),
                    observed_unix_nanos: observed,
                    severity: self.severity.map_or(0, |severity| severity as i32),
                    severity_text: self.severity_text.or(self.severity.map(|s| s.name())).unwrap_or_default(),
                    body: Body::Value(self.body.as_ref().map_or(Value::Empty, ToValue::to_value)),
                    attributes,
                    extra: &[],
                    event_name: self.event_name.unwrap_or_default(),
                    span: self.span.unwrap_or_else(|| local.span_context()),
                };
                logs::emit(local, scope, &record);
            });
        });
    }
}

impl api::LogRecord for LogRecord {
    fn set_event_name(&mut self, name: &'static str) {
        self.event_name = Some(name);
    }

    fn set_target<T: Into<Cow<'static, str>>>(&mut self, target: T) {
        self.target = Some(target.into());
    }

    fn set_timestamp(&mut self, timestamp: SystemTime) {
        self.timestamp = Some(timestamp);
    }

    fn set_observed_timestamp(&mut self, timestamp: SystemTime) {
        self.observed = Some(timestamp);
    }

    fn set_severity_text(&mut self, text: &'static str) {
        self.severity_text = Some(text);
    }

    fn set_severity_number(&mut self, number: Severity) {
        self.severity = Some(number);
    }

    fn set_body(&mut self, body: AnyValue) {
        self.body = Some(body);
    }

    fn add_attributes<I, K, V>(&mut self, attributes: I)
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<Key>,
        V: Into<AnyValue>,
    {
        self.attributes.extend(attributes.into_iter().map(|(key, value)| (key.into(), value.into())));
    }

    fn add_attribute<K: Into<Key>, V: Into<AnyValue>>(&mut self, key: K, value: V) {
        self.attributes.push((key.into(), value.into()));
    }

    fn set_trace_context(&mut self, trace_id: TraceId, span_id: SpanId, trace_flags: Option<TraceFlags>) {
        self.span = Some(SpanContext {
            trace_id: crate::TraceId(trace_id.to_bytes()),
            span_id: crate::SpanId(span_id.to_bytes()),
            flags: trace_flags.map_or(crate::TraceFlags::NONE, |flags| crate::TraceFlags::from_w3c(flags.to_u8())),
            remote: false,
        });
    }
}
