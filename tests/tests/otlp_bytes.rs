//! Every byte of OTLP that we send is read back equal by the protobufs of OpenTelemetry's packages for Python and for Node, field by
//! field, and passed on unchanged by a real Collector.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tripod::OtlpProtocol;
use tripod_tests::collector::Collector;
use tripod_tests::decoders::{self, assert_equal};
use tripod_tests::every_field::{self, Recorded};
use tripod_tests::otlp_receiver::{OtlpReceiver, Request};
use tripod_tests::requests::now;

/// Telemetry is one a process.
static TURN: Mutex<()> = Mutex::new(());

/// Records everything and sends it there; gives what it was, and when.
fn send(to: &str, protocol: OtlpProtocol, compression: tripod::Compression, prefix: &str) -> (Recorded, (u64, u64)) {
    let begin = now();
    let builder = tripod::init().otlp_endpoint(to).otlp_protocol(protocol).otlp_compression(compression);
    let guard = every_field::configured(builder).start().unwrap();
    tripod::bridge::opentelemetry::init();
    let recorded = every_field::record(prefix);
    assert!(guard.shutdown(), "everything was taken");
    (recorded, (begin, now()))
}

/// Panics unless requests hold what was recorded, and nothing else but earlier metrics.
fn assert_are(recorded: &Recorded, requests: &[Request], decoded: &[Value], times: (u64, u64)) {
    let of = |signal: &str, list: &str| {
        let all = requests.iter().zip(decoded).filter(|(request, _)| request.signal == signal);
        let resources: Vec<&Value> = all.flat_map(|(_, decoded)| decoded[list].as_array().unwrap()).collect();
        for resource in &resources {
            assert_equal(&resource["resource"], &recorded.resource, times);
        }
        resources
    };
    let [spans] = of("traces", "resourceSpans")[..] else { panic!("one batch of spans") };
    assert_equal(&only(&spans["scopeSpans"], &["plain", "full"]), &recorded.spans, times);
    let [logs] = of("logs", "resourceLogs")[..] else { panic!("one batch of logs") };
    assert_equal(&only(&logs["scopeLogs"], &["plain", "full"]), &recorded.logs, times);
    let scopes = of("metrics", "resourceMetrics").into_iter().flat_map(|one| one["scopeMetrics"].as_array().unwrap());
    let metrics: Vec<&Value> = scopes.flat_map(|scope| scope["metrics"].as_array().unwrap()).collect();
    for (name, expected) in &recorded.metrics {
        let found: Vec<_> = metrics.iter().filter(|metric| metric["name"] == **name).collect();
        assert_eq!(found.len(), 1, "{name} is there once");
        assert_equal(found[0], expected, times);
    }
}

/// The scopes of these names, in this order.
fn only(scopes: &Value, names: &[&str]) -> Value {
    let find = |name: &&str| scopes.as_array().unwrap().iter().find(|scope| scope["scope"]["name"] == **name);
    names.iter().map(|name| find(name).unwrap_or_else(|| panic!("a scope {name} in {scopes}")).clone()).collect()
}

fn is_whole(requests: &[Request]) -> bool {
    ["traces", "metrics", "logs"].iter().all(|signal| requests.iter().any(|request| request.signal == *signal))
}

#[test]
fn the_protobufs_for_python_and_node_read_what_was_recorded() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let receiver = OtlpReceiver::default();
    let (recorded, times) = send(&receiver.url, OtlpProtocol::HttpProtobuf, tripod::Compression::None, "direct");
    let requests = receiver.requests();
    assert!(requests.iter().all(|request| request.content_type == "application/x-protobuf"));
    assert_are(&recorded, &requests, &decoders::by_python(&requests), times);
    if let Some(decoded) = decoders::by_node(&requests) {
        assert_are(&recorded, &requests, &decoded, times);
    }
}

#[test]
fn a_collector_passes_on_what_was_recorded_however_it_came() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let ways = [
        (OtlpProtocol::Grpc, tripod::Compression::None),
        (OtlpProtocol::Grpc, tripod::Compression::Gzip),
        (OtlpProtocol::Grpc, tripod::Compression::Zstd),
        (OtlpProtocol::HttpProtobuf, tripod::Compression::None),
        (OtlpProtocol::HttpProtobuf, tripod::Compression::Gzip),
        (OtlpProtocol::HttpProtobuf, tripod::Compression::Zstd),
        (OtlpProtocol::HttpJson, tripod::Compression::None),
        (OtlpProtocol::HttpJson, tripod::Compression::Zstd),
    ];
    for (at, (protocol, compression)) in ways.into_iter().enumerate() {
        let receiver = OtlpReceiver::default();
        let Some(collector) = Collector::start(&receiver.url) else { return };
        let address = if protocol == OtlpProtocol::Grpc { &collector.grpc } else { &collector.http };
        let (recorded, times) = send(&format!("http://{address}"), protocol, compression, &format!("collector{at}"));
        let requests = receiver.wait_for(is_whole);
        println!("{protocol:?}, {compression:?}: {} requests passed on", requests.len());
        assert_are(&recorded, &requests, &decoders::by_python(&requests), times);
    }
}
