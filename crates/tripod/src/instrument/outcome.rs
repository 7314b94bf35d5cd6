//! How a piece of work ended, seen from what it gives back.

use std::any::type_name;
use std::fmt::Display;

use crate::{StatusCode, current, labels};

/// What work gives back, of which can be told whether it failed: `()`, results, options, and whatever implements it.
///
/// ```
/// use tripod::instrument::{Failure, Outcome};
///
/// struct Report {
///     refused: bool,
/// }
///
/// impl Outcome for Report {
///     fn failure(&self) -> Option<Failure<'_>> {
///         self.refused.then(|| Failure { error_type: "refused", message: &"the report was refused" })
///     }
/// }
/// # assert_eq!(Report { refused: true }.failure().unwrap().error_type, "refused");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell whether the work failed",
    note = "give back `()`, a `Result` or an `Option`, or implement `tripod::instrument::Outcome` for it"
)]
pub trait Outcome {
    /// Why it failed; `None` if it did not.
    fn failure(&self) -> Option<Failure<'_>>;
}

/// Why a piece of work failed.
#[derive(Clone, Copy)]
pub struct Failure<'a> {
    /// `error.type`: a class of errors, of which there are few. Never a message.
    pub error_type: &'a str,
    /// What a person reads.
    pub message: &'a dyn Display,
}

impl Failure<'_> {
    /// Records it on the span that is current.
    #[allow(dead_code, reason = "called by the instrumentations, which are features")]
    pub(crate) fn record(&self) {
        let span = current();
        span.set_attribute("error.type", self.error_type);
        span.add_event("exception", labels!("exception.type" = self.error_type, "exception.message" = %self.message));
        span.set_status(StatusCode::ERROR, &self.message.to_string());
    }
}

impl Outcome for () {
    fn failure(&self) -> Option<Failure<'_>> {
        None
    }
}

impl<T, E: Display> Outcome for Result<T, E> {
    fn failure(&self) -> Option<Failure<'_>> {
        self.as_ref().err().map(|error| Failure { error_type: type_name::<E>(), message: error })
    }
}

/// Finding nothing is no failure.
impl<T> Outcome for Option<T> {
    fn failure(&self) -> Option<Failure<'_>> {
        None
    }
}

/// Records on the span that is current that the work in it is dropped before it came to give anything back: for the destructor of what
/// watches it. Gives the error's type.
#[allow(dead_code, reason = "called by the instrumentations, which are features")]
pub(crate) fn record_dropped() -> &'static str {
    let error_type = dropped();
    let span = current();
    span.set_attribute("error.type", error_type);
    span.set_status(StatusCode::ERROR, "dropped before it was done");
    error_type
}

/// `error.type` of what was dropped before it was done.
pub(crate) const CANCELLED: &str = "cancelled";

/// How work ended that is being dropped.
#[allow(dead_code, reason = "called by the instrumentations, which are features")]
pub(crate) fn dropped() -> &'static str {
    if std::thread::panicking() { "panic" } else { CANCELLED }
}
