//! What Grafana is given in `deploy/grafana`: data sources, the links between them, and where the dashboards are. Grafana itself is not to be
//! had here; what it would ask by these files is asked of Tripod.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tripod_tests::book::yaml;
use tripod_tests::programs::wait_for;
use tripod_tests::{Tripod, root};

fn parsed(path: &str) -> Value {
    let text =
        std::fs::read_to_string(root().join("deploy").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    yaml::parse(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn data_sources() -> Vec<Value> {
    let file = parsed("grafana/provisioning/datasources/tripod.yml");
    assert_eq!(file["apiVersion"], 1);
    file["datasources"].as_array().expect("data sources").clone()
}

fn source(uid: &str) -> Value {
    data_sources().into_iter().find(|source| source["uid"] == uid).unwrap_or_else(|| panic!("no data source {uid}"))
}

/// Visits every value of a document with its key.
fn visit(value: &Value, see: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                see(key, value);
                visit(value, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        _ => {}
    }
}

#[test]
fn data_sources_are_named_once_at_services_of_the_compose_file_and_link_to_one_another() {
    let compose = parsed("docker-compose.yml");
    let sources = data_sources();
    let types: BTreeMap<_, _> = sources
        .iter()
        .map(|source| (source["uid"].as_str().expect("a uid"), source["type"].as_str().expect("a type")))
        .collect();
    assert_eq!(types.len(), sources.len(), "a uid stands twice");
    let wanted = [
        ("jaeger", "jaeger"),
        ("prometheus", "prometheus"),
        ("tripod-jaeger", "jaeger"),
        ("tripod-loki", "loki"),
        ("tripod-prometheus", "prometheus"),
        ("tripod-tempo", "tempo"),
    ];
    assert_eq!(types, BTreeMap::from(wanted));
    assert_eq!(sources.iter().filter(|source| source["isDefault"] == true).count(), 1);
    for one in &sources {
        let host = one["url"].as_str().and_then(|url| url.strip_prefix("http://")?.split(':').next()).expect("a URL");
        assert!(compose["services"][host].is_object(), "{}: no service {host}", one["name"]);
        visit(one, &mut |key, value| {
            let is_link = key == "datasourceUid";
            assert!(!is_link || value.as_str().is_some_and(|uid| types.contains_key(uid)), "{}: {value}", one["name"]);
        });
    }
    // From a metric to its trace, from a trace to its logs and metrics, from a log line to its trace.
    let links =
        |uid: &str, pointer: &str| source(uid)["jsonData"].pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(
        links("tripod-prometheus", "/exemplarTraceIdDestinations/0/datasourceUid").as_deref(),
        Some("tripod-jaeger")
    );
    assert_eq!(links("tripod-loki", "/derivedFields/0/datasourceUid").as_deref(), Some("tripod-jaeger"));
    for traces in ["tripod-jaeger", "tripod-tempo", "jaeger"] {
        assert_eq!(links(traces, "/tracesToLogsV2/datasourceUid").as_deref(), Some("tripod-loki"), "{traces}");
        assert_eq!(links(traces, "/tracesToMetrics/datasourceUid").as_deref(), Some("tripod-prometheus"), "{traces}");
    }
}

#[test]
fn dashboards_are_where_they_are_mounted_and_ask_data_sources_that_are_there() {
    let provider = &parsed("grafana/provisioning/dashboards/tripod.yml")["providers"][0];
    let path = provider["options"]["path"].as_str().expect("a path");
    let mounts = &parsed("docker-compose.yml")["services"]["grafana"]["volumes"];
    let mounted = mounts
        .as_array()
        .expect("volumes")
        .iter()
        .any(|mount| mount.as_str().is_some_and(|mount| mount == format!("./grafana/dashboards:{path}:ro")));
    assert!(mounted, "{path} is not mounted: {mounts}");
    let uids: BTreeSet<_> =
        data_sources().iter().map(|source| source["uid"].as_str().expect("a uid").to_owned()).collect();
    let folder = root().join("deploy/grafana/dashboards");
    let files = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
    let mut dashboards = BTreeSet::new();
    for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "json")) {
        let name = file.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file.path()).expect("it can be read");
        let dashboard: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        visit(&dashboard, &mut |key, value| {
            let Some(uid) = (key == "datasource").then(|| value["uid"].as_str()).flatten() else { return };
            assert!(
                uids.contains(uid) || uid.starts_with('$') || uid == "-- Grafana --",
                "{name}: no data source {uid}"
            );
        });
        assert!(dashboards.insert(dashboard["uid"].as_str().expect("a uid").to_owned()), "{name}: its uid is taken");
    }
    assert!(!dashboards.is_empty(), "no dashboards in {}", folder.display());
}

const TRACE: &str = "5b8efff798038103d269b633813fc60c";

/// A server with one trace and its log line, and their metrics.
fn with_a_trace(folder: &std::path::Path) -> Tripod {
    let tripod = Tripod::start_with(folder, &["--span-metrics-series", "1000"]);
    let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"backend"}}]}"#;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    let json = [("content-type", "application/json")];
    let spans = format!(
        r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"spans":[{{"traceId":"{TRACE}","spanId":"eee19b7ec3c1b174",
        "name":"GET /orders","kind":2,"startTimeUnixNano":"{}","endTimeUnixNano":"{now}","status":{{"code":2}}}}]}}]}}]}}"#,
        now - 5_000_000
    );
    assert_eq!(tripod.post("traces", &json, spans.as_bytes()).status, 200);
    let line = |trace: &str, body: &str| {
        format!(
            r#"{{"timeUnixNano":"{now}","traceId":"{trace}","severityNumber":17,"body":{{"stringValue":"{body}"}}}}"#
        )
    };
    let logs = [line(TRACE, "the price is 0"), line("00000000000000000000000000000001", "of another trace")].join(",");
    let logs = format!(r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"logRecords":[{logs}]}}]}}]}}"#);
    assert_eq!(tripod.post("logs", &json, logs.as_bytes()).status, 200);
    tripod
}

/// A query of the file as Grafana asks it: `$$` is a `$`, then what stands for the span is put in.
fn asked(query: &str) -> String {
    let filled = query.replace("$$", "$");
    let filled =
        ["${__tags}", "$__tags"].iter().fold(filled, |text, name| text.replace(name, r#"service_name="backend""#));
    let filled = filled.replace("${__trace.traceId}", TRACE);
    assert!(!filled.contains('$'), "nothing is put in for a part of {filled}");
    filled
}

#[test]
fn a_span_s_links_lead_to_its_log_line_and_to_its_rates() {
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = with_a_trace(folder.path());
    let traces = source("tripod-jaeger")["jsonData"].clone();
    let query = asked(traces["tracesToLogsV2"]["query"].as_str().expect("a query"));
    let found = tripod.get("/loki/api/v1/query_range", &[("query", &query)]);
    let lines: Vec<_> = found["data"]["result"]
        .as_array()
        .expect("streams")
        .iter()
        .filter_map(|stream| stream["values"].as_array())
        .flatten()
        .collect();
    assert_eq!(lines.len(), 1, "{query}: {found}");
    assert_eq!(lines[0][1], "the price is 0");
    // The line's own link reads a label.
    let field = source("tripod-loki")["jsonData"]["derivedFields"][0].clone();
    let label = field["matcherRegex"].as_str().expect("a label");
    let stream = &found["data"]["result"][0]["stream"];
    assert!(
        stream[label] == TRACE || lines[0][2][label] == TRACE || lines[0][2]["structuredMetadata"][label] == TRACE,
        "{found}"
    );
    for query in traces["tracesToMetrics"]["queries"].as_array().expect("queries") {
        let query = asked(query["query"].as_str().expect("a query"));
        // Rates need two samples of the series, which come every five seconds.
        wait_for(&query, || {
            let found = tripod.get("/api/v1/query", &[("query", &query)]);
            found["data"]["result"].as_array().is_some_and(|rows| !rows.is_empty()).then_some(())
        });
    }
}

#[test]
fn each_of_tripod_s_apis_answers_what_grafana_asks_when_a_data_source_is_tested() {
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = with_a_trace(folder.path());
    let asks = BTreeMap::from([
        ("prometheus", "/api/v1/query?query=1%2B1"),
        ("jaeger", "/api/services"),
        ("tempo", "/api/echo"),
        ("loki", "/loki/api/v1/query?query=vector(1)%2Bvector(1)"),
    ]);
    for one in data_sources().iter().filter(|source| source["url"] == "http://tripod:4319") {
        let ask = asks[one["type"].as_str().expect("a type")];
        let answer = tripod.client().get(&format!("{}{ask}", tripod.http)).expect("an answer");
        assert_eq!(answer.status, 200, "{}: {ask}: {}", one["name"], answer.text());
    }
}
