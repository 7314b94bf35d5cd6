//! What many log records have in common: values of their fields, and the patterns of their lines.

use std::collections::BTreeMap;

use super::log_conditions::LogField;
use super::logs::{StoredLog, body_regex};
use crate::{AttributeValue, StoreError, Window};

/// How much a summary looks at, and how much of it is answered.
#[derive(Debug, Clone, Copy)]
pub struct SummaryLimits {
    /// Rows that are looked at. Where there are more, blocks spread evenly over the window stand for the others.
    pub rows: u64,
    /// Fields or patterns that are answered.
    pub entries: usize,
    /// Values a field, or samples a pattern.
    pub each: usize,
}

/// What a summary is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Records that satisfy the query among those looked at.
    pub records: u64,
    /// Records looked at.
    pub scanned: u64,
    /// Records that there were to look at. Where more than were, counts are those of a sample.
    pub of: u64,
}

impl Looked {
    /// Whether all were looked at.
    pub fn is_all(&self) -> bool {
        self.scanned >= self.of
    }
}

/// The values of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFacets {
    /// What they were counted of.
    pub looked: Looked,
    /// Service, level and scope, then attributes: those first that tell the most records apart.
    pub facets: Vec<LogFacet>,
}

/// The values of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFacet {
    /// Which field.
    pub field: LogField,
    /// Records that have it.
    pub records: u64,
    /// Different values that were counted.
    pub distinct: u64,
    /// Whether there are more than were counted.
    pub has_more: bool,
    /// The most frequent ones first.
    pub values: Vec<AttributeValue>,
}

/// The patterns of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPatterns {
    /// What they were counted of.
    pub looked: Looked,
    /// The window that steps are parts of.
    pub window: Window,
    /// The most frequent ones first.
    pub patterns: Vec<LogPattern>,
    /// Records of patterns that are not answered.
    pub others: u64,
}

/// What stands in a [`LogPattern`] for what differs from line to line.
pub const PATTERN_HOLE: &str = "<_>";

/// Compiles patterns, of which a body has one when it is that line with anything in the holes, for [`LogTest::Body`](crate::LogTest::Body).
///
/// # Errors
/// [`StoreError::Query`] when they are too long together.
pub fn pattern_regex<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<regex::Regex, StoreError> {
    let pattern = |text: &str| {
        let pieces: Vec<String> = text.split(PATTERN_HOLE).map(regex::escape).collect();
        format!("^{}$", pieces.join(".*"))
    };
    let alternatives: Vec<String> = patterns.into_iter().map(pattern).collect();
    body_regex(&format!("(?s:{})", alternatives.join("|")))
}

/// Lines that differ in numbers, ids and names only.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPattern {
    /// The line, with [`PATTERN_HOLE`] for what differs.
    pub pattern: String,
    /// Records of it.
    pub count: u64,
    /// The same by the name of their level.
    pub levels: BTreeMap<&'static str, u64>,
    /// The same by step of the window.
    pub volume: Vec<u64>,
    /// The newest records of it.
    pub samples: Vec<StoredLog>,
}
