//! From a query to what the store is asked for: conditions on single spans of which one set, at least, holds in every trace that the
//! query finds. What they leave over is evaluated on the traces found.

use std::time::Duration;

use tripod_store::{AttributeMatch, TraceQuery, Window};
use tripod_wire::TraceId;

use super::ast::{Compare, Expr, Field, Intrinsic, Query, Relation, Scope, Spans};
use super::values::Value;

/// More sets of conditions than this are not asked for one by one.
const MAX_SETS: usize = 8;

/// Whole numbers from here on are not told apart as floats.
const EXACT: i64 = 1 << 53;

/// Conditions that hold for one span; those that are absent are satisfied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) trace: Option<TraceId>,
    service: Option<String>,
    operation: Option<String>,
    attributes: Vec<AttributeMatch>,
    min_duration: Option<u64>,
    max_duration: Option<u64>,
}

impl Conditions {
    /// As the store is asked.
    pub(super) fn query(&self, window: Window, limit: usize) -> TraceQuery {
        TraceQuery {
            service: self.service.clone(),
            operation: self.operation.clone(),
            attributes: self.attributes.clone(),
            min_duration: self.min_duration.map(Duration::from_nanos),
            max_duration: self.max_duration.map(Duration::from_nanos),
            window,
            limit,
        }
    }

    /// All of both.
    fn and(mut self, other: &Self) -> Self {
        self.trace = self.trace.or(other.trace);
        self.service = self.service.or_else(|| other.service.clone());
        self.operation = self.operation.or_else(|| other.operation.clone());
        self.attributes.extend(other.attributes.iter().cloned());
        self.min_duration = self.min_duration.max(other.min_duration);
        self.max_duration = [self.max_duration, other.max_duration].into_iter().flatten().min();
        self
    }

    /// How well the store's indexes find it.
    fn weight(&self) -> usize {
        let found = self.attributes.len() + usize::from(self.operation.is_some());
        let ranges = usize::from(self.min_duration.is_some()) + usize::from(self.max_duration.is_some());
        1000 * usize::from(self.trace.is_some()) + 10 * found + 3 * usize::from(self.service.is_some()) + ranges
    }
}

/// Sets of conditions: a trace that is found satisfies one of them. None at all: nothing can be found.
type Sets = Vec<Conditions>;

/// What every trace that the query finds must have.
pub(super) fn plan(query: &Query) -> Sets {
    of_spans(&query.spans)
}

fn of_spans(spans: &Spans) -> Sets {
    match spans {
        Spans::Filter(filter) => of_filter(filter),
        Spans::Pair(Relation::Or, a, b) => either(of_spans(a), of_spans(b)),
        // Both sides must be in the trace, in spans of their own: the one that is found more easily.
        Spans::Pair(_, a, b) => {
            let (a, b) = (of_spans(a), of_spans(b));
            let weight = |sets: &Sets| sets.iter().map(Conditions::weight).min().unwrap_or(usize::MAX);
            if weight(&a) > weight(&b) { a } else { b }
        }
    }
}

fn either(mut a: Sets, b: Sets) -> Sets {
    a.extend(b);
    a.dedup();
    if a.len() > MAX_SETS || a.contains(&Conditions::default()) { vec![Conditions::default()] } else { a }
}

fn of_filter(filter: &Expr) -> Sets {
    match filter {
        Expr::Value(Value::Bool(false)) => Vec::new(),
        Expr::Or(a, b) => either(of_filter(a), of_filter(b)),
        Expr::And(a, b) => {
            let (a, b) = (of_filter(a), of_filter(b));
            let pairs = a.iter().flat_map(|a| b.iter().map(|b| a.clone().and(b)));
            either(pairs.take(MAX_SETS + 1).collect(), Vec::new())
        }
        Expr::Field(field @ Field::Attribute(..)) => vec![comparison(field, Compare::Equal, &Value::Bool(true))],
        Expr::Compare(op, left, right) => vec![match (left.as_ref(), right.as_ref()) {
            (Expr::Field(field), Expr::Value(value)) => comparison(field, *op, value),
            (Expr::Value(value), Expr::Field(field)) => comparison(field, op.turned(), value),
            _ => Conditions::default(),
        }],
        _ => vec![Conditions::default()],
    }
}

fn comparison(field: &Field, op: Compare, value: &Value<'_>) -> Conditions {
    let none = Conditions::default();
    match (field, op, value) {
        (Field::Intrinsic(Intrinsic::Duration), op, value) => duration(op, value),
        (Field::Intrinsic(Intrinsic::Name), Compare::Equal, Value::Text(name)) => {
            Conditions { operation: Some(name.clone().into_owned()), ..none }
        }
        // What the store takes `error` = `true` for.
        (Field::Intrinsic(Intrinsic::Status), Compare::Equal, Value::Status(2)) => having("error", "true"),
        (Field::Intrinsic(Intrinsic::TraceId), Compare::Equal, Value::Text(id)) => {
            // An id that is none is found in no trace, but that is for the evaluation to say.
            Conditions { trace: id.parse().ok().filter(|id: &TraceId| id.is_valid()), ..none }
        }
        (Field::Attribute(Scope::Resource, key), Compare::Equal, Value::Text(name)) if key == "service.name" => {
            Conditions { service: Some(name.clone().into_owned()), ..none }
        }
        // The store looks at no attributes of links.
        (Field::Attribute(Scope::Link, _), ..) => none,
        (Field::Attribute(_, key), Compare::Equal, value) => text(value).map_or(none, |text| having(key, &text)),
        _ => none,
    }
}

fn having(key: &str, value: &str) -> Conditions {
    let attributes = vec![AttributeMatch { key: key.to_owned(), value: value.to_owned() }];
    Conditions { attributes, ..Conditions::default() }
}

/// The one text that values equal to this have, if they all have the same.
fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone().into_owned()),
        Value::Bool(value) => Some(value.to_string()),
        // As a float, 0 may be written -0.
        Value::Int(0) => None,
        Value::Int(value) | Value::Duration(value) if value.unsigned_abs() < EXACT as u64 => Some(value.to_string()),
        Value::Float(value) if *value != 0.0 && value.abs() < EXACT as f64 => Some(value.to_string()),
        _ => None,
    }
}

fn duration(op: Compare, value: &Value<'_>) -> Conditions {
    let none = Conditions::default();
    // Durations are whole nanoseconds: rounding towards the wider range loses none.
    let Some(nanos) = value.number().filter(|nanos| *nanos >= 0.0 && *nanos < EXACT as f64) else { return none };
    let (least, most) = (Some(nanos.floor() as u64), Some(nanos.ceil() as u64));
    match op {
        Compare::Equal => Conditions { min_duration: least, max_duration: most, ..none },
        Compare::Greater | Compare::GreaterEqual => Conditions { min_duration: least, ..none },
        Compare::Less | Compare::LessEqual => Conditions { max_duration: most, ..none },
        Compare::NotEqual => none,
    }
}
