//! Parts of a function, timed and traced by hand.

use std::borrow::Cow;
use std::error::Error;
use std::future::Future;
use std::time::Duration;

use crate::clock::{self, Instant};
use crate::metrics::{self, BoundHistogram};
use crate::trace::{InSpan, InSpanExt, Span};
use crate::{LocalSpan, Value};

/// Measures the time until the guard is dropped, in seconds, in the histogram of this name, which is made if there is none.
///
/// The guard may be held over an `.await`: a future that is dropped is measured until then.
///
/// ```
/// # fn execute() {}
/// let timed = tripod::instrument::time_operation("db_query_duration_seconds", tripod::labels!(query_type = "select"));
/// execute();
/// drop(timed);
/// ```
///
/// It costs a look-up by name, some tens of nanoseconds. For a whole function use [`macro@crate::measure_latency`].
pub fn time_operation(name: &str, labels: &[(&str, Value<'_>)]) -> TimedOperation {
    clock::calibrate_once();
    let histogram = metrics::bind_histogram(name, labels);
    TimedOperation { histogram, started: Instant::calibrated() }
}

/// An operation that is being timed; see [`time_operation`].
#[must_use = "an operation is timed until the guard is dropped: bind it, as in `let _timed = …`"]
pub struct TimedOperation {
    /// Absent while metrics are off, and where the name is that of another kind.
    histogram: Option<BoundHistogram>,
    started: Instant,
}

impl TimedOperation {
    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Leaves it unmeasured.
    pub fn discard(mut self) {
        self.histogram = None;
    }
}

impl Drop for TimedOperation {
    fn drop(&mut self) {
        if let Some(histogram) = &self.histogram {
            histogram.record(self.started.seconds());
        }
    }
}

/// Traces an operation: as a guard, a closure or a future, whose error is recorded if it gives one.
///
/// ```
/// use tripod::instrument::trace_operation;
///
/// let span = trace_operation("database_transaction").enter(); // until it is dropped
/// span.set_attribute("table", "users");
/// drop(span);
///
/// let n = trace_operation("parse").run(|| "17".parse::<u32>())?;
///
/// # async fn query() -> Result<u32, std::io::Error> { Ok(1) }
/// let rows = trace_operation("database_query").run_future(query());
/// # drop((n, rows));
/// # Ok::<(), std::num::ParseIntError>(())
/// ```
///
/// For a whole function use [`macro@crate::traced`]; for a span with attributes from the start [`crate::span!`].
pub fn trace_operation(name: impl Into<Cow<'static, str>>) -> TracedOperation {
    TracedOperation { name: name.into() }
}

/// An operation about to be traced; see [`trace_operation`].
#[must_use = "nothing is traced before `enter`, `run` or `run_future`"]
pub struct TracedOperation {
    name: Cow<'static, str>,
}

impl TracedOperation {
    /// It begins: a span that is current on this thread until the guard is dropped.
    pub fn enter(self) -> LocalSpan {
        LocalSpan::enter(self.name, &[])
    }

    /// It is this closure. An `Err` is recorded on its span.
    ///
    /// # Errors
    /// The closure's.
    pub fn run<T, E: Error>(self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let span = self.enter();
        work().inspect_err(|error| span.record_error(error))
    }

    /// It is this future, from when it is first polled until it is done or dropped. An `Err` is recorded on its span.
    ///
    /// # Errors
    /// The future's.
    pub async fn run_future<T, E: Error>(self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let work: InSpan<_> = async { work.await.inspect_err(|error| crate::current().record_error(error)) }
            .in_span(Span::start(self.name));
        work.await
    }
}
