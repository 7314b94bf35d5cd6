//! The stack of `deploy/docker-compose.yml` without containers: the commands and files that are there, with Tripod, the four services and
//! Debian's Prometheus as processes. Names of hosts are replaced by addresses, and Jaeger by a receiver of what would be sent to it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use serde_json::Value;
use tripod_tests::book::yaml;
use tripod_tests::otlp_receiver::OtlpReceiver;
use tripod_tests::programs::{self, Prometheus, Running, wait_for};
use tripod_tests::{Tripod, root, server};
use tripod_wire::TraceId;

/// In the order in which they can be started: each calls the one before.
const SERVICES: [&str; 4] = ["worker", "backend", "trigger-dispatcher", "signal-generator"];

fn text(path: &str) -> String {
    let path = root().join("deploy").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where each host and port of the files is here.
#[derive(Default)]
struct Hosts(BTreeMap<String, String>);

impl Hosts {
    fn add(&mut self, name: &str, address: &str) {
        self.0.insert(name.to_owned(), address.to_owned());
    }

    fn put_into(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, address)| text.replace(name, address))
    }
}

/// The words of a service's command in the compose file.
fn command_of(service: &str) -> Vec<String> {
    let compose = yaml::parse(&text("docker-compose.yml")).expect("YAML");
    let words = compose["services"][service]["command"].as_array().expect("a command").clone();
    words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// Tripod as the file starts it, with its data and its ports elsewhere.
fn tripod(folder: &Path) -> Tripod {
    let rules = root().join("deploy/rules").display().to_string();
    let own = ["up", "--data=", "--http=", "--otlp-http=", "--otlp-grpc="];
    let words = command_of("tripod").into_iter().filter(|word| !own.iter().any(|own| word.starts_with(own)));
    let words: Vec<_> = words.map(|word| word.replace("/etc/tripod/rules", &rules)).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.extend(["--span-metrics-series", "100000"]);
    Tripod::start_with(folder, &words)
}

/// A service as the file starts it; its address.
fn service(name: &str, hosts: &Hosts, telemetry: &Path) -> (Running, String) {
    let words = command_of(name).into_iter().map(|word| hosts.put_into(&word).replace("0.0.0.0:8001", "127.0.0.1:0"));
    let mut command = Command::new(server::binary());
    command.args(words).env("OTEL_CONFIG_FILE", telemetry).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::null()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
    let address = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{name} says {line:?}"));
    // Its standard input stays open with it.
    (Running::from(process), address.to_owned())
}

fn values(rows: &Value, label: &str) -> BTreeSet<String> {
    let rows = rows["data"]["result"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["metric"][label].as_str()).map(str::to_owned).collect()
}

#[test]
fn what_the_services_send_and_prometheus_scrapes_arrives_once_and_leads_from_metric_to_trace_to_log() {
    let Some(programs) = programs::folder_of("prometheus-newest") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let tripod = tripod(&folder.path().join("data"));
    let jaeger = OtlpReceiver::default();
    let mut hosts = Hosts::default();
    hosts.add("tripod:4318", &tripod.otlp_http);
    hosts.add("tripod:4319", tripod.http.trim_start_matches("http://"));
    hosts.add("jaeger:4318", jaeger.url.trim_start_matches("http://"));
    let telemetry = folder.path().join("telemetry.yml");
    std::fs::write(&telemetry, hosts.put_into(&text("telemetry.yml"))).expect("room on disk");
    let mut running = Vec::new();
    for name in SERVICES {
        let (process, address) = service(name, &hosts, &telemetry);
        hosts.add(&format!("{name}:8001"), &address);
        running.push(process);
    }
    let rules = root().join("deploy/rules").display().to_string();
    let config = hosts.put_into(&text("prometheus/prometheus.yml")).replace("../rules", &rules);
    // Sooner than in the file.
    let config = config.replace("_interval: 15s", "_interval: 1s");
    let prometheus = Prometheus::featured(&programs, &config, "exemplar-storage");

    // Prometheus reaches all of them, and has the rules.
    let jobs = ["backend", "prometheus", "signal-generator", "trigger-dispatcher", "tripod", "worker"];
    wait_for("every target is up", || {
        let up = prometheus.query("up == 1")?;
        (up.len() == jobs.len()).then_some(())
    });
    let groups = |answer: Value| answer["groups"].as_array().map_or(0, Vec::len);
    assert_eq!(groups(prometheus.get("rules").expect("rules")), 3);
    assert_eq!(groups(tripod.get("/api/v1/rules", &[])["data"].clone()), 3);

    // Traces are in both places.
    let in_jaeger = jaeger.wait_for(|requests| {
        let spans = requests.iter().filter(|request| request.signal == "traces");
        spans.clone().count() > 3
    });
    let sent = in_jaeger.iter().map(|request| ExportTraceServiceRequest::decode(&*request.body).expect("OTLP"));
    let ids: BTreeSet<_> = sent
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| TraceId::from_bytes(&span.trace_id).expect("16 bytes").to_string())
        .collect();
    let id = ids.first().expect("a trace");
    wait_for("the same trace in Tripod", || {
        let answer = tripod.client().get(&format!("{}/api/traces/{id}", tripod.http)).ok()?;
        (answer.status == 200).then_some(())
    });

    // What Prometheus alone has is in Tripod, and of the services' metrics nothing twice.
    wait_for("Prometheus' own metrics in Tripod", || {
        let rows = tripod.get("/api/v1/query", &[("query", "up")]);
        (values(&rows, "job") == BTreeSet::from(["prometheus".to_owned(), "tripod".to_owned()])).then_some(())
    });
    let count = "count by (job) ({__name__=\"signals_generated_total\"})";
    wait_for("the services' metrics in Tripod", || {
        let rows = tripod.get("/api/v1/query", &[("query", count)]);
        (values(&rows, "job") == BTreeSet::from(["signal-generator".to_owned()])).then_some(())
    });

    // From a spike to the trace to the log.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let (start, end) = ((now - 600).to_string(), (now + 60).to_string());
    wait_for("an exemplar whose trace has a log line", || {
        let query = [("query", "pipeline_execution_duration_seconds_bucket"), ("start", &start), ("end", &end)];
        let found = tripod.get("/api/v1/query_exemplars", &query);
        let exemplars = found["data"].as_array()?.iter().filter_map(|series| series["exemplars"].as_array()).flatten();
        let traces: BTreeSet<_> = exemplars.filter_map(|one| one["labels"]["trace_id"].as_str()).collect();
        let has_log = |trace: &&str| {
            let logs = tripod.get("/api/logs", &[("trace_id", trace)]);
            logs["logs"].as_array().is_some_and(|logs| !logs.is_empty())
        };
        traces.into_iter().find(has_log).map(|_| ())
    });
}
