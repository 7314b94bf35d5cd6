//! `GET /api/logs` and `/api/logs/volume`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{LogQuery, LogVolume, StoredLog, Window, body_regex};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::{SpanId, TraceId};

use super::params::Params;
use super::{Context, Failure, answer, attributes, incomplete, time};
use crate::own_metrics::Api;

const DEFAULT_LOGS: usize = 100;
const MAX_LOGS: usize = 10_000;
const MAX_STEPS: usize = 1000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/logs", get(logs)).route("/api/logs/volume", get(volume))
}

async fn logs(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let conditions = conditions(&params, params.window()?, params.count("limit", DEFAULT_LOGS, MAX_LOGS)?)?;
        let found = context.store.find_logs(&conditions)?;
        let mut answer = json!({ "logs": found.iter().map(log).collect::<Value>() });
        incomplete::add_to(&mut answer, context.store.as_ref(), "logs", conditions.window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

async fn volume(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let steps = params.count("steps", 60, MAX_STEPS)?;
        let window = params.window()?;
        let counted = context.store.log_volume(&conditions(&params, window, usize::MAX)?, steps)?;
        let mut answer = volume_json(&counted, steps);
        incomplete::add_to(&mut answer, context.store.as_ref(), "logs", window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

fn conditions(params: &Params, window: Window, limit: usize) -> Result<LogQuery, Failure> {
    Ok(LogQuery {
        text: params.get("query").map(words).unwrap_or_default(),
        regex: params.read("regex", |pattern| body_regex(pattern).map_err(|error| error.to_string()))?,
        service: params.owned("service"),
        trace_id: params.read("trace_id", |text| text.parse::<TraceId>().map_err(|error| error.to_string()))?,
        span_id: params.read("span_id", |text| text.parse::<SpanId>().map_err(|error| error.to_string()))?,
        severity: severity(params)?,
        attributes: params.tags()?,
        window,
        limit,
    })
}

/// `severity` is one level, `min_severity` a level and all above it.
fn severity(params: &Params) -> Result<Option<RangeInclusive<SeverityNumber>>, Failure> {
    let exact = params.read("severity", level)?.map(|first| first..=SeverityNumber(first.0 + 3));
    let least = params.read("min_severity", level)?.map(|first| first..=SeverityNumber(i32::MAX));
    Ok(match (exact, least) {
        (Some(exact), Some(least)) => Some(*exact.start().max(least.start())..=*exact.end()),
        (exact, least) => exact.or(least),
    })
}

/// The first number of a level.
pub(super) fn level(name: &str) -> Result<SeverityNumber, String> {
    match name.to_ascii_uppercase().as_str() {
        "TRACE" => Ok(SeverityNumber::TRACE),
        "DEBUG" => Ok(SeverityNumber::DEBUG),
        "INFO" => Ok(SeverityNumber::INFO),
        "WARN" | "WARNING" => Ok(SeverityNumber::WARN),
        "ERROR" => Ok(SeverityNumber::ERROR),
        "FATAL" => Ok(SeverityNumber::FATAL),
        _ => Err(format!("{name:?} is not one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL")),
    }
}

/// Words and `"phrases"`; a quote that is not closed goes on to the end.
fn words(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in query.split('"').enumerate() {
        if i % 2 == 1 {
            words.push(part.trim().to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A record as it is shown.
pub(super) fn log(stored: &StoredLog) -> Value {
    let record = &stored.record;
    let id = |valid: bool, text: String| if valid { text } else { String::new() };
    let severity = if record.severity_text.is_empty() { record.severity_number.level() } else { &record.severity_text };
    json!({
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

fn volume_json(counted: &LogVolume, steps: usize) -> Value {
    let name = |level: &'static str| if level.is_empty() { "UNSPECIFIED" } else { level };
    let levels: BTreeMap<&str, &Vec<u64>> =
        counted.levels.iter().map(|(level, counts)| (name(level), counts)).collect();
    json!({
        "start_unix_nano": counted.window.start.to_string(),
        "end_unix_nano": counted.window.end.to_string(),
        "steps": steps,
        "levels": levels,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_words_and_phrases() {
        assert_eq!(words(r#"slow "db query" x"#), ["slow", "db query", "x"]);
        assert_eq!(words(r#" "" "open end"#), ["open end"]);
    }

    #[test]
    fn a_level_is_a_range_and_a_wrong_one_is_refused() {
        let range = |text: &[u8]| severity(&Params::parse(text));
        assert_eq!(range(b"severity=warn").unwrap(), Some(SeverityNumber(13)..=SeverityNumber(16)));
        assert_eq!(range(b"min_severity=ERROR").unwrap(), Some(SeverityNumber(17)..=SeverityNumber(i32::MAX)));
        assert_eq!(range(b"").unwrap(), None);
        assert!(range(b"severity=loud").unwrap_err().reason().contains("TRACE, DEBUG"));
    }
}
