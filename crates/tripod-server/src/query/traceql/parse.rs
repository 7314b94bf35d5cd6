//! Tokens into a tree. Operators bind as in Tempo: `^`, then `*` `/` `%`, then `+` `-`, then comparisons, then `&&` and `||` alike from
//! left to right.

use std::borrow::Cow;

use regex::RegexBuilder;

use super::ast::{Aggregate, Compare, Compute, Expr, Field, Intrinsic, Query, Relation, Scope, Spans, Stage};
use super::tokens::{Placed, Token, tokens};
use super::values::{KINDS, STATUSES, Value};
use super::{ParseError, check};

/// The most operators, values and brackets of a query, and how many may be in one another.
const MAX_NODES: usize = 500;
const MAX_DEPTH: usize = 50;

/// The largest program that a regular expression may become, in bytes.
const MAX_REGEX: usize = 1 << 20;

/// Reads a query.
pub(crate) fn parse(text: &str) -> Result<Query, ParseError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nodes: 0, depth: 0 };
    let query = parser.query()?;
    match parser.peek() {
        Token::End => Ok(query),
        _ => parser.unexpected("an operator between sets of spans (&&, ||, >, >>, <, <<, ~), | or the end"),
    }
}

/// Reads a single field, as it stands in a query.
pub(crate) fn field(text: &str) -> Option<Field> {
    let mut parser = Parser { tokens: tokens(text).ok()?, at: 0, nodes: 0, depth: 0 };
    let field = parser.field().ok()?;
    (*parser.peek() == Token::End).then_some(field)
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    nodes: usize,
    depth: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn position(&self) -> usize {
        self.tokens[self.at].1
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        // The end stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn error<T>(position: usize, reason: impl Into<String>) -> Parsed<T> {
        Err(ParseError { position, reason: reason.into() })
    }

    fn unexpected<T>(&self, expected: &str) -> Parsed<T> {
        let found = match self.peek() {
            Token::End => "the query ends".to_owned(),
            Token::Int(value) => format!("unexpected {value}"),
            Token::Float(value) => format!("unexpected {value}"),
            Token::Duration(nanos) => format!("unexpected {}", Value::Duration(*nanos).text()),
            Token::Text(text) => format!("unexpected {text:?}"),
            Token::Word(word) => format!("unexpected {word}"),
            Token::Attribute(scope, key) => format!("unexpected {scope}.{key}"),
            Token::Symbol(symbol) => format!("unexpected {symbol}"),
        };
        Self::error(self.position(), format!("{found}, expected {expected}"))
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let is = self.is(symbol);
        if is {
            self.advance();
        }
        is
    }

    fn expect(&mut self, symbol: &str, expected: &str) -> Parsed<()> {
        if self.take(symbol) { Ok(()) } else { self.unexpected(expected) }
    }

    /// Counts a node of the tree.
    fn count(&mut self) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Self::error(self.position(), format!("the query has more than {MAX_NODES} parts"));
        }
        Ok(())
    }

    /// Parses what is in brackets, or behind an operator that stands before what it is of.
    fn inner<T>(&mut self, parse: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Self::error(self.position(), format!("more than {MAX_DEPTH} parts are in one another"));
        }
        let inner = parse(self);
        self.depth -= 1;
        inner
    }

    fn query(&mut self) -> Parsed<Query> {
        let mut stages = Vec::new();
        let spans = if self.begins_spans() {
            self.spans()?
        } else {
            stages.push(self.stage()?);
            Spans::Filter(Expr::Value(Value::Bool(true)))
        };
        while self.take("|") {
            stages.push(self.stage()?);
        }
        Ok(Query { spans, stages })
    }

    fn begins_spans(&self) -> bool {
        self.is("{") || self.is("(")
    }

    /// Sets of spans joined by `&&` and `||`.
    fn spans(&mut self) -> Parsed<Spans> {
        let mut left = self.related()?;
        loop {
            let relation = match self.peek() {
                Token::Symbol("&&") => Relation::And,
                Token::Symbol("||") => Relation::Or,
                _ => return Ok(left),
            };
            self.advance();
            self.count()?;
            left = Spans::Pair(relation, Box::new(left), Box::new(self.related()?));
        }
    }

    /// Sets of spans joined by what binds closer.
    fn related(&mut self) -> Parsed<Spans> {
        let mut left = self.set()?;
        loop {
            let relation = match self.peek() {
                Token::Symbol(">") => Relation::Child,
                Token::Symbol(">>") => Relation::Descendant,
                Token::Symbol("<") => Relation::Parent,
                Token::Symbol("<<") => Relation::Ancestor,
                Token::Symbol("~") => Relation::Sibling,
                Token::Symbol("!" | "!~") => {
                    return Self::error(self.position(), "negated relations of sets (!>, !>>, !~) are not supported");
                }
                _ => return Ok(left),
            };
            self.advance();
            self.count()?;
            left = Spans::Pair(relation, Box::new(left), Box::new(self.set()?));
        }
    }

    fn set(&mut self) -> Parsed<Spans> {
        self.count()?;
        if self.take("(") {
            let inner = self.inner(Self::spans)?;
            if self.is("|") {
                return Self::error(self.position(), "a pipeline in parentheses is not supported: | comes last");
            }
            self.expect(")", "&&, ||, >, >>, <, <<, ~ or )")?;
            return Ok(inner);
        }
        self.expect("{", "{ conditions }")?;
        if self.take("}") {
            return Ok(Spans::Filter(Expr::Value(Value::Bool(true))));
        }
        let position = self.position();
        let filter = self.expr()?;
        check::condition(&filter, position)?;
        self.expect("}", "an operator (&&, ||, =, !=, >, >=, <, <=, =~, !~, +, -, *, /, %, ^) or }")?;
        Ok(Spans::Filter(filter))
    }

    fn stage(&mut self) -> Parsed<Stage> {
        const EXPECTED: &str = "{ conditions }, count(), avg(), min(), max(), sum(), by(), coalesce() or select()";
        if self.begins_spans() {
            return self.spans().map(Stage::Filter);
        }
        let position = self.position();
        let Token::Word(word) = self.peek().clone() else { return self.unexpected(EXPECTED) };
        if METRICS.contains(&word.as_str()) {
            let reason =
                format!("{word}() makes metrics, which is not supported: ask the metrics of spans with PromQL");
            return Self::error(position, reason);
        }
        if !STAGES.contains(&word.as_str()) {
            return self.unexpected(EXPECTED);
        }
        self.advance();
        self.expect("(", "(")?;
        let stage = match word.as_str() {
            "by" => Stage::By(self.expr()?),
            "coalesce" => Stage::Coalesce,
            "select" => Stage::Select(self.fields()?),
            "count" => self.aggregate(Aggregate::Count)?,
            function => {
                let of = self.number_of_span()?;
                let function = match function {
                    "avg" => Aggregate::Avg(of),
                    "min" => Aggregate::Min(of),
                    "max" => Aggregate::Max(of),
                    _ => Aggregate::Sum(of),
                };
                self.aggregate(function)?
            }
        };
        if !matches!(stage, Stage::Aggregate { .. }) {
            self.expect(")", ")")?;
        }
        Ok(stage)
    }

    fn fields(&mut self) -> Parsed<Vec<Field>> {
        let mut fields = vec![self.field()?];
        while self.take(",") {
            fields.push(self.field()?);
        }
        Ok(fields)
    }

    fn field(&mut self) -> Parsed<Field> {
        self.count()?;
        let position = self.position();
        match self.peek().clone() {
            Token::Attribute(scope, key) => {
                self.advance();
                attribute(&scope, key, position)
            }
            Token::Word(word) => match Intrinsic::named(&word) {
                Some(intrinsic) => {
                    self.advance();
                    Ok(Field::Intrinsic(intrinsic))
                }
                None => unknown_word(&word, position),
            },
            _ => self
                .unexpected("an attribute (.key, span.key, resource.key) or an intrinsic (name, duration, status, …)"),
        }
    }

    /// What is in the brackets of `avg(…)`.
    fn number_of_span(&mut self) -> Parsed<Expr> {
        let position = self.position();
        let of = self.expr()?;
        check::number(&of, position)?;
        Ok(of)
    }

    /// The rest of an aggregate from its closing bracket on: a comparison.
    fn aggregate(&mut self, function: Aggregate) -> Parsed<Stage> {
        self.expect(")", ")")?;
        let Some(op) = compare(self.peek()) else {
            return self.unexpected("a comparison (=, !=, >, >=, <, <=): an aggregate must be compared with a number");
        };
        self.advance();
        let negative = self.take("-");
        let sign = if negative { -1 } else { 1 };
        let value = match self.peek() {
            Token::Int(value) => Value::Int(sign * value),
            Token::Float(value) => Value::Float(sign as f64 * value),
            Token::Duration(value) => Value::Duration(sign * value),
            _ => return self.unexpected("a number or a duration"),
        };
        self.advance();
        self.count()?;
        Ok(Stage::Aggregate { function, op, value })
    }

    fn expr(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let position = self.position();
            let join: fn(Box<Expr>, Box<Expr>) -> Expr = match self.peek() {
                Token::Symbol("&&") => Expr::And,
                Token::Symbol("||") => Expr::Or,
                _ => return Ok(left),
            };
            self.advance();
            self.count()?;
            let right = self.comparison()?;
            check::condition(&left, position)?;
            check::condition(&right, position)?;
            left = join(Box::new(left), Box::new(right));
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        loop {
            let position = self.position();
            let wanted = match self.peek() {
                Token::Symbol("=~") => Some(true),
                Token::Symbol("!~") => Some(false),
                _ => None,
            };
            if let Some(wanted) = wanted {
                self.advance();
                self.count()?;
                left = self.regex(wanted, left, position)?;
                continue;
            }
            let Some(op) = compare(self.peek()) else { return Ok(left) };
            self.advance();
            if self.is("=") {
                return self.unexpected("a value: equality is written with one =");
            }
            self.count()?;
            let right = self.sum()?;
            check::comparison(op, &left, &right, position)?;
            left = Expr::Compare(op, Box::new(left), Box::new(right));
        }
    }

    fn regex(&mut self, wanted: bool, of: Expr, position: usize) -> Parsed<Expr> {
        check::text(&of, position)?;
        let at = self.position();
        let Token::Text(pattern) = self.peek().clone() else {
            return self.unexpected("a regular expression in quotes");
        };
        self.advance();
        let whole = format!("^(?s:{pattern})$");
        match RegexBuilder::new(&whole).size_limit(MAX_REGEX).dfa_size_limit(MAX_REGEX).build() {
            Ok(regex) => Ok(Expr::Regex { wanted, of: Box::new(of), regex }),
            Err(error) => Self::error(at, format!("not a regular expression: {error}")),
        }
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.computed(&[("+", Compute::Add), ("-", Compute::Subtract)], Self::product)
    }

    fn product(&mut self) -> Parsed<Expr> {
        let ops = [("*", Compute::Multiply), ("/", Compute::Divide), ("%", Compute::Remainder)];
        self.computed(&ops, Self::power)
    }

    fn computed(&mut self, ops: &[(&str, Compute)], part: fn(&mut Self) -> Parsed<Expr>) -> Parsed<Expr> {
        let mut left = part(self)?;
        loop {
            let position = self.position();
            let Some((_, op)) = ops.iter().find(|(symbol, _)| self.is(symbol)) else { return Ok(left) };
            self.advance();
            self.count()?;
            let right = part(self)?;
            check::number(&left, position)?;
            check::number(&right, position)?;
            left = Expr::Compute(*op, Box::new(left), Box::new(right));
        }
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.unary()?;
        let position = self.position();
        if !self.take("^") {
            return Ok(base);
        }
        self.count()?;
        let exponent = self.inner(Self::power)?;
        check::number(&base, position)?;
        check::number(&exponent, position)?;
        Ok(Expr::Compute(Compute::Power, Box::new(base), Box::new(exponent)))
    }

    fn unary(&mut self) -> Parsed<Expr> {
        self.count()?;
        let position = self.position();
        if self.take("-") {
            let of = self.inner(Self::unary)?;
            check::number(&of, position)?;
            return Ok(Expr::Negative(Box::new(of)));
        }
        if self.take("!") {
            let of = self.inner(Self::unary)?;
            check::condition(&of, position)?;
            return Ok(Expr::Not(Box::new(of)));
        }
        if self.take("(") {
            let inner = self.inner(Self::expr)?;
            self.expect(")", "an operator or )")?;
            return Ok(inner);
        }
        self.operand()
    }

    fn operand(&mut self) -> Parsed<Expr> {
        let position = self.position();
        let value = match self.peek().clone() {
            Token::Int(value) => Value::Int(value),
            Token::Float(value) => Value::Float(value),
            Token::Duration(value) => Value::Duration(value),
            Token::Text(text) => Value::Text(Cow::Owned(text)),
            Token::Word(word) => match constant(&word) {
                Some(value) => value,
                None => return self.field().map(Expr::Field),
            },
            Token::Attribute(scope, key) => {
                self.advance();
                return attribute(&scope, key, position).map(Expr::Field);
            }
            _ => {
                return self.unexpected(
                    "a value: an attribute (.key, span.key, resource.key), an intrinsic (name, duration, status, …), a number, \
                     a duration, a text in quotes, true, false or nil",
                );
            }
        };
        self.advance();
        Ok(Expr::Value(value))
    }
}

const STAGES: [&str; 8] = ["count", "avg", "min", "max", "sum", "by", "coalesce", "select"];
const METRICS: [&str; 9] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
];

fn compare(token: &Token) -> Option<Compare> {
    Some(match token {
        Token::Symbol("=") => Compare::Equal,
        Token::Symbol("!=") => Compare::NotEqual,
        Token::Symbol("<") => Compare::Less,
        Token::Symbol("<=") => Compare::LessEqual,
        Token::Symbol(">") => Compare::Greater,
        Token::Symbol(">=") => Compare::GreaterEqual,
        _ => return None,
    })
}

fn constant(word: &str) -> Option<Value<'static>> {
    let at = |names: &[&str]| names.iter().position(|name| *name == word).map(|at| at as i32);
    match word {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "nil" => Some(Value::Nil),
        _ => at(&STATUSES).map(Value::Status).or_else(|| at(&KINDS).map(Value::Kind)),
    }
}

fn attribute(scope: &str, key: String, position: usize) -> Parsed<Field> {
    if let Some((scope, _)) = Scope::ALL.into_iter().find(|(_, name)| *name == scope) {
        return Ok(Field::Attribute(scope, key));
    }
    let allowed = "span, resource, event, link, instrumentation, or none at all (.key)";
    Parser::error(position, format!("{scope:?} is not a scope of attributes; there are {allowed}"))
}

fn unknown_word<T>(word: &str, position: usize) -> Parsed<T> {
    let intrinsics: Vec<&str> = Intrinsic::ALL.iter().map(|(_, names)| names[0]).collect();
    let reason = format!(
        "{word} is no intrinsic; an attribute is written .{word}, span.{word} or resource.{word}, and intrinsics are {}",
        intrinsics.join(", ")
    );
    Parser::error(position, reason)
}
