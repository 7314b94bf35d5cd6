//! The real Prometheus writes what it scrapes to Tripod, by remote write 1.0 and 2.0: the same queries give the same answers in both.
//!
//! Where Prometheus can't be had, these tests say so and pass; in CI they fail.

use serde_json::Value;
use tripod_tests::Tripod;
use tripod_tests::http::encode;
use tripod_tests::programs::{Prometheus, folder_of, wait_for};

/// What is asked of both.
const QUERIES: [&str; 7] = [
    "{job=\"itself\"}",
    "count by (__name__) ({job=\"itself\"})",
    "sum by (handler) (rate(prometheus_http_requests_total[5s]))",
    "histogram_count(prometheus_http_request_duration_seconds)",
    "histogram_quantile(0.9, prometheus_http_request_duration_seconds)",
    "histogram_quantile(0.9, sum by (le) (rate(go_gc_heap_allocs_by_size_bytes_bucket[5s])))",
    "up",
];

fn ask(server: &Tripod, query: &str) -> Value {
    let url = format!("{}/api/v1/{query}", server.http);
    let answer = server.client().get(&url).unwrap();
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()["data"].clone()
}

/// Rows in the order of their labels.
fn sorted(rows: &Value) -> Vec<Value> {
    let mut rows = rows.as_array().expect("rows").clone();
    rows.sort_by_key(|row| row["metric"].to_string());
    rows
}

/// Whether both are the same; computed numbers (rates, bounds of buckets) may differ in their last digits.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let get = |(key, ours): (&String, &Value)| theirs.get(key).is_some_and(|theirs| same(ours, theirs));
            ours.len() == theirs.len() && ours.iter().all(get)
        }
        (Value::String(ours), Value::String(theirs)) if ours != theirs => {
            let number = |text: &str| text.parse::<f64>().ok();
            matches!((number(ours), number(theirs)), (Some(a), Some(b)) if (a - b).abs() <= b.abs() * 1e-14)
        }
        _ => ours == theirs,
    }
}

fn the_same_answers_in_both(message: &str, protocol: &str) {
    let Some(programs) = folder_of("prometheus-newest") else { return };
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let prometheus = Prometheus::writing(&programs, &format!("{}/api/v1/write", server.http), message);
    let scrapes = wait_for("ten scrapes", || {
        let rows = prometheus.query("up[1m]")?;
        rows[0]["values"].as_array().filter(|values| values.len() >= 10).cloned()
    });
    // What is between two scrapes, and has long been sent.
    let time = scrapes[6][0].as_f64().unwrap() + 0.5;
    wait_for("the samples of that time", || {
        let rows = ask(&server, "query?query=max(timestamp(up))");
        let newest = rows["result"][0]["value"][1].as_str()?.parse::<f64>().ok()?;
        (newest > time + 1.0).then_some(())
    });
    for query in QUERIES {
        let call = format!("query?query={}&time={time}", encode(query));
        let (theirs, ours) = (prometheus.get(&call).unwrap(), ask(&server, &call));
        let (theirs, ours) = (sorted(&theirs["result"]), sorted(&ours["result"]));
        assert!(!theirs.is_empty(), "{query} gives something");
        let labels = |rows: &[Value]| rows.iter().map(|row| row["metric"].clone()).collect::<Vec<_>>();
        assert_eq!(labels(&ours), labels(&theirs), "{query}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(same(ours, theirs), "{query}: ours {ours}, theirs {theirs}");
        }
        println!("{query}: {} rows", ours.len());
    }
    let metadata = wait_for("metadata", || {
        let found = ask(&server, "metadata?metric=prometheus_tsdb_head_series");
        (found != serde_json::json!({})).then_some(found)
    });
    assert_eq!(metadata["prometheus_tsdb_head_series"][0]["type"], "gauge");
    let page = server.client().get(&format!("{}/metrics", server.http)).unwrap().text();
    let taken = |outcome: &str| {
        let name = "tripod_receiver_requests_total";
        let line = format!("{name}{{protocol=\"{protocol}\",signal=\"metrics\",outcome=\"{outcome}\"}} ");
        page.lines().find_map(|one| one.strip_prefix(&line)?.parse::<f64>().ok()).expect("it is counted")
    };
    assert!(taken("accepted") > 0.0, "requests of {protocol} came");
    assert_eq!(taken("invalid"), 0.0, "nothing of them was refused");
}

#[test]
fn prometheus_writes_by_version_1_and_both_give_the_same_answers() {
    the_same_answers_in_both("prometheus.WriteRequest", "remote_write/1.0");
}

#[test]
fn prometheus_writes_by_version_2_and_both_give_the_same_answers() {
    the_same_answers_in_both("io.prometheus.write.v2.Request", "remote_write/2.0");
}
