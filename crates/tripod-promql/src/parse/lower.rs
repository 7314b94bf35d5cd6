//! Walks the grammar's tree and the tokens side by side, and builds the tree that is evaluated.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use promql_parser::label::{MatchOp as ParsedOp, Matchers};
use promql_parser::parser as parsed;
use promql_parser::parser::token::{self, TokenType};

use super::MAX_DEPTH;
use super::tokens::{Token, TokenKind, unquote};
use crate::ast::{
    AggregateOp, At, BinaryOp, Cardinality, Expr, Grouping, Kind, Matching, Selector, TimeShift, ValueType,
};
use crate::error::QueryError;
use crate::functions::{self, Signature};
use crate::labels::METRIC_NAME;
use crate::{MatchOp, Matcher};

pub(super) struct Lowering<'q> {
    query: &'q str,
    tokens: &'q [Token<'q>],
    at: usize,
    depth: usize,
}

impl<'q> Lowering<'q> {
    pub(super) fn new(query: &'q str, tokens: &'q [Token<'q>]) -> Self {
        Self { query, tokens, at: 0, depth: 0 }
    }

    pub(super) fn expression(&mut self, expr: &parsed::Expr) -> Result<Expr, QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.position(), format!("expressions nest deeper than {MAX_DEPTH} levels")));
        }
        let lowered = self.node(expr);
        self.depth -= 1;
        lowered
    }

    fn node(&mut self, expr: &parsed::Expr) -> Result<Expr, QueryError> {
        match expr {
            parsed::Expr::Paren(paren) => {
                self.skip("+");
                self.skip("(");
                let inner = self.expression(&paren.expr)?;
                self.skip(")");
                Ok(inner)
            }
            parsed::Expr::NumberLiteral(number) => {
                while self.peek_is("+") || self.peek_is("-") {
                    self.at += 1;
                }
                Ok(self.leaf(Kind::Number(number.val)))
            }
            parsed::Expr::StringLiteral(string) => Ok(self.text(&string.val)),
            parsed::Expr::Unary(unary) => self.negation(&unary.expr),
            parsed::Expr::VectorSelector(selector) => self.vector(selector),
            parsed::Expr::MatrixSelector(matrix) => self.matrix(matrix),
            parsed::Expr::Subquery(subquery) => self.subquery(subquery),
            parsed::Expr::Call(call) => self.call(call),
            parsed::Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            parsed::Expr::Binary(binary) => self.binary(binary),
            parsed::Expr::Extension(_) => Err(self.error(self.position(), "this syntax is not part of PromQL")),
        }
    }

    fn leaf(&mut self, kind: Kind) -> Expr {
        let position = self.position();
        self.at += 1;
        Expr { position, kind }
    }

    /// A string. The grammar reads `\xNN` as a character; it is a byte, so the token is read again.
    fn text(&mut self, parsed: &str) -> Expr {
        let bytes = self.peek().filter(|token| token.kind == TokenKind::Text).map(|token| unquote(token.text));
        let kind = match bytes.map(String::from_utf8) {
            None => Kind::String(Arc::from(parsed)),
            Some(Ok(text)) => Kind::String(Arc::from(text)),
            Some(Err(error)) => Kind::InvalidText(Arc::from(error.as_bytes().escape_ascii().to_string())),
        };
        self.leaf(kind)
    }

    fn negation(&mut self, inner: &parsed::Expr) -> Result<Expr, QueryError> {
        while self.peek_is("+") {
            self.at += 1;
        }
        let position = self.position();
        self.skip("-");
        let expr = self.expression(inner)?;
        self.expect_type(&expr, &[ValueType::Scalar, ValueType::Vector], "unary expression")?;
        Ok(Expr { position, kind: Kind::Negate(Box::new(expr)) })
    }

    fn vector(&mut self, selector: &parsed::VectorSelector) -> Result<Expr, QueryError> {
        let (position, selector) = self.selector(selector)?;
        self.skip_shift();
        Ok(Expr { position, kind: Kind::Vector(selector) })
    }

    fn matrix(&mut self, matrix: &parsed::MatrixSelector) -> Result<Expr, QueryError> {
        let (position, selector) = self.selector(&matrix.vs)?;
        self.skip_brackets("[", "]");
        self.skip_shift();
        let range = self.milliseconds(matrix.range, position)?;
        Ok(Expr { position, kind: Kind::Matrix { selector, range } })
    }

    fn selector(&mut self, selector: &parsed::VectorSelector) -> Result<(usize, Selector), QueryError> {
        while self.peek_is("+") {
            self.at += 1;
        }
        let position = self.position();
        if self.peek().is_some_and(|token| token.kind == TokenKind::Word) {
            self.at += 1;
        }
        self.skip_brackets("{", "}");
        let matchers = self.matchers(selector.name.as_deref(), &selector.matchers, position)?;
        let shift = self.shift(selector.at.as_ref(), selector.offset.as_ref(), position)?;
        Ok((position, Selector { matchers, shift }))
    }

    fn matchers(&self, name: Option<&str>, parsed: &Matchers, position: usize) -> Result<Vec<Matcher>, QueryError> {
        if !parsed.or_matchers.is_empty() {
            return Err(self.error(position, "\"or\" is not allowed between label matchers, only \",\""));
        }
        if name.is_none() && parsed.is_empty_matchers() {
            let message = "vector selector must contain at least one non-empty matcher";
            return Err(self.error(position, message));
        }
        let name = name.map(|name| (METRIC_NAME.to_owned(), MatchOp::Equal, name.to_owned()));
        let others = parsed.matchers.iter().map(|matcher| {
            let op = match matcher.op {
                ParsedOp::Equal => MatchOp::Equal,
                ParsedOp::NotEqual => MatchOp::NotEqual,
                ParsedOp::Re(_) => MatchOp::Regex,
                ParsedOp::NotRe(_) => MatchOp::NotRegex,
            };
            (matcher.name.clone(), op, matcher.value.clone())
        });
        Ok(name.into_iter().chain(others).map(|(name, op, value)| Matcher { name, op, value }).collect())
    }

    fn subquery(&mut self, subquery: &parsed::SubqueryExpr) -> Result<Expr, QueryError> {
        let expr = self.expression(&subquery.expr)?;
        self.skip_brackets("[", "]");
        self.skip_shift();
        let position = expr.position;
        self.expect_type(&expr, &[ValueType::Vector, ValueType::Scalar], "subquery")?;
        let range = self.milliseconds(subquery.range, position)?;
        let step = subquery.step.map(|step| self.milliseconds(step, position)).transpose()?;
        let shift = self.shift(subquery.at.as_ref(), subquery.offset.as_ref(), position)?;
        Ok(Expr { position, kind: Kind::Subquery { expr: Box::new(expr), range, step, shift } })
    }

    fn call(&mut self, call: &parsed::Call) -> Result<Expr, QueryError> {
        while self.peek_is("+") {
            self.at += 1;
        }
        let position = self.position();
        let Some(signature) = functions::signature(call.func.name) else {
            let message = format!("function {:?} is not implemented", call.func.name);
            return Err(self.error(position, message));
        };
        self.at += 1;
        self.skip("(");
        let mut args = Vec::with_capacity(call.args.args.len());
        for arg in &call.args.args {
            args.push(self.expression(arg)?);
            self.skip(",");
        }
        self.skip(")");
        self.check_arguments(position, signature, &args)?;
        Ok(Expr { position, kind: Kind::Call { function: signature.name, args } })
    }

    fn check_arguments(&self, position: usize, signature: &Signature, args: &[Expr]) -> Result<(), QueryError> {
        let (name, min, max) = (signature.name, signature.min, signature.max);
        if args.len() < min || args.len() > max {
            let wanted = match max {
                _ if min == max => format!("exactly {min}"),
                usize::MAX => format!("at least {min}"),
                _ => format!("{min} to {max}"),
            };
            let message = format!("expected {wanted} argument(s) in call to {name:?}, got {}", args.len());
            return Err(self.error(position, message));
        }
        let context = format!("call to function {name:?}");
        for (i, arg) in args.iter().enumerate() {
            let kind = signature.args.get(i).or(signature.args.last());
            kind.map_or(Ok(()), |kind| self.expect_type(arg, &[*kind], &context))?;
        }
        Ok(())
    }

    fn aggregate(&mut self, aggregate: &parsed::AggregateExpr) -> Result<Expr, QueryError> {
        while self.peek_is("+") {
            self.at += 1;
        }
        let position = self.position();
        let op = self.aggregate_op(aggregate.op, position)?;
        self.at += 1;
        self.skip_grouping();
        self.skip("(");
        let mut param = None;
        if let Some(parsed) = &aggregate.param {
            let expr = self.expression(parsed)?;
            let wanted = if op == AggregateOp::CountValues { ValueType::String } else { ValueType::Scalar };
            self.expect_type(&expr, &[wanted], &format!("aggregation parameter of {:?}", op.name()))?;
            param = Some(Box::new(expr));
            self.skip(",");
        }
        let expr = Box::new(self.expression(&aggregate.expr)?);
        self.expect_type(&expr, &[ValueType::Vector], "aggregation expression")?;
        self.skip(",");
        self.skip(")");
        self.skip_grouping();
        let grouping = match &aggregate.modifier {
            None => Grouping::default(),
            Some(parsed::LabelModifier::Include(by)) => Grouping { without: false, labels: by.labels.clone() },
            Some(parsed::LabelModifier::Exclude(without)) => Grouping { without: true, labels: without.labels.clone() },
        };
        Ok(Expr { position, kind: Kind::Aggregate { op, expr, param, grouping } })
    }

    fn aggregate_op(&self, op: TokenType, position: usize) -> Result<AggregateOp, QueryError> {
        Ok(match op.id() {
            token::T_SUM => AggregateOp::Sum,
            token::T_AVG => AggregateOp::Avg,
            token::T_MIN => AggregateOp::Min,
            token::T_MAX => AggregateOp::Max,
            token::T_COUNT => AggregateOp::Count,
            token::T_GROUP => AggregateOp::Group,
            token::T_STDDEV => AggregateOp::Stddev,
            token::T_STDVAR => AggregateOp::Stdvar,
            token::T_TOPK => AggregateOp::TopK,
            token::T_BOTTOMK => AggregateOp::BottomK,
            token::T_QUANTILE => AggregateOp::Quantile,
            token::T_COUNT_VALUES => AggregateOp::CountValues,
            token::T_LIMITK => AggregateOp::LimitK,
            token::T_LIMIT_RATIO => AggregateOp::LimitRatio,
            _ => return Err(self.error(position, format!("aggregation {op} is not implemented"))),
        })
    }

    fn binary(&mut self, binary: &parsed::BinaryExpr) -> Result<Expr, QueryError> {
        let left = self.expression(&binary.lhs)?;
        let operator = self.position();
        let op = self.binary_op(binary.op, operator)?;
        self.at += 1;
        self.skip_matching();
        let right = self.expression(&binary.rhs)?;
        let context = format!("binary expression with {:?}", op.symbol());
        for side in [&left, &right] {
            self.expect_type(side, &[ValueType::Scalar, ValueType::Vector], &context)?;
        }
        let matching = matching(binary.modifier.as_ref());
        let scalars = [&left, &right].into_iter().filter(|side| side.value_type() == ValueType::Scalar).count();
        if op.is_comparison() && scalars == 2 && !matching.return_bool {
            return Err(self.error(operator, "comparisons between scalars must use BOOL modifier"));
        }
        if op.is_set() && scalars > 0 {
            let message = format!("set operator {:?} not allowed in binary scalar expression", op.symbol());
            return Err(self.error(operator, message));
        }
        let position = left.position;
        Ok(Expr { position, kind: Kind::Binary { op, left: Box::new(left), right: Box::new(right), matching } })
    }

    fn binary_op(&self, op: TokenType, position: usize) -> Result<BinaryOp, QueryError> {
        Ok(match op.id() {
            token::T_ADD => BinaryOp::Add,
            token::T_SUB => BinaryOp::Sub,
            token::T_MUL => BinaryOp::Mul,
            token::T_DIV => BinaryOp::Div,
            token::T_MOD => BinaryOp::Mod,
            token::T_POW => BinaryOp::Pow,
            token::T_ATAN2 => BinaryOp::Atan2,
            token::T_EQLC => BinaryOp::Equal,
            token::T_NEQ => BinaryOp::NotEqual,
            token::T_GTR => BinaryOp::Greater,
            token::T_GTE => BinaryOp::GreaterEqual,
            token::T_LSS => BinaryOp::Less,
            token::T_LTE => BinaryOp::LessEqual,
            token::T_LAND => BinaryOp::And,
            token::T_LOR => BinaryOp::Or,
            token::T_LUNLESS => BinaryOp::Unless,
            _ => return Err(self.error(position, format!("operator {op} is not implemented"))),
        })
    }

    fn shift(
        &self,
        at: Option<&parsed::AtModifier>,
        offset: Option<&parsed::Offset>,
        position: usize,
    ) -> Result<TimeShift, QueryError> {
        let at = match at {
            None => None,
            Some(parsed::AtModifier::Start) => Some(At::Start),
            Some(parsed::AtModifier::End) => Some(At::End),
            Some(parsed::AtModifier::At(time)) => Some(At::Time(self.time(*time, position)?)),
        };
        let offset = match offset {
            None => 0,
            Some(parsed::Offset::Pos(by)) => self.milliseconds(*by, position)?,
            Some(parsed::Offset::Neg(by)) => -self.milliseconds(*by, position)?,
        };
        Ok(TimeShift { at, offset })
    }

    fn time(&self, time: SystemTime, position: usize) -> Result<i64, QueryError> {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => self.milliseconds(after, position),
            Err(before) => Ok(-self.milliseconds(before.duration(), position)?),
        }
    }

    /// A duration in milliseconds, within a range that can be added to any time without overflow.
    fn milliseconds(&self, duration: Duration, position: usize) -> Result<i64, QueryError> {
        let milliseconds = i64::try_from(duration.as_millis()).ok().filter(|value| *value < i64::MAX / 16);
        milliseconds.ok_or_else(|| self.error(position, "duration or time out of range"))
    }

    fn expect_type(&self, expr: &Expr, allowed: &[ValueType], context: &str) -> Result<(), QueryError> {
        let actual = expr.value_type();
        if allowed.contains(&actual) {
            return Ok(());
        }
        let names: Vec<_> = allowed.iter().map(|kind| kind.name()).collect();
        let message = format!("expected type {} in {context}, got {}", names.join(" or "), actual.name());
        Err(self.error(expr.position, message))
    }

    fn error(&self, position: usize, message: impl Into<String>) -> QueryError {
        QueryError::parse(self.query, position, message)
    }

    fn position(&self) -> usize {
        self.peek().map_or(self.query.len(), |token| token.offset)
    }

    fn peek(&self) -> Option<&'q Token<'q>> {
        self.tokens.get(self.at)
    }

    fn peek_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.is(text))
    }

    fn skip(&mut self, text: &str) -> bool {
        let here = self.peek_is(text);
        self.at += usize::from(here);
        here
    }

    /// From an opening bracket, if it is next, behind the one that closes it.
    fn skip_brackets(&mut self, open: &str, close: &str) {
        if !self.peek_is(open) {
            return;
        }
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            self.at += 1;
            if token.is(open) {
                depth += 1;
            } else if token.is(close) {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    fn skip_grouping(&mut self) {
        if self.skip("by") || self.skip("without") {
            self.skip_brackets("(", ")");
        }
    }

    fn skip_matching(&mut self) {
        self.skip("bool");
        for keyword in ["on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right", "fill_left"] {
            if self.skip(keyword) {
                self.skip_brackets("(", ")");
            }
        }
    }

    fn skip_shift(&mut self) {
        while self.peek_is("offset") || self.peek_is("@") {
            self.at += 1;
            while self.peek_is("-") || self.peek_is("+") {
                self.at += 1;
            }
            self.at += 1;
            if self.peek_is("(") {
                self.skip_brackets("(", ")");
            }
        }
    }
}

fn matching(modifier: Option<&parsed::BinModifier>) -> Matching {
    let mut matching = Matching {
        cardinality: Cardinality::OneToOne,
        on: false,
        labels: Vec::new(),
        include: Vec::new(),
        return_bool: false,
        fill_left: None,
        fill_right: None,
    };
    let Some(modifier) = modifier else { return matching };
    matching.return_bool = modifier.return_bool;
    matching.on = modifier.is_matching_on();
    if let Some(labels) = &modifier.matching {
        matching.labels.clone_from(&labels.labels().labels);
    }
    match &modifier.card {
        parsed::VectorMatchCardinality::ManyToOne(include) => {
            matching.cardinality = Cardinality::ManyToOne;
            matching.include.clone_from(&include.labels);
        }
        parsed::VectorMatchCardinality::OneToMany(include) => {
            matching.cardinality = Cardinality::OneToMany;
            matching.include.clone_from(&include.labels);
        }
        _ => {}
    }
    matching.fill_left = modifier.fill_values.lhs;
    matching.fill_right = modifier.fill_values.rhs;
    matching
}
