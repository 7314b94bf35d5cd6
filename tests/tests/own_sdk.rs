//! The `tripod` crate in a program of its own against the real server: what it emitted is read back equal, also when the server was
//! not there at first, or went away in between.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tripod_tests::Tripod;
use tripod_tests::records::{self, Attributes, Log, Scope, Span};
use tripod_tests::requests::now;
use tripod_tests::series::{self, Labels, Sample};

/// What the program says that it emitted; times are 0, as it does not know them.
#[derive(Deserialize)]
struct Emitted {
    spans: Vec<Span>,
    logs: Vec<Log>,
    /// Trace id, span id and value of each measurement of `order.duration`.
    exemplars: Vec<(String, String, f64)>,
}

/// The program, running; it has emitted, and goes on to deliver.
struct Program {
    child: Child,
    emitted: Emitted,
    started: u64,
    orders: usize,
}

impl Program {
    fn start(address: &str, orders: usize) -> Self {
        Self::start_with(address, orders, &[])
    }

    /// The same, with variables.
    fn start_with(address: &str, orders: usize, variables: &[(&str, &str)]) -> Self {
        let started = now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_emit"))
            .envs(variables.iter().copied())
            .args([&format!("http://{address}"), "shop", &orders.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let emitted = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"));
        Self { child, emitted, started, orders }
    }

    /// Waits until it has ended; panics when it could not deliver all.
    fn delivered(mut self) -> Delivered {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "all was delivered: {status}");
        let emitted = std::mem::replace(&mut self.emitted, Emitted { spans: vec![], logs: vec![], exemplars: vec![] });
        Delivered { emitted, started: self.started, ended: now(), orders: self.orders }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Delivered {
    emitted: Emitted,
    started: u64,
    ended: u64,
    orders: usize,
}

impl Delivered {
    /// Panics unless all is there, equal to what was emitted, and nothing else is.
    fn must_be_in(self, server: &Tripod) {
        println!(
            "{} spans, {} logs, delivered after {:.1?}",
            self.emitted.spans.len(),
            self.emitted.logs.len(),
            self.took()
        );
        assert_eq!(self.emitted.spans.len(), 3 * self.orders);
        let status = server.get("/api/status", &[])["store"].clone();
        assert_eq!(
            (&status["spans"], &status["logs"]),
            (&self.emitted.spans.len().into(), &self.emitted.logs.len().into())
        );
        self.spans_are_equal(server);
        self.logs_are_equal(server);
        self.metrics_are_equal(server);
    }

    fn took(&self) -> Duration {
        Duration::from_nanos(self.ended - self.started)
    }

    fn spans_are_equal(&self, server: &Tripod) {
        let mut traces: BTreeMap<&str, BTreeMap<&str, Span>> = BTreeMap::new();
        for span in &self.emitted.spans {
            traces.entry(&span.trace_id).or_default().insert(&span.span_id, span.clone().as_jaeger_has_it());
        }
        for (trace, sent) in traces {
            let found = records::trace(server, trace);
            assert_eq!(found.len(), sent.len(), "spans of trace {trace}");
            let root = found.iter().find(|span| span.parent_span_id.is_empty()).expect("a root").clone();
            for mut span in found {
                assert!(
                    span.start_unix_nano >= root.start_unix_nano && span.end_unix_nano <= root.end_unix_nano,
                    "{span:?}"
                );
                assert!(
                    span.start_unix_nano <= span.end_unix_nano && self.in_its_time(span.start_unix_nano),
                    "{span:?}"
                );
                for event in &mut span.events {
                    let time = std::mem::take(&mut event.time_unix_nano);
                    assert!(time >= span.start_unix_nano && time <= span.end_unix_nano, "{event:?}");
                    // A stack trace is a machine's own.
                    event.attributes.remove("exception.stacktrace");
                }
                is_the_shop(&std::mem::take(&mut span.resource));
                span.scope = Scope::default();
                (span.start_unix_nano, span.end_unix_nano) = (0, 0);
                assert_eq!(Some(&span), sent.get(span.span_id.as_str()));
            }
        }
    }

    fn logs_are_equal(&self, server: &Tripod) {
        let plain = |mut log: Log| {
            assert!(self.in_its_time(log.time_unix_nano), "{log:?}");
            is_the_shop(&std::mem::take(&mut log.resource));
            log.scope = Scope::default();
            assert!(log.observed_unix_nano == 0 || self.in_its_time(log.observed_unix_nano), "{log:?}");
            (log.time_unix_nano, log.observed_unix_nano) = (0, 0);
            log
        };
        let found: Vec<_> = records::logs(server, &[("service", "shop")]).into_iter().map(plain).collect();
        let key = |log: &Log| {
            (log.trace_id.clone(), log.span_id.clone(), log.body.to_string(), format!("{:?}", log.attributes))
        };
        let by_key = |logs: &[Log]| logs.iter().map(|log| (key(log), log.clone())).collect::<BTreeMap<_, _>>();
        assert_eq!(found.len(), self.emitted.logs.len(), "log records");
        let found = by_key(&found);
        for (key, log) in by_key(&self.emitted.logs) {
            assert_eq!(found.get(&key), Some(&log));
        }
    }

    fn metrics_are_equal(&self, server: &Tripod) {
        let end = (self.ended / 1_000_000) as i64 + 1000;
        let samples = |name: &str| {
            let series = series::series(server, &format!("{name}{{job=\"shop\",instance=\"the-one\"}}"), end);
            series.into_iter().map(|(labels, samples)| (labels, last(&samples))).collect::<Vec<_>>()
        };
        let orders = self.orders as f64;
        let total = |name: &str| samples(name).iter().map(|(_, value)| value).sum::<f64>();
        assert_eq!(total("orders_total"), orders);
        assert_eq!(total("orders_open"), orders);
        assert_eq!(total("order_duration_seconds_count"), orders);
        assert_eq!(samples("orders_total").len(), self.orders.min(6), "two methods, three lanes");
        let temperature = samples("room_temperature_celsius");
        assert_eq!((temperature[0].0["room"].as_str(), temperature[0].1), ("küche", 20.0 + orders - 1.0));
        let seconds: f64 = self.emitted.exemplars.iter().map(|(_, _, value)| value).sum();
        assert!((total("order_duration_seconds_sum") - seconds).abs() < 1e-6);
        for (le, bound) in [("0.01", 0.01), ("0.1", 0.1), ("1", 1.0), ("+Inf", f64::INFINITY)] {
            let in_bucket = |labels: &Labels| labels["le"] == le;
            let found = samples("order_duration_seconds_bucket").into_iter().filter(|(labels, _)| in_bucket(labels));
            let expected = self.emitted.exemplars.iter().filter(|(_, _, value)| *value <= bound).count();
            assert_eq!(found.map(|(_, value)| value).sum::<f64>(), expected as f64, "measurements up to {le}");
        }
        let exemplars = series::exemplars(server, "order_duration_seconds_bucket", end);
        assert!(!exemplars.is_empty(), "the histogram has exemplars");
        for (labels, trace, span, value, time) in exemplars {
            let value: f64 = value.parse().unwrap();
            assert!(self.emitted.exemplars.contains(&(trace, span, value)), "an exemplar was measured in that span");
            assert!(labels["le"].parse::<f64>().unwrap() >= value, "{labels:?}");
            assert!(self.in_its_time(time as u64 * 1_000_000 + 999_999), "{time}");
        }
    }

    fn in_its_time(&self, time: u64) -> bool {
        (self.started..=self.ended).contains(&time)
    }
}

fn last(samples: &[(i64, Sample)]) -> f64 {
    match samples.last() {
        Some((_, Sample::Float(value))) => *value,
        other => panic!("a number, not {other:?}"),
    }
}

fn is_the_shop(resource: &Attributes) {
    assert_eq!(resource["service.name"], "shop");
    assert_eq!(resource["service.instance.id"], "the-one");
    assert_eq!(resource["telemetry.sdk.language"], "rust");
}

/// An address that nobody listens on.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn all_three_signals_arrive_and_are_equal() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    Program::start(&server.otlp_http, 500).delivered().must_be_in(&server);
}

#[test]
fn every_protocol_and_compression_arrives_equal() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        for compression in ["none", "gzip", "zstd"] {
            let data = tempfile::tempdir().unwrap();
            let server = Tripod::start(data.path());
            let address = if protocol == "grpc" { &server.otlp_grpc } else { &server.otlp_http };
            print!("{protocol}, {compression}: ");
            let variables =
                [("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_EXPORTER_OTLP_COMPRESSION", compression)];
            Program::start_with(address, 50, &variables).delivered().must_be_in(&server);
        }
    }
}

#[test]
fn what_is_emitted_before_the_collector_is_up_arrives_once_it_is() {
    let data = tempfile::tempdir().unwrap();
    let address = free_address();
    let program = Program::start(&address, 200);
    std::thread::sleep(Duration::from_secs(2));
    let begin = Instant::now();
    let server = Tripod::start_with(data.path(), &["--otlp-http", &address]);
    let delivered = program.delivered();
    println!("delivered {:.1?} after the server was started", begin.elapsed());
    delivered.must_be_in(&server);
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_everything_once() {
    let data = tempfile::tempdir().unwrap();
    let address = free_address();
    let server = Tripod::start_with(data.path(), &["--otlp-http", &address]);
    Program::start(&address, 100).delivered().must_be_in(&server);
    server.kill_9();
    let program = Program::start(&address, 100);
    let server = Tripod::start_with(data.path(), &["--otlp-http", &address]);
    let delivered = program.delivered();
    assert_eq!(server.get("/api/status", &[])["store"]["spans"], 600, "300 of each of the two programs");
    delivered.spans_are_equal(&server);
}

#[test]
fn what_an_outage_piles_up_waits_on_disk_and_is_delivered() {
    let (data, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let address = free_address();
    let program = Command::new(env!("CARGO_BIN_EXE_outage"))
        .args([&format!("http://{address}"), spool.path().to_str().unwrap(), "4", "20000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let files = std::fs::read_dir(spool.path().join("otlp-http-0-0")).unwrap().count();
    let server = Tripod::start_with(data.path(), &["--otlp-http", &address]);
    let output = program.wait_with_output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{said}");
    assert!(output.status.success(), "all was delivered: {said}");
    assert!(files > 1, "more than its lock is in the spool");
    assert_eq!((&said["exported"], &said["dropped"]), (&said["recorded"], &0.into()));
    assert_eq!(server.get("/api/status", &[])["store"]["spans"], said["recorded"]);
    assert_eq!(std::fs::read_dir(spool.path().join("otlp-http-0-0")).unwrap().count(), 1, "only the lock is left");
}
