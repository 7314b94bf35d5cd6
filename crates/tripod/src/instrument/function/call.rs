//! A call that is under way, and how it ends.

use crate::clock::{self, Instant};
use crate::metrics::{Counter, Histogram, InstrumentBuilder};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// With a result that is no error.
    Success,
    /// With an error of this type.
    Error(&'a str),
    /// Its future was dropped before it was done.
    Cancelled,
}

impl<'a> End<'a> {
    /// The label of errors: what is counted as one.
    #[inline]
    pub fn error_type(self) -> Option<&'a str> {
        match self {
            Self::Success => None,
            Self::Error(error_type) => Some(error_type),
            Self::Cancelled => Some("cancelled"),
        }
    }
}

/// A call that is under way: it is recorded just once, by its result, or when it is dropped without one.
pub struct Call<R: FnOnce(End<'_>)> {
    record: Option<R>,
}

impl<R: FnOnce(End<'_>)> Call<R> {
    /// A call begins; the closure records its end.
    #[inline]
    pub fn new(record: R) -> Self {
        Self { record: Some(record) }
    }

    /// A call of which nothing is recorded.
    #[inline]
    pub fn none() -> Self {
        Self { record: None }
    }

    /// It is done. How it ended is asked only where it is recorded.
    #[inline]
    pub fn end<'a>(mut self, end: impl FnOnce() -> End<'a>) {
        if let Some(record) = self.record.take() {
            record(end());
        }
    }
}

impl<R: FnOnce(End<'_>)> Drop for Call<R> {
    #[inline]
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            record(without_result());
        }
    }
}

/// A body that does not come to its end panics, or is a future that nobody waits for any more.
#[cold]
fn without_result() -> End<'static> {
    if std::thread::panicking() { End::Error("panic") } else { End::Cancelled }
}

/// When a call began. Needs one of the instruments below to be made first, as they see to it that the clock runs.
pub struct Started(Instant);

impl Started {
    /// Now.
    #[inline]
    pub fn now() -> Self {
        Self(Instant::calibrated())
    }

    /// How long ago that is.
    #[inline]
    pub fn seconds(&self) -> f64 {
        self.0.seconds()
    }
}

/// A counter of a function's calls.
pub fn calls(name: &str) -> Counter {
    crate::counter(format!("{name}_calls_total")).description(format!("Calls of {name}")).build()
}

/// A counter of the calls that failed, by `error_type`.
pub fn errors(name: &str) -> Counter {
    crate::counter(format!("{name}_errors_total")).description(format!("Calls of {name} that failed")).build()
}

/// A histogram of how long calls take.
pub fn duration(name: &str) -> InstrumentBuilder<Histogram> {
    latency(format!("{name}_duration_seconds")).description(format!("How long calls of {name} take"))
}

/// A histogram of seconds.
pub fn latency(name: impl Into<std::borrow::Cow<'static, str>>) -> InstrumentBuilder<Histogram> {
    clock::calibrate_once();
    crate::histogram(name).unit("s")
}

/// Runs a body; what it is given to makes it a closure that may be called but once, which may give back what it borrows.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as if the body stood where it was written")]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}
