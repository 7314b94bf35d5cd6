//! Further conditions, prepared: what a context decides for all its rows, and which rows of a block satisfy the rest.

use std::borrow::Cow;

use memchr::memmem::Finder;
use tripod_wire::otlp::logs::SeverityNumber;

use super::block::Reading;
use super::needs::Need;
use super::{terms, text};
use crate::records::Context;
use crate::{LogCondition, LogField, LogTest, RecordTest, StoreError};

/// A condition that is ready to be asked.
pub(crate) struct Also<'q> {
    condition: &'q LogCondition,
    /// The word of a text.
    word: Option<Finder<'static>>,
}

impl<'q> Also<'q> {
    pub(crate) fn new(condition: &'q LogCondition) -> Self {
        let word = match &condition.test {
            LogTest::Text(text) => Some(Finder::new(&terms::folded(text)).into_owned()),
            _ => None,
        };
        Self { condition, word }
    }

    /// What a block must have for a row of it to satisfy the condition.
    pub(crate) fn need(&self) -> Option<Need> {
        match &self.condition.test {
            _ if self.condition.excluded => None,
            LogTest::Text(text) => Some(Need::word(&terms::folded(text))),
            LogTest::Body(regex) => Some(Need::regex(regex)),
            LogTest::Field(..) | LogTest::Record(_) => None,
        }
    }

    /// Whether heads of blocks can't tell which rows satisfy it.
    pub(crate) fn must_read(&self) -> bool {
        match &self.condition.test {
            LogTest::Field(field, _) => matches!(field, LogField::Attribute(_)),
            LogTest::Text(_) | LogTest::Body(_) | LogTest::Record(_) => true,
        }
    }

    pub(crate) fn is_of_level(&self) -> bool {
        matches!(&self.condition.test, LogTest::Field(LogField::Level, _))
    }

    /// Whether it lets a level pass; `true` where it is about something else.
    pub(crate) fn wants_level(&self, level: &str) -> bool {
        match &self.condition.test {
            LogTest::Field(LogField::Level, values) => {
                values.iter().any(|value| value == level) != self.condition.excluded
            }
            _ => true,
        }
    }

    /// Whether all rows of a context satisfy it, or none; `None` where that depends on the row.
    pub(crate) fn of_context(&self, context: &Context) -> Option<bool> {
        let LogTest::Field(field, values) = &self.condition.test else { return None };
        let is = match field {
            LogField::Service => values.contains(&context.service),
            LogField::Scope => values.contains(&context.scope.name),
            LogField::Level => return None,
            LogField::Attribute(key) => {
                let mut attributes = context.resource.attributes.iter().chain(&context.scope.attributes);
                if !attributes.any(|one| one.key == *key && values.contains(&one.value.to_string())) {
                    return None;
                }
                true
            }
        };
        Some(is != self.condition.excluded)
    }

    /// The test of whole records, and whether those that pass are left out.
    pub(crate) fn record(&self) -> Option<(&'q RecordTest, bool)> {
        match &self.condition.test {
            LogTest::Record(test) => Some((test, self.condition.excluded)),
            _ => None,
        }
    }

    /// Whether [`Self::keep`] has something to do.
    pub(crate) fn looks_at_rows(&self) -> bool {
        self.must_read() && self.record().is_none() || self.is_of_level()
    }

    /// Keeps the rows, which are in order, that satisfy it. What `is_decided` says of contexts was looked at before.
    pub(crate) fn keep(
        &self,
        rows: &mut Vec<u32>,
        block: Reading<'_>,
        is_decided: &dyn Fn(u32) -> bool,
    ) -> Result<(), StoreError> {
        let excluded = self.condition.excluded;
        match &self.condition.test {
            LogTest::Field(LogField::Level, _) => {
                let severity = block.severity()?;
                rows.retain(|row| self.wants_level(SeverityNumber(severity[*row as usize]).level()));
            }
            LogTest::Field(LogField::Attribute(key), values) => {
                let attributes = block.attribute(key)?;
                let context = block.context()?;
                let mut having: Vec<u32> = values.iter().flat_map(|value| attributes.rows_with(key, value)).collect();
                having.sort_unstable();
                rows.retain(|row| is_decided(context[*row as usize]) || having.binary_search(row).is_ok() != excluded);
            }
            LogTest::Text(_) => {
                let (body, attributes) = (block.body()?, block.attributes()?);
                let with = text::with_words(rows.clone(), self.word.as_slice(), &body, &attributes);
                keep_if(rows, &with, excluded);
            }
            LogTest::Body(regex) => {
                let body: Cow<'_, _> = block.body()?;
                let with = text::with_match(rows.clone(), regex, &body);
                keep_if(rows, &with, excluded);
            }
            LogTest::Field(LogField::Service | LogField::Scope, _) | LogTest::Record(_) => {}
        }
        Ok(())
    }
}

/// Keeps those of `rows` that are in `with`, or those that are not.
fn keep_if(rows: &mut Vec<u32>, with: &[u32], excluded: bool) {
    rows.retain(|row| with.binary_search(row).is_ok() != excluded);
}
