//! What is found of a block without reading its columns, gathered while it is made.

use tripod_wire::TraceId;
use tripod_wire::otlp::KeyValue;

use crate::columns::Strings;
use crate::index::filter::FilterBuilder;
use crate::index::hash::{self, KeyHash};
use crate::index::postings;
use crate::records::{Attributes, Context};

/// Pairs, tokens and traces of a block.
#[derive(Debug, Default)]
pub(crate) struct BlockIndex {
    keys: Vec<Pairs>,
    pub(super) filter: FilterBuilder,
    /// Hash of a trace's id, and the trace's first row here.
    pub(super) traces: Vec<(u64, u32)>,
}

/// Values of a key.
#[derive(Debug)]
struct Pairs {
    key: Box<str>,
    values: Strings,
    /// How many rows have each.
    rows: Vec<u32>,
}

impl BlockIndex {
    /// Adds `key = value`, which `rows` rows have.
    pub(crate) fn pair(&mut self, key: &str, value: &str, rows: u32) {
        let at = self.keys.iter().rposition(|pairs| *pairs.key == *key);
        let pairs = match at {
            Some(at) => &mut self.keys[at],
            None => self.add_key(key),
        };
        pairs.values.push(value.as_bytes());
        pairs.rows.push(rows);
    }

    /// Adds the attributes of all rows: each different value once.
    pub(crate) fn attributes(&mut self, attributes: &Attributes) {
        for key in 0..attributes.column_count() {
            let pairs = self.add_key(attributes.column_key(key));
            attributes.distinct(key, &mut |value, rows| {
                pairs.values.push(value);
                pairs.rows.push(rows);
            });
        }
    }

    /// Adds the attributes of a context that `rows` rows have.
    pub(crate) fn context(&mut self, context: &Context, rows: u32) {
        for KeyValue { key, value } in context.resource.attributes.iter().chain(&context.scope.attributes) {
            self.pair(key, &value.to_string(), rows);
        }
    }

    /// Adds a token of a text; once or often is the same.
    pub(crate) fn token(&mut self, token: &[u8]) {
        self.filter.insert(hash::token(token));
    }

    /// Adds a trace whose first row in this block is this one.
    pub(crate) fn trace(&mut self, id: TraceId, first_row: u32) {
        self.traces.push((hash::id(&id.0), first_row));
    }

    fn add_key(&mut self, key: &str) -> &mut Pairs {
        self.keys.push_mut(Pairs { key: key.into(), values: Strings::default(), rows: Vec::new() })
    }

    /// Adds all pairs to postings; those that they do not take go into the filter.
    pub(super) fn list(&mut self, block: u32, postings: &mut postings::Builder) {
        for pairs in &self.keys {
            postings
                .add_all(block, &pairs.key, KeyHash::new(&pairs.key), pairs.iter(), |hash| self.filter.insert(hash));
        }
    }

    /// Puts all pairs into the filter but those of keys that other postings have all of.
    pub(super) fn filter(&mut self, is_complete: impl Fn(&str) -> bool) {
        for pairs in self.keys.iter().filter(|pairs| !is_complete(&pairs.key)) {
            let key = KeyHash::new(&pairs.key);
            pairs.iter().for_each(|(value, _)| self.filter.insert(key.value(value)));
        }
    }
}

impl Pairs {
    /// Values, in UTF-8, and how many rows have each.
    fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.values.iter().zip(self.rows.iter().map(|rows| u64::from(*rows)))
    }
}
