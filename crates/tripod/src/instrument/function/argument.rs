//! An argument as an attribute's value: by [`ToValue`] where it has that, else as it is debugged.
//!
//! As in [`crate::trace::outcome`], the compiler takes the first trait that fits; the last one is there for its message.

use std::fmt::Debug;

use crate::{ToValue, Value};

/// An argument, seen by reference.
pub struct Argument<'a, T>(pub &'a T);

/// For arguments that are values.
pub trait ArgumentValue<'a> {
    /// The value.
    fn value(&self) -> Value<'a>;
}

impl<'a, T: ToValue> ArgumentValue<'a> for &Argument<'a, T> {
    fn value(&self) -> Value<'a> {
        self.0.to_value()
    }
}

/// For arguments that can only be debugged.
pub trait ArgumentDebug<'a> {
    /// The `Debug` form.
    fn value(&self) -> Value<'a>;
}

impl<'a, T: Debug> ArgumentDebug<'a> for &&Argument<'a, T> {
    fn value(&self) -> Value<'a> {
        Value::Debug(self.0)
    }
}

/// For all others, which can't be recorded.
pub trait ArgumentUnknown<'a, T> {
    /// Does not compile.
    fn value(&self) -> Value<'a>
    where
        T: Recordable;
}

impl<'a, T> ArgumentUnknown<'a, T> for Argument<'a, T> {
    fn value(&self) -> Value<'a>
    where
        T: Recordable,
    {
        Value::Empty
    }
}

/// What no type has.
#[diagnostic::on_unimplemented(
    message = "an argument of type `{Self}` can't be recorded",
    label = "implements neither `tripod::ToValue` nor `Debug`",
    note = "leave it out by `skip(…)`, or derive `Debug` for it"
)]
pub trait Recordable {}
