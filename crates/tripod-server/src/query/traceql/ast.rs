//! A query as a tree.

use std::fmt;

use super::values::Value;

/// A query: which spans, and what is done with them.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(super) spans: Spans,
    pub(super) stages: Vec<Stage>,
}

/// An expression whose value is a set of spans of one trace.
#[derive(Debug, Clone)]
pub(super) enum Spans {
    Filter(Expr),
    Pair(Relation, Box<Spans>, Box<Spans>),
}

/// How two sets of spans are related. The value is that of the right side's spans that are so related to one of the left side;
/// of `&&` and `||` it is both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    And,
    Or,
    /// `>`: the right one's parent is a left one.
    Child,
    /// `>>`
    Descendant,
    /// `<`
    Parent,
    /// `<<`
    Ancestor,
    /// `~`
    Sibling,
}

/// What is done with sets of spans, one after the other.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// Keeps spans that this is true of.
    Filter(Spans),
    /// Keeps sets that this is true of.
    Aggregate { function: Aggregate, op: Compare, value: Value<'static> },
    /// Cuts sets by a value.
    By(Expr),
    /// Puts sets together again.
    Coalesce,
    /// Shows these of each span.
    Select(Vec<Field>),
}

/// A number of a set of spans.
#[derive(Debug, Clone)]
pub(super) enum Aggregate {
    Count,
    Avg(Expr),
    Min(Expr),
    Max(Expr),
    Sum(Expr),
}

/// An expression whose value is one of a span.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Value(Value<'static>),
    Field(Field),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Compare, Box<Expr>, Box<Expr>),
    Regex { wanted: bool, of: Box<Expr>, regex: regex::Regex },
    Compute(Compute, Box<Expr>, Box<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Compare {
    /// The same with its sides exchanged.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compute {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// Something of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Intrinsic(Intrinsic),
    Attribute(Scope, String),
}

/// Whose attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The span's or, if it has none of that name, the resource's or the instrumentation scope's.
    Any,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
}

impl Scope {
    pub(super) const ALL: [(Self, &'static str); 6] = [
        (Self::Any, ""),
        (Self::Span, "span"),
        (Self::Resource, "resource"),
        (Self::Event, "event"),
        (Self::Link, "link"),
        (Self::Instrumentation, "instrumentation"),
    ];
}

/// What a span has beside attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intrinsic {
    Name,
    Duration,
    Status,
    StatusMessage,
    Kind,
    ChildCount,
    SpanId,
    ParentId,
    TraceDuration,
    RootName,
    RootService,
    TraceId,
    EventName,
    EventTime,
    LinkTraceId,
    LinkSpanId,
    ScopeName,
    ScopeVersion,
}

impl Intrinsic {
    /// Each under the names it is written with; the first one is how it is shown.
    pub(crate) const ALL: [(Self, &'static [&'static str]); 18] = [
        (Self::Name, &["name", "span:name"]),
        (Self::Duration, &["duration", "span:duration"]),
        (Self::Status, &["status", "span:status"]),
        (Self::StatusMessage, &["statusMessage", "span:statusMessage"]),
        (Self::Kind, &["kind", "span:kind"]),
        (Self::ChildCount, &["span:childCount", "childCount"]),
        (Self::SpanId, &["span:id"]),
        (Self::ParentId, &["span:parentID"]),
        (Self::TraceDuration, &["traceDuration", "trace:duration"]),
        (Self::RootName, &["rootName", "trace:rootName"]),
        (Self::RootService, &["rootServiceName", "trace:rootService"]),
        (Self::TraceId, &["trace:id"]),
        (Self::EventName, &["event:name"]),
        (Self::EventTime, &["event:timeSinceStart"]),
        (Self::LinkTraceId, &["link:traceID"]),
        (Self::LinkSpanId, &["link:spanID"]),
        (Self::ScopeName, &["instrumentation:name"]),
        (Self::ScopeVersion, &["instrumentation:version"]),
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, names)| names.contains(&name)).map(|(intrinsic, _)| intrinsic)
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(intrinsic, _)| *intrinsic == self).map_or("", |(_, names)| names[0])
    }
}

impl Field {
    /// Its key, if it is an attribute that the store has indexed.
    pub(crate) fn attribute_key(&self) -> Option<&str> {
        match self {
            Self::Attribute(scope, key) if *scope != Scope::Link => Some(key),
            _ => None,
        }
    }

    /// The name under which an answer shows it: an attribute's own.
    pub(crate) fn shown(&self) -> &str {
        match self {
            Self::Intrinsic(intrinsic) => intrinsic.name(),
            Self::Attribute(_, key) => key,
        }
    }
}

impl fmt::Display for Field {
    /// As it is written in a query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(intrinsic) => f.write_str(intrinsic.name()),
            Self::Attribute(scope, key) => {
                let scope = Scope::ALL.into_iter().find(|(one, _)| one == scope).map_or("", |(_, name)| name);
                write!(f, "{scope}.{key}")
            }
        }
    }
}

impl Expr {
    /// The fields in it, each once.
    fn fields(&self, to: &mut Vec<Field>) {
        match self {
            Self::Value(_) => {}
            Self::Field(field) if to.contains(field) => {}
            Self::Field(field) => to.push(field.clone()),
            Self::Not(of) | Self::Negative(of) | Self::Regex { of, .. } => of.fields(to),
            Self::And(a, b) | Self::Or(a, b) | Self::Compare(_, a, b) | Self::Compute(_, a, b) => {
                a.fields(to);
                b.fields(to);
            }
        }
    }
}

impl Spans {
    fn fields(&self, to: &mut Vec<Field>) {
        match self {
            Self::Filter(filter) => filter.fields(to),
            Self::Pair(_, a, b) => {
                a.fields(to);
                b.fields(to);
            }
        }
    }
}

impl Query {
    /// The fields that it is about, each once: an answer shows them.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        self.spans.fields(&mut fields);
        for stage in &self.stages {
            match stage {
                Stage::Filter(spans) => spans.fields(&mut fields),
                Stage::Aggregate { function: Aggregate::Count, .. } | Stage::Coalesce => {}
                Stage::Aggregate { function, .. } => function.of().into_iter().for_each(|of| of.fields(&mut fields)),
                Stage::By(of) => of.fields(&mut fields),
                Stage::Select(selected) => {
                    let new: Vec<Field> = selected.iter().filter(|field| !fields.contains(field)).cloned().collect();
                    fields.extend(new);
                }
            }
        }
        fields
    }
}

impl Aggregate {
    /// What it is of.
    pub(super) fn of(&self) -> Option<&Expr> {
        match self {
            Self::Count => None,
            Self::Avg(of) | Self::Min(of) | Self::Max(of) | Self::Sum(of) => Some(of),
        }
    }
}
