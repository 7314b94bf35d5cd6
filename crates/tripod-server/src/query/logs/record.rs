//! A record as JSON, and the id by which it is asked for again.

use serde_json::{Value, json};
use tripod_store::StoredLog;

use crate::query::{attributes, time};

/// Which record: when it happened, and what tells it from others of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LogId {
    pub(super) time: u64,
    pub(super) fingerprint: u64,
}

impl LogId {
    pub(super) fn of(log: &StoredLog) -> Self {
        Self { time: log.time, fingerprint: log.fingerprint() }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(time, fingerprint)| {
            let is_hex = fingerprint.len() == 16 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit());
            let fingerprint = is_hex.then(|| u64::from_str_radix(fingerprint, 16).ok())??;
            Some(Self { time: time.parse().ok()?, fingerprint })
        });
        parts.ok_or_else(|| format!("{text:?} is not an id of a record like 1795238947123456789-0123456789abcdef"))
    }

    pub(super) fn text(self) -> String {
        format!("{}-{:016x}", self.time, self.fingerprint)
    }
}

/// A record as it is shown.
pub(in crate::query) fn log(stored: &StoredLog) -> Value {
    let record = &stored.record;
    let id = |valid: bool, text: String| if valid { text } else { String::new() };
    let severity = if record.severity_text.is_empty() { record.severity_number.level() } else { &record.severity_text };
    json!({
        "id": LogId::of(stored).text(),
        "timestamp": time::format_rfc3339(stored.time),
        "timestamp_unix_nano": stored.time.to_string(),
        "observed_timestamp_unix_nano": record.observed_time_unix_nano.to_string(),
        "severity": severity,
        "severity_number": record.severity_number.0,
        "body": attributes::to_json(&record.body),
        "service": stored.resource.service_name(),
        "trace_id": id(record.trace_id.is_valid(), record.trace_id.to_string()),
        "span_id": id(record.span_id.is_valid(), record.span_id.to_string()),
        "attributes": attributes::object(&record.attributes),
        "resource": attributes::object(&stored.resource.attributes),
        "scope": stored.scope.name,
        "scope_version": stored.scope.version,
        "scope_attributes": attributes::object(&stored.scope.attributes),
        "event_name": record.event_name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_and_another_text_is_refused() {
        let id = LogId { time: 7, fingerprint: 255 };
        assert_eq!(LogId::parse(&id.text()), Ok(id));
        for wrong in ["", "7", "7-ff", "x-00000000000000ff", "7-+0000000000000ff", "7-00000000000000ff-"] {
            assert!(LogId::parse(wrong).unwrap_err().contains("not an id"), "{wrong}");
        }
    }
}
