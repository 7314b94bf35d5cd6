//! How a collector is set up.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::collector::Collector;
use super::event::{Event, EventKind};
use super::filter::Filters;
use super::windows::Shape;
use crate::Error;
use crate::export::line_file::{Place, Rotation};

/// A collector about to be started.
///
/// ```
/// use std::time::Duration;
/// use tripod::events::{CollectorConfig, EventKind, Failure, Metric, Performance};
/// # let folder = std::env::temp_dir().join(format!("tripod-doc-{}", std::process::id()));
/// # let file = folder.join("telemetry_events.jsonl");
/// let collector = CollectorConfig::new()
///     .max_events(10_000)
///     .batch_size(100)
///     .flush_interval(Duration::from_secs(5))
///     .persist(&file)
///     .start()?;
/// collector.record(Performance { operation: "api_call", duration: Duration::from_millis(500), provider: "provider1" });
/// let error = "abc".parse::<f64>().unwrap_err();
/// collector.record(Failure { provider: "provider1", operation: "fetch", ..Failure::of(&error) });
/// collector.record(Metric { name: "cpu_usage", value: 75.5, labels: tripod::labels!(host = "server1") });
///
/// let aggregated = collector.aggregated();
/// println!("{aggregated}");
/// assert_eq!(aggregated.windows[0].error_rate("provider1").unwrap().rate(), 0.5);
/// # drop(collector);
/// # assert_eq!(tripod::events::read(&file).unwrap().count(), 3);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), tripod::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is collected before `start`"]
pub struct CollectorConfig {
    pub(super) max_events: usize,
    pub(super) batch_size: usize,
    pub(super) flush_interval: Duration,
    pub(super) close_timeout: Duration,
    pub(super) filters: Filters,
    pub(super) shape: Shape,
    pub(super) file: Option<PathBuf>,
    pub(super) rotation: Rotation,
    pub(super) forward: bool,
}

impl Default for CollectorConfig {
    fn default() -> Self {
        Self {
            max_events: 10_000,
            batch_size: 100,
            flush_interval: Duration::from_secs(5),
            close_timeout: Duration::from_secs(5),
            filters: Filters::default(),
            shape: Shape {
                lengths: [60, 300, 3600].map(Duration::from_secs).to_vec(),
                quantiles: vec![0.5, 0.9, 0.95, 0.99],
                relative_error: 0.01,
                max_series: 500,
            },
            file: None,
            rotation: Rotation { max_bytes: 100 << 20, max_age: Duration::from_secs(86_400), keep: 10 },
            forward: false,
        }
    }
}

impl CollectorConfig {
    /// Everything as it is without further settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events wait and are kept for [`Collector::recent`] at most: 10,000. Beyond, the oldest goes; one that was not looked at
    /// yet counts as dropped.
    pub fn max_events(mut self, events: usize) -> Self {
        self.max_events = events;
        self
    }

    /// How many events are written to the file at once, at most: 100.
    pub fn batch_size(mut self, events: usize) -> Self {
        self.batch_size = events;
        self
    }

    /// How often events are taken, counted in windows and written: every 5 s, and earlier when many come. A crash loses what was
    /// recorded since.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = interval;
        self
    }

    /// How long closing may wait for what is left to be written: 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Takes only events of these types.
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        self.filters.only_kinds(kinds);
        self
    }

    /// Takes only events of providers that match one of the patterns; `*` is any text and `?` one character. A metric has no provider
    /// and is taken in any case.
    pub fn providers<P: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.filters.only_providers(patterns);
        self
    }

    /// Leaves events out whose provider matches one of the patterns.
    pub fn without_providers<P: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = P>) -> Self {
        self.filters.no_providers(patterns);
        self
    }

    /// Takes only events for which this is true, too. It runs in [`Collector::record`] and so has to be quick; an event for which it
    /// panics is taken.
    pub fn filter(mut self, keep: impl Fn(&Event<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.filters.add(Arc::new(keep));
        self
    }

    /// The windows: a minute, five minutes and an hour.
    pub fn windows(mut self, lengths: impl IntoIterator<Item = Duration>) -> Self {
        self.shape.lengths = lengths.into_iter().collect();
        self
    }

    /// The quantiles of a window that are told, from 0 to 1: 0.5, 0.9, 0.95 and 0.99. Any other can be asked for by
    /// [`Distribution::quantile`](super::Distribution::quantile).
    pub fn quantiles(mut self, quantiles: impl IntoIterator<Item = f64>) -> Self {
        self.shape.quantiles = quantiles.into_iter().collect();
        self
    }

    /// How far a quantile may be from the exact one, relative to it: 0.01. It holds for as long as the largest value is at most 2^32
    /// times the smallest. Half of the error is twice the memory.
    pub fn relative_error(mut self, error: f64) -> Self {
        self.shape.relative_error = error;
        self
    }

    /// How many types, names and providers windows tell apart: 500. What comes beyond counts as [`OVERFLOW`](super::OVERFLOW).
    pub fn max_series(mut self, series: usize) -> Self {
        self.shape.max_series = series;
        self
    }

    /// Writes each event as a line of JSON to this file, whose name has to end with `.jsonl`. It belongs to one process; a forked child
    /// writes to one of its own, with its number: `events-4711.jsonl`.
    pub fn persist(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Sets the file aside before it grows beyond so many bytes: 100 MiB. A batch that is longer is written whole.
    pub fn max_file_bytes(mut self, bytes: u64) -> Self {
        self.rotation.max_bytes = bytes;
        self
    }

    /// Sets the file aside with the first events that come so long after it was made: a day.
    pub fn max_file_age(mut self, age: Duration) -> Self {
        self.rotation.max_age = age;
        self
    }

    /// Files set aside that are kept: 10; older ones are deleted.
    pub fn keep_files(mut self, files: usize) -> Self {
        self.rotation.keep = files;
        self
    }

    /// Also writes each event as a log record with an event's name, in the trace and the span during which it was recorded, wherever
    /// [`tripod::init`](crate::init) sends logs.
    pub fn forward_as_logs(mut self, forward: bool) -> Self {
        self.forward = forward;
        self
    }

    /// Starts the collector's thread.
    ///
    /// # Errors
    /// [`Error::Config`] of a setting that makes no sense, [`Error::EventsFile`] when the file can't be opened, [`Error::Thread`].
    pub fn start(self) -> Result<Collector, Error> {
        self.check()?;
        Collector::start(self)
    }

    fn check(&self) -> Result<(), Error> {
        let Self { shape, .. } = self;
        let checks = [
            ("max_events", self.max_events.to_string(), self.max_events > 0, "at least 1"),
            ("batch_size", self.batch_size.to_string(), self.batch_size > 0, "at least 1"),
            (
                "flush_interval",
                format!("{:?}", self.flush_interval),
                !self.flush_interval.is_zero(),
                "more than nothing",
            ),
            (
                "windows",
                format!("{:?}", shape.lengths),
                shape.lengths.iter().all(|length| *length >= Duration::from_millis(8)),
                "8 ms or longer",
            ),
            (
                "quantiles",
                format!("{:?}", shape.quantiles),
                shape.quantiles.iter().all(|quantile| (0.0..=1.0).contains(quantile)),
                "from 0 to 1",
            ),
            (
                "relative_error",
                shape.relative_error.to_string(),
                (0.001..1.0).contains(&shape.relative_error),
                "from 0.001, below 1",
            ),
            ("max_series", shape.max_series.to_string(), shape.max_series > 0, "at least 1"),
            (
                "persist",
                self.file.as_deref().unwrap_or(Path::new("")).display().to_string(),
                self.file.is_none() || self.place().is_some(),
                "a name that ends with .jsonl",
            ),
        ];
        match checks.into_iter().find(|(_, _, is_right, _)| !is_right) {
            None => Ok(()),
            Some((setting, value, _, allowed)) => {
                Err(Error::Config { name: format!("CollectorConfig::{setting}"), value, allowed: allowed.to_owned() })
            }
        }
    }

    pub(super) fn place(&self) -> Option<Place> {
        Place::of(self.file.as_deref()?)
    }
}

impl fmt::Debug for CollectorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max_events, batch_size, flush_interval, shape, file, forward, .. } = self;
        f.debug_struct("CollectorConfig")
            .field("max_events", max_events)
            .field("batch_size", batch_size)
            .field("flush_interval", flush_interval)
            .field("windows", &shape.lengths)
            .field("file", file)
            .field("forward_as_logs", forward)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_an_error_that_names_the_setting() {
        let config = CollectorConfig::new;
        let wrong = [
            (config().max_events(0), "max_events"),
            (config().batch_size(0), "batch_size"),
            (config().flush_interval(Duration::ZERO), "flush_interval"),
            (config().windows([Duration::ZERO]), "windows"),
            (config().quantiles([99.0]), "quantiles"),
            (config().relative_error(0.0), "relative_error"),
            (config().relative_error(f64::NAN), "relative_error"),
            (config().max_series(0), "max_series"),
            (config().persist("events.log"), "persist"),
        ];
        for (config, setting) in wrong {
            let error = config.start().map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(setting), "{setting}: {error}");
        }
    }
}
