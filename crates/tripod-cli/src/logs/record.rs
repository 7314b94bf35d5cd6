//! A log record as the server answers it, and as a line.

use serde_json::Value;

use crate::render::style::{Painter, Style};
use crate::render::text::{cut, fill, plain, width};
use crate::render::units;

/// Columns of a severity's name.
const SEVERITY: usize = 5;

/// What a line shows of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    pub(crate) severity: String,
    pub(crate) severity_number: i64,
    pub(crate) service: String,
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
}

impl Record {
    /// Reads what `/api/logs` has; what is not there is empty.
    pub(crate) fn of(json: &Value) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let attributes = json["attributes"].as_object().into_iter().flatten();
        Self {
            time: text("timestamp_unix_nano").parse().unwrap_or(0),
            severity: text("severity"),
            severity_number: json["severity_number"].as_i64().unwrap_or(0),
            service: text("service"),
            body: value(&json["body"]),
            attributes: attributes.map(|(key, of)| (key.clone(), value(of))).collect(),
            trace_id: text("trace_id"),
            span_id: text("span_id"),
        }
    }

    /// The body and the attributes.
    pub(crate) fn message(&self) -> String {
        let attributes = self.attributes.iter().map(|(key, value)| format!(" {key}={}", quoted(value)));
        std::iter::once(self.body.clone()).chain(attributes).collect()
    }

    /// A line of at most so many columns. The trace's id goes first when there is no room, then attributes and the body's end.
    pub(crate) fn line(&self, limit: Option<usize>, painter: Painter) -> String {
        let severity: String = plain(&self.severity).to_uppercase();
        let severity = cut(&severity, SEVERITY);
        let service = plain(&self.service);
        let look = Style::of_severity(self.severity_number);
        let mut line = painter.paint(Style::Dim, &units::time_of_day(self.time));
        line += " ";
        line += &painter.paint(look, &severity);
        line += &fill(&severity, SEVERITY);
        line += " ";
        line += &painter.paint(Style::Nth(shade(&self.service)), &service);
        line += " ";
        let taken = 12 + 1 + SEVERITY + 1 + width(&service) + 1;
        let left = limit.map_or(usize::MAX, |limit| limit.saturating_sub(taken));
        let body = plain(&self.body);
        let body_look = if self.severity_number >= 17 { look } else { Style::Plain };
        line += &painter.paint(body_look, &cut(&body, left));
        let mut left = left.saturating_sub(width(&body));
        for (key, value) in &self.attributes {
            let (key, value) = (plain(key), quoted(value));
            let text = format!(" {key}={value}");
            if width(&text) > left {
                line += &painter.paint(Style::Dim, &cut(&text, left));
                left = 0;
                break;
            }
            left -= width(&text);
            line += &painter.paint(Style::Dim, &text);
        }
        if !self.trace_id.is_empty() && left > self.trace_id.len() + 7 {
            line += &painter.paint(Style::Dim, &format!(" trace={}", plain(&self.trace_id)));
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

/// A value as text: texts as they are, all else as JSON.
fn value(json: &Value) -> String {
    match json {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A value behind `key=`: in quotes where one could not tell its end.
fn quoted(value: &str) -> String {
    let value = plain(value);
    if value.is_empty() || value.contains([' ', '"', '=']) {
        format!("\"{}\"", value.replace('"', "\\\""))
    } else {
        value.into_owned()
    }
}

/// Always the same colour for the same service.
fn shade(service: &str) -> usize {
    service.bytes().fold(5381_usize, |hash, byte| hash.wrapping_mul(33) ^ usize::from(byte)) >> 2
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Record {
        Record::of(&json!({
            "timestamp_unix_nano": "1795238947123456789", "severity": "WARN", "severity_number": 13, "service": "backend",
            "body": "slow query\n\u{1b}[2Jof orders", "trace_id": "5b8e0c8f1e547d624f1f5bc99995d0de", "span_id": "eee1000000000001",
            "attributes": { "db": "main db", "rows": 5000, "tags": ["a", 1], "empty": "" },
        }))
    }

    #[test]
    fn a_record_is_a_line_that_does_nothing_to_a_terminal() {
        assert_eq!(
            record().line(None, Painter(false)),
            "05:29:07.123 WARN  backend slow query\\n\\x1b[2Jof orders db=\"main db\" empty=\"\" rows=5000 tags=\"[\\\"a\\\",1]\" \
             trace=5b8e0c8f1e547d624f1f5bc99995d0de\n"
        );
        assert_eq!(
            record().line(Some(60), Painter(false)),
            "05:29:07.123 WARN  backend slow query\\n\\x1b[2Jof orders db=…\n"
        );
        assert_eq!(record().line(Some(30), Painter(false)), "05:29:07.123 WARN  backend sl…\n");
        assert_eq!(Record::of(&Value::Null).line(None, Painter(false)), "00:00:00.000\n");
    }

    #[test]
    fn graver_records_have_other_colours() {
        let line = |number| {
            Record { severity_number: number, severity: "X".to_owned(), ..Record::default() }.line(None, Painter(true))
        };
        assert!(line(9).contains("\x1b[32mX") && line(13).contains("\x1b[33mX") && line(17).contains("\x1b[31mX"));
    }
}
