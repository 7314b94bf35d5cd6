//! What can be recorded, borrowed from the caller.

use std::fmt;
use std::time::Duration;

use crate::Value;
use crate::value::AnyError;

/// An event about to be recorded: what [`Collector::record`](super::Collector::record) takes and filters look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something was done, and took its time.
    Performance(Performance<'a>),
    /// Something failed.
    Failure(Failure<'a>),
    /// Something was measured.
    Metric(Metric<'a>),
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// [`Performance`].
    Performance,
    /// [`Failure`].
    Failure,
    /// [`Metric`].
    Metric,
}

/// An operation that was done, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Performance<'a> {
    /// What was done: one of few, without ids.
    pub operation: &'a str,
    /// How long it took.
    pub duration: Duration,
    /// Who did it, or for whom it was done: one of few.
    pub provider: &'a str,
}

/// An operation that failed.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    /// What kind of failure it is: one of few, as an error's type.
    pub error_type: &'a str,
    /// What it says.
    pub message: &'a dyn fmt::Display,
    /// Who failed, or was asked: one of few.
    pub provider: &'a str,
    /// What was to be done: one of few.
    pub operation: &'a str,
}

/// A number that was measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metric<'a> {
    /// Its name.
    pub name: &'a str,
    /// The number.
    pub value: f64,
    /// What it is of: see [`labels!`](crate::labels). They are kept with the event; windows do not tell them apart.
    pub labels: &'a [(&'a str, Value<'a>)],
}

impl<'a> Failure<'a> {
    /// What an error says of itself; provider and operation are the caller's to add:
    ///
    /// ```
    /// use tripod::events::Failure;
    /// let error = "x".parse::<u16>().unwrap_err();
    /// let failure = Failure { provider: "finnhub", operation: "parse", ..Failure::of(&error) };
    /// assert_eq!(failure.error_type, "ParseIntError");
    /// ```
    pub fn of(error: &'a dyn AnyError) -> Self {
        Self { error_type: short_name(error.type_name()), message: error.message(), provider: "", operation: "" }
    }
}

/// A type's name without its path and its parameters.
fn short_name(name: &str) -> &str {
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit("::").next().unwrap_or(plain)
}

impl fmt::Debug for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("error_type", &self.error_type)
            .field("message", &format_args!("{}", self.message))
            .field("provider", &self.provider)
            .field("operation", &self.operation)
            .finish()
    }
}

impl Event<'_> {
    /// Its type.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Performance(_) => EventKind::Performance,
            Self::Failure(_) => EventKind::Failure,
            Self::Metric(_) => EventKind::Metric,
        }
    }

    /// Its provider; empty for a metric.
    pub fn provider(&self) -> &str {
        match self {
            Self::Performance(performance) => performance.provider,
            Self::Failure(failure) => failure.provider,
            Self::Metric(_) => "",
        }
    }
}

impl EventKind {
    pub(super) const ALL: [Self; 3] = [Self::Performance, Self::Failure, Self::Metric];

    /// As it stands in files: `performance`, `failure`, `metric`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Failure => "failure",
            Self::Metric => "metric",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<'a> From<Performance<'a>> for Event<'a> {
    fn from(performance: Performance<'a>) -> Self {
        Self::Performance(performance)
    }
}

impl<'a> From<Failure<'a>> for Event<'a> {
    fn from(failure: Failure<'a>) -> Self {
        Self::Failure(failure)
    }
}

impl<'a> From<Metric<'a>> for Event<'a> {
    fn from(metric: Metric<'a>) -> Self {
        Self::Metric(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errors_type_is_named_without_its_path_and_parameters() {
        assert_eq!(short_name("std::io::error::Error"), "Error");
        assert_eq!(short_name("alloc::boxed::Box<dyn core::error::Error>"), "Box");
        assert_eq!(short_name("app::Refused<app::Why>"), "Refused");
    }
}
