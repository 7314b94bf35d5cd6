//! Conditions on log records beside the common ones: of one of several values, or of none of them.

use std::fmt;
use std::sync::Arc;

use regex::Regex;

use super::logs::StoredLog;

/// A test that a record passes, or, where it is excluded, does not.
#[derive(Debug, Clone)]
pub struct LogCondition {
    /// Records that pass are left out.
    pub excluded: bool,
    /// What is looked at.
    pub test: LogTest,
}

/// A test of a log record.
#[derive(Debug, Clone)]
pub enum LogTest {
    /// A field has one of these values. Of an attribute, the record's, its scope's and its resource's count.
    Field(LogField, Vec<String>),
    /// A word or phrase occurs in the body or an attribute's value, whatever the case.
    Text(String),
    /// The body matches; see [`body_regex`](crate::body_regex).
    Body(Regex),
    /// The record as a whole is looked at: it is read for that.
    Record(RecordTest),
}

/// What records are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogField {
    /// The service that wrote it.
    Service,
    /// The name of its level, `""` where it has none.
    Level,
    /// The name of its scope.
    Scope,
    /// An attribute by its key.
    Attribute(String),
}

/// A test that the store knows nothing of.
#[derive(Clone)]
pub struct RecordTest(Arc<dyn Fn(&StoredLog) -> bool + Send + Sync>);

impl RecordTest {
    /// A test that is a function.
    pub fn new(test: impl Fn(&StoredLog) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(test))
    }

    /// Whether a record passes.
    pub fn passes(&self, log: &StoredLog) -> bool {
        (self.0)(log)
    }
}

impl fmt::Debug for RecordTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordTest")
    }
}
