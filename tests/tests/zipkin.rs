//! Clients of Zipkin report to Tripod: py_zipkin, and OpenTelemetry's exporters in JSON and protobuf.

use std::process::Command;

use serde_json::Value;
use tripod_tests::{Tripod, python, root};

/// A tag of a span in Jaeger's JSON.
fn tag<'a>(of: &'a Value, key: &str) -> &'a Value {
    let tags = of["tags"].as_array().expect("tags");
    tags.iter().find(|tag| tag["key"] == key).map_or(&Value::Null, |tag| &tag["value"])
}

/// The only trace of a service: its spans, the root first.
fn spans(server: &Tripod, service: &str) -> Vec<Value> {
    let found = server.get("/api/traces", &[("service", service)]);
    let traces = found["data"].as_array().expect("traces");
    assert_eq!(traces.len(), 1, "{service}: {found}");
    let mut spans = traces[0]["spans"].as_array().expect("spans").clone();
    spans.sort_by_key(|span| span["references"].as_array().map(Vec::len));
    assert_eq!(spans[1]["references"][0]["spanID"], spans[0]["spanID"], "one below the other");
    spans
}

#[test]
fn what_clients_of_zipkin_send_is_read_back() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    for client in ["opentelemetry", "py-zipkin"] {
        let ran = Command::new(python::interpreter_with("tests/python/zipkin_requirements.txt"))
            .arg(root().join("tests/python/emit_zipkin.py"))
            .args(["--client", client, "--url", &format!("{}/api/v2/spans", server.http)])
            .output()
            .expect("Python runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && !said.contains("cannot be uploaded"), "{client}: {said}");
    }

    for service in ["otel-json", "otel-protobuf"] {
        let [server_span, client] = &spans(&server, service)[..] else { panic!("two spans of {service}") };
        assert_eq!(
            (&server_span["operationName"], tag(server_span, "span.kind")),
            (&"POST /orders".into(), &"server".into())
        );
        assert_eq!(
            (tag(server_span, "http.request.method"), tag(server_span, "order.items")),
            (&"POST".into(), &"3".into())
        );
        assert_eq!(
            (tag(server_span, "otel.scope.name"), tag(server_span, "otel.scope.version")),
            (&"shop.orders".into(), &"1.2.3".into())
        );
        assert_eq!((&client["operationName"], tag(client, "span.kind")), (&"charge".into(), &"client".into()));
        assert_eq!(
            (tag(client, "otel.status_code"), tag(client, "otel.status_description")),
            (&"ERROR".into(), &"no funds".into())
        );
        assert_eq!(tag(client, "peer.service"), "bank");
        let events: Vec<&Value> = client["logs"].as_array().expect("events").iter().map(|log| &log["fields"]).collect();
        assert_eq!(events.len(), 2, "{client}");
        assert_eq!(
            (&events[0][0]["value"], &events[0][1]["key"], &events[0][1]["value"]),
            (&"retry".into(), &"attempt".into(), &2.into())
        );
        assert_eq!(events[1][0]["value"], "gave up");
    }

    let [server_span, client] = &spans(&server, "py-zipkin")[..] else { panic!("two spans") };
    assert_eq!((&server_span["operationName"], tag(server_span, "http.method")), (&"get /stock".into(), &"GET".into()));
    assert_eq!(
        (tag(server_span, "network.local.address"), tag(server_span, "network.local.port")),
        (&"10.0.0.7".into(), &8080.into())
    );
    assert_eq!((tag(client, "span.kind"), tag(client, "error")), (&"client".into(), &true.into()));
    assert_eq!(tag(client, "otel.status_description"), "timed out");
    assert_eq!((tag(client, "peer.service"), tag(client, "network.peer.port")), (&"postgres".into(), &5432.into()));
    assert_eq!(client["logs"][0]["fields"][0]["value"], "rows read");
    let trace = server_span["traceID"].as_str().expect("an id");
    assert!(trace.starts_with(&"0".repeat(16)), "64 bits are filled up: {trace}");
}
