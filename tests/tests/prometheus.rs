//! Prometheus' own programs beside ours: promtool asks our query API, checks our exposition, and Prometheus scrapes us.

use std::process::Command;

use tripod_tests::Tripod;
use tripod_tests::programs::{Prometheus, folder_of, promtool_says, wait_for};
use tripod_tests::requests::{self, PROTOBUF, now};

/// A server with two series of a gauge at a whole second, which is answered too.
fn server_with_data() -> (Tripod, tempfile::TempDir, u64) {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let second = now() / 1_000_000_000 - 60;
    for (after, value) in [(0, 1.5), (15, 2.5), (30, 4.0)] {
        let time = (second + after) * 1_000_000_000;
        let body =
            requests::gauge("prom", "room.temperature", &[("a".into(), value, time), ("ä\"".into(), -value, time)]);
        assert_eq!(server.post("metrics", &[PROTOBUF], &body).status, 200);
    }
    (server, data, second)
}

#[test]
fn promtool_understands_every_answer_of_the_query_api() {
    let Some(programs) = folder_of("prometheus") else { return };
    let (server, _data, second) = server_with_data();
    let (from, to) = (second.to_string(), (second + 30).to_string());
    let query = |arguments: &[&str]| {
        let ran = Command::new(programs.join("promtool")).arg("query").args(arguments).output().unwrap();
        let answer = String::from_utf8(ran.stdout).unwrap();
        println!("{arguments:?}:\n{answer}");
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        answer
    };
    let at = format!("--time={to}");
    let labels = |key: &str| format!(r#"room_temperature{{job="prom", key="{key}", otel_scope_name="requests"}}"#);

    let instant = query(&["instant", &at, &server.http, "sort(room_temperature)"]);
    assert_eq!(instant, format!("{} => -4 @[{to}]\n{} => 4 @[{to}]\n", labels("ä\\\""), labels("a")));
    let scalar = query(&["instant", &at, &server.http, "scalar(sum(room_temperature)) + 1"]);
    assert_eq!(scalar, format!("scalar: 1 @[{to}]\n"));

    let arguments = ["--start", &from, "--end", &to, "--step=15s", &server.http, "room_temperature{key=\"a\"} * 2"];
    let range = query(&[&["range"][..], &arguments].concat());
    let values = format!("3 @[{second}]\n5 @[{}]\n8 @[{to}]\n", second + 15);
    assert_eq!(range, format!("{{job=\"prom\", key=\"a\", otel_scope_name=\"requests\"}} =>\n{values}"));

    let arguments = ["--match=room_temperature", "--start", &from, "--end", &to, &server.http];
    let series = query(&[&["series"][..], &arguments].concat());
    assert_eq!(series.lines().count(), 2);
    assert!(series.contains(r#"key="a""#) && series.contains(r#"__name__="room_temperature""#));
    let names = query(&["labels", &server.http, "__name__"]);
    assert!(names.lines().any(|name| name == "room_temperature"));

    let wrong =
        Command::new(programs.join("promtool")).args(["query", "instant", &server.http, "sum("]).output().unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains("parse error"), "promtool shows our reason: {said}");
}

#[test]
fn our_own_metrics_pass_promtools_check() {
    let Some(programs) = folder_of("prometheus") else { return };
    let (server, _data, _) = server_with_data();
    let exposition = server.client().get(&format!("{}/metrics", server.http)).unwrap().body;
    let said = promtool_says(&programs, &exposition);
    assert!(said.is_empty(), "{said}");
}

#[test]
fn prometheus_scrapes_our_own_metrics() {
    let Some(programs) = folder_of("prometheus") else { return };
    let (server, _data, _) = server_with_data();
    let prometheus = Prometheus::scraping(&programs, server.http.trim_start_matches("http://"), "");
    let up = wait_for("a scrape", || prometheus.query("up{job=\"tripod\"}"));
    assert_eq!(up[0]["value"][1], "1", "the scrape succeeded");
    let names = prometheus.query("count({job=\"tripod\"})").expect("series of ours");
    println!("{} series", names[0]["value"][1]);
    assert!(prometheus.query("{job=\"tripod\",__name__=~\"tripod_.*\"}").is_some(), "the series have our names");
}

#[test]
fn prometheus_reads_our_samples_by_remote_read_and_by_federation() {
    let Some(programs) = folder_of("prometheus-newest") else { return };
    let (server, _data, second) = server_with_data();
    let prometheus = Prometheus::reading(&programs, &server.http, "room_temperature{key=\"a\"}");
    let query = format!("query?query=room_temperature[1m]&time={}", second + 30);
    let read = wait_for("samples by remote read", || {
        let rows = prometheus.get(&query)?["result"].as_array()?.clone();
        (rows.len() == 2).then_some(rows)
    });
    let values: Vec<&str> =
        read[0]["values"].as_array().unwrap().iter().map(|pair| pair[1].as_str().unwrap()).collect();
    assert_eq!((read[0]["metric"]["key"].as_str(), values), (Some("a"), vec!["1.5", "2.5", "4"]));

    let scraped = wait_for("a scrape by federation", || prometheus.number("scrape_samples_scraped{job=\"federate\"}"));
    assert_eq!(scraped, 1.0, "the one series that was asked for");
    assert_eq!(prometheus.number("up{job=\"federate\"}"), Some(1.0));
}
