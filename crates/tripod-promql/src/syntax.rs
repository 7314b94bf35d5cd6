//! A query as it was written: the tree that the parser makes, that is laid out and shown, and lowered to what is evaluated.

mod duration;
mod json;
mod print;

pub(crate) use duration::{Duration, DurationOp};
pub(crate) use json::to_json;
pub(crate) use print::pretty;

use crate::Matcher;
use crate::ast::{AggregateOp, At, BinaryOp, Cardinality, Extended};
use crate::functions::Signature;

/// A part of a query and its bytes there.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Levels below, this one included.
    pub(crate) depth: usize,
    pub(crate) kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(crate) enum NodeKind {
    Number {
        value: f64,
        /// Written as a duration, such as `5m`.
        as_duration: bool,
    },
    /// Bytes: escapes can make what is no text.
    Text(Vec<u8>),
    Paren(Box<Node>),
    Unary {
        negative: bool,
        expr: Box<Node>,
    },
    Vector(Box<SelectorNode>),
    Matrix {
        selector: Box<SelectorNode>,
        range: Box<Duration>,
    },
    Subquery {
        expr: Box<Node>,
        range: Box<Duration>,
        step: Option<Box<Duration>>,
        shift: Box<ShiftNode>,
    },
    Call {
        function: &'static Signature,
        args: Vec<Node>,
    },
    Aggregate {
        op: AggregateOp,
        param: Option<Box<Node>>,
        expr: Box<Node>,
        without: bool,
        grouping: Vec<String>,
    },
    Binary {
        op: BinaryOp,
        /// Where the operator stands.
        op_start: usize,
        left: Box<Node>,
        right: Box<Node>,
        matching: Box<MatchingNode>,
    },
}

/// Which series, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct SelectorNode {
    /// The name in front of the braces.
    pub(crate) name: String,
    /// All conditions; the one of the name in front of the braces is last.
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) shift: ShiftNode,
    pub(crate) extended: Option<Extended>,
}

/// `@` and `offset`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShiftNode {
    pub(crate) at: Option<At>,
    pub(crate) offset: Option<Duration>,
}

/// What stands between an operator and its right side.
#[derive(Debug, Clone, Default)]
pub(crate) struct MatchingNode {
    pub(crate) return_bool: bool,
    /// `on` (true) or `ignoring` (false), if written.
    pub(crate) on: Option<bool>,
    pub(crate) labels: Vec<String>,
    pub(crate) cardinality: Cardinality,
    pub(crate) include: Vec<String>,
    pub(crate) fill_left: Option<f64>,
    pub(crate) fill_right: Option<f64>,
}

impl Node {
    /// The expression without the parentheses around it.
    pub(crate) fn unwrapped(&self) -> &Node {
        match &self.kind {
            NodeKind::Paren(inner) => inner.unwrapped(),
            _ => self,
        }
    }
}
