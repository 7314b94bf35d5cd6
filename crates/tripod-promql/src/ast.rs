//! The tree that is evaluated: checked for types, names resolved, every node with the byte where it starts.

use std::sync::Arc;

use crate::{Matcher, functions};

/// An expression.
#[derive(Debug)]
pub(crate) struct Expr {
    /// Byte in the query where it starts.
    pub(crate) position: usize,
    pub(crate) kind: Kind,
}

/// What an expression is.
#[derive(Debug)]
pub(crate) enum Kind {
    Number(f64),
    String(Arc<str>),
    /// A string whose escapes make bytes that are no text, as it is to be shown.
    InvalidText(Arc<str>),
    Vector(Selector),
    Matrix {
        selector: Selector,
        range: i64,
    },
    Subquery {
        expr: Box<Expr>,
        range: i64,
        step: Option<i64>,
        shift: TimeShift,
    },
    Call {
        function: &'static str,
        args: Vec<Expr>,
    },
    Aggregate {
        op: AggregateOp,
        expr: Box<Expr>,
        param: Option<Box<Expr>>,
        grouping: Grouping,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
        matching: Matching,
    },
    Negate(Box<Expr>),
}

/// The four types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueType {
    Scalar,
    String,
    Vector,
    Matrix,
}

/// Which series, and when.
#[derive(Debug)]
pub(crate) struct Selector {
    /// Byte in the query where it starts.
    pub(crate) position: usize,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) shift: TimeShift,
    pub(crate) extended: Option<Extended>,
}

/// How a selector looks beyond the samples within its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extended {
    /// The values at both ends of the range are the newest ones known there.
    Anchored,
    /// They are interpolated between the samples around.
    Smoothed,
}

impl Extended {
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Anchored, Self::Smoothed].into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        }
    }
}

/// `@` and `offset`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimeShift {
    pub(crate) at: Option<At>,
    /// Milliseconds into the past.
    pub(crate) offset: i64,
}

/// What stands behind `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Start,
    End,
    Time(i64),
}

/// `by` or `without`.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    pub(crate) without: bool,
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    TopK,
    BottomK,
    Quantile,
    CountValues,
    LimitK,
    LimitRatio,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    /// `</`: what a histogram counts up to a value.
    TrimUpper,
    /// `>/`: what a histogram counts from a value on.
    TrimLower,
    And,
    Or,
    Unless,
}

/// Which side of a binary operation may have many series for one of the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Cardinality {
    #[default]
    OneToOne,
    ManyToOne,
    OneToMany,
}

/// How series of both sides of a binary operation find each other.
#[derive(Debug)]
pub(crate) struct Matching {
    pub(crate) cardinality: Cardinality,
    /// `on` instead of `ignoring`.
    pub(crate) on: bool,
    pub(crate) labels: Vec<String>,
    /// Labels taken over from the "one" side.
    pub(crate) include: Vec<String>,
    pub(crate) return_bool: bool,
    pub(crate) fill_left: Option<f64>,
    pub(crate) fill_right: Option<f64>,
}

impl ValueType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }

    /// Its name in the API.
    pub(crate) fn short_name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "vector",
            Self::Matrix => "matrix",
        }
    }
}

impl BinaryOp {
    pub(crate) fn is_comparison(self) -> bool {
        use BinaryOp::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual};
        matches!(self, Equal | NotEqual | Greater | GreaterEqual | Less | LessEqual)
    }

    pub(crate) fn is_trim(self) -> bool {
        matches!(self, Self::TrimUpper | Self::TrimLower)
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }
}

impl AggregateOp {
    const ALL: [Self; 14] = [
        Self::Sum,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Count,
        Self::Group,
        Self::Stddev,
        Self::Stdvar,
        Self::TopK,
        Self::BottomK,
        Self::Quantile,
        Self::CountValues,
        Self::LimitK,
        Self::LimitRatio,
    ];

    /// The aggregation of a name in any case.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.name().eq_ignore_ascii_case(name))
    }

    /// The names of all.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::name)
    }

    /// Whether it takes a parameter before the vector.
    pub(crate) fn has_param(self) -> bool {
        use AggregateOp::{BottomK, CountValues, LimitK, LimitRatio, Quantile, TopK};
        matches!(self, TopK | BottomK | Quantile | CountValues | LimitK | LimitRatio)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::TopK => "topk",
            Self::BottomK => "bottomk",
            Self::Quantile => "quantile",
            Self::CountValues => "count_values",
            Self::LimitK => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }
}

impl Expr {
    pub(crate) fn value_type(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::String(_) | Kind::InvalidText(_) => ValueType::String,
            Kind::Vector(_) | Kind::Aggregate { .. } => ValueType::Vector,
            Kind::Matrix { .. } | Kind::Subquery { .. } => ValueType::Matrix,
            Kind::Call { function, .. } => functions::return_type(function),
            Kind::Binary { left, right, .. } => {
                let scalars = left.value_type() == ValueType::Scalar && right.value_type() == ValueType::Scalar;
                if scalars { ValueType::Scalar } else { ValueType::Vector }
            }
            Kind::Negate(expr) => expr.value_type(),
        }
    }

    /// Whether the value is the same at every step, so that one step is enough to know it.
    pub(crate) fn is_step_invariant(&self) -> bool {
        match &self.kind {
            Kind::Number(_) | Kind::String(_) | Kind::InvalidText(_) => true,
            Kind::Vector(selector) | Kind::Matrix { selector, .. } => selector.shift.at.is_some(),
            Kind::Subquery { shift, .. } => shift.at.is_some(),
            Kind::Call { function, args } => {
                let reads_clock = match *function {
                    "time" | "predict_linear" | "timestamp" | "info" => true,
                    "year" | "month" | "day_of_month" | "day_of_week" | "day_of_year" | "days_in_month" | "hour"
                    | "minute" => args.is_empty(),
                    _ => false,
                };
                !reads_clock && args.iter().all(Expr::is_step_invariant)
            }
            Kind::Aggregate { expr, param, .. } => {
                expr.is_step_invariant() && param.as_ref().is_none_or(|param| param.is_step_invariant())
            }
            Kind::Binary { left, right, .. } => left.is_step_invariant() && right.is_step_invariant(),
            Kind::Negate(expr) => expr.is_step_invariant(),
        }
    }
}
