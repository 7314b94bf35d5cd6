//! What the windows say, as data, as text for people and as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::event::EventKind;
use crate::export::readable;
use crate::metrics::exponential::Counted;

/// What every window holds at one time; see [`Collector::aggregated`](super::Collector::aggregated). Shown, it is a table for people.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Aggregated {
    /// The windows, in the order in which they were configured.
    pub windows: Vec<WindowStats>,
}

/// One window.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WindowStats {
    /// How long it is.
    pub length: Duration,
    /// How far it reaches back now: at most its length, at least seven eighths of it, and not beyond the collector's start.
    pub reach: Duration,
    /// What has events in it, by type, name and provider.
    pub series: Vec<SeriesStats>,
    /// How much failed, by provider.
    pub error_rates: Vec<ErrorRate>,
}

/// The events of one type, name and provider in a window.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SeriesStats {
    /// Their type.
    pub kind: EventKind,
    /// The operation, the error's type or the metric's name; [`OVERFLOW`](super::OVERFLOW) when there are too many.
    pub name: String,
    /// The provider; empty for a metric.
    pub provider: String,
    /// How many there are.
    pub count: u64,
    /// How many there are a second.
    pub rate: f64,
    /// How durations, in seconds, or a metric's values are spread. A failure has none.
    pub values: Option<Distribution>,
}

/// How values are spread.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Distribution {
    /// Their mean.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The quantiles that were configured, with their values.
    pub quantiles: Vec<(f64, f64)>,
    pub(super) counted: Counted,
}

/// How much failed at one provider in a window.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorRate {
    /// The provider.
    pub provider: String,
    /// Performances and failures: a program records one or the other of each operation.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that failed, by the type of their error.
    pub by_type: Vec<FailuresOf>,
}

/// How often one type of error came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailuresOf {
    /// The error's type.
    pub error_type: String,
    /// How often it came.
    pub failures: u64,
}

impl Aggregated {
    /// The window of this length.
    pub fn window(&self, length: Duration) -> Option<&WindowStats> {
        self.windows.iter().find(|window| window.length == length)
    }

    /// All of it as one JSON object.
    pub fn to_json(&self) -> String {
        json!({ "windows": self.windows.iter().map(WindowStats::json).collect::<Vec<_>>() }).to_string()
    }
}

impl WindowStats {
    /// The events of one type, name and provider; the provider of a metric is empty.
    pub fn series(&self, kind: EventKind, name: &str, provider: &str) -> Option<&SeriesStats> {
        self.series.iter().find(|series| series.kind == kind && series.name == name && series.provider == provider)
    }

    /// How much failed at a provider.
    pub fn error_rate(&self, provider: &str) -> Option<&ErrorRate> {
        self.error_rates.iter().find(|rate| rate.provider == provider)
    }

    fn json(&self) -> Json {
        json!({
            "length_seconds": self.length.as_secs_f64(),
            "reach_seconds": self.reach.as_secs_f64(),
            "series": self.series.iter().map(SeriesStats::json).collect::<Vec<_>>(),
            "error_rates": self.error_rates.iter().map(ErrorRate::json).collect::<Vec<_>>(),
        })
    }
}

impl SeriesStats {
    fn json(&self) -> Json {
        let mut json = json!({
            "type": self.kind.as_str(),
            "name": self.name,
            "provider": self.provider,
            "count": self.count,
            "rate": self.rate,
        });
        if let Some(values) = &self.values {
            json["values"] = values.json();
        }
        json
    }
}

impl Distribution {
    /// The value that this share of the values, from 0 to 1, does not exceed, within the relative error that was configured.
    pub fn quantile(&self, quantile: f64) -> f64 {
        self.counted.quantile(quantile).unwrap_or(f64::NAN)
    }

    fn json(&self) -> Json {
        let quantiles: serde_json::Map<String, Json> =
            self.quantiles.iter().map(|(quantile, value)| (quantile.to_string(), json!(value))).collect();
        json!({ "mean": self.mean, "min": self.min, "max": self.max, "quantiles": quantiles })
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, min, max, quantiles, .. } = self;
        write!(f, "Distribution {{ mean: {mean}, min: {min}, max: {max}, quantiles: {quantiles:?} }}")
    }
}

impl ErrorRate {
    /// Which share of the attempts failed, from 0 to 1.
    pub fn rate(&self) -> f64 {
        if self.attempts == 0 { 0.0 } else { self.failures as f64 / self.attempts as f64 }
    }

    /// Which share of the attempts failed with this type of error, from 0 to 1.
    pub fn rate_of(&self, error_type: &str) -> f64 {
        let failures = self.by_type.iter().filter(|of| of.error_type == error_type).map(|of| of.failures).sum::<u64>();
        if self.attempts == 0 { 0.0 } else { failures as f64 / self.attempts as f64 }
    }

    fn json(&self) -> Json {
        let by_type: serde_json::Map<String, Json> =
            self.by_type.iter().map(|of| (of.error_type.clone(), json!(of.failures))).collect();
        json!({
            "provider": self.provider,
            "attempts": self.attempts,
            "failures": self.failures,
            "rate": self.rate(),
            "failures_by_type": by_type,
        })
    }
}

impl fmt::Display for Aggregated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, window) in self.windows.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            window.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for WindowStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = |duration: Duration| readable::duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        writeln!(f, "last {:?} (reaches back {})", self.length, nanos(self.reach))?;
        for series in &self.series {
            writeln!(f, "  {series}")?;
        }
        for rate in self.error_rates.iter().filter(|rate| rate.failures > 0) {
            writeln!(f, "  {rate}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SeriesStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, provider, count, rate, values } = self;
        let of = if provider.is_empty() { String::new() } else { format!(" of {}", readable::clean(provider)) };
        write!(f, "{kind:<11} {}{of}: {count} events, {rate:.2}/s", readable::clean(name))?;
        let Some(values) = values else { return Ok(()) };
        let show = |value: f64| match kind {
            EventKind::Metric => format!("{}", (value * 1e6).round() / 1e6),
            _ => readable::duration((value * 1e9) as u64),
        };
        write!(f, ", mean {}, min {}", show(values.mean), show(values.min))?;
        for (quantile, value) in &values.quantiles {
            write!(f, ", p{} {}", (quantile * 1e6).round() / 1e4, show(*value))?;
        }
        write!(f, ", max {}", show(values.max))
    }
}

impl fmt::Display for ErrorRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failures, attempts, percent) = (self.failures, self.attempts, self.rate() * 100.0);
        write!(f, "errors      of {}: {failures} of {attempts} ({percent:.2} %)", readable::clean(&self.provider))?;
        for (at, of) in self.by_type.iter().enumerate() {
            let comma = if at == 0 { ": " } else { ", " };
            write!(f, "{comma}{} {}", of.failures, readable::clean(&of.error_type))?;
        }
        Ok(())
    }
}
