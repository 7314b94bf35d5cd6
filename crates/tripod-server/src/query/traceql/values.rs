//! Values of fields, and how they compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use tripod_wire::otlp::AnyValue;

use super::ast::{Compare, Compute};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// There is none.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Text(Cow<'a, str>),
    /// 0 unset, 1 ok, 2 error.
    Status(i32),
    /// As in OTLP.
    Kind(i32),
}

/// The names of statuses and kinds.
pub(crate) const STATUSES: [&str; 3] = ["unset", "ok", "error"];
pub(crate) const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

impl<'a> Value<'a> {
    /// An attribute's value. What is no plain value is compared by its text.
    pub(super) fn of(value: &'a AnyValue) -> Self {
        match value {
            AnyValue::Empty => Self::Nil,
            AnyValue::String(text) => Self::Text(Cow::Borrowed(text)),
            AnyValue::Bool(value) => Self::Bool(*value),
            AnyValue::Int(value) => Self::Int(*value),
            AnyValue::Double(value) => Self::Float(*value),
            other => Self::Text(Cow::Owned(other.to_string())),
        }
    }

    /// The number it is, if it is one; durations are nanoseconds.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) | Self::Duration(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number it is, if it is one.
    fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(value) | Self::Duration(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is `true`.
    pub(super) fn is_true(&self) -> bool {
        *self == Self::Bool(true)
    }

    fn order(&self, other: &Self) -> Option<Ordering> {
        if let (Some(a), Some(b)) = (self.whole(), other.whole()) {
            return Some(a.cmp(&b));
        }
        if let (Some(a), Some(b)) = (self.number(), other.number()) {
            return a.partial_cmp(&b);
        }
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Status(a), Self::Status(b)) | (Self::Kind(a), Self::Kind(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Whether a comparison holds. What can't be compared, or is not there, compares as false, whatever the comparison.
    pub(super) fn compares(&self, op: Compare, other: &Self) -> bool {
        let Some(order) = self.order(other) else { return false };
        match op {
            Compare::Equal => order.is_eq(),
            Compare::NotEqual => order.is_ne(),
            Compare::Less => order.is_lt(),
            Compare::LessEqual => order.is_le(),
            Compare::Greater => order.is_gt(),
            Compare::GreaterEqual => order.is_ge(),
        }
    }

    /// The result of a computation; nothing where it is not defined.
    pub(super) fn compute(&self, op: Compute, other: &Self) -> Value<'static> {
        let (Some(a), Some(b)) = (self.number(), other.number()) else { return Value::Nil };
        if let (Some(a), Some(b), false) = (self.whole(), other.whole(), matches!(op, Compute::Divide | Compute::Power))
        {
            let exact = match op {
                Compute::Add => a.checked_add(b),
                Compute::Subtract => a.checked_sub(b),
                Compute::Multiply => a.checked_mul(b),
                _ => a.checked_rem(b),
            };
            if let Some(exact) = exact {
                return Value::Int(exact);
            }
        }
        Value::Float(match op {
            Compute::Add => a + b,
            Compute::Subtract => a - b,
            Compute::Multiply => a * b,
            Compute::Divide => a / b,
            Compute::Remainder => a % b,
            Compute::Power => a.powf(b),
        })
    }

    /// The same, owned.
    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Duration(value) => Value::Duration(value),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Status(value) => Value::Status(value),
            Self::Kind(value) => Value::Kind(value),
        }
    }

    /// As text: what sets are cut by.
    pub(crate) fn text(&self) -> String {
        let named = |names: &[&str], number: i32| {
            let name = usize::try_from(number).ok().and_then(|at| names.get(at));
            name.map_or_else(|| number.to_string(), ToString::to_string)
        };
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Duration(nanos) => format!("{:?}", std::time::Duration::from_nanos((*nanos).max(0) as u64)),
            Self::Text(text) => text.clone().into_owned(),
            Self::Status(status) => named(&STATUSES, *status),
            Self::Kind(kind) => named(&KINDS, *kind),
        }
    }
}
