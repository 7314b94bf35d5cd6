//! Values of fields and how many records have each, counted by column: a dictionary's codes are counted, a context counts for all its
//! rows, and of a block that is counted as a whole the levels are in its head. No record is put together.
//!
//! At most [`MAX_VALUES`] values a field are counted, and [`MAX_FIELDS`] fields; of what comes later it is known that it is there.

use std::borrow::Cow;
use std::collections::HashMap;

use super::Logs;
use super::block::Reading;
use super::levels::Levels;
use super::sample::sample;
use super::search::Search;
use super::units::{Unit, units};
use crate::engine::View;
use crate::records::Attributes;
use crate::{AttributeValue, LogFacet, LogFacets, LogField, LogQuery, StoreError, SummaryLimits};

/// Values of a field that are counted.
const MAX_VALUES: usize = 1_000;
/// Fields that are counted.
const MAX_FIELDS: usize = 500;

/// Counts the values of fields of all records of which the query is true.
pub(crate) fn facets(
    view: &View<Logs>,
    query: &LogQuery,
    keys: &[LogField],
    limits: SummaryLimits,
) -> Result<LogFacets, StoreError> {
    let search = Search::new(query);
    let units = units(view, &search, query.window)?;
    let (taken, mut looked) = sample(&units, limits.rows);
    let mut counts = Counts { keys, fields: HashMap::new() };
    for at in taken {
        looked.records += counts.add_unit(&units[at], &search)?;
    }
    let mut fields: Vec<(LogField, Values)> = counts.fields.into_iter().collect();
    fields.sort_by_cached_key(|(field, values)| values.rank(field));
    fields.truncate(limits.entries);
    let facets = fields.into_iter().map(|(field, values)| values.into_facet(field, limits.each)).collect();
    Ok(LogFacets { looked, facets })
}

struct Counts<'k> {
    /// The fields that are wanted; all, when there are none.
    keys: &'k [LogField],
    fields: HashMap<LogField, Values>,
}

#[derive(Default)]
struct Values {
    records: u64,
    by_value: HashMap<Box<str>, u64, foldhash::fast::RandomState>,
    has_more: bool,
}

impl Counts<'_> {
    /// Counts a block; says how many of its records satisfy the query.
    fn add_unit(&mut self, unit: &Unit<'_>, search: &Search<'_>) -> Result<u64, StoreError> {
        if unit.is_whole(search, search.query.window) {
            unit.read(|block, _| self.add_whole(unit, block))?;
            return Ok(unit.len() as u64);
        }
        if !unit.may_say(search)? {
            return Ok(0);
        }
        let rows = search.rows(unit, search.query.window)?;
        if !rows.is_empty() {
            unit.read(|block, _| self.add_rows(unit, block, &rows))?;
        }
        Ok(rows.len() as u64)
    }

    fn add_whole(&mut self, unit: &Unit<'_>, block: Reading<'_>) -> Result<(), StoreError> {
        if self.wants(&LogField::Level) {
            let levels = match unit.known.levels {
                Some(levels) => levels,
                None => Levels::of(&block.severity()?),
            };
            self.add_levels(&levels);
        }
        let of_context = if unit.context_count() == 1 {
            vec![unit.len() as u64]
        } else {
            rows_by_context(unit, block.context()?.iter().copied())
        };
        self.add_contexts(unit, &of_context);
        let Some(attributes) = self.attributes(block)? else { return Ok(()) };
        for column in 0..attributes.column_count() {
            let field = LogField::Attribute(attributes.column_key(column).to_owned());
            if let Some(values) = self.field(&field) {
                attributes.distinct(column, &mut |value, count| values.add(text(value), count.into()));
            }
        }
        Ok(())
    }

    fn add_rows(&mut self, unit: &Unit<'_>, block: Reading<'_>, rows: &[u32]) -> Result<(), StoreError> {
        if self.wants(&LogField::Level) {
            let severity = block.severity()?;
            let severities: Vec<i32> = rows.iter().map(|row| severity[*row as usize]).collect();
            self.add_levels(&Levels::of(&severities));
        }
        let context = block.context()?;
        let of_context = rows_by_context(unit, rows.iter().map(|row| context[*row as usize]));
        self.add_contexts(unit, &of_context);
        let Some(attributes) = self.attributes(block)? else { return Ok(()) };
        let keys = (0..attributes.column_count()).map(|column| attributes.column_key(column).to_owned());
        let fields: Vec<LogField> = keys.map(LogField::Attribute).collect();
        attributes.distinct_of(rows, &mut |column, value, count| {
            if let Some(values) = self.field(&fields[column]) {
                values.add(text(value), count.into());
            }
        });
        Ok(())
    }

    /// The attributes of a block; nothing where none are wanted.
    fn attributes<'b>(&self, block: Reading<'b>) -> Result<Option<Cow<'b, Attributes>>, StoreError> {
        let is_attribute = |key: &LogField| matches!(key, LogField::Attribute(_));
        match self.keys {
            [LogField::Attribute(key)] => block.attribute(key).map(Some),
            keys if keys.is_empty() || keys.iter().any(is_attribute) => block.attributes().map(Some),
            _ => Ok(None),
        }
    }

    fn add_levels(&mut self, levels: &Levels) {
        let Some(values) = self.field(&LogField::Level) else { return };
        for (level, count) in levels.within(None).into_iter().flatten().filter(|(_, count)| *count > 0) {
            values.add(level, count.into());
        }
    }

    fn add_contexts(&mut self, unit: &Unit<'_>, rows: &[u64]) {
        for (number, rows) in (0..).zip(rows).filter(|(_, rows)| **rows > 0) {
            let context = unit.context(number);
            if let Some(values) = self.field(&LogField::Service) {
                values.add(&context.service, *rows);
            }
            if !context.scope.name.is_empty()
                && let Some(values) = self.field(&LogField::Scope)
            {
                values.add(&context.scope.name, *rows);
            }
            for attribute in context.resource.attributes.iter().chain(&context.scope.attributes) {
                if let Some(values) = self.field(&LogField::Attribute(attribute.key.clone())) {
                    values.add(&attribute.value.to_string(), *rows);
                }
            }
        }
    }

    fn wants(&self, field: &LogField) -> bool {
        self.keys.is_empty() || self.keys.contains(field)
    }

    /// Where the values of a field are counted; nowhere when it is not wanted, or there are too many.
    fn field(&mut self, field: &LogField) -> Option<&mut Values> {
        if !self.wants(field) || (!self.fields.contains_key(field) && self.fields.len() >= MAX_FIELDS) {
            return None;
        }
        Some(self.fields.entry(field.clone()).or_default())
    }
}

fn rows_by_context(unit: &Unit<'_>, contexts: impl Iterator<Item = u32>) -> Vec<u64> {
    let mut rows = vec![0; unit.context_count()];
    contexts.for_each(|context| rows[context as usize] += 1);
    rows
}

impl Values {
    fn add(&mut self, value: &str, count: u64) {
        self.records += count;
        if let Some(known) = self.by_value.get_mut(value) {
            *known += count;
        } else if self.by_value.len() < MAX_VALUES {
            self.by_value.insert(value.into(), count);
        } else {
            self.has_more = true;
        }
    }

    /// In which order facets are answered: what is told of every record, then what tells records apart, then what is the same in all
    /// that have it or numbers a process or an instance, as OpenTelemetry's `.id` and `.pid` do, then what hardly two have in common.
    fn rank(&self, field: &LogField) -> (u8, u64, LogField) {
        let distinct = self.by_value.len() as u64;
        let class = match field {
            LogField::Level => 0,
            LogField::Service => 1,
            LogField::Scope => 2,
            LogField::Attribute(_) if self.has_more || (distinct > 20 && distinct * 2 > self.records) => 5,
            LogField::Attribute(key) if distinct == 1 || numbers_instances(key) => 4,
            LogField::Attribute(_) => 3,
        };
        (class, u64::MAX - self.records, field.clone())
    }

    fn into_facet(self, field: LogField, limit: usize) -> LogFacet {
        let distinct = self.by_value.len() as u64;
        let values = self.by_value.into_iter();
        let mut values: Vec<AttributeValue> =
            values.map(|(value, rows)| AttributeValue { value: value.into(), rows }).collect();
        values.sort_unstable_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.value.cmp(&b.value)));
        values.truncate(limit);
        LogFacet { field, records: self.records, distinct, has_more: self.has_more, values }
    }
}

/// Whether an attribute's name says that it numbers something, as OpenTelemetry's `process.pid` and `service.instance.id` do.
fn numbers_instances(key: &str) -> bool {
    key.rsplit_once('.').is_some_and(|(_, last)| last == "id" || last == "pid")
}

fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_limit_are_known_to_be_there_but_not_counted() {
        let mut values = Values::default();
        for at in 0..MAX_VALUES + 5 {
            values.add(&at.to_string(), 1);
        }
        values.add("3", 4);
        let facet = values.into_facet(LogField::Scope, 2);
        assert_eq!((facet.records, facet.distinct, facet.has_more), (1009, 1000, true));
        assert_eq!((facet.values[0].value.as_str(), facet.values[0].rows, facet.values.len()), ("3", 5, 2));
    }

    #[test]
    fn what_tells_records_apart_stands_before_what_numbers_instances_and_what_is_the_same_in_all() {
        let ranked = |key: &str, distinct: usize| {
            let mut values = Values::default();
            (0..100).for_each(|record| values.add(&(record % distinct).to_string(), 1));
            values.rank(&LogField::Attribute(key.into()))
        };
        let mut keys = [("uuid", 100), ("process.pid", 7), ("version", 1), ("status", 7), ("service.instance.id", 7)];
        keys.sort_by_key(|(key, distinct)| ranked(key, *distinct));
        assert_eq!(keys.map(|(key, _)| key), ["status", "process.pid", "service.instance.id", "version", "uuid"]);
    }
}
