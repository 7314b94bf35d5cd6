//! Log records: what a store of them answers.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{InstrumentationScope, LogRecord, Resource};
use tripod_wire::proto::Message as _;
use tripod_wire::{SpanId, TraceId};
use twox_hash::XxHash3_64;

use super::log_conditions::{LogCondition, LogField};
use super::log_summaries::{LogFacets, LogPatterns, SummaryLimits};
use crate::{Appended, AttributeKey, AttributeMatch, AttributeValue, StoreError, Window};

/// Keeps log records and finds them by text, service, trace, severity, attribute and time.
pub trait LogStore: Send + Sync {
    /// Keeps the records of an OTLP export request, given as the protobuf bytes of `ExportLogsServiceRequest`.
    /// When this returns `Ok`, the accepted records are durable. Blocks while it writes.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when the bytes are no such request: nothing is kept. [`StoreError::Overloaded`] when too
    /// much waits to be written.
    fn append_logs(&self, request: &[u8]) -> Result<Appended, StoreError>;

    /// Records that satisfy all conditions, in the query's order.
    fn find_logs(&self, query: &LogQuery) -> Result<Vec<StoredLog>, StoreError>;

    /// How many records satisfy all conditions, by level, in `steps` equal parts of the window (at least 1). Counts all of them,
    /// whatever the query's limit. Reads records only where words or attributes are asked for.
    fn log_volume(&self, query: &LogQuery, steps: usize) -> Result<LogVolume, StoreError>;

    /// The values of fields, with how many of the records that satisfy all conditions have each: of `keys`, or, when there are none, of
    /// service, level, scope and the attributes that most of them have.
    fn log_facets(&self, query: &LogQuery, keys: &[LogField], limits: SummaryLimits) -> Result<LogFacets, StoreError>;

    /// The patterns that the bodies of the records have which satisfy all conditions, counted in `steps` equal parts of the window (at
    /// least 1). The same records have the same patterns.
    fn log_patterns(&self, query: &LogQuery, steps: usize, limits: SummaryLimits) -> Result<LogPatterns, StoreError>;

    /// The keys of attributes that records, their resources and scopes have, sorted.
    fn attribute_keys(&self) -> Result<Vec<AttributeKey>, StoreError>;

    /// At most `limit` values of a key that begin with `prefix`, those that most records have first. Of a key with very many
    /// values some are not among them. The values of `severity` are the names of levels.
    fn attribute_values(&self, key: &str, prefix: &str, limit: usize) -> Result<Vec<AttributeValue>, StoreError>;
}

/// Log records counted by level and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVolume {
    /// The window counted. An end that the query left open is where the records of the service and trace asked for end.
    pub window: Window,
    /// Records a step by the name of their level, `""` for those without one; levels of which there are none are left out.
    pub levels: BTreeMap<&'static str, Vec<u64>>,
}

/// A log record with who emitted it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLog {
    /// The resource, shared by its records.
    pub resource: Arc<Resource>,
    /// The scope, shared by its records.
    pub scope: Arc<InstrumentationScope>,
    /// When it happened (or was observed, where the source does not say), nanoseconds since the Unix epoch.
    pub time: u64,
    /// The record.
    pub record: LogRecord,
}

impl StoredLog {
    /// Tells it from other records of its time: the same wherever it lies, and for good. Records that are equal in all have the same.
    pub fn fingerprint(&self) -> u64 {
        let mut bytes = self.record.encode_to_vec();
        for part in [self.resource.encode_to_vec(), self.scope.encode_to_vec()] {
            bytes.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            bytes.extend_from_slice(&part);
        }
        XxHash3_64::oneshot(&bytes)
    }
}

/// What a log record must have; conditions that are absent are satisfied.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Every one of these words or phrases occurs in the body or an attribute's value, whatever the case.
    pub text: Vec<String>,
    /// The body matches this; see [`body_regex`](crate::body_regex).
    pub regex: Option<regex::Regex>,
    /// The service that wrote it.
    pub service: Option<String>,
    /// The trace during which it was written.
    pub trace_id: Option<TraceId>,
    /// The span during which it was written.
    pub span_id: Option<SpanId>,
    /// It is so grave: a level (`INFO` to `INFO4`), or a level and all above it.
    pub severity: Option<RangeInclusive<SeverityNumber>>,
    /// Attributes of the record, its scope or its resource.
    pub attributes: Vec<AttributeMatch>,
    /// What else is true of it.
    pub also: Vec<LogCondition>,
    /// It happened within.
    pub window: Window,
    /// Which come first.
    pub order: LogOrder,
    /// At most so many records.
    pub limit: usize,
}

/// Which records come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogOrder {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

impl LogQuery {
    /// At most `limit` of all records that happened within a window: conditions are added by struct update.
    pub fn within(window: Window, limit: usize) -> Self {
        Self {
            text: Vec::new(),
            regex: None,
            service: None,
            trace_id: None,
            span_id: None,
            severity: None,
            attributes: Vec::new(),
            also: Vec::new(),
            window,
            order: LogOrder::NewestFirst,
            limit,
        }
    }
}

/// The largest program that a regular expression may become, in bytes: a bound on the time that a search takes.
const MAX_REGEX: usize = 1 << 20;

/// Compiles a regular expression for [`LogQuery::regex`].
///
/// # Errors
/// [`StoreError::Query`] when it is none, or one that would take too much memory and time.
pub fn body_regex(pattern: &str) -> Result<regex::Regex, StoreError> {
    let built = regex::RegexBuilder::new(pattern).size_limit(MAX_REGEX).dfa_size_limit(MAX_REGEX).build();
    built.map_err(|error| {
        StoreError::Query(match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("the regular expression is too large: compiled it exceeds {limit} bytes, so repeat or list less in it")
            }
            error => error.to_string(),
        })
    })
}
