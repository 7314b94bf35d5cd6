//! Durations in brackets and behind `offset`: arithmetic over lengths of time that is settled before a query is evaluated.

use std::fmt;

use crate::format::{format_duration, format_float};

/// A length of time as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Duration {
    /// Seconds.
    Number {
        seconds: f64,
        as_duration: bool,
    },
    /// `step()`: the step of the query.
    Step,
    /// `range()`: from the query's start to its end.
    Range,
    Negated(Box<Duration>),
    Binary {
        op: DurationOp,
        left: Box<Duration>,
        right: Box<Duration>,
    },
    Paren(Box<Duration>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DurationOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Min,
    Max,
}

impl DurationOp {
    fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

impl Duration {
    /// Its seconds in a query of this step and range, both in seconds.
    pub(crate) fn seconds(&self, step: f64, range: f64) -> Result<f64, &'static str> {
        Ok(match self {
            Self::Number { seconds, .. } => *seconds,
            Self::Step => step,
            Self::Range => range,
            Self::Negated(inner) => -inner.seconds(step, range)?,
            Self::Paren(inner) => inner.seconds(step, range)?,
            Self::Binary { op, left, right } => {
                let (left, right) = (left.seconds(step, range)?, right.seconds(step, range)?);
                match op {
                    DurationOp::Add => left + right,
                    DurationOp::Sub => left - right,
                    DurationOp::Mul => left * right,
                    DurationOp::Div if right == 0.0 => return Err("division by zero"),
                    DurationOp::Div => left / right,
                    DurationOp::Mod if right == 0.0 => return Err("modulo by zero"),
                    DurationOp::Mod => left % right,
                    DurationOp::Pow => left.powf(right),
                    DurationOp::Min => left.min(right),
                    DurationOp::Max => left.max(right),
                }
            }
        })
    }

    /// Its seconds when it is a plain number.
    pub(crate) fn constant(&self) -> Option<f64> {
        match self {
            Self::Number { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { seconds, as_duration: true } => {
                f.write_str(&format_duration((seconds * 1000.0).round() as i64))
            }
            Self::Number { seconds, .. } => f.write_str(&format_float(*seconds)),
            Self::Step => f.write_str("step()"),
            Self::Range => f.write_str("range()"),
            Self::Negated(inner) => write!(f, "-{inner}"),
            Self::Paren(inner) => write!(f, "({inner})"),
            Self::Binary { op: op @ (DurationOp::Min | DurationOp::Max), left, right } => {
                write!(f, "{}({left}, {right})", op.symbol())
            }
            Self::Binary { op, left, right } => write!(f, "{left} {} {right}", op.symbol()),
        }
    }
}
