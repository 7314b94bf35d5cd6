//! From the tree as written to the tree that is evaluated: types are checked, durations and names resolved.

use std::sync::Arc;

use super::Times;
use crate::Matcher;
use crate::ast::{AggregateOp, BinaryOp, Cardinality};
use crate::ast::{Expr, Extended, Grouping, Kind, Matching, Selector, TimeShift, ValueType};
use crate::error::QueryError;
use crate::functions::Signature;
use crate::syntax::{Duration, MatchingNode, Node, NodeKind, SelectorNode, ShiftNode};

const SCALAR_OR_VECTOR: [ValueType; 2] = [ValueType::Scalar, ValueType::Vector];

/// Checks and resolves a tree.
pub(super) fn lower(query: &str, node: &Node, times: Times) -> Result<Expr, QueryError> {
    Lowering { query, times }.expression(node)
}

struct Lowering<'q> {
    query: &'q str,
    times: Times,
}

impl Lowering<'_> {
    fn expression(&self, node: &Node) -> Result<Expr, QueryError> {
        let position = node.start;
        let kind = match &node.kind {
            NodeKind::Number { value, .. } => Kind::Number(*value),
            NodeKind::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Kind::String(Arc::from(text)),
                Err(_) => Kind::InvalidText(Arc::from(bytes.escape_ascii().to_string())),
            },
            // What is said of it is said of its parenthesis.
            NodeKind::Paren(inner) => return Ok(Expr { position, ..self.expression(inner)? }),
            NodeKind::Unary { negative, expr } => {
                let inner = self.expression(expr)?;
                if !SCALAR_OR_VECTOR.contains(&inner.value_type()) {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                        inner.value_type().name()
                    );
                    return Err(self.error(position, message));
                }
                if !negative {
                    return Ok(inner);
                }
                Kind::Negate(Box::new(inner))
            }
            NodeKind::Vector(selector) => Kind::Vector(self.selector(selector, position, false)?),
            NodeKind::Matrix { selector, range } => {
                let range = self.length(range, position)?;
                Kind::Matrix { selector: self.selector(selector, position, false)?, range }
            }
            NodeKind::Subquery { expr, range, step, shift } => {
                let inner = self.expression(expr)?;
                if inner.value_type() != ValueType::Vector {
                    let actual = inner.value_type().name();
                    let message = format!("subquery is only allowed on instant vector, got {actual} instead");
                    return Err(self.error(position, message));
                }
                let range = self.length(range, position)?;
                let step = step.as_ref().map(|step| self.length(step, position)).transpose()?;
                Kind::Subquery { expr: Box::new(inner), range, step, shift: self.shift(shift, position)? }
            }
            NodeKind::Call { function, args } => self.call(function, args, position)?,
            NodeKind::Aggregate { op, param, expr, without, grouping } => {
                let param = param.as_ref().map(|param| self.parameter(*op, param)).transpose()?.map(Box::new);
                let expr = Box::new(self.expression(expr)?);
                self.expect_type(&expr, ValueType::Vector, "aggregation expression")?;
                let grouping = Grouping { without: *without, labels: grouping.clone() };
                Kind::Aggregate { op: *op, expr, param, grouping }
            }
            NodeKind::Binary { op, op_start, left, right, matching } => {
                self.binary(*op, *op_start, left, right, matching)?
            }
        };
        Ok(Expr { position, kind })
    }

    fn selector(&self, node: &SelectorNode, position: usize, any: bool) -> Result<Selector, QueryError> {
        if !any && node.matchers.iter().all(Matcher::accepts_empty) {
            return Err(self.error(position, "vector selector must contain at least one non-empty matcher"));
        }
        let shift = self.shift(&node.shift, position)?;
        Ok(Selector { position, matchers: node.matchers.clone(), shift, extended: node.extended })
    }

    fn shift(&self, shift: &ShiftNode, position: usize) -> Result<TimeShift, QueryError> {
        let offset = shift.offset.as_ref().map_or(Ok(0), |offset| self.milliseconds(offset, position))?;
        Ok(TimeShift { at: shift.at, offset })
    }

    fn length(&self, duration: &Duration, position: usize) -> Result<i64, QueryError> {
        match self.milliseconds(duration, position)? {
            length if length > 0 => Ok(length),
            _ => Err(self.error(position, "duration must be greater than 0")),
        }
    }

    fn milliseconds(&self, duration: &Duration, position: usize) -> Result<i64, QueryError> {
        let seconds = self.times.seconds(duration).map_err(|reason| self.error(position, reason))?;
        Ok((seconds * 1000.0).round() as i64)
    }

    fn call(&self, function: &'static Signature, args: &[Node], position: usize) -> Result<Kind, QueryError> {
        self.check_count(function, args.len(), position)?;
        let context = format!("call to function {:?}", function.name);
        let mut lowered = Vec::with_capacity(args.len());
        for (i, arg) in args.iter().enumerate() {
            let lone = if function.name == "info" && i == 1 { Some(self.label_selector(arg, &context)?) } else { None };
            let expr = lone.map_or_else(|| self.expression(arg), Ok)?;
            if let Some(wanted) = function.args.get(i).or(function.args.last()) {
                self.expect_type(&expr, *wanted, &context)?;
            }
            check_extended(function.name, &expr)?;
            lowered.push(expr);
        }
        Ok(Kind::Call { function: function.name, args: lowered })
    }

    fn check_count(&self, function: &Signature, given: usize, position: usize) -> Result<(), QueryError> {
        let (name, min, max) = (function.name, function.min, function.max);
        let wanted = match () {
            () if (min..=max).contains(&given) => return Ok(()),
            () if min == max => min.to_string(),
            () if given < min => format!("at least {min}"),
            () => format!("at most {max}"),
        };
        Err(self.error(position, format!("expected {wanted} argument(s) in call to {name:?}, got {given}")))
    }

    /// The second argument of `info`: label matchers alone, of which all may accept that a label is missing.
    fn label_selector(&self, arg: &Node, context: &str) -> Result<Expr, QueryError> {
        let position = arg.start;
        let NodeKind::Vector(selector) = &arg.unwrapped().kind else {
            let actual = self.expression(arg)?.value_type().name();
            let message = format!("expected type {} in {context}, got {actual}", ValueType::Vector.name());
            return Err(self.error(position, message));
        };
        if !selector.name.is_empty() {
            return Err(self.error(position, "expected label selectors only, got vector selector instead"));
        }
        Ok(Expr { position, kind: Kind::Vector(self.selector(selector, position, true)?) })
    }

    fn parameter(&self, op: AggregateOp, param: &Node) -> Result<Expr, QueryError> {
        let expr = self.expression(param)?;
        let wanted = if op == AggregateOp::CountValues { ValueType::String } else { ValueType::Scalar };
        self.expect_type(&expr, wanted, "aggregation parameter")?;
        Ok(expr)
    }

    fn binary(
        &self,
        op: BinaryOp,
        op_start: usize,
        left: &Node,
        right: &Node,
        matching: &MatchingNode,
    ) -> Result<Kind, QueryError> {
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        for side in [&left, &right] {
            if !SCALAR_OR_VECTOR.contains(&side.value_type()) {
                let message = "binary expression must contain only scalar and instant vector types";
                return Err(self.error(side.position, message));
            }
        }
        let scalars = [&left, &right].into_iter().filter(|side| side.value_type() == ValueType::Scalar).count();
        if op.is_comparison() && scalars == 2 && !matching.return_bool {
            return Err(self.error(op_start, "comparisons between scalars must use BOOL modifier"));
        }
        if op.is_trim() && scalars == 2 {
            let message = format!("operator {:?} needs a histogram, both sides are scalars", op.symbol());
            return Err(self.error(op_start, message));
        }
        if op.is_set() && scalars > 0 {
            let message = format!("set operator {:?} not allowed in binary scalar expression", op.symbol());
            return Err(self.error(left.position, message));
        }
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if scalars > 0 && (matching.on.is_some() || matching.cardinality != Cardinality::OneToOne || fills) {
            return Err(self.error(left.position, "vector matching only allowed between instant vectors"));
        }
        let matching = Matching {
            cardinality: matching.cardinality,
            on: matching.on == Some(true),
            labels: matching.labels.clone(),
            include: matching.include.clone(),
            return_bool: matching.return_bool,
            fill_left: matching.fill_left,
            fill_right: matching.fill_right,
        };
        Ok(Kind::Binary { op, left: Box::new(left), right: Box::new(right), matching })
    }

    fn expect_type(&self, expr: &Expr, wanted: ValueType, context: &str) -> Result<(), QueryError> {
        let actual = expr.value_type();
        if actual == wanted {
            return Ok(());
        }
        let message = format!("expected type {} in {context}, got {}", wanted.name(), actual.name());
        Err(self.error(expr.position, message))
    }

    fn error(&self, position: usize, message: impl Into<String>) -> QueryError {
        QueryError::parse(self.query, position, message)
    }
}

/// Only functions of changes know what to do with values at the ends of a range.
fn check_extended(function: &str, arg: &Expr) -> Result<(), QueryError> {
    let Kind::Matrix { selector, .. } = &arg.kind else { return Ok(()) };
    let Some(extended) = selector.extended else { return Ok(()) };
    let allowed: &[&str] = match extended {
        Extended::Anchored => &["changes", "delta", "increase", "rate", "resets"],
        Extended::Smoothed => &["delta", "increase", "rate"],
    };
    if allowed.contains(&function) {
        return Ok(());
    }
    let (name, allowed) = (extended.name(), allowed.join(", "));
    Err(QueryError::Execution(format!("{name} modifier can only be used with: {allowed} - not with {function}")))
}
