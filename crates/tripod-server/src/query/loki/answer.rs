//! Lines as Loki's JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::success;
use crate::query::logql::entry::{Entry, Origin};

/// Lines by their labels, in the order they come. With `categorize`, a stream has its own labels alone, and each line brings the others
/// by where they come from; without, all labels together tell streams apart.
pub(super) fn streams(entries: Vec<Entry>, categorize: bool) -> Value {
    let lines = entries.len();
    let bytes: usize = entries.iter().map(|entry| entry.line.len()).sum();
    let flags = if categorize { json!(["categorize-labels"]) } else { json!(null) };
    let mut data = json!({
        "resultType": "streams",
        "result": by_stream(entries, categorize),
        "stats": { "summary": { "totalLinesProcessed": lines, "totalBytesProcessed": bytes, "totalEntriesReturned": lines } },
    });
    if categorize {
        data["encodingFlags"] = flags;
    }
    success(data)
}

/// The list of streams.
pub(super) fn by_stream(entries: Vec<Entry>, categorize: bool) -> Value {
    let mut streams: BTreeMap<Vec<(String, String)>, Vec<Value>> = BTreeMap::new();
    for entry in entries {
        let labels = entry.labels().iter().filter(|label| !categorize || label.origin == Origin::Stream);
        let mut key: Vec<(String, String)> =
            labels.map(|label| (label.name.to_string(), label.value.to_string())).collect();
        key.sort();
        let time = entry.time.to_string();
        let value = if categorize {
            let rest = json!({ "structuredMetadata": of_origin(&entry, Origin::Metadata), "parsed": of_origin(&entry, Origin::Parsed) });
            json!([time, entry.line, without_empty(rest)])
        } else {
            json!([time, entry.line])
        };
        streams.entry(key).or_default().push(value);
    }
    let stream = |(labels, values): (Vec<(String, String)>, Vec<Value>)| {
        let labels: Map<String, Value> = labels.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        json!({ "stream": labels, "values": values })
    };
    streams.into_iter().map(stream).collect()
}

fn of_origin(entry: &Entry, origin: Origin) -> Map<String, Value> {
    let labels = entry.labels().iter().filter(|label| label.origin == origin);
    labels.map(|label| (label.name.to_string(), Value::from(&*label.value))).collect()
}

fn without_empty(mut value: Value) -> Value {
    if let Value::Object(object) = &mut value {
        object.retain(|_, inner| inner.as_object().is_none_or(|inner| !inner.is_empty()));
    }
    value
}
