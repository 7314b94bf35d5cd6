//! The trading platform's services on a real PostgreSQL and a real Redis, under `wrk`: what it counts, what the services' spans say and
//! what their metrics say is the same.
//!
//! `TRIPOD_LOAD_SECONDS` is how long, 5 unless set otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use tripod_tests::otlp_receiver::{OtlpReceiver, Request};
use tripod_tests::programs::{Postgres, Redis};
use tripod_tests::{server, setup};

const SERVICES: [&str; 4] = ["worker", "backend", "trigger-dispatcher", "signal-generator"];

/// Requests of which the sender does not wait for the answer.
const HANG_UPS: usize = 20;
const HANGS_UP: &str = "hangs-up";

/// A service; killed if it still runs when the test ends.
struct Service {
    process: Child,
    stdin: Option<ChildStdin>,
    address: String,
}

impl Service {
    fn start(name: &str, next: Option<&str>, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(server::binary());
        command.args(["demo-service", name, "--listen", "127.0.0.1:0", "--error-share", "0"]);
        if let Some(next) = next {
            command.args(["--next", &format!("http://{next}")]);
        }
        command.env_remove("KAFKA_BOOTSTRAP_SERVERS").envs(variables.iter().copied());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        let address = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{name} says {line:?}"));
        Self { stdin: process.stdin.take(), address: address.to_owned(), process }
    }

    /// It ends what is under way, and sends what is left.
    fn stop(&mut self) {
        drop(self.stdin.take());
        assert!(self.process.wait().expect("it ends").success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A wrk that runs.
struct Load(Child);

/// What it counted.
#[derive(Debug)]
struct Counted {
    requests: usize,
    errors: Vec<usize>,
    milliseconds_99: f64,
}

impl Load {
    fn start(programs: &Path, address: &str, connections: usize, seconds: u64, asks_for: &str) -> Self {
        let script = tripod_tests::root().join("tests/wrk/load.lua");
        let mut command = Command::new(programs.join("wrk"));
        command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "30s", "-s"]);
        command.arg(script).args([&format!("http://{address}"), "--", asks_for]);
        Self(command.stdout(Stdio::piped()).spawn().expect("wrk starts"))
    }

    fn end(self) -> Counted {
        let output = self.0.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout);
        let counted = said.lines().find_map(|line| line.strip_prefix("COUNTED ")).unwrap_or_else(|| panic!("{said}"));
        let mut numbers = counted.split(' ');
        let mut next = || numbers.next().expect("seven numbers");
        let requests = next().parse().expect("a number");
        let errors = (0..5).map(|_| next().parse().expect("a number")).collect();
        Counted { requests, errors, milliseconds_99: next().parse().expect("a number") }
    }
}

/// A span that was sent, and by which service.
struct Sent {
    service: String,
    span: Span,
}

impl Sent {
    fn attribute(&self, key: &str) -> Option<String> {
        attribute(&self.span.attributes, key)
    }

    fn is_server(&self) -> bool {
        self.span.kind == SpanKind::Server as i32
    }

    fn is_cancelled(&self) -> bool {
        self.attribute("error.type").as_deref() == Some("cancelled")
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    match value {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        any_value::Value::BoolValue(yes) => Some(yes.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}

fn service_of(resource: Option<&Resource>) -> String {
    attribute(&resource.expect("a resource").attributes, "service.name").expect("a service")
}

/// All spans, by their ids.
fn spans(requests: &[Request]) -> HashMap<Vec<u8>, Sent> {
    let mut all = HashMap::new();
    for request in requests.iter().filter(|request| request.signal == "traces") {
        let decoded = ExportTraceServiceRequest::decode(&*request.body).expect("OTLP");
        for of_resource in decoded.resource_spans {
            let service = service_of(of_resource.resource.as_ref());
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let twice = all.insert(span.span_id.clone(), Sent { service: service.clone(), span });
                assert!(twice.is_none(), "a span is sent once");
            }
        }
    }
    all
}

/// By service and metric, the last that was said of each series: its labels, and its count or its sum.
type Series = BTreeMap<(String, String), BTreeMap<String, u64>>;

fn series(requests: &[Request]) -> Series {
    let mut all = Series::new();
    for request in requests.iter().filter(|request| request.signal == "metrics") {
        let decoded = ExportMetricsServiceRequest::decode(&*request.body).expect("OTLP");
        for of_resource in decoded.resource_metrics {
            let service = service_of(of_resource.resource.as_ref());
            for metric in of_resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                let series = all.entry((service.clone(), metric.name)).or_default();
                match metric.data {
                    Some(metric::Data::Histogram(histogram)) => {
                        series
                            .extend(histogram.data_points.iter().map(|point| (labels(&point.attributes), point.count)));
                    }
                    Some(metric::Data::Sum(sum)) => series.extend(sum.data_points.iter().map(|point| {
                        let value = match point.value {
                            Some(number_data_point::Value::AsInt(value)) => value as u64,
                            Some(number_data_point::Value::AsDouble(value)) => value as u64,
                            None => 0,
                        };
                        (labels(&point.attributes), value)
                    })),
                    _ => {}
                }
            }
        }
    }
    all
}

fn labels(attributes: &[KeyValue]) -> String {
    let mut labels: Vec<String> = attributes
        .iter()
        .map(|label| format!("{}={}", label.key, attribute(attributes, &label.key).unwrap_or_default()))
        .collect();
    labels.sort();
    labels.join(",")
}

/// The sum over the series of a metric whose labels hold this text.
fn total(series: &Series, service: &str, metric: &str, label: &str) -> usize {
    let found = series.get(&(service.to_owned(), metric.to_owned()));
    let found = found.into_iter().flatten().filter(|(labels, _)| labels.contains(label));
    found.map(|(_, value)| *value as usize).sum()
}

/// Asks for an execution, which takes some 200 ms, and hangs up after 50.
fn hang_up(address: &str, number: usize) {
    let body = format!(r#"{{"id":"hung-{number}","pipeline_id":"","trigger_mode":"signal","ticker":"AAPL"}}"#);
    let path = "/api/v1/pipelines/6f1f0a9e-2f1c-4d5b-9a53-0d4c7e5b8a01/executions";
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: test\r\nuser-agent: {HANGS_UP}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    std::thread::sleep(Duration::from_millis(50));
}

/// The systems of the client spans of databases anywhere below each server span, up to the next server span of the same service.
fn databases_below(spans: &HashMap<Vec<u8>, Sent>) -> HashMap<&[u8], Vec<String>> {
    let mut below: HashMap<&[u8], Vec<String>> = HashMap::new();
    for sent in spans.values() {
        let Some(system) = sent.attribute("db.system.name") else { continue };
        assert_eq!(sent.span.kind, SpanKind::Client as i32);
        let mut above = spans.get(&sent.span.parent_span_id);
        while let Some(parent) = above.filter(|parent| !parent.is_server()) {
            above = spans.get(&parent.span.parent_span_id);
        }
        if let Some(server) = above {
            assert_eq!(server.service, sent.service);
            below.entry(&server.span.span_id).or_default().push(system);
        }
    }
    below
}

#[test]
fn wrk_and_spans_and_metrics_count_the_same_and_each_request_is_one_span() {
    let Some(programs) = setup::run("tests/wrk/setup.sh", &[]) else { return };
    let Some(postgres) = Postgres::start(&[]) else { return };
    let Some(redis) = Redis::start(&[]) else { return };
    let seconds: u64 = std::env::var("TRIPOD_LOAD_SECONDS").map_or(5, |text| text.parse().expect("seconds"));
    let receiver = OtlpReceiver::default();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*receiver.url),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
        // Records, which count as a kilobyte each: nothing is to be dropped while the receiver is behind.
        ("OTEL_BSP_MAX_QUEUE_SIZE", "500000"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "500000"),
        ("DATABASE_URL", &postgres.url),
        ("REDIS_URL", &redis.url),
    ];
    let mut services: Vec<Service> = Vec::new();
    for name in SERVICES {
        let next = services.last().map(|service| service.address.clone());
        services.push(Service::start(name, next.as_deref(), &variables));
    }
    let (backend, dispatcher) = (services[1].address.clone(), services[2].address.clone());

    let began = Instant::now();
    let connections = [32, 8];
    let loads = [
        Load::start(Path::new(&programs), &backend, connections[0], seconds, "pipelines"),
        Load::start(Path::new(&programs), &dispatcher, connections[1], seconds, "signals"),
    ];
    (0..HANG_UPS).for_each(|number| hang_up(&backend, number));
    let counted = loads.map(Load::end);
    let took = began.elapsed().as_secs_f64();
    // From the first to the last, so that what is under way comes to its end.
    services.iter_mut().rev().for_each(Service::stop);

    let requests = receiver.requests();
    let (spans, series) = (spans(&requests), series(&requests));

    for (at, service) in ["backend", "trigger-dispatcher"].into_iter().enumerate() {
        let Counted { requests, errors, milliseconds_99 } = &counted[at];
        assert_eq!(errors, &[0; 5], "connect, read, write, status, timeout of {service}");
        let roots = spans.values().filter(|sent| sent.is_server() && sent.service == service);
        let roots: Vec<&Sent> = roots
            .filter(|sent| sent.span.parent_span_id.is_empty())
            .filter(|sent| sent.attribute("user_agent.original").as_deref() != Some(HANGS_UP))
            .collect();
        let cancelled = roots.iter().filter(|sent| sent.is_cancelled()).count();
        println!(
            "{service}: wrk counted {requests} requests ({:.0}/s, 99 % within {milliseconds_99} ms); {} server spans, {cancelled} of them \
             cancelled at wrk's end",
            *requests as f64 / took,
            roots.len()
        );
        // What wrk abandons it does not count; the server may have answered it already.
        let abandoned = roots.len().checked_sub(*requests).expect("each request is a span");
        assert!(cancelled <= abandoned && abandoned <= connections[at], "{abandoned} abandoned, {cancelled} cancelled");
    }

    let hung: Vec<&Sent> =
        spans.values().filter(|sent| sent.attribute("user_agent.original").as_deref() == Some(HANGS_UP)).collect();
    assert_eq!(hung.len(), HANG_UPS, "each is one span");
    assert!(hung.iter().all(|sent| sent.is_cancelled()));

    for service in SERVICES {
        let servers = spans.values().filter(|sent| sent.is_server() && sent.service == service);
        let servers: Vec<&Sent> = servers.collect();
        let cancelled = servers.iter().filter(|sent| sent.is_cancelled()).count();
        let duration = "http_server_request_duration_seconds";
        assert_eq!(total(&series, service, duration, ""), servers.len(), "requests of {service}");
        assert_eq!(
            total(&series, service, duration, "status_code=cancelled"),
            cancelled,
            "cancelled ones of {service}"
        );
        assert_eq!(total(&series, service, "http_server_active_requests", ""), 0, "active ones of {service}");
        assert_eq!(
            total(&series, service, "otel.sdk.processor.span.processed", "error.type"),
            0,
            "dropped by {service}"
        );
        let of_service = spans.values().filter(|sent| sent.service == service).count();
        println!(
            "{service}: {of_service} spans, {:.0}/s; {} server spans, {cancelled} cancelled",
            of_service as f64 / took,
            servers.len()
        );
    }

    let ids: HashSet<&[u8]> = spans.keys().map(Vec::as_slice).collect();
    let orphans = spans.values().filter(|sent| !sent.span.parent_span_id.is_empty());
    let orphans: Vec<&str> =
        orphans.filter(|sent| !ids.contains(&*sent.span.parent_span_id)).map(|sent| &*sent.span.name).collect();
    assert!(orphans.is_empty(), "{} spans without their parent, such as {:?}", orphans.len(), orphans.first());

    let below = databases_below(&spans);
    let (mut lists, mut executions) = (0, 0);
    for sent in spans.values().filter(|sent| sent.is_server() && !sent.is_cancelled() && sent.service == "backend") {
        let mut systems = below.get(&*sent.span.span_id).cloned().unwrap_or_default();
        systems.sort();
        match &*sent.span.name {
            "GET /api/v1/pipelines" => {
                lists += 1;
                assert_eq!(systems, ["postgresql"]);
            }
            "POST /api/v1/pipelines/{pipeline_id}/executions" => {
                executions += 1;
                systems.dedup();
                assert_eq!(systems, ["postgresql", "redis"]);
            }
            other => panic!("{other}"),
        }
    }
    println!("{lists} lists with a query each, {executions} executions with queries and commands");
    assert!(lists > 0 && executions > 0);
    let queries = spans.values().filter(|sent| sent.attribute("db.system.name").as_deref() == Some("postgresql"));
    println!("{} spans in all, {:.0}/s; {} queries", spans.len(), spans.len() as f64 / took, queries.count());
}
