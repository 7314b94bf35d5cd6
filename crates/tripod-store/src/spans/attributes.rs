//! Keys and values of attributes, for those who type them: what parts know of them, and what is in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Spans;
use super::build::NAME;
use super::memory::{self, MemoryBlock};
use crate::engine::View;
use crate::records::{Attributes, Context};
use crate::{AttributeKey, AttributeValue, StoreError};

/// The keys of all attributes, in order.
pub(super) fn keys(view: &View<Spans>) -> Vec<AttributeKey> {
    let mut keys: BTreeMap<String, AttributeKey> = BTreeMap::new();
    let mut add = |key: &str, rows: u64, values: u64| {
        if let Some(known) = keys.get_mut(key) {
            known.rows += rows;
            // Parts mostly have the same ones.
            known.values = known.values.max(values);
        } else if key != NAME {
            keys.insert(key.to_owned(), AttributeKey { key: key.to_owned(), rows, values });
        }
    };
    for part in &view.parts {
        part.inner.records.keys().for_each(|stats| add(&stats.key, stats.rows, stats.values));
    }
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        let block = memory::read(&block);
        for key in of_memory(&block) {
            let mut values: HashMap<String, u64> = HashMap::new();
            each_value(&block, &key, |value, rows| *values.entry(value.to_owned()).or_default() += rows);
            add(&key, values.values().sum(), values.len() as u64);
        }
    }
    keys.into_values().collect()
}

/// The keys that resources have, in order.
pub(super) fn of_resources(view: &View<Spans>) -> Vec<String> {
    let mut keys = BTreeSet::new();
    let mut add = |context: &Context| {
        for attribute in &context.resource.attributes {
            if !keys.contains(&attribute.key) {
                keys.insert(attribute.key.clone());
            }
        }
    };
    for part in &view.parts {
        part.inner.records.contexts().iter().for_each(|context| add(context));
    }
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        memory::read(&block).contexts.iter().for_each(|context| add(context));
    }
    keys.into_iter().collect()
}

/// The values of a key that begin with `prefix`, at most `limit`, those that most spans have first.
pub(super) fn values(
    view: &View<Spans>,
    key: &str,
    prefix: &str,
    limit: usize,
) -> Result<Vec<AttributeValue>, StoreError> {
    let mut counts: HashMap<String, u64, foldhash::fast::RandomState> = HashMap::default();
    for part in &view.parts {
        let add = &mut |value: String, rows: u64| *counts.entry(value).or_default() += rows;
        part.inner.records.values(&part.file, key, prefix, add)?;
    }
    for block in view.memories.iter().flat_map(|memory| memory.blocks()) {
        each_value(&memory::read(&block), key, |value, rows| {
            if value.starts_with(prefix) {
                *counts.entry(value.to_owned()).or_default() += rows;
            }
        });
    }
    let mut values: Vec<AttributeValue> =
        counts.into_iter().map(|(value, rows)| AttributeValue { value, rows }).collect();
    values.sort_unstable_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.value.cmp(&b.value)));
    values.truncate(limit);
    Ok(values)
}

fn of_memory(block: &MemoryBlock) -> Vec<String> {
    let rows = [&block.rows.attributes, &block.rows.events.attributes];
    let mut keys: Vec<String> = rows.iter().flat_map(|rows| rows.keys()).map(str::to_owned).collect();
    keys.extend(block.contexts.iter().flat_map(|context| of_context(context)).map(|(key, _)| key.to_owned()));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The attributes of resource and scope.
fn of_context(context: &Context) -> impl Iterator<Item = (&str, String)> {
    let attributes = context.resource.attributes.iter().chain(&context.scope.attributes);
    attributes.map(|attribute| (attribute.key.as_str(), attribute.value.to_string()))
}

/// The values that rows, their events, or those who emitted them have of a key, with how many have each.
fn each_value(block: &MemoryBlock, key: &str, mut visit: impl FnMut(&str, u64)) {
    let mut text = String::new();
    let mut of_rows = |rows: &Attributes| {
        for row in 0..rows.rows() {
            if let Some(value) = rows.get(row, key) {
                visit(value.text(&mut text), 1);
            }
        }
    };
    of_rows(&block.rows.attributes);
    of_rows(&block.rows.events.attributes);
    for (number, context) in (0..).zip(block.contexts.iter()) {
        for (_, value) in of_context(context).filter(|(other, _)| *other == key) {
            let rows = block.rows.context.iter().filter(|context| **context == number).count();
            visit(&value, rows as u64);
        }
    }
}
