//! What is exported to Parquet is what the server answers: DuckDB and pandas count and add up the same, of a running server and of a
//! stopped one.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tripod_tests::http::encode;
use tripod_tests::requests::{self, PROTOBUF};
use tripod_tests::{Tripod, python, root, server};

const SECOND: u64 = 1_000_000_000;
/// Traces of each service: more than are exported at once.
const TRACES: u64 = 700;
const SPANS_A_TRACE: u64 = 5;
const POINTS: u64 = 60;

/// What the server has, by its own APIs, from here on.
fn answered(server: &Tripod, start: u64) -> Value {
    let (start_text, end_text) = (start.to_string(), (start + 3600 * SECOND).to_string());
    let window = [("start", start_text.as_str()), ("end", end_text.as_str())];
    let (mut duration, mut numbers, mut roots, mut spans) = (0u64, 0u64, 0u64, 0u64);
    let (mut services, mut first) = (serde_json::Map::new(), u64::MAX);
    for service in ["checkout", "payment"] {
        let parameters = [("service", service), ("limit", "1000"), ("start", "0"), ("end", "9000000000000000")];
        let found = server.get("/api/traces", &parameters);
        let traces = found["data"].as_array().expect("traces");
        let of_service: Vec<&Value> =
            traces.iter().flat_map(|trace| trace["spans"].as_array().expect("spans")).collect();
        for span in &of_service {
            let time = |name: &str| span[name].as_str().and_then(|time| time.parse::<u64>().ok()).expect("a time");
            let tags = span["tags"].as_array().expect("tags");
            let number = tags.iter().find(|tag| tag["key"] == "number").expect("the tag");
            duration += time("endTimeUnixNano") - time("startTimeUnixNano");
            first = first.min(time("startTimeUnixNano") / 1000);
            numbers += number["value"].as_str().and_then(|number| number.parse::<u64>().ok()).expect("a number");
            roots += u64::from(span["references"] == json!([]));
        }
        spans += of_service.len() as u64;
        services.insert(service.to_owned(), of_service.len().into());
    }
    let volume = server.get("/api/logs/volume", &window);
    let levels = volume["levels"].as_object().expect("levels").iter();
    let count = |steps: &Value| steps.as_array().expect("steps").iter().filter_map(Value::as_u64).sum::<u64>();
    let logs: serde_json::Map<_, _> = levels.map(|(level, steps)| (level.clone(), count(steps).into())).collect();
    let lines = server.get("/api/logs", &[("query", "\"line 7\""), ("limit", "10000"), window[0], window[1]]);
    let is_line_7 = |log: &&Value| log["body"] == "line 7";
    let at = ((start / SECOND) + 3600).to_string();
    let query = |promql: &str| {
        let found = server.get("/api/v1/query", &[("query", promql), ("time", &at)]);
        let series = found["data"]["result"].as_array().expect("series").clone();
        let value =
            |one: &Value| one["value"][1].as_str().and_then(|value| value.parse::<f64>().ok()).expect("a value");
        series
            .iter()
            .map(|one| (one["metric"]["key"].as_str().unwrap_or_default().to_owned(), value(one)))
            .collect::<Vec<_>>()
    };
    let values = query("sum by (key) (sum_over_time(level[2h]))");
    let samples = query("sum(count_over_time(level[2h]))")[0].1;
    json!({
        "spans": spans, "duration_ns": duration, "traces": 2 * TRACES, "first_us": first, "numbers": numbers, "services": services,
        "roots": roots, "logs": logs, "line_7": lines["logs"].as_array().expect("logs").iter().filter(is_line_7).count(),
        "samples": samples as u64, "values": values.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
    })
}

/// What DuckDB and pandas find in the files of a folder: the same.
fn read(folder: &Path) -> Value {
    let python = python::interpreter_with("tests/python/parquet_requirements.txt");
    let ran =
        Command::new(python).arg(root().join("tests/python/read_parquet.py")).arg(folder).output().expect("it runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let found: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(found["duckdb"], found["pandas"]);
    found["duckdb"].clone()
}

fn send(server: &Tripod, start: u64) {
    for (at, service) in ["checkout", "payment"].into_iter().enumerate() {
        let first = at as u64 * TRACES;
        let trace = |number: u64| requests::spans(first + number, SPANS_A_TRACE, start + number * SECOND / 7);
        let spans = requests::traces(service, (0..TRACES).flat_map(trace).collect());
        let logs = requests::logs(service, requests::log_records(first, 6000, start + at as u64));
        let points: Vec<_> = (0..POINTS)
            .map(|number| (format!("k{}", number % 3), number as f64 / 4.0, start + number * SECOND))
            .collect();
        let gauge = requests::gauge(service, "level", &points);
        for (signal, request) in [("traces", spans), ("logs", logs), ("metrics", gauge)] {
            let answer = server.post(signal, &[PROTOBUF], &request);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
}

#[test]
fn duckdb_and_pandas_add_up_what_the_server_does() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let start = (requests::now() / SECOND - 1800) * SECOND;
    send(&server, start);
    let expected = answered(&server, start);
    assert_eq!(expected["spans"], 2 * TRACES * SPANS_A_TRACE);
    assert_eq!(expected["logs"], json!({"INFO": 12_000}));

    let running = tempfile::tempdir().unwrap();
    for signal in ["spans", "logs", "samples"] {
        let url = format!("{}/api/export?signal={signal}&start={}", server.http, encode(&start.to_string()));
        let answer = server.client().get(&url).unwrap();
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "application/vnd.apache.parquet"));
        std::fs::write(running.path().join(format!("{signal}.parquet")), answer.body).unwrap();
    }
    assert_eq!(read(running.path()), expected);
    let answer = server.client().get(&format!("{}/api/export?signal=traces", server.http)).unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("spans, logs, samples"), "{}", answer.text());

    let stopped = tempfile::tempdir().unwrap();
    let export = |signal: &str| {
        let mut command = Command::new(server::binary());
        let file = stopped.path().join(format!("{signal}.parquet"));
        command.args(["export", "--signal", signal, "--data"]).arg(data.path()).arg("--out").arg(file);
        command.output().unwrap()
    };
    let refused = export("spans");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("/api/export?signal=spans"), "{said}");
    assert!(server.stop(libc::SIGTERM).status.success());
    for signal in ["spans", "logs", "samples"] {
        let ran = export(signal);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    assert_eq!(read(stopped.path()), expected);
}
