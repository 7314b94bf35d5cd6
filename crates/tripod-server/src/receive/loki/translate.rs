//! Streams as OTLP's resources. Labels become attributes of the resource under their own names; the one that names the service gives
//! `service.name`, too. Structured metadata becomes attributes of the record, save a trace's and a span's id, which have their own place.

use tripod_wire::loki::{Entry, Pair, PushRequest, Stream};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{KeyValue, LogRecord, LogsData, Resource, ResourceLogs, ScopeLogs};

use super::level;
use crate::query::logql::{Test, parse::read_matchers};

/// Labels that name the service, the best first, as Loki looks for them.
const SERVICE_NAMES: [&str; 12] = [
    "service_name",
    "service",
    "app",
    "application",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
];

/// A request as OTLP has it.
pub(super) fn to_otlp(request: PushRequest) -> Result<LogsData, String> {
    let resource_logs = request.streams.into_iter().map(resource_logs).collect::<Result<_, _>>()?;
    Ok(LogsData { resource_logs })
}

fn resource_logs(stream: Stream) -> Result<ResourceLogs, String> {
    let labels = labels(&stream.labels)?;
    let find = |wanted: &&str| labels.iter().find(|(name, _)| name == wanted);
    let service = SERVICE_NAMES.iter().find_map(find).map(|(_, value)| value.clone());
    let level = labels.iter().filter(|(name, _)| level::is_level(name)).find_map(|(_, value)| level::of_name(value));
    let mut attributes: Vec<KeyValue> =
        service.map(|service| KeyValue::new("service.name", service)).into_iter().collect();
    attributes.extend(
        labels.into_iter().filter(|(name, _)| name != "service_name").map(|(name, value)| KeyValue::new(name, value)),
    );
    let log_records = stream.entries.into_iter().map(|entry| record(entry, level)).collect();
    Ok(ResourceLogs {
        resource: Resource { attributes, ..Resource::default() },
        scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    })
}

/// The labels of a stream's text.
fn labels(text: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = |reason: String| format!("the labels {text:?} can't be read: {reason}");
    let matchers = read_matchers(text).map_err(|error| wrong(error.to_string()))?;
    let label = |matcher: crate::query::logql::Matcher| match matcher.test {
        Test::Equal(value) => Ok((matcher.name, value)),
        _ => Err(wrong(format!("{} has no value of its own, only a condition", matcher.name))),
    };
    matchers.into_iter().map(label).collect()
}

fn record(entry: Entry, stream_level: Option<SeverityNumber>) -> LogRecord {
    let mut record = LogRecord { time_unix_nano: entry.timestamp.unix_nano(), ..LogRecord::default() };
    let mut level = None;
    for Pair { name, value } in entry.structured_metadata {
        match name.as_str() {
            "trace_id" | "traceID" | "traceId" if !record.trace_id.is_valid() => {
                if let Ok(id) = value.parse() {
                    record.trace_id = id;
                    continue;
                }
            }
            "span_id" | "spanID" | "spanId" if !record.span_id.is_valid() => {
                if let Ok(id) = value.parse() {
                    record.span_id = id;
                    continue;
                }
            }
            _ if level::is_level(&name) && level.is_none() => {
                level = level::of_name(&value);
                record.severity_text.clone_from(&value);
                if level.is_some() {
                    continue;
                }
            }
            _ => {}
        }
        record.attributes.push(KeyValue::new(name, value));
    }
    record.severity_number = level.or(stream_level).or_else(|| level::of_line(&entry.line)).unwrap_or_default();
    record.body = entry.line.into();
    record
}

#[cfg(test)]
mod tests {
    use tripod_wire::loki::Timestamp;

    use super::*;

    fn translated(labels: &str, line: &str, metadata: &[(&str, &str)]) -> ResourceLogs {
        let pair = |(name, value): &(&str, &str)| Pair { name: (*name).to_owned(), value: (*value).to_owned() };
        let entry = Entry {
            timestamp: Timestamp { seconds: 1, nanos: 2 },
            line: line.to_owned(),
            structured_metadata: metadata.iter().map(pair).collect(),
        };
        let stream = Stream { labels: labels.to_owned(), entries: vec![entry] };
        to_otlp(PushRequest { streams: vec![stream] }).unwrap().resource_logs.pop().unwrap()
    }

    #[test]
    fn a_stream_is_a_resource_and_its_lines_are_records() {
        let trace = "5b8efff798038103d269b633813fc60c";
        let logs = translated(r#"{app="shop", env="prod"}"#, "level=warn x", &[("trace_id", trace), ("user", "7")]);
        assert_eq!(logs.resource.service_name(), "shop");
        assert_eq!(logs.resource.get("env").unwrap().to_string(), "prod");
        let record = &logs.scope_logs[0].log_records[0];
        assert_eq!((record.time_unix_nano, record.trace_id.to_string()), (1_000_000_002, trace.to_owned()));
        assert_eq!(record.severity_number, SeverityNumber::WARN);
        assert_eq!(record.attributes, [KeyValue::new("user", "7")]);
    }

    #[test]
    fn a_level_of_the_metadata_wins_over_that_of_the_stream_and_of_the_line() {
        let severity = |labels, line, metadata: &[(&str, &str)]| {
            translated(labels, line, metadata).scope_logs[0].log_records[0].severity_number
        };
        assert_eq!(severity(r#"{level="info"}"#, "level=warn", &[("level", "error")]), SeverityNumber::ERROR);
        assert_eq!(severity(r#"{level="info"}"#, "level=warn", &[]), SeverityNumber::INFO);
        assert_eq!(severity(r#"{a="b"}"#, "no level", &[("trace_id", "nonsense")]), SeverityNumber::UNSPECIFIED);
    }

    #[test]
    fn labels_that_can_not_be_read_are_an_error_that_shows_them() {
        for (labels, reason) in
            [("{a=}", "{a=}"), ("{}", "at least one"), (r#"{a=~"b"}"#, "only a condition"), ("x", "\"{\"")]
        {
            let stream = Stream { labels: labels.to_owned(), entries: Vec::new() };
            let error = to_otlp(PushRequest { streams: vec![stream] }).unwrap_err();
            assert!(error.contains(reason), "{labels}: {error}");
        }
    }
}
