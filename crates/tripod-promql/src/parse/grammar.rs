//! The grammar: expressions by precedence, calls, aggregations and what stands between two vectors. Each error names the place and
//! what was expected there.

use super::MAX_DEPTH;
use super::lex::{Token, TokenKind, unquote};
use super::suggest;
use crate::ast::{AggregateOp, BinaryOp, Cardinality};
use crate::error::QueryError;
use crate::functions;
use crate::syntax::{MatchingNode, Node, NodeKind};

/// Words that a metric cannot be called where an expression starts.
const RESERVED: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

pub(super) struct Parser<'q> {
    pub(super) query: &'q str,
    pub(super) tokens: &'q [Token<'q>],
    pub(super) at: usize,
    /// Calls that are under way.
    depth: usize,
}

/// Parses a whole query.
pub(super) fn parse(query: &str, tokens: &[Token<'_>]) -> Result<Node, QueryError> {
    let mut parser = Parser { query, tokens, at: 0, depth: 0 };
    let node = parser.expression(0)?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.unexpected("an operator or the end of the query")),
    }
}

/// How tightly operators bind; `^` is the only one that groups to the right.
fn precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        _ if op.is_comparison() => 3,
        BinaryOp::TrimUpper | BinaryOp::TrimLower => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Pow => POWER,
        _ => 5,
    }
}

const POWER: u8 = 6;

impl<'q> Parser<'q> {
    /// An expression of operators that bind at least this tightly.
    pub(super) fn expression(&mut self, min: u8) -> Result<Node, QueryError> {
        self.enter()?;
        let mut left = self.unary()?;
        while let Some(op) = self.peek().and_then(operator).filter(|op| precedence(*op) >= min) {
            let op_start = self.position();
            self.at += 1;
            let matching = self.matching(op)?;
            let right = self.expression(if op == BinaryOp::Pow { POWER } else { precedence(op) + 1 })?;
            let (start, end) = (left.start, right.end);
            let matching = Box::new(matching);
            let kind = NodeKind::Binary { op, op_start, left: Box::new(left), right: Box::new(right), matching };
            left = self.node(start, end, kind)?;
        }
        self.leave();
        Ok(left)
    }

    /// Counts a call that may call itself; [`leave`](Self::leave) when it is over.
    pub(super) fn enter(&mut self) -> Result<(), QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.too_deep(self.position())) } else { Ok(()) }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn too_deep(&self, position: usize) -> QueryError {
        self.error(position, format!("expressions nest deeper than {MAX_DEPTH} levels"))
    }

    /// A sign binds like `*`: `-2 ^ 2` is `-(2 ^ 2)`.
    fn unary(&mut self) -> Result<Node, QueryError> {
        let Some(sign) = self.peek().filter(|token| token.is("+") || token.is("-")) else { return self.operand() };
        self.at += 1;
        let expr = self.expression(POWER)?;
        let (negative, start, end) = (sign.is("-"), sign.offset, expr.end);
        if let NodeKind::Number { value, as_duration } = expr.kind {
            let value = if negative { -value } else { value };
            return self.node(start, end, NodeKind::Number { value, as_duration });
        }
        self.node(start, end, NodeKind::Unary { negative, expr: Box::new(expr) })
    }

    fn operand(&mut self) -> Result<Node, QueryError> {
        let Some(token) = self.peek().copied() else { return Err(self.unexpected("an expression")) };
        let (start, end) = (token.offset, token.end());
        let node = match token.kind {
            TokenKind::Number(value) => {
                self.at += 1;
                self.node(start, end, NodeKind::Number { value, as_duration: false })?
            }
            TokenKind::Duration(value) => {
                self.at += 1;
                self.node(start, end, NodeKind::Number { value, as_duration: true })?
            }
            TokenKind::Text => {
                let bytes = unquote(token.text).map_err(|reason| self.error(start, reason))?;
                self.at += 1;
                self.node(start, end, NodeKind::Text(bytes))?
            }
            TokenKind::Symbol if token.is("(") => {
                self.at += 1;
                let inner = self.expression(0)?;
                let end = self.expect(")", "an operator or \")\"")?;
                self.node(start, end, NodeKind::Paren(Box::new(inner)))?
            }
            TokenKind::Symbol if token.is("{") => self.selector()?,
            TokenKind::Symbol => return Err(self.unexpected("an expression")),
            TokenKind::Name => self.named(token)?,
        };
        self.suffixes(node)
    }

    /// An aggregation, a call or a selector.
    fn named(&mut self, token: Token<'q>) -> Result<Node, QueryError> {
        let next = self.tokens.get(self.at + 1);
        let opens = next.is_some_and(|next| next.is("("));
        let groups = next.is_some_and(|next| next.is("by") || next.is("without"));
        if let Some(op) = AggregateOp::of_name(token.text).filter(|_| opens || groups) {
            return self.aggregate(op);
        }
        if let Some(error) = suggest::dotted_name(self.query, self.tokens, self.at) {
            return Err(error);
        }
        if opens {
            return self.call(token);
        }
        if RESERVED.iter().any(|word| token.is(word)) {
            return Err(self.unexpected("an expression"));
        }
        self.selector()
    }

    fn call(&mut self, token: Token<'q>) -> Result<Node, QueryError> {
        let Some(function) = functions::signature(token.text) else {
            return Err(self.error(token.offset, suggest::unknown_function(token.text)));
        };
        self.at += 2;
        let mut args = Vec::new();
        while !self.peek_is(")") {
            args.push(self.expression(0)?);
            if !self.skip(",") {
                break;
            }
            if self.peek_is(")") {
                return Err(self.error(self.position(), "trailing commas not allowed in function call args"));
            }
        }
        let end = self.expect(")", "\",\" or \")\"")?;
        self.node(token.offset, end, NodeKind::Call { function, args })
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Node, QueryError> {
        let start = self.position();
        self.at += 1;
        let mut grouping = self.grouping()?;
        self.expect("(", "\"(\"")?;
        let mut args = Vec::new();
        while !self.peek_is(")") {
            args.push(self.expression(0)?);
            if !self.skip(",") {
                break;
            }
        }
        let mut end = self.expect(")", "\",\" or \")\"")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
            end = self.tokens[self.at - 1].end();
        }
        let wanted = 1 + usize::from(op.has_param());
        if args.len() != wanted {
            let message = match args.len() {
                0 => "no arguments for aggregate expression provided".to_owned(),
                given => format!(
                    "wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"
                ),
            };
            return Err(self.error(start, message));
        }
        let mut args = args.into_iter().map(Box::new);
        let param = if op.has_param() { args.next() } else { None };
        let Some(expr) = args.next() else { return Err(self.unexpected("an expression")) };
        let (without, grouping) = grouping.unwrap_or_default();
        self.node(start, end, NodeKind::Aggregate { op, param, expr, without, grouping })
    }

    /// `by (…)` or `without (…)`.
    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, QueryError> {
        let without = self.peek_is("without");
        if !without && !self.peek_is("by") {
            return Ok(None);
        }
        self.at += 1;
        Ok(Some((without, self.label_list()?)))
    }

    /// Label names in parentheses.
    fn label_list(&mut self) -> Result<Vec<String>, QueryError> {
        self.expect("(", "\"(\"")?;
        let mut labels = Vec::new();
        while !self.peek_is(")") {
            labels.push(self.label_name()?);
            if !self.skip(",") {
                break;
            }
        }
        self.expect(")", "\",\" or \")\" in grouping opts")?;
        Ok(labels)
    }

    /// A label's name, plain or quoted.
    pub(super) fn label_name(&mut self) -> Result<String, QueryError> {
        let token = self.peek().copied().filter(|token| !matches!(token.kind, TokenKind::Symbol));
        let Some(token) = token else { return Err(self.unexpected("a label name")) };
        self.at += 1;
        match token.kind {
            TokenKind::Text => {
                let bytes = unquote(token.text).map_err(|reason| self.error(token.offset, reason))?;
                let name = String::from_utf8(bytes).ok().filter(|name| !name.is_empty());
                name.ok_or_else(|| self.error(token.offset, format!("invalid label name {}", token.text)))
            }
            // Words such as `inf` and `nan` are names here.
            _ if crate::labels::is_plain_label_name(token.text) => Ok(token.text.to_owned()),
            _ => Err(self.error(
                token.offset,
                format!(
                    "invalid label name {:?}: quote names with characters other than a-z, A-Z, 0-9 and _",
                    token.text
                ),
            )),
        }
    }

    /// `bool`, `on`, `ignoring`, `group_left`, `group_right`, `fill`.
    fn matching(&mut self, op: BinaryOp) -> Result<MatchingNode, QueryError> {
        let mut matching = MatchingNode::default();
        if self.peek_is("bool") {
            if !op.is_comparison() {
                return Err(self.error(self.position(), "bool modifier can only be used on comparison operators"));
            }
            self.at += 1;
            matching.return_bool = true;
        }
        if self.peek_is("on") || self.peek_is("ignoring") {
            matching.on = Some(self.peek_is("on"));
            self.at += 1;
            matching.labels = self.label_list()?;
            self.cardinality(op, &mut matching)?;
        }
        self.fills(op, &mut matching)?;
        Ok(matching)
    }

    fn cardinality(&mut self, op: BinaryOp, matching: &mut MatchingNode) -> Result<(), QueryError> {
        let position = self.position();
        matching.cardinality = if self.skip("group_left") {
            Cardinality::ManyToOne
        } else if self.skip("group_right") {
            Cardinality::OneToMany
        } else {
            return Ok(());
        };
        if op.is_set() {
            return Err(self.error(position, format!("no grouping allowed for {:?} operation", op.symbol())));
        }
        if self.peek_is("(") {
            matching.include = self.label_list()?;
        }
        if matching.on == Some(true)
            && let Some(label) = matching.include.iter().find(|label| matching.labels.contains(label))
        {
            return Err(self.error(position, format!("label {label:?} must not occur in ON and GROUP clause at once")));
        }
        Ok(())
    }

    /// `fill (v)`, `fill_left (v)`, `fill_right (v)`: words that are also fine names of metrics, so the parenthesis decides.
    fn fills(&mut self, op: BinaryOp, matching: &mut MatchingNode) -> Result<(), QueryError> {
        while let Some(token) = self.peek().copied() {
            let opens = self.tokens.get(self.at + 1).is_some_and(|next| next.is("("));
            let (left, right) = match () {
                () if !opens => return Ok(()),
                () if token.is("fill") => (true, true),
                () if token.is("fill_left") => (true, false),
                () if token.is("fill_right") => (false, true),
                () => return Ok(()),
            };
            if op.is_set() {
                return Err(self.error(token.offset, format!("filling is not allowed for {:?} operation", op.symbol())));
            }
            if left && matching.fill_left.is_some() || right && matching.fill_right.is_some() {
                return Err(self.error(token.offset, "a side may not be filled twice"));
            }
            self.at += 2;
            let value = self.signed_number()?;
            self.expect(")", "\")\"")?;
            matching.fill_left = if left { Some(value) } else { matching.fill_left };
            matching.fill_right = if right { Some(value) } else { matching.fill_right };
        }
        Ok(())
    }

    /// A number or duration with any sign.
    pub(super) fn signed_number(&mut self) -> Result<f64, QueryError> {
        let negative = self.peek_is("-");
        if !self.skip("-") {
            self.skip("+");
        }
        match self.peek().map(|token| token.kind) {
            Some(TokenKind::Number(value) | TokenKind::Duration(value)) => {
                self.at += 1;
                Ok(if negative { -value } else { value })
            }
            _ => Err(self.unexpected("a number")),
        }
    }

    pub(super) fn node(&self, start: usize, end: usize, kind: NodeKind) -> Result<Node, QueryError> {
        let depth = 1 + match &kind {
            NodeKind::Paren(inner) | NodeKind::Unary { expr: inner, .. } | NodeKind::Subquery { expr: inner, .. } => {
                inner.depth
            }
            NodeKind::Call { args, .. } => args.iter().map(|arg| arg.depth).max().unwrap_or(0),
            NodeKind::Aggregate { param, expr, .. } => expr.depth.max(param.as_ref().map_or(0, |param| param.depth)),
            NodeKind::Binary { left, right, .. } => left.depth.max(right.depth),
            _ => 0,
        };
        if depth > MAX_DEPTH {
            return Err(self.too_deep(start));
        }
        Ok(Node { start, end, depth, kind })
    }

    pub(super) fn error(&self, position: usize, message: impl Into<String>) -> QueryError {
        QueryError::parse(self.query, position, message)
    }

    /// An error about the next token.
    pub(super) fn unexpected(&self, expected: &str) -> QueryError {
        let found = match self.peek() {
            None => "end of input".to_owned(),
            Some(token) if token.kind == TokenKind::Text => format!("string {}", token.text),
            Some(token) => format!("{:?}", token.text),
        };
        let after = self.at.checked_sub(1).map(|before| format!(" after {:?}", self.tokens[before].text));
        self.error(self.position(), format!("unexpected {found}{}, expected {expected}", after.unwrap_or_default()))
    }

    /// Where the next token is, or the query's end.
    pub(super) fn position(&self) -> usize {
        self.peek().map_or(self.query.len(), |token| token.offset)
    }

    pub(super) fn peek(&self) -> Option<&'q Token<'q>> {
        self.tokens.get(self.at)
    }

    pub(super) fn peek_is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.is(text))
    }

    pub(super) fn skip(&mut self, text: &str) -> bool {
        let here = self.peek_is(text);
        self.at += usize::from(here);
        here
    }

    /// Takes a symbol that has to be here; gives the byte behind it.
    pub(super) fn expect(&mut self, text: &str, expected: &str) -> Result<usize, QueryError> {
        if !self.skip(text) {
            return Err(self.unexpected(expected));
        }
        Ok(self.tokens[self.at - 1].end())
    }
}

fn operator(token: &Token<'_>) -> Option<BinaryOp> {
    const OPERATORS: [BinaryOp; 18] = [
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::Div,
        BinaryOp::Mod,
        BinaryOp::Pow,
        BinaryOp::Atan2,
        BinaryOp::Equal,
        BinaryOp::NotEqual,
        BinaryOp::Greater,
        BinaryOp::GreaterEqual,
        BinaryOp::Less,
        BinaryOp::LessEqual,
        BinaryOp::TrimUpper,
        BinaryOp::TrimLower,
        BinaryOp::And,
        BinaryOp::Or,
        BinaryOp::Unless,
    ];
    OPERATORS.into_iter().find(|op| token.is(op.symbol()))
}
