//! The crate `log`: its records become log records, with their key-values, in the trace that is current.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! tripod::bridge::log::init()?;
//! let _span = tripod::span!("charge");
//! log::warn!(attempts = 3; "the card was declined"); // names the trace and the span
//! # Ok(())
//! # }
//! ```
//!
//! The record's target is its scope; file and line are `code.file.path` and `code.line.number`. `log::max_level` follows the level
//! that Tripod records, so a record below it costs what `log` itself takes, as does every record while telemetry does not run.

use std::sync::atomic::{AtomicBool, Ordering};

use log::kv::{self, Key, VisitSource, VisitValue};
use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

use super::fields::{self, Fields};
use super::slice::as_slice;
use super::targets;
use crate::context::suppress::is_suppressed;
use crate::{Level, Value, log_enabled, logs};

/// Whether `log::max_level` is Tripod's to set.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Makes Tripod the logger of the crate `log`, and lets `log::max_level` follow the level that Tripod records. May be called before
/// telemetry starts.
///
/// # Errors
/// When there is a logger already. One such is set by `tracing_subscriber`'s `init()` where its feature `tracing-log` is on: it
/// turns records into `tracing`'s events, which [`super::tracing`](crate::bridge) records then.
pub fn init() -> Result<(), SetLoggerError> {
    log::set_logger(&Logger)?;
    INSTALLED.store(true, Ordering::Relaxed);
    follow_level();
    Ok(())
}

/// Whether [`init`] has made Tripod the logger.
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// Sets `log::max_level` to what is recorded now.
pub(super) fn follow_level() {
    if INSTALLED.load(Ordering::Relaxed) {
        let least =
            LevelFilter::iter().filter_map(|filter| filter.to_level()).filter(|l| log_enabled(level_of(*l))).max();
        log::set_max_level(least.map_or(LevelFilter::Off, |level| level.to_level_filter()));
    }
}

/// Writes `log`'s records. [`init`] suffices, unless the program hands records to several loggers: then `log::max_level` is the
/// program's to set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        log_enabled(level_of(metadata.level())) && !is_suppressed()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        fields::with(|fields| {
            fields.set_message(*record.args());
            // Only a visitor's own error ends the visit, and ours has none.
            let _ = record.key_values().visit(&mut Pairs(fields));
            let location = fields::location(record.file(), record.line());
            let scope = targets::scope_of(record.target());
            as_slice(fields.iter().chain(fields.exception()).chain(location), |attributes| {
                let message = format_args!("{}", fields.message());
                logs::log_in_scope(scope, level_of(record.level()), message, attributes);
            });
        });
    }

    /// Does nothing: records go out within a second, and [`crate::Guard::flush`] sends them at once.
    fn flush(&self) {}
}

fn level_of(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug => Level::Debug,
        log::Level::Trace => Level::Trace,
    }
}

/// Takes key-values into fields.
struct Pairs<'a>(&'a mut Fields);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        value.visit(Pair { fields: self.0, key: key.as_str() })
    }
}

/// Takes one value.
struct Pair<'a> {
    fields: &'a mut Fields,
    key: &'a str,
}

impl<'v> VisitValue<'v> for Pair<'_> {
    fn visit_any(&mut self, value: kv::Value<'_>) -> Result<(), kv::Error> {
        self.fields.add(self.key, Value::Display(&value));
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        self.fields.add(self.key, Value::Empty);
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.fields.add_wide(self.key, value);
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.fields.add(self.key, Value::Int(value));
        Ok(())
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), kv::Error> {
        self.fields.add_wide(self.key, value);
        Ok(())
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), kv::Error> {
        self.fields.add_wide(self.key, value);
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.fields.add(self.key, Value::Double(value));
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.fields.add(self.key, Value::Bool(value));
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.fields.add(self.key, Value::Str(value));
        Ok(())
    }

    fn visit_error(&mut self, error: &(dyn std::error::Error + 'static)) -> Result<(), kv::Error> {
        self.fields.add_error(self.key, error);
        Ok(())
    }

    fn visit_borrowed_error(&mut self, error: &'v (dyn std::error::Error + 'static)) -> Result<(), kv::Error> {
        self.visit_error(error)
    }
}
