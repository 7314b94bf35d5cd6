//! How a call ended, by its result, of which an attribute does not know the type.
//!
//! As in [`crate::trace::outcome`], the compiler takes the first trait that fits: an `Err` that names itself, an `Err`, or anything, which
//! is no error.

use super::call::End;
use super::error_type::{ErrorType, of_type};
use crate::trace::outcome::Outcome;

/// For results whose error is an [`ErrorType`].
pub trait EndNamed<'a> {
    /// How it ended.
    fn end(&self) -> End<'a>;
}

impl<'a, T, E: ErrorType> EndNamed<'a> for &Outcome<'a, Result<T, E>> {
    #[inline]
    fn end(&self) -> End<'a> {
        self.0.as_ref().map_or_else(|error| End::Error(error.error_type()), |_| End::Success)
    }
}

/// For results whose error has only its type.
pub trait EndTyped<'a> {
    /// How it ended.
    fn end(&self) -> End<'a>;
}

impl<'a, T, E> EndTyped<'a> for &&Outcome<'a, Result<T, E>> {
    #[inline]
    fn end(&self) -> End<'a> {
        self.0.as_ref().map_or_else(|_| End::Error(of_type::<E>()), |_| End::Success)
    }
}

/// For every other result.
pub trait EndAny {
    /// How it ended.
    fn end(&self) -> End<'static>;
}

impl<T> EndAny for Outcome<'_, T> {
    #[inline]
    fn end(&self) -> End<'static> {
        End::Success
    }
}
