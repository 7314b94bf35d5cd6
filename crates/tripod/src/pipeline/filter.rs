//! Filters: which records an output gets. They look at the encoded record, on the outlet's own thread, and decode nothing.

use std::time::Duration;

use tripod_wire::otlp::trace::StatusCode;

use super::request::{Node, Record, Request};
use super::{Batch, Signal};
use crate::Value;
use crate::decode::{Field, Fields, any_value, key_value};
use crate::logs::Level;
use crate::pattern::Pattern;

/// Which records an output gets: the first rule that fits a record decides, and what no rule fits is kept.
///
/// ```
/// use std::time::Duration;
/// use tripod::{Filter, Level, MemoryExporter, Output, Records};
/// let filter = Filter::new()
///     .keep(Records::spans().failed())
///     .drop(Records::spans().shorter_than(Duration::from_millis(5)))
///     .drop(Records::logs().below(Level::Warn))
///     .drop(Records::metrics().name("http.client.*"))
///     .drop(Records::all().attribute("tenant", "test-*"));
/// let output = Output::new(MemoryExporter::default()).filter(filter);
/// ```
///
/// To keep nothing but what some rules say, end with `.drop(Records::all())`. What is left out counts as
/// [`Delivery::filtered`](crate::Delivery::filtered), not as lost. A filter chooses whole records: attributes are left out by a
/// [`View`](crate::metrics::View), and their values hidden by [`Builder::redact`](crate::Builder::redact), for all outputs.
#[derive(Clone, Debug, Default)]
#[must_use = "a filter does nothing before an output has it"]
pub struct Filter {
    rules: Vec<(Records, bool)>,
}

impl Filter {
    /// Keeps everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps these records, unless an earlier rule fits them.
    pub fn keep(mut self, records: Records) -> Self {
        self.rules.push((records, true));
        self
    }

    /// Leaves these records out, unless an earlier rule fits them.
    pub fn drop(mut self, records: Records) -> Self {
        self.rules.push((records, false));
        self
    }

    /// Whether it can leave out anything of this signal.
    pub(super) fn is_about(&self, signal: Signal) -> bool {
        self.rules.iter().any(|(records, keep)| !keep && records.may_fit(signal))
    }

    fn keeps(&self, record: &View<'_>) -> bool {
        self.rules.iter().find(|(records, _)| records.fit(record)).is_none_or(|(_, keep)| *keep)
    }

    /// What is kept of a batch; `None` when that is all of it. What is no request is kept.
    pub(super) fn apply(&self, batch: &Batch) -> Option<Batch> {
        let mut request = Request::read(batch)?;
        let mut kept = Vec::with_capacity(request.records.len());
        for beside in request.records.chunk_by(Record::is_beside) {
            let around = Around::read(batch.signal, request.around(&beside[0]));
            kept.extend(beside.iter().filter(|record| self.keeps(&View { around: &around, body: record.body })));
        }
        if kept.len() == request.records.len() {
            return None;
        }
        request.records = Vec::new();
        Some(request.batch(&kept))
    }
}

/// Some records: all conditions must hold. In patterns `*` is any text and `?` one character.
#[derive(Clone, Debug)]
#[must_use = "they are to be named to a filter"]
pub struct Records {
    signal: Option<Signal>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
enum Condition {
    Name(Pattern),
    Scope(Pattern),
    /// The value's text, where it matters.
    Attribute(Box<str>, Option<Pattern>),
    Body(Pattern),
    Below(Level),
    Failed,
    ShorterThan(u64),
}

impl Records {
    /// Those of every signal.
    pub fn all() -> Self {
        Self { signal: None, conditions: Vec::new() }
    }

    /// Spans.
    pub fn spans() -> Self {
        Self { signal: Some(Signal::Traces), ..Self::all() }
    }

    /// Log records.
    pub fn logs() -> Self {
        Self { signal: Some(Signal::Logs), ..Self::all() }
    }

    /// Points of metrics.
    pub fn metrics() -> Self {
        Self { signal: Some(Signal::Metrics), ..Self::all() }
    }

    /// Only those of this name: a span's, a metric's, a log record's if it is an event.
    pub fn name(self, pattern: &str) -> Self {
        self.and(Condition::Name(Pattern::new(pattern)))
    }

    /// Only those of components whose name matches the pattern; the program's own have the empty name.
    pub fn scope(self, pattern: &str) -> Self {
        self.and(Condition::Scope(Pattern::new(pattern)))
    }

    /// Only those with this attribute or label, its value as text matching the pattern. A list's or a map's has no text.
    pub fn attribute(self, key: &str, pattern: &str) -> Self {
        self.and(Condition::Attribute(key.into(), Some(Pattern::new(pattern))))
    }

    /// Only those with this attribute or label, whatever its value.
    pub fn has(self, key: &str) -> Self {
        self.and(Condition::Attribute(key.into(), None))
    }

    /// Only log records whose message matches the pattern.
    pub fn message(self, pattern: &str) -> Self {
        self.and(Condition::Body(Pattern::new(pattern)))
    }

    /// Only log records less grave than this; one that does not say how grave it is is not.
    pub fn below(self, level: Level) -> Self {
        self.and(Condition::Below(level))
    }

    /// Only spans that ended with an error.
    pub fn failed(self) -> Self {
        self.and(Condition::Failed)
    }

    /// Only spans that took less.
    pub fn shorter_than(self, duration: Duration) -> Self {
        self.and(Condition::ShorterThan(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    fn may_fit(&self, signal: Signal) -> bool {
        self.signal.is_none_or(|own| own == signal)
            && self.conditions.iter().all(|condition| condition.is_about().is_none_or(|about| about == signal))
    }

    fn fit(&self, record: &View<'_>) -> bool {
        self.may_fit(record.around.signal) && self.conditions.iter().all(|condition| condition.holds(record))
    }
}

impl Condition {
    /// The only signal whose records can fit, if there is one.
    fn is_about(&self) -> Option<Signal> {
        match self {
            Self::Name(_) | Self::Scope(_) | Self::Attribute(..) => None,
            Self::Body(_) | Self::Below(_) => Some(Signal::Logs),
            Self::Failed | Self::ShorterThan(_) => Some(Signal::Traces),
        }
    }

    fn holds(&self, record: &View<'_>) -> bool {
        match self {
            Self::Name(pattern) => pattern.matches(record.name()),
            Self::Scope(pattern) => pattern.matches(record.around.scope),
            Self::Attribute(key, pattern) => {
                let fits = |value| pattern.as_ref().is_none_or(|pattern| pattern.matches_value(value));
                record.attributes(key).any(fits)
            }
            Self::Body(pattern) => pattern.matches_value(record.message()),
            Self::Below(level) => (1..*level as u64).contains(&record.number(2)),
            Self::Failed => record.status() == StatusCode::ERROR.0 as u64,
            Self::ShorterThan(nanos) => record.number(8).saturating_sub(record.number(7)) < *nanos,
        }
    }
}

/// What records beside each other have in common.
struct Around<'a> {
    signal: Signal,
    scope: &'a str,
    /// Of metrics.
    metric: &'a str,
    /// The field that holds an attribute.
    attribute: u32,
}

impl<'a> Around<'a> {
    fn read<'n>(signal: Signal, mut around: impl Iterator<Item = &'n Node<'a>>) -> Self
    where
        'a: 'n,
    {
        let _resource = around.next();
        let scope = around.next().and_then(|scope| own_field(scope, 1)).and_then(Field::bytes).unwrap_or_default();
        let metric = around.next().and_then(|metric| own_field(metric, 1)).map_or("", Field::text);
        // Of metrics, the field of the message that holds the points tells their kind.
        let attribute = match (signal, around.next().map_or(0, Node::number)) {
            (Signal::Traces, _) | (Signal::Metrics, 9) => 9,
            (Signal::Logs, _) => 6,
            (Signal::Metrics, 10) => 1,
            (Signal::Metrics, _) => 7,
        };
        Self { signal, scope: field(scope, 1).map_or("", Field::text), metric, attribute }
    }
}

fn own_field<'a>(node: &Node<'a>, number: u32) -> Option<Field<'a>> {
    node.fields().find_map(|own| field(own, number))
}

fn field(message: &[u8], number: u32) -> Option<Field<'_>> {
    Fields::new(message).find(|(found, _)| *found == number).map(|(_, field)| field)
}

/// A record as conditions look at it.
struct View<'a> {
    around: &'a Around<'a>,
    body: &'a [u8],
}

impl<'a> View<'a> {
    fn name(&self) -> &'a str {
        match self.around.signal {
            Signal::Traces => field(self.body, 5).map_or("", Field::text),
            Signal::Metrics => self.around.metric,
            Signal::Logs => field(self.body, 12).map_or("", Field::text),
        }
    }

    fn number(&self, number: u32) -> u64 {
        field(self.body, number).map_or(0, Field::number)
    }

    fn status(&self) -> u64 {
        let status = field(self.body, 15).and_then(Field::bytes);
        status.and_then(|status| field(status, 3)).map_or(0, Field::number)
    }

    fn message(&self) -> Value<'a> {
        field(self.body, 5).and_then(Field::bytes).map_or(Value::Empty, any_value)
    }

    /// The values of the attributes of this key. Others are passed over by their bytes, unread.
    fn attributes(&self, key: &str) -> impl Iterator<Item = Value<'a>> {
        let of_attributes = self.around.attribute;
        let fields = Fields::new(self.body).filter(move |(number, _)| *number == of_attributes);
        fields.filter_map(move |(_, attribute)| {
            let attribute = attribute.bytes()?;
            match Fields::new(attribute).next() {
                Some((1, found)) if found.bytes() != Some(key.as_bytes()) => None,
                _ => Some(key_value(attribute)).filter(|(found, _)| *found == key).map(|(_, value)| value),
            }
        })
    }
}

#[cfg(test)]
mod tests;
