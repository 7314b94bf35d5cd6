//! Keys and values of attributes, for those who type them: what parts know of them, and what is in memory.
//!
//! `severity` is a key as well, whose values are the names of levels; services are the values of `service.name`.

use std::collections::{BTreeMap, HashMap};

use super::Logs;
use super::block::Block;
use super::levels::Levels;
use crate::engine::View;
use crate::{AttributeKey, AttributeValue, StoreError};

/// The key under which levels are listed.
const SEVERITY: &str = "severity";

/// The keys of all attributes, of records, scopes and resources, in order, with how many records have each, roughly.
pub(crate) fn attribute_keys(view: &View<Logs>) -> Vec<AttributeKey> {
    let mut keys: BTreeMap<String, AttributeKey> = BTreeMap::new();
    let mut add = |key: &str, rows: u64, values: u64| match keys.get_mut(key) {
        Some(known) => {
            known.rows += rows;
            // Parts mostly have the same ones.
            known.values = known.values.max(values);
        }
        None => {
            keys.insert(key.to_owned(), AttributeKey { key: key.to_owned(), rows, values });
        }
    };
    for part in &view.parts {
        part.inner.keys().for_each(|stats| add(&stats.key, stats.rows, stats.values));
    }
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        let mut of_block: HashMap<String, (u64, u64)> = HashMap::new();
        each_value(&block, &|_| true, &mut |key, _, rows| {
            let (all, values) = of_block.entry(key.to_owned()).or_default();
            *all += rows;
            *values += 1;
        });
        of_block.iter().for_each(|(key, (rows, values))| add(key, *rows, *values));
    }
    keys.into_values().collect()
}

/// The values of a key that begin with `prefix`, at most `limit`, with how many records have each, those that most have first. Of a
/// key with very many values some are not listed.
pub(crate) fn attribute_values(
    view: &View<Logs>,
    key: &str,
    prefix: &str,
    limit: usize,
) -> Result<Vec<AttributeValue>, StoreError> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    if key == SEVERITY {
        for (level, rows) in levels(view).filter(|(level, _)| level.starts_with(prefix) && !level.is_empty()) {
            *counts.entry(level.to_owned()).or_default() += u64::from(rows);
        }
    } else {
        for part in &view.parts {
            let add = &mut |value: String, rows: u64| *counts.entry(value).or_default() += rows;
            part.inner.values(&part.file, key, prefix, add)?;
        }
        for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
            each_value(&block, &|other| other == key, &mut |_, value, rows| {
                if value.starts_with(prefix) {
                    *counts.entry(value.to_owned()).or_default() += rows;
                }
            });
        }
    }
    let counts = counts.into_iter().filter(|(_, rows)| *rows > 0);
    let mut values: Vec<AttributeValue> = counts.map(|(value, rows)| AttributeValue { value, rows }).collect();
    values.sort_unstable_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.value.cmp(&b.value)));
    values.truncate(limit);
    Ok(values)
}

/// Rows by level, block by block.
fn levels(view: &View<Logs>) -> impl Iterator<Item = (&'static str, u32)> {
    let in_memory = view.memories.iter().flat_map(|memory| memory.blocks());
    let in_memory = in_memory.map(|block| Levels::of(&block.rows.severity));
    let in_parts = view.parts.iter().flat_map(|part| part.inner.heads());
    let in_parts = in_parts.filter_map(|head| Levels::decode(&head.extra));
    in_memory.chain(in_parts).filter_map(|levels| Some(levels.within(None)?.collect::<Vec<_>>())).flatten()
}

/// Each different value of the wanted keys, with how many of the block's rows have it, by themselves or by who emitted them.
fn each_value(block: &Block, wanted: &dyn Fn(&str) -> bool, visit: &mut dyn FnMut(&str, &str, u64)) {
    let attributes = &block.rows.attributes;
    for column in (0..attributes.column_count()).filter(|column| wanted(attributes.column_key(*column))) {
        let key = attributes.column_key(column);
        attributes.distinct(column, &mut |value, rows| {
            visit(key, std::str::from_utf8(value).unwrap_or_default(), rows.into());
        });
    }
    let mut of_context = vec![0u64; block.contexts.len()];
    block.rows.context.iter().for_each(|context| of_context[*context as usize] += 1);
    for (context, rows) in block.contexts.iter().zip(of_context) {
        let attributes = context.resource.attributes.iter().chain(&context.scope.attributes);
        for attribute in attributes.filter(|attribute| wanted(&attribute.key)) {
            visit(&attribute.key, &attribute.value.to_string(), rows);
        }
    }
}
