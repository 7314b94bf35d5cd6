//! An event that was recorded, as data: what [`Collector::recent`](super::Collector::recent) and [`read`] give, and its line in a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value as Json};

use super::encoded::Encoded;
use super::event::EventKind;
use crate::context::{SpanId, TraceId};
use crate::export::readable;

/// An event that was recorded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// When it was recorded.
    pub time: SystemTime,
    /// The trace during which it was recorded, if there was one.
    pub trace_id: Option<TraceId>,
    /// The span during which it was recorded, if there was one.
    pub span_id: Option<SpanId>,
    /// What it is.
    pub event: RecordedEvent,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RecordedEvent {
    /// An operation that was done.
    Performance {
        /// What was done.
        operation: String,
        /// How long it took.
        duration: Duration,
        /// Who did it.
        provider: String,
    },
    /// An operation that failed.
    Failure {
        /// What kind of failure it is.
        error_type: String,
        /// What it says.
        message: String,
        /// Who failed.
        provider: String,
        /// What was to be done.
        operation: String,
    },
    /// A number that was measured.
    Metric {
        /// Its name.
        name: String,
        /// The number.
        value: f64,
        /// What it is of, values as text.
        labels: BTreeMap<String, String>,
    },
}

/// Reads the events of a file that a collector has written, in its order.
///
/// # Errors
/// When the file can't be opened; of a line, when it can't be read or is no event ([`io::ErrorKind::InvalidData`]).
pub fn read(path: impl AsRef<Path>) -> io::Result<impl Iterator<Item = io::Result<Recorded>>> {
    let lines = BufReader::new(File::open(path)?).lines();
    Ok(lines.map(|line| {
        let line = line?;
        Recorded::from_json(&line)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no event: {line}")))
    }))
}

impl Recorded {
    /// Its type.
    pub fn kind(&self) -> EventKind {
        match self.event {
            RecordedEvent::Performance { .. } => EventKind::Performance,
            RecordedEvent::Failure { .. } => EventKind::Failure,
            RecordedEvent::Metric { .. } => EventKind::Metric,
        }
    }

    pub(super) fn of(event: &Encoded<'_>, unix_nanos: u64) -> Self {
        let recorded = match event.kind {
            EventKind::Performance => RecordedEvent::Performance {
                operation: event.name.to_owned(),
                duration: seconds(event.value),
                provider: event.provider.to_owned(),
            },
            EventKind::Failure => RecordedEvent::Failure {
                error_type: event.name.to_owned(),
                message: event.message().to_owned(),
                provider: event.provider.to_owned(),
                operation: event.operation.to_owned(),
            },
            EventKind::Metric => RecordedEvent::Metric {
                name: event.name.to_owned(),
                value: event.value,
                labels: event.labels().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            },
        };
        let (trace_id, span_id) = event.span.map(|span| (span.trace_id, span.span_id)).unzip();
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nanos);
        Self { time, trace_id, span_id, event: recorded }
    }

    /// The event of a line.
    fn from_json(line: &str) -> Option<Self> {
        let line: Map<String, Json> = serde_json::from_str(line).ok()?;
        let text = |key: &str| Some(line.get(key)?.as_str()?.to_owned());
        let event = match line.get("type")?.as_str()? {
            "performance" => RecordedEvent::Performance {
                operation: text("operation")?,
                duration: seconds(line.get("duration_seconds")?.as_f64()?),
                provider: text("provider")?,
            },
            "failure" => RecordedEvent::Failure {
                error_type: text("error_type")?,
                message: text("message")?,
                provider: text("provider")?,
                operation: text("operation")?,
            },
            "metric" => RecordedEvent::Metric {
                name: text("name")?,
                value: number(line.get("value")?)?,
                labels: line.get("labels")?.as_object()?.iter().map(label).collect::<Option<_>>()?,
            },
            _ => return None,
        };
        let time = readable::parse_time(line.get("timestamp")?.as_str()?)?;
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(time);
        let id = |key: &str| line.get(key).and_then(Json::as_str);
        let trace_id = id("trace_id").and_then(|id| id.parse().ok());
        Some(Self { time, trace_id, span_id: id("span_id").and_then(|id| id.parse().ok()), event })
    }
}

fn label((key, value): (&String, &Json)) -> Option<(String, String)> {
    Some((key.clone(), value.as_str()?.to_owned()))
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(if value > 0.0 { Duration::MAX } else { Duration::ZERO })
}

/// JSON has no number for what is infinite or none, so those are text.
fn number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Adds an event's line.
pub(super) fn write_line(out: &mut String, event: &Encoded<'_>, unix_nanos: u64) {
    out.push_str("{\"timestamp\":\"");
    out.push_str(&readable::time_in_nanos(unix_nanos));
    out.push_str("\",\"type\":\"");
    out.push_str(event.kind.as_str());
    out.push('"');
    match event.kind {
        EventKind::Performance => {
            put_text(out, "operation", event.name);
            put_number(out, "duration_seconds", event.value);
            put_text(out, "provider", event.provider);
        }
        EventKind::Failure => {
            put_text(out, "error_type", event.name);
            put_text(out, "message", event.message());
            put_text(out, "provider", event.provider);
            put_text(out, "operation", event.operation);
        }
        EventKind::Metric => {
            put_text(out, "name", event.name);
            put_number(out, "value", event.value);
            put_labels(out, event);
        }
    }
    if let Some(span) = event.span {
        put_text(out, "trace_id", &span.trace_id.to_string());
        put_text(out, "span_id", &span.span_id.to_string());
    }
    out.push_str("}\n");
}

fn put_key(out: &mut String, key: &str) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
}

fn put_text(out: &mut String, key: &str, text: &str) {
    put_key(out, key);
    quoted(out, text);
}

fn put_number(out: &mut String, key: &str, value: f64) {
    put_key(out, key);
    if value.is_finite() {
        out.push_str(&Json::from(value).to_string());
    } else {
        quoted(out, &value.to_string());
    }
}

fn put_labels(out: &mut String, event: &Encoded<'_>) {
    put_key(out, "labels");
    out.push('{');
    for (at, (key, value)) in event.labels().enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        quoted(out, key);
        out.push(':');
        quoted(out, value);
    }
    out.push('}');
}

fn quoted(out: &mut String, text: &str) {
    out.push_str(&Json::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoded::Text;
    use super::super::event::{Event, Failure, Metric, Performance};
    use super::*;
    use crate::{SpanContext, Value};

    fn through_a_line(event: &Event<'_>, span: Option<SpanContext>) -> String {
        let mut text = Text::new();
        let encoded = Encoded::of(event, 0, span, &mut text);
        let (mut line, time) = (String::new(), 1_795_246_440_123_456_789);
        write_line(&mut line, &encoded, time);
        assert_eq!(line.matches('\n').count(), 1, "one line");
        assert_eq!(Recorded::from_json(&line).unwrap(), Recorded::of(&encoded, time));
        line
    }

    #[test]
    fn the_fields_have_names_that_do_not_change() {
        let performance = Performance { operation: "api_call", duration: Duration::from_millis(500), provider: "p1" };
        let (trace_id, span_id) = (TraceId([0xab; 16]), SpanId([0xcd; 8]));
        let span = Some(SpanContext { trace_id, span_id, ..SpanContext::default() });
        let expected = format!(
            "{{\"timestamp\":\"2026-11-21T07:34:00.123456789Z\",\"type\":\"performance\",\"operation\":\"api_call\",\
             \"duration_seconds\":0.5,\"provider\":\"p1\",\"trace_id\":\"{}\",\"span_id\":\"{}\"}}\n",
            "ab".repeat(16),
            "cd".repeat(8)
        );
        assert_eq!(through_a_line(&performance.into(), span), expected);
    }

    proptest! {
        #[test]
        fn every_event_is_read_back_from_its_line(text in "\\PC{0,40}|[\\x00-\\x1f\"\\\\]{0,10}", value in any::<f64>()) {
            let failure = Failure { error_type: &text, message: &text, provider: &text, operation: &text };
            through_a_line(&failure.into(), None);
            prop_assume!(!value.is_nan());
            let labels = [("host", Value::Str(&text))];
            through_a_line(&Metric { name: &text, value, labels: &labels }.into(), None);
        }
    }

    #[test]
    fn what_is_no_event_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "{\"type\":\"performance\"}\n").unwrap();
        let error = read(&path).unwrap().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(read(folder.path().join("none")).is_err());
    }
}
