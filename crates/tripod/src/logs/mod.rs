//! Logs: a message, fields, and the trace and span during which it was written.
//!
//! A record goes the way a span goes: written once, in OTLP's bytes, into the thread's lane. Below the level that is recorded a
//! call costs one comparison.

mod call_site;
pub(crate) mod redact;

use std::fmt;
use std::str::FromStr;

use crate::Value;
use crate::context::stack::{self, Local};
use crate::encode::{Body, Log};
use crate::engine::{self, Act};
pub use call_site::CallSite;
pub(crate) use call_site::configure;
pub use redact::REDACTED_BY_DEFAULT;
pub(crate) use redact::Redact;

/// How grave a log record is, by OpenTelemetry's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Level {
    /// Finest detail.
    Trace = 1,
    /// For debugging.
    Debug = 5,
    /// As it should be.
    Info = 9,
    /// Not yet an error.
    Warn = 13,
    /// Something failed.
    Error = 17,
    /// The program cannot go on.
    Fatal = 21,
}

impl Level {
    /// The level's name: `TRACE` … `FATAL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let levels = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];
        levels.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(name)).ok_or(())
    }
}

/// Whether a record of this level would be kept; the macros ask before they evaluate anything.
#[inline]
pub fn log_enabled(level: Level) -> bool {
    engine::logs_on(level as i32)
}

/// Writes a log record. The macros [`crate::info!`] and its siblings are the convenient form.
pub fn log(level: Level, message: fmt::Arguments<'_>, attributes: &[(&str, Value<'_>)]) {
    log_in_scope(0, level, message, attributes);
}

pub(crate) fn log_in_scope(scope: u16, level: Level, message: fmt::Arguments<'_>, attributes: &[(&str, Value<'_>)]) {
    if log_enabled(level) {
        write(Origin { scope, event_name: "", extra: &[] }, level, message, attributes);
    }
}

/// What a record has from the place that writes it.
#[derive(Clone, Copy)]
struct Origin<'a> {
    scope: u16,
    event_name: &'a str,
    extra: &'a [(&'a str, Value<'a>)],
}

fn write(origin: Origin<'_>, level: Level, message: fmt::Arguments<'_>, attributes: &[(&str, Value<'_>)]) {
    stack::with_or_lose(Act::Log, |local| {
        let now = local.clock.now().unix_nanos;
        let record = Log {
            time_unix_nanos: now,
            observed_unix_nanos: now,
            severity: level as i32,
            severity_text: level.as_str(),
            body: Body::Message(message),
            attributes,
            extra: origin.extra,
            event_name: origin.event_name,
            span: local.span_context(),
        };
        emit(local, origin.scope, &record);
    });
}

/// Hands a record to the collector.
pub(crate) fn emit(local: &mut Local, scope: u16, record: &Log<'_>) {
    if local.engine().is_none() {
        return;
    }
    local.scratch.clear();
    record.encode(&mut local.scratch);
    local.outbox.emit(engine::log_tag(scope), local.scratch.as_slice());
}
