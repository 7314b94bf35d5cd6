//! The labels of a family's series as they are written, in either form.
//!
//! The series of an instrument usually have the same keys in the same order, so what the keys become is worked out once and then only
//! copied.

use tripod_wire::otlp::KeyValue;
use tripod_wire::prometheus::client_model::Metric;
use tripod_wire::prometheus::escaping::is_old_label;
use tripod_wire::prometheus::names;
use tripod_wire::proto::{put_bytes, put_len_delimited};

use super::naming::Naming;
use super::text::{escape, put_whole};
use crate::metrics::label_set::{Kept, LabelSet, is_same};

/// What a label is in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `name="value"`, with commas between them.
    Text,
    /// Fields of a [`Metric`].
    Protobuf,
}

/// The labels of one series after the other.
pub(super) struct Labels {
    encoding: Encoding,
    naming: Naming,
    /// Names that the family itself uses.
    reserved: Vec<String>,
    /// Labels of all its series.
    common: Vec<u8>,
    /// The same with those of the series that is written.
    bytes: Vec<u8>,
    keys: Keys,
}

/// The keys of the series before, which usually are those of the next one too.
#[derive(Default)]
struct Keys {
    known: Vec<Key>,
    /// Two become the same name: then their values share a label.
    clash: bool,
}

struct Key {
    of: String,
    name: String,
    /// The name as a label begins with it.
    head: Vec<u8>,
}

impl Labels {
    /// `common` are the labels of all series, `own` the name of one that samples have beside them, such as `le`.
    pub(super) fn new(encoding: Encoding, naming: Naming, common: &[(String, String)], own: Option<&str>) -> Self {
        let mut written = Vec::new();
        for (name, value) in common {
            put(encoding, &mut written, &head(encoding, name), |out| put_text(encoding, out, value));
        }
        let names = common.iter().map(|(name, _)| name.as_str()).chain(own);
        let reserved = names.map(str::to_owned).collect();
        Self { encoding, naming, reserved, common: written, bytes: Vec::new(), keys: Keys::default() }
    }

    /// Those of the series that is written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Goes on to a series.
    pub(super) fn set(&mut self, labels: &LabelSet) {
        if !self.keys.clash && self.put_all(labels) {
            return;
        }
        self.keys = self.keys_of(labels);
        if self.keys.clash {
            return self.set_attributes(&labels.attributes());
        }
        self.put_all(labels);
    }

    /// Writes the labels under the keys that are known; false when they are others.
    fn put_all(&mut self, labels: &LabelSet) -> bool {
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.common);
        // Each a loop of its own, so that the encoding is not asked for at every label.
        match self.encoding {
            Encoding::Text => put_all(Encoding::Text, &mut self.bytes, labels, &self.keys.known),
            Encoding::Protobuf => put_all(Encoding::Protobuf, &mut self.bytes, labels, &self.keys.known),
        }
    }

    /// The same where the labels are attributes.
    pub(super) fn set_attributes(&mut self, attributes: &[KeyValue]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.common);
        for (name, value) in names::labels_named(attributes, |key| self.name(key)) {
            let head = head(self.encoding, &name);
            put(self.encoding, &mut self.bytes, &head, |out| put_text(self.encoding, out, &value));
        }
    }

    /// The name of a key's label. One that the family uses itself is told apart as Prometheus does it, as no label may come twice.
    fn name(&self, key: &str) -> String {
        let name = self.naming.label(key);
        if self.reserved.contains(&name) { format!("exported_{name}") } else { name }
    }

    fn keys_of(&self, labels: &LabelSet) -> Keys {
        let mut keys = Keys::default();
        for (key, _) in labels.iter() {
            let name = self.name(key);
            keys.clash |= keys.known.iter().any(|earlier| earlier.name == name);
            let head = head(self.encoding, &name);
            keys.known.push(Key { of: key.to_owned(), name, head });
        }
        keys
    }
}

fn head(encoding: Encoding, name: &str) -> Vec<u8> {
    let mut head = Vec::new();
    match encoding {
        Encoding::Text => {
            put_name(&mut head, name, is_old_label(name));
            head.extend(b"=\"");
        }
        Encoding::Protobuf => put_bytes(&mut head, 1, name.as_bytes()),
    }
    head
}

/// A name in a text, in quotes if it is none of the old ones.
pub(super) fn put_name(out: &mut Vec<u8>, name: &str, is_old: bool) {
    if is_old {
        return out.extend_from_slice(name.as_bytes());
    }
    out.push(b'"');
    escape(out, name, true);
    out.push(b'"');
}

#[inline]
fn put_all(encoding: Encoding, out: &mut Vec<u8>, labels: &LabelSet, known: &[Key]) -> bool {
    let mut known = known.iter();
    for (key, value) in labels.iter() {
        let Some(Key { of, head, .. }) = known.next() else { return false };
        if of.len() != key.len() || !is_same(of.as_bytes(), key.as_bytes()) {
            return false;
        }
        put(encoding, out, head, |out| match value {
            Kept::Str(text) => put_text(encoding, out, text),
            Kept::Int(value) => put_whole(out, value),
            other => put_text(encoding, out, &other.to_any().to_string()),
        });
    }
    known.next().is_none()
}

#[inline]
fn put(encoding: Encoding, out: &mut Vec<u8>, head: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
    match encoding {
        Encoding::Text => {
            if !out.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(head);
            value(out);
            out.push(b'"');
        }
        Encoding::Protobuf => put_len_delimited(out, Metric::LABELS, |out| {
            out.extend_from_slice(head);
            put_len_delimited(out, 2, value);
        }),
    }
}

#[inline]
fn put_text(encoding: Encoding, out: &mut Vec<u8>, text: &str) {
    match encoding {
        Encoding::Text => escape(out, text, true),
        Encoding::Protobuf => out.extend_from_slice(text.as_bytes()),
    }
}
