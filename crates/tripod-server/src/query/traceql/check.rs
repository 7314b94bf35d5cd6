//! Types: what can be known to be wrong before any span is seen. An attribute may be of any type.

use super::ParseError;
use super::ast::{Compare, Expr, Field, Intrinsic};
use super::values::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Any,
    Nil,
    Bool,
    Number,
    Text,
    Status,
    Kind,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Self::Any => "an attribute",
            Self::Nil => "nil",
            Self::Bool => "a condition",
            Self::Number => "a number or duration",
            Self::Text => "a text",
            Self::Status => "a status",
            Self::Kind => "a kind of span",
        }
    }

    fn may_be(self, wanted: Self) -> bool {
        self == wanted || self == Self::Any
    }
}

fn type_of(expr: &Expr) -> Type {
    match expr {
        Expr::Value(Value::Nil) => Type::Nil,
        Expr::Value(Value::Bool(_)) => Type::Bool,
        Expr::Value(Value::Int(_) | Value::Float(_) | Value::Duration(_)) => Type::Number,
        Expr::Value(Value::Text(_)) => Type::Text,
        Expr::Value(Value::Status(_)) => Type::Status,
        Expr::Value(Value::Kind(_)) => Type::Kind,
        Expr::Field(Field::Attribute(..)) => Type::Any,
        Expr::Field(Field::Intrinsic(intrinsic)) => match intrinsic {
            Intrinsic::Duration | Intrinsic::TraceDuration | Intrinsic::EventTime | Intrinsic::ChildCount => {
                Type::Number
            }
            Intrinsic::Status => Type::Status,
            Intrinsic::Kind => Type::Kind,
            _ => Type::Text,
        },
        Expr::Negative(_) | Expr::Compute(..) => Type::Number,
        Expr::Not(_) | Expr::And(..) | Expr::Or(..) | Expr::Compare(..) | Expr::Regex { .. } => Type::Bool,
    }
}

fn wanted(expr: &Expr, wanted: Type, position: usize) -> Result<(), ParseError> {
    let found = type_of(expr);
    if found.may_be(wanted) {
        return Ok(());
    }
    Err(ParseError { position, reason: format!("{} is wanted here, not {}", wanted.name(), found.name()) })
}

/// It must be something that is true or false.
pub(super) fn condition(expr: &Expr, position: usize) -> Result<(), ParseError> {
    wanted(expr, Type::Bool, position)
}

/// It must be something that is counted or measured.
pub(super) fn number(expr: &Expr, position: usize) -> Result<(), ParseError> {
    wanted(expr, Type::Number, position)
}

/// It must be something that a regular expression can be tried on.
pub(super) fn text(expr: &Expr, position: usize) -> Result<(), ParseError> {
    wanted(expr, Type::Text, position)
}

/// Both sides must be of one type, and have an order where it is asked for.
pub(super) fn comparison(op: Compare, left: &Expr, right: &Expr, position: usize) -> Result<(), ParseError> {
    let (a, b) = (type_of(left), type_of(right));
    let is_equality = matches!(op, Compare::Equal | Compare::NotEqual);
    if [a, b].contains(&Type::Nil) {
        if is_equality {
            return Ok(());
        }
        return Err(ParseError { position, reason: "nil has no order: compare with = or !=".to_owned() });
    }
    if !a.may_be(b) && !b.may_be(a) {
        return Err(ParseError { position, reason: format!("{} can't be compared with {}", a.name(), b.name()) });
    }
    if !is_equality
        && let Some(unordered) = [a, b].into_iter().find(|one| matches!(one, Type::Bool | Type::Status | Type::Kind))
    {
        return Err(ParseError {
            position,
            reason: format!("{} has no order: compare with = or !=", unordered.name()),
        });
    }
    Ok(())
}
