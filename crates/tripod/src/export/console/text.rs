//! Log records and metrics as lines for people.

use std::fmt::Write;

use tripod_wire::otlp::{KeyValue, LogRecord, Metric};

use super::json::{Point, points};
use crate::export::readable::{Paint, clean, field, indented, time};
use crate::export::tree::exception;

/// `2026-11-21T07:34:00.123Z WARN  orders: slow query  duration_ms=5000 [trace:… span:…]`, further lines and errors below.
pub(super) fn log(scope: &str, record: &LogRecord, paint: Paint) -> String {
    let message = clean(&record.body.to_string());
    let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let mut line = format!("{} {} ", paint.dim(&time(record.time_unix_nano)), paint.level(level(record)));
    if !scope.is_empty() {
        let _ = write!(line, "{}: ", paint.bold(&clean(scope)));
    }
    if !record.event_name.is_empty() {
        let _ = write!(line, "<{}> ", clean(&record.event_name));
    }
    line.push_str(first);
    let fields: Vec<String> =
        record.attributes.iter().filter(|attribute| !is_exception(attribute)).map(field).collect();
    if !fields.is_empty() {
        let _ = write!(line, "  {}", fields.join(" "));
    }
    if record.trace_id.is_valid() {
        let ids = format!("[trace:{} span:{}]", record.trace_id, record.span_id);
        let _ = write!(line, " {}", paint.dim(&ids));
    }
    line.push('\n');
    line.push_str(&indented(rest, "    "));
    for (at, text) in exception(&record.attributes).iter().enumerate() {
        line.push_str(&indented(text, if at == 0 { "    " } else { "      " }));
    }
    line
}

/// The level's name; a severity without one has the name it came with.
pub(super) fn level(record: &LogRecord) -> &str {
    match record.severity_number.level() {
        "" => &record.severity_text,
        level => level,
    }
}

fn is_exception(attribute: &KeyValue) -> bool {
    matches!(attribute.key.as_str(), "exception.type" | "exception.message" | "exception.stacktrace")
}

/// A line a point: `2026-… METRIC orders: requests_total  method=GET  value=3`.
pub(super) fn metric(scope: &str, metric: &Metric) -> String {
    let scope = if scope.is_empty() { String::new() } else { format!("{}: ", clean(scope)) };
    let line = |point: Point<'_>| {
        let mut line = format!("{} METRIC {scope}{}", time(point.time_unix_nano), clean(&metric.name));
        for part in [point.attributes.iter().map(field).collect::<Vec<_>>(), point.numbers.iter().map(field).collect()]
        {
            if !part.is_empty() {
                let _ = write!(line, "  {}", part.join(" "));
            }
        }
        if !metric.unit.is_empty() {
            let _ = write!(line, " {}", clean(&metric.unit));
        }
        line + "\n"
    };
    points(metric).into_iter().map(line).collect()
}
