//! Log records as Loki sees them: a stream's labels out of a resource, and a line with what else is known of it.

use std::collections::HashMap;
use std::sync::Arc;

use tripod_store::StoredLog;
use tripod_wire::otlp::{AnyValue, KeyValue, Resource};

use crate::query::logql::entry::{Entry, Label, Origin, label_name};

/// The label of the service, whether or not the resource names one.
pub(super) const SERVICE: &str = "service_name";
/// The level of a record, as Loki calls what it found out by itself.
pub(super) const LEVEL: &str = "detected_level";
pub(super) const TRACE: &str = "trace_id";
const UNKNOWN: &str = "unknown";

/// The streams seen in a query, so that the labels of each are made once.
#[derive(Default)]
pub(in crate::query) struct Streams {
    /// By the address of a resource that is held here, too, so that no other can take it.
    known: HashMap<usize, (Arc<Resource>, Vec<Label>)>,
    names: HashMap<String, Arc<str>>,
}

impl Streams {
    /// The line of a record.
    pub(in crate::query) fn entry(&mut self, stored: &StoredLog) -> Entry {
        let address = Arc::as_ptr(&stored.resource) as usize;
        let (_, labels) = self
            .known
            .entry(address)
            .or_insert_with(|| (Arc::clone(&stored.resource), stream_labels(&stored.resource)));
        let record = &stored.record;
        let mut entry = Entry::new(stored.time, record.body.to_string(), labels);
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                entry.add_metadata(interned(&mut self.names, name), value.into());
            }
        };
        add(LEVEL, &level_name(record.severity_number.level()));
        add("severity_text", &record.severity_text);
        if record.trace_id.is_valid() {
            add(TRACE, &record.trace_id.to_string());
        }
        if record.span_id.is_valid() {
            add("span_id", &record.span_id.to_string());
        }
        add("scope_name", &stored.scope.name);
        add("event_name", &record.event_name);
        for attribute in record.attributes.iter().chain(&stored.scope.attributes) {
            each_text(&attribute.key, &attribute.value, &mut |key, value| {
                entry.add_metadata(label_of(&mut self.names, key), value.into());
            });
        }
        entry
    }
}

fn interned(names: &mut HashMap<String, Arc<str>>, name: &str) -> Arc<str> {
    if let Some(known) = names.get(name) {
        return Arc::clone(known);
    }
    let shared: Arc<str> = name.into();
    names.insert(name.to_owned(), Arc::clone(&shared));
    shared
}

/// The label of a key; each is made once.
fn label_of(names: &mut HashMap<String, Arc<str>>, key: &str) -> Arc<str> {
    if let Some(known) = names.get(key) {
        return Arc::clone(known);
    }
    let shared: Arc<str> = label_name(key).into();
    names.insert(key.to_owned(), Arc::clone(&shared));
    shared
}

/// The name of a level in Loki's words; what has none is `unknown`.
pub(super) fn level_name(level: &str) -> String {
    if level.is_empty() { UNKNOWN.to_owned() } else { level.to_ascii_lowercase() }
}

/// The labels of a resource's stream, sorted by name.
pub(super) fn stream_labels(resource: &Resource) -> Vec<Label> {
    let mut labels = vec![label(SERVICE, resource.service_name())];
    for KeyValue { key, value } in &resource.attributes {
        each_text(key, value, &mut |key, value| {
            let name = label_name(key);
            if !labels.iter().any(|label| *label.name == *name) {
                labels.push(label(&name, value));
            }
        });
    }
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels
}

fn label(name: &str, value: &str) -> Label {
    Label { name: name.into(), value: value.into(), origin: Origin::Stream }
}

/// Calls `found` with a value as text; what lies within a list has the names joined by `_`.
fn each_text(key: &str, value: &AnyValue, found: &mut dyn FnMut(&str, &str)) {
    match value {
        AnyValue::Empty => {}
        AnyValue::String(text) => {
            if !text.is_empty() {
                found(key, text);
            }
        }
        AnyValue::KvList(list) => {
            for inner in list {
                each_text(&format!("{key}_{}", inner.key), &inner.value, found);
            }
        }
        other => found(key, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tripod_wire::otlp::logs::SeverityNumber;
    use tripod_wire::otlp::{InstrumentationScope, LogRecord};

    use super::*;

    #[test]
    fn a_record_is_a_line_of_its_resources_stream() {
        let attributes = vec![KeyValue::new("service.name", "api"), KeyValue::new("k8s.pod.name", "p-1")];
        let stored = StoredLog {
            resource: Arc::new(Resource { attributes, ..Resource::default() }),
            scope: Arc::new(InstrumentationScope::default()),
            time: 7,
            record: LogRecord {
                body: "hello".into(),
                severity_number: SeverityNumber::WARN2,
                attributes: vec![KeyValue::new("http.route", "/a"), KeyValue::new("k8s.pod.name", "other")],
                ..LogRecord::default()
            },
        };
        let entry = Streams::default().entry(&stored);
        let labels: Vec<_> = entry.labels().iter().map(|label| format!("{}={}", label.name, label.value)).collect();
        assert_eq!(labels, ["k8s_pod_name=p-1", "service_name=api", "detected_level=warn", "http_route=/a"]);
        assert_eq!((entry.time, entry.line.as_str()), (7, "hello"));
    }
}
