//! What a request says of the records it wants.
//!
//! Conditions with names of their own (`service`, `severity`, `tags`, …) must all be true. `filter` (repeated) is `KEY=VALUE` or `KEY!=VALUE`: of
//! several values of a key a record has one, and it has none of those excluded. `logql` is a query in LogQL: what the store's indexes can't
//! answer of it is looked at record by record, so that lists, counts, facets and patterns understand it alike.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use tripod_store::{
    AttributeMatch, LogCondition, LogField, LogQuery, LogTest, RecordTest, Store, Window, body_regex, pattern_regex,
};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::{SpanId, TraceId};

use crate::query::Failure;
use crate::query::logql::{Lines, Query, parse, stages};
use crate::query::loki::select::Plan;
use crate::query::loki::stream::Streams;
use crate::query::params::Params;

/// Conditions that may be repeated, together.
const MAX_CONDITIONS: usize = 200;

/// The name of what has no level.
pub(super) const UNSPECIFIED: &str = "UNSPECIFIED";

pub(super) fn conditions(
    store: &dyn Store,
    params: &Params,
    window: Window,
    limit: usize,
) -> Result<LogQuery, Failure> {
    let mut query = match params.get("logql") {
        Some(text) => logql(store, text)?,
        None => LogQuery::within(window, limit),
    };
    query.window = window;
    query.limit = limit;
    query.text = params.get("query").map(words).unwrap_or_default();
    let regex = params.read("regex", |pattern| body_regex(pattern).map_err(|error| error.to_string()))?;
    match query.regex {
        None => query.regex = regex,
        Some(_) => query.also.extend(regex.map(|regex| LogCondition { excluded: false, test: LogTest::Body(regex) })),
    }
    let service = params.owned("service");
    match query.service {
        None => query.service = service,
        Some(_) => query.also.extend(service.map(|name| field(LogField::Service, vec![name], false))),
    }
    let trace_id = params.read("trace_id", |text| text.parse::<TraceId>().map_err(|error| error.to_string()))?;
    match (trace_id, query.trace_id) {
        (Some(wanted), Some(other)) if wanted != other => query.also.push(field(LogField::Service, Vec::new(), false)),
        (wanted, other) => query.trace_id = wanted.or(other),
    }
    query.span_id = params.read("span_id", |text| text.parse::<SpanId>().map_err(|error| error.to_string()))?;
    query.severity = both(query.severity, severity(params)?);
    query.attributes.extend(params.tags()?);
    repeated(params, &mut query)?;
    Ok(query)
}

fn field(field: LogField, values: Vec<String>, excluded: bool) -> LogCondition {
    LogCondition { excluded, test: LogTest::Field(field, values) }
}

/// `filter`, `without`, `pattern` and `not_pattern`.
fn repeated(params: &Params, query: &mut LogQuery) -> Result<(), Failure> {
    let count = ["filter", "without", "pattern", "not_pattern"].map(|name| params.all(name).count());
    if count.iter().sum::<usize>() > MAX_CONDITIONS {
        return Err(Failure::Bad(format!("there are more than {MAX_CONDITIONS} conditions")));
    }
    let mut fields: Vec<(LogField, bool, Vec<String>)> = Vec::new();
    for text in params.all("filter").filter(|text| !text.is_empty()) {
        let (key, excluded, value) = filter(text)?;
        match fields.iter_mut().find(|(known, out, _)| *known == key && *out == excluded) {
            Some((_, _, values)) => values.push(value),
            None => fields.push((key, excluded, vec![value])),
        }
    }
    for (key, excluded, mut values) in fields {
        match key {
            // This is looked up in the index.
            LogField::Attribute(key) if !excluded && values.len() == 1 => {
                query.attributes.push(AttributeMatch { key, value: values.remove(0) });
            }
            key => query.also.push(field(key, values, excluded)),
        }
    }
    let without = params.all("without").map(str::trim).filter(|text| !text.is_empty());
    query.also.extend(without.map(|text| LogCondition { excluded: true, test: LogTest::Text(text.to_owned()) }));
    for (name, excluded) in [("pattern", false), ("not_pattern", true)] {
        let mut patterns = params.all(name).peekable();
        if patterns.peek().is_some() {
            let regex = pattern_regex(patterns)
                .map_err(|error| Failure::Bad(format!("invalid parameter {name:?}: {error}")))?;
            query.also.push(LogCondition { excluded, test: LogTest::Body(regex) });
        }
    }
    Ok(())
}

/// Reads `KEY=VALUE` or `KEY!=VALUE`.
fn filter(text: &str) -> Result<(LogField, bool, String), Failure> {
    let wrong = |reason: String| Failure::Bad(format!("invalid parameter \"filter\": {reason}"));
    let (key, value) =
        text.split_once('=').ok_or_else(|| wrong(format!("{text:?} is neither KEY=VALUE nor KEY!=VALUE")))?;
    let (key, excluded) = key.strip_suffix('!').map_or((key, false), |key| (key, true));
    if key.is_empty() {
        return Err(wrong(format!("{text:?} has no key")));
    }
    let key = key_field(key);
    if key != LogField::Level {
        return Ok((key, excluded, value.to_owned()));
    }
    if value.eq_ignore_ascii_case(UNSPECIFIED) {
        return Ok((key, excluded, String::new()));
    }
    let level = level(value).map_err(wrong)?.level().to_owned();
    Ok((key, excluded, level))
}

/// The field that a key means: `service`, `severity`, `scope`, or else an attribute.
pub(super) fn key_field(key: &str) -> LogField {
    match key {
        "service" => LogField::Service,
        "severity" => LogField::Level,
        "scope" => LogField::Scope,
        key => LogField::Attribute(key.to_owned()),
    }
}

/// The key of a field.
pub(super) fn field_key(field: &LogField) -> &str {
    match field {
        LogField::Service => "service",
        LogField::Level => "severity",
        LogField::Scope => "scope",
        LogField::Attribute(key) => key,
    }
}

/// The conditions of a query in LogQL.
fn logql(store: &dyn Store, text: &str) -> Result<LogQuery, Failure> {
    let Query::Lines(lines) = parse(text)? else {
        return Err(Failure::Bad("invalid parameter \"logql\": a query of lines is expected, not a metric".to_owned()));
    };
    let Plan { mut query, is_exact, is_empty } = Plan::new(store, &lines.matchers, &lines.stages)?;
    if is_empty {
        query.also.push(field(LogField::Service, Vec::new(), false));
    } else if !is_exact {
        let test = LogTest::Record(passing(lines));
        query.also.push(LogCondition { excluded: false, test });
    }
    Ok(query)
}

/// Whether a record passes a selector and its stages.
fn passing(lines: Lines) -> RecordTest {
    let streams = Mutex::new(Streams::default());
    RecordTest::new(move |record| {
        let mut entry = streams.lock().unwrap_or_else(PoisonError::into_inner).entry(record);
        lines.matchers.iter().all(|matcher| matcher.test.passes(entry.stream_label(&matcher.name)))
            && stages::run(&lines.stages, &mut entry)
    })
}

fn both(
    a: Option<RangeInclusive<SeverityNumber>>,
    b: Option<RangeInclusive<SeverityNumber>>,
) -> Option<RangeInclusive<SeverityNumber>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(*a.start().max(b.start())..=*a.end().min(b.end())),
        (a, b) => a.or(b),
    }
}

/// `severity` is one level, `min_severity` a level and all above it.
fn severity(params: &Params) -> Result<Option<RangeInclusive<SeverityNumber>>, Failure> {
    let exact = params.read("severity", level)?.map(|first| first..=SeverityNumber(first.0 + 3));
    let least = params.read("min_severity", level)?.map(|first| first..=SeverityNumber(i32::MAX));
    Ok(both(exact, least))
}

/// The first number of a level.
pub(in crate::query) fn level(name: &str) -> Result<SeverityNumber, String> {
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

    #[test]
    fn a_filter_is_a_key_and_a_value_that_may_be_excluded() {
        let filter = |text| filter(text).map(|(key, excluded, value)| (field_key(&key).to_owned(), excluded, value));
        assert_eq!(filter("http.route=/a?b=c"), Ok(("http.route".into(), false, "/a?b=c".into())));
        assert_eq!(filter("service!="), Ok(("service".into(), true, String::new())));
        assert_eq!(filter("severity=warning"), Ok(("severity".into(), false, "WARN".into())));
        assert_eq!(filter("severity!=unspecified"), Ok(("severity".into(), true, String::new())));
        for (text, reason) in
            [("x", "KEY=VALUE"), ("=x", "no key"), ("!=x", "no key"), ("severity=loud", "TRACE, DEBUG")]
        {
            assert!(filter(text).unwrap_err().reason().contains(reason), "{text}");
        }
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_too_many_conditions_are_refused() {
        let read = |text: &[u8]| {
            let mut query = LogQuery::within(Window::ALL, 1);
            repeated(&Params::parse(text), &mut query).map(|()| query)
        };
        let query =
            read(b"filter=a=1&filter=service=x&filter=service=y&filter=a!=2&without=&without=b&pattern=c").unwrap();
        assert_eq!(query.attributes, [AttributeMatch { key: "a".into(), value: "1".into() }]);
        assert_eq!(query.also.iter().filter(|also| also.excluded).count(), 2);
        assert!(matches!(&query.also[0].test, LogTest::Field(LogField::Service, values) if values.len() == 2));
        let many = "filter=a=1&".repeat(MAX_CONDITIONS + 1);
        assert!(read(many.as_bytes()).unwrap_err().reason().contains("more than 200"));
        let long = format!("pattern={}", "%3C_%3Ex".repeat(100_000));
        assert!(read(long.as_bytes()).unwrap_err().reason().contains("too large"));
    }
}
