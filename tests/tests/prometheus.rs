//! Prometheus' own programs beside ours: promtool asks our query API, checks our exposition, and Prometheus scrapes us.
//!
//! They are found in `PATH` or fetched by `tests/prometheus/setup.sh`. Where they can't be had, these tests say so and pass; in CI they
//! fail.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tripod_tests::http::{Client, encode};
use tripod_tests::requests::{self, PROTOBUF, now};
use tripod_tests::{Tripod, root};

/// The folder that promtool and prometheus are in; none where they can't be had.
fn programs() -> Option<PathBuf> {
    let ran = Command::new("bash").arg(root().join("tests/prometheus/setup.sh")).output().expect("bash runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    if ran.status.code() == Some(3) && std::env::var_os("CI").is_none() {
        println!("not tested: {said}");
        return None;
    }
    assert!(ran.status.success(), "{said}");
    Some(PathBuf::from(String::from_utf8(ran.stdout).expect("a path").trim()))
}

/// Kills a program when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    let Some(programs) = programs() else { return };
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
    let Some(programs) = programs() else { return };
    let (server, _data, _) = server_with_data();
    let exposition = server.client().get(&format!("{}/metrics", server.http)).unwrap().body;
    let mut check = Command::new(programs.join("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut check.stdin.take().unwrap(), &exposition).unwrap();
    let ran = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.is_empty(), "{said}");
}

#[test]
fn prometheus_scrapes_our_own_metrics() {
    let Some(programs) = programs() else { return };
    let (server, _data, _) = server_with_data();
    let folder = tempfile::tempdir().unwrap();
    let target = server.http.trim_start_matches("http://");
    let config = format!(
        "scrape_configs:\n  - job_name: tripod\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    static_configs: [{{targets: ['{target}']}}]\n"
    );
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _prometheus = Running(
        Command::new(programs.join("prometheus"))
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let client = Client::default();
    let ask = |query: &str| {
        let answer = client.get(&format!("http://{address}/api/v1/query?query={}", encode(query))).ok()?;
        let rows = answer.json()["data"]["result"].as_array()?.clone();
        (!rows.is_empty()).then_some(rows)
    };
    let begin = Instant::now();
    let up = loop {
        if let Some(rows) = ask("up{job=\"tripod\"}") {
            break rows;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "Prometheus did not scrape");
        std::thread::sleep(Duration::from_millis(200));
    };
    println!("scraped after {:.1?}", begin.elapsed());
    assert_eq!(up[0]["value"][1], "1", "the scrape succeeded");
    let names = ask("count({job=\"tripod\"})").expect("series of ours");
    println!("{} series", names[0]["value"][1]);
    assert!(ask("{job=\"tripod\",__name__=~\"tripod_.*\"}").is_some(), "the series have our names");
}
