//! The real Prometheus writes what it scrapes to Tripod, by remote write 1.0 and 2.0: the same queries give the same answers in both.
//!
//! An hour of Prometheus' own metrics is written to both as well. As Prometheus sends only what is newer than its own start, and nobody waits
//! for an hour, its promtool writes it: pages that a Prometheus really served, one after the other, dated fifteen seconds apart.
//!
//! Where Prometheus can't be had, these tests say so and pass; in CI they fail.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tripod_tests::Tripod;
use tripod_tests::http::{Client, encode};
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

/// What is asked of the hour, over all of it.
const OVER_AN_HOUR: [&str; 16] = [
    "{job=\"promtool\"}",
    "count by (__name__) ({job=\"promtool\"})",
    "sum by (handler, code) (rate(prometheus_http_requests_total[5m]))",
    "increase(prometheus_http_requests_total[1h])",
    "resets(process_cpu_seconds_total[1h])",
    "changes(process_start_time_seconds[1h])",
    "irate(process_cpu_seconds_total[2m])",
    "deriv(go_memstats_heap_alloc_bytes[10m])",
    "quantile_over_time(0.9, go_goroutines[15m])",
    "avg_over_time(go_memstats_heap_inuse_bytes[30m] offset 10m)",
    "histogram_quantile(0.9, sum by (le, handler) (rate(prometheus_http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.5, rate(prometheus_http_response_size_bytes_bucket[10m]))",
    "topk(5, rate(go_gc_heap_allocs_by_size_bytes_bucket[5m]))",
    "max_over_time(sum(rate(prometheus_http_requests_total[1m]))[30m:1m])",
    "prometheus_engine_query_duration_seconds{quantile=\"0.99\"}",
    "rate(go_gc_duration_seconds_sum[5m]) / rate(go_gc_duration_seconds_count[5m])",
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

/// Pages that a busy Prometheus served one after the other; it was started anew in between, so that its counters begin again.
fn pages(programs: &Path, target: &str, wanted: usize) -> Vec<String> {
    let client = Client::default();
    let life = |wanted: usize| {
        let prometheus = Prometheus::scraping(programs, target, "");
        let page = || client.get(&format!("{}/metrics", prometheus.url)).ok().filter(|page| page.status == 200);
        wait_for("Prometheus serves its metrics", page);
        let page = |number: usize| {
            // Some pages find more has been asked than others.
            for _ in 0..number % 5 {
                let _ = prometheus.get("query?query=sum(rate(up[1m]))");
            }
            page().expect("it answers").text()
        };
        (0..wanted).map(page).collect::<Vec<_>>()
    };
    let mut all = life(wanted / 3);
    all.extend(life(wanted - all.len()));
    all
}

/// A page whose samples are of this time.
fn dated(page: &str, milliseconds: u64) -> String {
    let dated = |line: &str| if line.starts_with('#') { line.to_owned() } else { format!("{line} {milliseconds}") };
    page.lines().map(dated).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn an_hour_of_prometheus_own_metrics_gives_the_same_answers_in_both() {
    let (Some(server), Some(tool)) = (folder_of("prometheus-newest"), folder_of("promtool-newest")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tripod = Tripod::start(&folder.path().join("data"));
    let prometheus = Prometheus::receiving(&server, "");
    let end = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let start = end - 3600;
    let times: Vec<u64> = (start..=end).step_by(15).collect();
    let pages = pages(&server, tripod.http.trim_start_matches("http://"), times.len());
    let mut files = Vec::new();
    for (page, time) in pages.iter().zip(&times) {
        let file = folder.path().join(format!("{time}.prom"));
        std::fs::write(&file, dated(page, time * 1000)).unwrap();
        files.push(file);
    }
    for receiver in [&prometheus.url, &tripod.http] {
        let mut push = Command::new(tool.join("promtool"));
        let ran = push.args(["push", "metrics", &format!("{receiver}/api/v1/write")]).args(&files).output().unwrap();
        assert!(ran.status.success(), "{receiver}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let sent: usize = pages.iter().map(|page| page.lines().filter(|line| !line.starts_with('#')).count()).sum();
    let mut series = 0;
    for query in OVER_AN_HOUR {
        let encoded = encode(query);
        let calls = [
            format!("query?query={encoded}&time={end}"),
            format!("query_range?query={encoded}&start={start}&end={end}&step=60"),
        ];
        let mut rows = 0;
        for call in &calls {
            let (theirs, ours) = (prometheus.get(call).unwrap(), ask(&tripod, call));
            let (theirs, ours) = (sorted(&theirs["result"]), sorted(&ours["result"]));
            assert!(!theirs.is_empty(), "{call} gives something");
            assert_eq!(ours.len(), theirs.len(), "{call}");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!(same(ours, theirs), "{call}: ours {ours}, theirs {theirs}");
            }
            rows += ours.len();
        }
        series = series.max(rows / 2);
        println!("{query}: {rows} rows");
    }
    println!("{} pages of {sent} samples, about {series} series, {} queries", pages.len(), 2 * OVER_AN_HOUR.len());
    assert!(series > 300 && sent > 300 * times.len(), "{series} series, {sent} samples");
}
