use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::otlp::{Span, TracesData};
use tripod_wire::proto::{Message, put_bytes, put_fixed64, put_len_delimited, put_tag, put_varint};

use super::*;

const NOW: u64 = 1_795_238_947_000_000_000;

fn read(format: Format, bytes: &[u8]) -> Result<TracesData, Refusal> {
    Ok(TracesData::decode(&otlp(format, bytes, NOW)?).unwrap())
}

fn one(json: &str) -> (TracesData, Span) {
    let data = read(Format::Json, json.as_bytes()).unwrap();
    let span = data.resource_spans[0].scope_spans[0].spans[0].clone();
    (data, span)
}

fn attributes(span: &Span) -> Vec<(String, String)> {
    span.attributes.iter().map(|one| (one.key.clone(), one.value.to_string())).collect()
}

/// The span of Zipkin's own documentation of its API.
const EXAMPLE: &str = r#"[{
    "id": "352bff9a74ca9ad2", "traceId": "5af7183fb1d4cf5f", "parentId": "6b221d5bc9e6496c", "name": "get /api",
    "timestamp": 1556604172355737, "duration": 1431, "kind": "SERVER",
    "localEndpoint": {"serviceName": "backend", "ipv4": "192.168.99.1", "port": 3306},
    "remoteEndpoint": {"serviceName": "frontend", "ipv6": "2001:db8::c001", "port": 65535},
    "annotations": [{"timestamp": 1556604172355800, "value": "wire.send"}],
    "tags": {"http.method": "GET", "http.path": "/api"}, "shared": true
}]"#;

#[test]
fn a_span_keeps_all_that_zipkin_says() {
    let (data, span) = one(EXAMPLE);
    assert_eq!(data.resource_spans[0].resource.service_name(), "backend");
    assert_eq!(span.trace_id.to_string(), "00000000000000005af7183fb1d4cf5f", "64 bits are filled up");
    assert_eq!((span.span_id.to_string().as_str(), span.kind), ("352bff9a74ca9ad2", SpanKind::SERVER));
    assert_eq!((span.parent_span_id.to_string().as_str(), span.name.as_str()), ("6b221d5bc9e6496c", "get /api"));
    assert_eq!(span.start_time_unix_nano, 1_556_604_172_355_737_000);
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_431_000);
    let expected = [
        ("network.local.address", "192.168.99.1"),
        ("network.local.port", "3306"),
        ("peer.service", "frontend"),
        ("network.peer.address", "2001:db8::c001"),
        ("network.peer.port", "65535"),
        ("http.method", "GET"),
        ("http.path", "/api"),
        ("zipkin.shared", "true"),
    ];
    assert_eq!(attributes(&span), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!((span.events[0].name.as_str(), span.events[0].time_unix_nano), ("wire.send", 1_556_604_172_355_800_000));
    assert_eq!(span.status.code, StatusCode::UNSET);
}

#[test]
fn what_opentelemetry_writes_as_tags_is_read_back() {
    let (data, span) = one(
        r#"[{"traceId": "1", "id": "2", "tags": {"otel.status_code": "ERROR", "otel.scope.name": "lib",
        "otel.scope.version": "1.2", "error": "boom", "span.kind": "internal", "w3c.tracestate": "a=b",
        "otel.dropped_events_count": "3", "ratio": 0.5, "ok": true, "none": null},
        "annotations": [{"timestamp": 5, "value": "\"exception\": {\"exception.message\": \"no\", \"n\": 3}"},
                        {"timestamp": 6, "value": "{\"retry\":{\"n\":1.5}}"}, {"timestamp": 7, "value": "\"quoted\""}]}]"#,
    );
    let scope = &data.resource_spans[0].scope_spans[0].scope;
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("lib", "1.2"));
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "boom"));
    assert_eq!((span.kind, span.trace_state.as_str(), span.dropped_events_count), (SpanKind::INTERNAL, "a=b", 3));
    assert_eq!(
        attributes(&span),
        [("ratio", "0.5"), ("ok", "true"), ("none", "")].map(|(k, v)| (k.to_owned(), v.to_owned()))
    );
    let events: Vec<String> = span
        .events
        .iter()
        .map(|event| {
            format!("{} {:?}", event.name, event.attributes.iter().map(|one| one.value.to_string()).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(events, [r#"exception ["no", "3"]"#, r#"retry ["1.5"]"#, r#""quoted" []"#]);
    assert_eq!(span.start_time_unix_nano, 5000, "the first annotation, where nothing else is said");
}

#[test]
fn a_failure_is_known_by_its_tag() {
    for (tags, code, message) in [
        (r#"{"error": ""}"#, StatusCode::ERROR, ""),
        (r#"{"error": "true"}"#, StatusCode::ERROR, ""),
        (r#"{"error": "500"}"#, StatusCode::ERROR, "500"),
        (r#"{"error": "false"}"#, StatusCode::UNSET, ""),
        (r#"{"otel.status_code": "OK", "error": "x"}"#, StatusCode::OK, ""),
        (r#"{"otel.status_description": "no", "error": "x"}"#, StatusCode::ERROR, "no"),
        (r#"{"otel.status_code": "ERROR", "otel.status_description": "no"}"#, StatusCode::ERROR, "no"),
    ] {
        let (_, span) = one(&format!(r#"[{{"traceId": "1", "id": "2", "tags": {tags}}}]"#));
        assert_eq!((span.status.code, span.status.message.as_str()), (code, message), "{tags}");
        assert_eq!(span.start_time_unix_nano, NOW);
    }
}

#[test]
fn spans_of_one_service_stand_together() {
    let span = |id: u32, service: &str| {
        format!(r#"{{"traceId": "1", "id": "{id}", "localEndpoint": {{"serviceName": "{service}"}}}}"#)
    };
    let json = format!("[{}, {}, {}]", span(1, "b"), span(2, "a"), span(3, "b"));
    let data = read(Format::Json, json.as_bytes()).unwrap();
    let found: Vec<(&str, usize)> =
        data.resource_spans.iter().map(|one| (one.resource.service_name(), one.scope_spans[0].spans.len())).collect();
    assert_eq!(found, [("a", 1), ("b", 2)]);
    assert!(read(Format::Json, b"[]").unwrap().resource_spans.is_empty());
}

#[test]
fn protobuf_says_the_same_as_json() {
    let mut list = Vec::new();
    put_len_delimited(&mut list, 1, |out| {
        put_bytes(out, 1, &0x5af7_183f_b1d4_cf5f_u64.to_be_bytes());
        put_bytes(out, 2, &0x6b22_1d5b_c9e6_496c_u64.to_be_bytes());
        put_bytes(out, 3, &0x352b_ff9a_74ca_9ad2_u64.to_be_bytes());
        let varint = |out: &mut Vec<u8>, number: u32, value: u64| {
            put_tag(out, number, tripod_wire::proto::WireType::Varint);
            put_varint(out, value);
        };
        varint(out, 4, 2);
        put_bytes(out, 5, b"get /api");
        put_fixed64(out, 6, 1_556_604_172_355_737);
        varint(out, 7, 1431);
        put_len_delimited(out, 8, |out| {
            put_bytes(out, 1, b"backend");
            put_bytes(out, 2, &[192, 168, 99, 1]);
            varint(out, 4, 3306);
        });
        put_len_delimited(out, 9, |out| {
            put_bytes(out, 1, b"frontend");
            put_bytes(out, 3, &"2001:db8::c001".parse::<std::net::Ipv6Addr>().unwrap().octets());
            varint(out, 4, 65_535);
        });
        put_len_delimited(out, 10, |out| {
            put_fixed64(out, 1, 1_556_604_172_355_800);
            put_bytes(out, 2, b"wire.send");
        });
        for (key, value) in [("http.method", "GET"), ("http.path", "/api")] {
            put_len_delimited(out, 11, |out| {
                put_bytes(out, 1, key.as_bytes());
                put_bytes(out, 2, value.as_bytes());
            });
        }
        varint(out, 13, 1);
    });
    assert_eq!(read(Format::Protobuf, &list).unwrap(), one(EXAMPLE).0);
}

#[test]
fn what_is_no_list_of_spans_is_refused_with_where_and_why() {
    for (json, reason) in [
        ("", "EOF"),
        ("{}", "a list of spans"),
        ("[{}]", "missing field `traceId`"),
        ("[{\"traceId\": \"1\"}]", "missing field `id`"),
        ("[{\"traceId\": \"0\", \"id\": \"1\"}]", "traceId \"0\" must be up to 32 hex digits"),
        ("[{\"traceId\": \"1\", \"id\": \"12345678901234567\"}]", "id \"12345678901234567\" must be up to 16"),
        ("[{\"traceId\": \"1\", \"id\": \"1\", \"parentId\": \"x\"}]", "parentId \"x\""),
        ("[{\"traceId\": \"1\", \"id\": \"1\", \"kind\": \"BOTH\"}]", "kind \"BOTH\" must be one of CLIENT"),
        ("[{\"traceId\": \"1\", \"id\": \"1\", \"annotations\": [{}]}]", "missing field `timestamp`"),
        ("[{\"traceId\": \"1\", \"id\": \"1\", \"tags\": {\"a\": {}}}]", "must be a text"),
        ("[{\"traceId\": \"1\", \"id\": \"1\"}] x", "trailing characters"),
    ] {
        let refusal = read(Format::Json, json.as_bytes()).unwrap_err();
        assert!(refusal.reason.contains(reason) && refusal.reason.contains("Zipkin"), "{json}: {refusal:?}");
    }
    for (bytes, reason) in [
        (&b"\x0a\x05"[..], "ListOfSpans"),
        (b"\x0a\x00", "no trace_id or no id"),
        (b"\x0a\x0b\x0a\x09123456789", "no trace_id or no id"),
        (b"\x0a\x0b\x1a\x09123456789", "must be at most 8"),
    ] {
        let refusal = read(Format::Protobuf, bytes).unwrap_err();
        assert!(refusal.reason.contains(reason), "{bytes:?}: {refusal:?}");
    }
    let many = vec![[0x5a, 0x00]; MAX_PARTS + 1].concat();
    let mut list = Vec::new();
    put_bytes(&mut list, 1, &many);
    assert!(read(Format::Protobuf, &list).unwrap_err().reason.contains("more than 65536"));
}
