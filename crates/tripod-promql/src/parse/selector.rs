//! Selectors and what follows them: label matchers, ranges, subqueries, `offset`, `@`, and arithmetic of durations.

use super::grammar::Parser;
use super::lex::{TokenKind, unquote};
use crate::ast::{At, Extended};
use crate::error::QueryError;
use crate::labels::METRIC_NAME;
use crate::syntax::{Duration, DurationOp, Node, NodeKind, SelectorNode, ShiftNode};
use crate::{MatchOp, Matcher};

/// More than three thousand years, in seconds.
pub(super) const MAX_SECONDS: f64 = 1e11;

const NO_SELECTOR: &str = "must be preceded by an instant vector selector or range vector selector or a subquery";

impl Parser<'_> {
    /// `name{…}`; the name or the braces may be missing.
    pub(super) fn selector(&mut self) -> Result<Node, QueryError> {
        let start = self.position();
        let mut selector = SelectorNode::default();
        if let Some(token) = self.peek().filter(|token| token.kind == TokenKind::Name) {
            token.text.clone_into(&mut selector.name);
            self.at += 1;
        }
        if self.skip("{") {
            while !self.peek_is("}") {
                let matcher = self.matcher()?;
                selector.matchers.push(matcher);
                if !self.skip(",") {
                    break;
                }
            }
            self.expect("}", "\",\" or \"}\" in label matching")?;
        }
        let named = |matcher: &&Matcher| matcher.name == METRIC_NAME && !selector.name.is_empty();
        if let Some(twice) = selector.matchers.iter().find(named) {
            let message = format!("metric name must not be set twice: {:?} or {:?}", selector.name, twice.value);
            return Err(self.error(start, message));
        }
        if !selector.name.is_empty() {
            let value = selector.name.clone();
            selector.matchers.push(Matcher { name: METRIC_NAME.to_owned(), op: MatchOp::Equal, value });
        }
        let end = self.tokens[self.at - 1].end();
        self.node(start, end, NodeKind::Vector(Box::new(selector)))
    }

    fn matcher(&mut self) -> Result<Matcher, QueryError> {
        let quoted = self.peek().copied().filter(|token| token.kind == TokenKind::Text);
        if let Some(token) = quoted {
            let ends = self.tokens.get(self.at + 1).is_none_or(|next| next.is(",") || next.is("}"));
            if ends {
                self.at += 1;
                let value = self.text(token.text, token.offset)?;
                if value.is_empty() {
                    return Err(self.error(token.offset, "a metric name must not be empty"));
                }
                return Ok(Matcher { name: METRIC_NAME.to_owned(), op: MatchOp::Equal, value });
            }
        }
        let name = self.label_name()?;
        let op = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
        let Some(op) = op.into_iter().find(|op| self.peek_is(op.symbol())) else {
            return Err(self.unexpected("one of = != =~ !~ in label matching"));
        };
        self.at += 1;
        let Some(token) = self.peek().copied().filter(|token| token.kind == TokenKind::Text) else {
            return Err(self.unexpected("a string in label matching"));
        };
        self.at += 1;
        let value = self.text(token.text, token.offset)?;
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex)
            && let Err(error) = regex::Regex::new(&format!("^(?s:{value})$"))
        {
            let reason = error.to_string();
            let reason = reason.lines().next_back().unwrap_or(&reason).trim_start_matches("error: ").to_owned();
            return Err(self.error(token.offset, format!("invalid regular expression {}: {reason}", token.text)));
        }
        Ok(Matcher { name, op, value })
    }

    fn text(&self, token: &str, offset: usize) -> Result<String, QueryError> {
        let bytes = unquote(token).map_err(|reason| self.error(offset, reason))?;
        String::from_utf8(bytes).map_err(|_| self.error(offset, format!("string {token} is not valid UTF-8")))
    }

    /// Everything that may stand behind an operand.
    pub(super) fn suffixes(&mut self, mut node: Node) -> Result<Node, QueryError> {
        loop {
            node = if self.peek_is("[") {
                self.range(node)?
            } else if self.peek_is("offset") {
                self.offset(node)?
            } else if self.peek_is("@") {
                self.at_time(node)?
            } else if let Some(extended) = self.peek().and_then(|token| Extended::of_name(token.text)) {
                self.extended(node, extended)?
            } else {
                return Ok(node);
            };
        }
    }

    fn range(&mut self, node: Node) -> Result<Node, QueryError> {
        let position = self.position();
        self.at += 1;
        let range_at = self.position();
        let range = self.duration(0)?;
        self.check_length(&range, range_at)?;
        let is_subquery = self.skip(":");
        let step_at = self.position();
        let step = if is_subquery && !self.peek_is("]") { Some(self.duration(0)?) } else { None };
        step.as_ref().map_or(Ok(()), |step| self.check_length(step, step_at))?;
        let end = self.expect("]", if is_subquery { "a duration or \"]\"" } else { "\":\" or \"]\"" })?;
        let start = node.start;
        if is_subquery {
            let (range, step, shift) = (Box::new(range), step.map(Box::new), Box::default());
            return self.node(start, end, NodeKind::Subquery { expr: Box::new(node), range, step, shift });
        }
        match node.kind {
            NodeKind::Vector(selector) => {
                if selector.shift.offset.is_some() {
                    return Err(self.error(position, "no offset modifiers allowed before range"));
                }
                if selector.shift.at.is_some() {
                    return Err(self.error(position, "no @ modifiers allowed before range"));
                }
                self.node(start, end, NodeKind::Matrix { selector, range: Box::new(range) })
            }
            _ => Err(self.error(position, "ranges only allowed for vector selectors")),
        }
    }

    fn check_length(&self, duration: &Duration, position: usize) -> Result<(), QueryError> {
        match duration.constant() {
            Some(seconds) if seconds <= 0.0 => Err(self.error(position, "duration must be greater than 0")),
            _ => Ok(()),
        }
    }

    fn offset(&mut self, mut node: Node) -> Result<Node, QueryError> {
        let position = self.position();
        self.at += 1;
        let offset = self.single_duration()?;
        let end = self.tokens[self.at - 1].end();
        let Some(shift) = shift_of(&mut node) else {
            return Err(self.error(position, format!("offset modifier {NO_SELECTOR}")));
        };
        if shift.offset.replace(offset).is_some() {
            return Err(self.error(position, "offset may not be set multiple times"));
        }
        Ok(Node { end, ..node })
    }

    fn at_time(&mut self, mut node: Node) -> Result<Node, QueryError> {
        let position = self.position();
        self.at += 1;
        let preprocessor = self.peek().and_then(|token| match () {
            () if token.is("start") => Some(At::Start),
            () if token.is("end") => Some(At::End),
            () => None,
        });
        let at = if let Some(at) = preprocessor {
            self.at += 1;
            self.expect("(", "\"()\"")?;
            self.expect(")", "\")\"")?;
            at
        } else {
            let seconds = self.signed_number()?;
            if !seconds.is_finite() || seconds.abs() > MAX_SECONDS {
                let shown = crate::format_float(seconds);
                return Err(self.error(position, format!("timestamp out of bounds for @ modifier: {shown}")));
            }
            At::Time((seconds * 1000.0).round() as i64)
        };
        let end = self.tokens[self.at - 1].end();
        let Some(shift) = shift_of(&mut node) else {
            return Err(self.error(position, format!("@ modifier {NO_SELECTOR}")));
        };
        if shift.at.replace(at).is_some() {
            return Err(self.error(position, "@ <timestamp> may not be set multiple times"));
        }
        Ok(Node { end, ..node })
    }

    fn extended(&mut self, mut node: Node, extended: Extended) -> Result<Node, QueryError> {
        let (position, end) = (self.position(), self.tokens[self.at].end());
        self.at += 1;
        let name = extended.name();
        let selector = match &mut node.kind {
            NodeKind::Vector(selector) if extended == Extended::Smoothed => selector,
            NodeKind::Matrix { selector, .. } => selector,
            _ => {
                let wanted =
                    if extended == Extended::Smoothed { "a vector selector" } else { "a range vector selector" };
                return Err(self.error(position, format!("{name} modifier must be preceded by {wanted}")));
            }
        };
        if selector.extended.replace(extended).is_some() {
            return Err(self.error(position, "only one of anchored and smoothed may be set, and only once"));
        }
        Ok(Node { end, ..node })
    }

    /// What may follow `offset` without parentheses: operators after it belong to the expression around.
    fn single_duration(&mut self) -> Result<Duration, QueryError> {
        if self.skip("+") {
            return self.single_duration_unsigned();
        }
        if self.skip("-") {
            return Ok(negated(self.single_duration_unsigned()?));
        }
        self.single_duration_unsigned()
    }

    fn single_duration_unsigned(&mut self) -> Result<Duration, QueryError> {
        let Some(token) = self.peek().copied() else { return Err(self.unexpected("a duration")) };
        match token.kind {
            TokenKind::Number(seconds) | TokenKind::Duration(seconds) => {
                if !seconds.is_finite() || seconds.abs() > MAX_SECONDS {
                    return Err(self.error(token.offset, format!("duration {} is out of range", token.text)));
                }
                self.at += 1;
                Ok(Duration::Number { seconds, as_duration: matches!(token.kind, TokenKind::Duration(_)) })
            }
            TokenKind::Symbol if token.is("(") => {
                self.at += 1;
                let inner = self.duration(0)?;
                self.expect(")", "an operator or \")\"")?;
                Ok(match inner {
                    Duration::Number { .. } => inner,
                    _ => Duration::Paren(Box::new(inner)),
                })
            }
            TokenKind::Name => self.duration_function(token.text),
            _ => Err(self.unexpected("a duration")),
        }
    }

    fn duration_function(&mut self, name: &str) -> Result<Duration, QueryError> {
        let op = match name.to_ascii_lowercase().as_str() {
            known @ ("step" | "range") => {
                self.at += 1;
                self.expect("(", "\"()\"")?;
                self.expect(")", "\")\"")?;
                return Ok(if known == "step" { Duration::Step } else { Duration::Range });
            }
            "min" | "min_of" => DurationOp::Min,
            "max" | "max_of" => DurationOp::Max,
            _ => return Err(self.unexpected("a duration, step(), range(), min(…) or max(…)")),
        };
        self.at += 1;
        self.expect("(", "\"(\"")?;
        let left = Box::new(self.duration(0)?);
        self.expect(",", "\",\"")?;
        let right = Box::new(self.duration(0)?);
        self.expect(")", "\")\"")?;
        Ok(Duration::Binary { op, left, right })
    }

    /// Arithmetic of durations by precedence; a sign binds like `*`.
    fn duration(&mut self, min: u8) -> Result<Duration, QueryError> {
        let position = self.position();
        self.enter()?;
        let mut left = if self.skip("-") {
            negated(self.duration(3)?)
        } else if self.skip("+") {
            self.duration(3)?
        } else {
            self.single_duration_unsigned()?
        };
        while let Some((op, precedence)) = self.duration_operator().filter(|(_, precedence)| *precedence >= min) {
            let at = self.position();
            self.at += 1;
            let right = self.duration(if op == DurationOp::Pow { precedence } else { precedence + 1 })?;
            match op {
                DurationOp::Div if right.constant() == Some(0.0) => return Err(self.error(at, "division by zero")),
                DurationOp::Mod if right.constant() == Some(0.0) => return Err(self.error(at, "modulo by zero")),
                _ => {}
            }
            left = Duration::Binary { op, left: Box::new(left), right: Box::new(right) };
            if depth(&left) > super::MAX_DEPTH {
                return Err(self.error(position, format!("durations nest deeper than {} levels", super::MAX_DEPTH)));
            }
        }
        self.leave();
        Ok(left)
    }

    fn duration_operator(&self) -> Option<(DurationOp, u8)> {
        let token = self.peek()?;
        [
            ("+", DurationOp::Add, 1),
            ("-", DurationOp::Sub, 1),
            ("*", DurationOp::Mul, 2),
            ("/", DurationOp::Div, 2),
            ("%", DurationOp::Mod, 2),
            ("^", DurationOp::Pow, 3),
        ]
        .into_iter()
        .find(|(symbol, ..)| token.is(symbol))
        .map(|(_, op, precedence)| (op, precedence))
    }
}

fn negated(duration: Duration) -> Duration {
    match duration {
        Duration::Number { seconds, as_duration } => Duration::Number { seconds: -seconds, as_duration },
        other => Duration::Negated(Box::new(other)),
    }
}

fn depth(duration: &Duration) -> usize {
    match duration {
        Duration::Number { .. } | Duration::Step | Duration::Range => 1,
        Duration::Negated(inner) | Duration::Paren(inner) => 1 + depth(inner),
        Duration::Binary { left, right, .. } => 1 + depth(left).max(depth(right)),
    }
}

fn shift_of(node: &mut Node) -> Option<&mut ShiftNode> {
    match &mut node.kind {
        NodeKind::Vector(selector) | NodeKind::Matrix { selector, .. } => Some(&mut selector.shift),
        NodeKind::Subquery { shift, .. } => Some(shift),
        _ => None,
    }
}
