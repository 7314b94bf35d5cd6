//! A query on one trace.
//!
//! Only spans that start within the window are found; whole traces are there to say who is above whom, which one is the root, and how
//! long the trace took.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use tripod_store::{StoredSpan, Trace, Window};
use tripod_wire::SpanId;
use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::common::find;

use super::ast::{Aggregate, Compare, Expr, Field, Intrinsic, Query, Relation, Scope, Spans, Stage};
use super::values::Value;

/// Spans of a trace that were found, by their place in it, and what `by()` has them in common with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Spanset {
    pub(crate) spans: Vec<u32>,
    pub(crate) by: Vec<(String, Value<'static>)>,
}

/// A trace that is asked about.
pub(super) struct Traced<'a> {
    spans: &'a [StoredSpan],
    id: String,
    window: Window,
    /// The place of each span's parent, where it is known.
    parents: Vec<Option<u32>>,
    children: Vec<u32>,
    root: usize,
    start: u64,
    nanos: u64,
}

/// A set of spans, by their places.
type Set = Vec<bool>;

/// What a field has of a span: mostly one value, or none.
enum Values<'a> {
    One(Value<'a>),
    Many(Vec<Value<'a>>),
}

impl<'a> Traced<'a> {
    pub(super) fn new(trace: &'a Trace, window: Window) -> Self {
        let spans = &trace.spans;
        let mut by_id: HashMap<SpanId, u32, foldhash::fast::RandomState> = HashMap::default();
        for (at, stored) in (0..).zip(spans) {
            by_id.entry(stored.span.span_id).or_insert(at);
        }
        let parent = |(at, stored): (u32, &StoredSpan)| {
            let parent = stored.span.parent_span_id;
            by_id.get(&parent).copied().filter(|found| parent.is_valid() && *found != at)
        };
        let parents: Vec<Option<u32>> = (0..).zip(spans).map(parent).collect();
        let mut children = vec![0; spans.len()];
        parents.iter().flatten().for_each(|parent| children[*parent as usize] += 1);
        // Spans come in order of their start.
        let root = spans.iter().position(|stored| !stored.span.parent_span_id.is_valid()).unwrap_or(0);
        let start = spans.iter().map(|stored| stored.span.start_time_unix_nano).min().unwrap_or(0);
        let end = spans.iter().map(|stored| stored.span.end_time_unix_nano).max().unwrap_or(0);
        Self {
            spans,
            id: trace.id.to_string(),
            window,
            parents,
            children,
            root,
            start,
            nanos: end.saturating_sub(start),
        }
    }

    /// The service and the name of the root: the earliest span without a parent or, where none has come, the earliest span.
    pub(super) fn root(&self) -> (String, String) {
        let root = &self.spans[self.root];
        (root.resource.service_name().to_owned(), root.span.name.clone())
    }

    /// When the trace started, and how many nanoseconds it took.
    pub(super) fn times(&self) -> (u64, u64) {
        (self.start, self.nanos)
    }

    /// The sets of spans that the query finds; none of them is empty.
    pub(super) fn answer(&self, query: &Query) -> Vec<Spanset> {
        let mut sets = vec![Spanset { spans: places(&self.spans_of(&query.spans)), by: Vec::new() }];
        for stage in &query.stages {
            sets.retain(|set| !set.spans.is_empty());
            sets = self.stage(stage, sets);
        }
        sets.retain(|set| !set.spans.is_empty());
        sets
    }

    fn stage(&self, stage: &Stage, mut sets: Vec<Spanset>) -> Vec<Spanset> {
        match stage {
            Stage::Select(_) => sets,
            Stage::Filter(spans) => {
                let kept = self.spans_of(spans);
                sets.iter_mut().for_each(|set| set.spans.retain(|at| kept[*at as usize]));
                sets
            }
            Stage::Aggregate { function, op, value } => {
                sets.retain(|set| self.aggregate(function, &set.spans).compares(*op, value));
                sets
            }
            Stage::By(of) => sets.into_iter().flat_map(|set| self.cut(of, set)).collect(),
            Stage::Coalesce => {
                let mut spans: Vec<u32> = sets.into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                vec![Spanset { spans, by: Vec::new() }]
            }
        }
    }

    fn cut(&self, of: &Expr, set: Spanset) -> Vec<Spanset> {
        let mut cut: BTreeMap<String, Spanset> = BTreeMap::new();
        for at in set.spans {
            let value = self.value(of, at as usize);
            let new = || {
                let name = if let Expr::Field(field) = of { field.to_string() } else { "value".to_owned() };
                let mut by = set.by.clone();
                by.push((name, value.clone().into_owned()));
                Spanset { spans: Vec::new(), by }
            };
            cut.entry(value.text()).or_insert_with(new).spans.push(at);
        }
        cut.into_values().collect()
    }

    fn aggregate(&self, function: &Aggregate, spans: &[u32]) -> Value<'static> {
        let Some(of) = function.of() else { return Value::Int(spans.len() as i64) };
        let numbers: Vec<f64> = spans.iter().filter_map(|at| self.value(of, *at as usize).number()).collect();
        if numbers.is_empty() {
            return Value::Nil;
        }
        let sum = numbers.iter().sum::<f64>();
        Value::Float(match function {
            Aggregate::Avg(_) => sum / numbers.len() as f64,
            Aggregate::Min(_) => numbers.iter().copied().fold(f64::INFINITY, f64::min),
            Aggregate::Max(_) => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            _ => sum,
        })
    }

    fn spans_of(&self, spans: &Spans) -> Set {
        match spans {
            Spans::Filter(filter) => {
                let found = |(at, stored): (usize, &StoredSpan)| {
                    self.window.contains(stored.span.start_time_unix_nano) && self.holds(filter, at)
                };
                self.spans.iter().enumerate().map(found).collect()
            }
            Spans::Pair(relation, a, b) => self.related(*relation, &self.spans_of(a), &self.spans_of(b)),
        }
    }

    fn related(&self, relation: Relation, a: &Set, b: &Set) -> Set {
        let both = a.contains(&true) && b.contains(&true);
        let parent = |at: usize| self.parents[at].map(|parent| parent as usize);
        let mut found = vec![false; self.spans.len()];
        match relation {
            Relation::And if !both => {}
            Relation::And | Relation::Or => {
                found.iter_mut().enumerate().for_each(|(at, found)| *found = a[at] || b[at]);
            }
            _ if !both => {}
            Relation::Child => (0..found.len()).for_each(|at| found[at] = b[at] && parent(at).is_some_and(|up| a[up])),
            Relation::Parent => {
                (0..found.len())
                    .filter(|at| a[*at])
                    .filter_map(parent)
                    .filter(|up| b[*up])
                    .for_each(|up| found[up] = true);
            }
            Relation::Descendant => {
                let below = self.below(a);
                (0..found.len()).for_each(|at| found[at] = b[at] && below[at]);
            }
            Relation::Ancestor => {
                let above = self.above(a);
                (0..found.len()).for_each(|at| found[at] = b[at] && above[at]);
            }
            Relation::Sibling => {
                // How many of the left side each parent has.
                let mut below = vec![0u32; found.len()];
                (0..found.len()).filter(|at| a[*at]).filter_map(parent).for_each(|up| below[up] += 1);
                let has = |at: usize| parent(at).is_some_and(|up| below[up] > u32::from(a[at]));
                (0..found.len()).for_each(|at| found[at] = b[at] && has(at));
            }
        }
        found
    }

    /// The spans that have one of these above them. Each span is walked over once, also where parents go round in a circle.
    fn below(&self, of: &Set) -> Set {
        let mut below: Vec<Option<bool>> = vec![None; of.len()];
        let mut path = Vec::new();
        for start in 0..of.len() {
            let mut at = start;
            // The walk ends at what is known, at the top, or where it comes back to itself.
            let above = loop {
                if let Some(known) = below[at] {
                    break known;
                }
                below[at] = Some(false);
                path.push(at);
                match self.parents[at] {
                    Some(parent) if of[parent as usize] => break true,
                    Some(parent) => at = parent as usize,
                    None => break false,
                }
            };
            // What was walked over is below `above`, or below one of these further down.
            let mut is = above;
            while let Some(at) = path.pop() {
                below[at] = Some(is);
                is = is || of[at];
            }
        }
        below.into_iter().map(|below| below == Some(true)).collect()
    }

    /// The spans that have one of these below them.
    fn above(&self, of: &Set) -> Set {
        let mut above = vec![false; of.len()];
        for start in (0..of.len()).filter(|at| of[*at]) {
            let mut at = start;
            while let Some(parent) = self.parents[at].map(|parent| parent as usize).filter(|parent| !above[*parent]) {
                above[parent] = true;
                at = parent;
            }
        }
        above
    }

    fn holds(&self, filter: &Expr, at: usize) -> bool {
        match filter {
            Expr::And(a, b) => self.holds(a, at) && self.holds(b, at),
            Expr::Or(a, b) => self.holds(a, at) || self.holds(b, at),
            // What is not there is neither true nor false.
            Expr::Not(of) => match of.as_ref() {
                Expr::Field(_) => self.value(of, at) == Value::Bool(false),
                of => !self.holds(of, at),
            },
            Expr::Compare(op, a, b) => {
                let is_nil = |expr: &Expr| matches!(expr, Expr::Value(Value::Nil));
                let asks_whether_there = is_nil(a) || is_nil(b);
                let (a, b) = (self.values(a, at), self.values(b, at));
                if asks_whether_there {
                    let is_there = a.iter().chain(b.iter()).any(|value| *value != Value::Nil);
                    return is_there == (*op == Compare::NotEqual);
                }
                a.iter().any(|a| b.iter().any(|b| a.compares(*op, b)))
            }
            Expr::Regex { wanted, of, regex } => {
                let values = self.values(of, at);
                let texts =
                    values.iter().filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None });
                texts.into_iter().any(|text| regex.is_match(text) == *wanted)
            }
            other => self.value(other, at).is_true(),
        }
    }

    /// A single value; of several the first.
    fn value<'s>(&'s self, expr: &'s Expr, at: usize) -> Value<'s> {
        match self.values(expr, at) {
            Values::One(value) => value,
            Values::Many(values) => values.into_iter().next().unwrap_or(Value::Nil),
        }
    }

    fn values<'s>(&'s self, expr: &'s Expr, at: usize) -> Values<'s> {
        Values::One(match expr {
            Expr::Value(value) => value.clone(),
            Expr::Field(field) => return self.field(field, at),
            Expr::Negative(of) => match self.value(of, at) {
                Value::Int(value) => value.checked_neg().map_or(Value::Nil, Value::Int),
                Value::Duration(value) => value.checked_neg().map_or(Value::Nil, Value::Duration),
                Value::Float(value) => Value::Float(-value),
                _ => Value::Nil,
            },
            Expr::Compute(op, a, b) => self.value(a, at).compute(*op, &self.value(b, at)),
            condition => Value::Bool(self.holds(condition, at)),
        })
    }

    /// What a span has of a field.
    pub(super) fn shown(&self, field: &Field, at: usize) -> Vec<Value<'_>> {
        let mut values = match self.field(field, at) {
            Values::One(value) => vec![value],
            Values::Many(values) => values,
        };
        values.retain(|value| *value != Value::Nil);
        values
    }

    fn field(&self, field: &Field, at: usize) -> Values<'_> {
        let stored = &self.spans[at];
        let span = &stored.span;
        let one = |attributes: &'a [KeyValue], key: &str| find(attributes, key).map(Value::of);
        let each = |lists: Vec<Option<Value<'a>>>| Values::Many(lists.into_iter().flatten().collect());
        match field {
            Field::Intrinsic(intrinsic) => self.intrinsic(*intrinsic, at),
            Field::Attribute(scope, key) => {
                let found = match scope {
                    Scope::Any => one(&span.attributes, key)
                        .or_else(|| one(&stored.resource.attributes, key))
                        .or_else(|| one(&stored.scope.attributes, key)),
                    Scope::Span => one(&span.attributes, key),
                    Scope::Resource => one(&stored.resource.attributes, key),
                    Scope::Instrumentation => one(&stored.scope.attributes, key),
                    Scope::Event => return each(span.events.iter().map(|event| one(&event.attributes, key)).collect()),
                    Scope::Link => return each(span.links.iter().map(|link| one(&link.attributes, key)).collect()),
                };
                Values::One(found.unwrap_or(Value::Nil))
            }
        }
    }

    fn intrinsic(&self, intrinsic: Intrinsic, at: usize) -> Values<'_> {
        let stored = &self.spans[at];
        let span = &stored.span;
        let text = |text: &'a str| Value::Text(Cow::Borrowed(text));
        let shown = |text: String| Value::Text(Cow::Owned(text));
        let nanos = |nanos: u64| Value::Duration(i64::try_from(nanos).unwrap_or(i64::MAX));
        let start = span.start_time_unix_nano;
        Values::One(match intrinsic {
            Intrinsic::Name => text(&span.name),
            Intrinsic::Duration => nanos(span.end_time_unix_nano.saturating_sub(start)),
            Intrinsic::Status => Value::Status(span.status.code.0),
            Intrinsic::StatusMessage => text(&span.status.message),
            Intrinsic::Kind => Value::Kind(span.kind.0),
            Intrinsic::ChildCount => Value::Int(self.children[at].into()),
            Intrinsic::SpanId => shown(span.span_id.to_string()),
            Intrinsic::ParentId if span.parent_span_id.is_valid() => shown(span.parent_span_id.to_string()),
            Intrinsic::ParentId => Value::Nil,
            Intrinsic::TraceDuration => nanos(self.nanos),
            Intrinsic::RootName => text(&self.spans[self.root].span.name),
            Intrinsic::RootService => text(self.spans[self.root].resource.service_name()),
            Intrinsic::TraceId => Value::Text(Cow::Owned(self.id.clone())),
            Intrinsic::ScopeName => text(&stored.scope.name),
            Intrinsic::ScopeVersion => text(&stored.scope.version),
            Intrinsic::EventName => return Values::Many(span.events.iter().map(|event| text(&event.name)).collect()),
            Intrinsic::EventTime => {
                let since = |time: u64| nanos(time.saturating_sub(start));
                return Values::Many(span.events.iter().map(|event| since(event.time_unix_nano)).collect());
            }
            Intrinsic::LinkTraceId => {
                return Values::Many(span.links.iter().map(|link| shown(link.trace_id.to_string())).collect());
            }
            Intrinsic::LinkSpanId => {
                return Values::Many(span.links.iter().map(|link| shown(link.span_id.to_string())).collect());
            }
        })
    }
}

impl<'a> Values<'a> {
    fn iter(&self) -> std::slice::Iter<'_, Value<'a>> {
        match self {
            Self::One(value) => std::slice::from_ref(value).iter(),
            Self::Many(values) => values.iter(),
        }
    }
}

/// The values that spans have of a field, each once, in order; of what concerns their trace each span is one of its own.
pub(crate) fn distinct(spans: Vec<StoredSpan>, field: &Field, limit: usize) -> Vec<String> {
    let mut values = BTreeSet::new();
    for stored in spans {
        let trace = Trace { id: stored.span.trace_id, spans: vec![stored] };
        values.extend(Traced::new(&trace, Window::ALL).shown(field, 0).iter().map(Value::text));
    }
    values.into_iter().take(limit).collect()
}

fn places(set: &Set) -> Vec<u32> {
    (0..).zip(set).filter(|(_, is)| **is).map(|(at, _)| at).collect()
}
