//! What `#[traced]` records of a function's result: an error, with its causes where it has some.
//!
//! The attribute can't know the result's type, so it calls `(&&Outcome(&result)).record()` with all three traits in scope, and the
//! compiler takes the first that fits, looking at `&Outcome` before `&&Outcome` before `Outcome`: an `Err` that is an
//! [`Error`], an `Err` that can be displayed, or anything, of which nothing is recorded.

use std::any::type_name;
use std::error::Error;
use std::fmt::Display;

use super::data::SpanData;
use crate::context::stack;

/// A function's result, seen by reference.
pub struct Outcome<'a, T>(pub &'a T);

/// For results whose error is an [`Error`].
pub trait RecordError {
    /// Records the error, if it is one, with its chain of causes on the current span.
    fn record(&self);
}

impl<T, E: Error> RecordError for &Outcome<'_, Result<T, E>> {
    fn record(&self) {
        if let Err(error) = self.0 {
            on_current_span(|data| data.record_error(type_name::<E>(), error));
        }
    }
}

/// For results whose error can be displayed.
pub trait RecordDisplay {
    /// Records the error, if it is one, on the current span.
    fn record(&self);
}

impl<T, E: Display> RecordDisplay for &&Outcome<'_, Result<T, E>> {
    fn record(&self) {
        if let Err(error) = self.0 {
            on_current_span(|data| data.record_failure(type_name::<E>(), error));
        }
    }
}

/// For every other result.
pub trait RecordAny {
    /// Records nothing.
    fn record(&self);
}

impl<T> RecordAny for Outcome<'_, T> {
    fn record(&self) {}
}

fn on_current_span(change: impl FnOnce(&mut SpanData)) {
    stack::with(|local| local.stack.current_recorded().map(change));
}
