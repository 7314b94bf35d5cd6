//! What `#[traced]` records of a function's result: an error, if it is one and can be shown.
//!
//! The attribute can't know the result's type, so it offers a reference to every implementation here, and the compiler takes the
//! most specific that fits: an `Err` whose error can be displayed, or else anything, of which nothing is recorded.

use std::any::type_name;
use std::fmt::Display;

use crate::context::stack::{self, Entry};

/// A function's result, seen by reference.
pub struct Outcome<'a, T>(pub &'a T);

/// For results whose error can be displayed.
pub trait RecordDisplay {
    /// Records the error, if it is one, on the current span.
    fn record(&self);
}

impl<T, E: Display> RecordDisplay for Outcome<'_, Result<T, E>> {
    fn record(&self) {
        let Err(error) = self.0 else { return };
        stack::with(|local| {
            if let Some(Entry::Span(data)) = local.top() {
                data.record_failure(type_name::<E>(), error);
            }
        });
    }
}

/// For every other result.
pub trait RecordAny {
    /// Records nothing.
    fn record(&self);
}

impl<T> RecordAny for &Outcome<'_, T> {
    fn record(&self) {}
}
