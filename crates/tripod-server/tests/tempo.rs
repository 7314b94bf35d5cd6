//! Tempo's API and TraceQL, as Grafana's Tempo data source calls them.

mod support;

use opentelemetry_proto::tonic::trace::v1::{Span, Status, TracesData, status::StatusCode};
use prost::Message;
use serde_json::json;
use support::{Running, TIME, attribute, span, traces};

/// A call of `backend` by `frontend` that fails.
async fn filled() -> Running {
    let running = Running::new().await;
    let client = Span { kind: 3, attributes: vec![attribute("http.method", "GET")], ..span(1, 1) };
    let server = Span {
        parent_span_id: 1_u64.to_be_bytes().to_vec(),
        status: Some(Status { code: StatusCode::Error as i32, message: "boom".to_owned() }),
        start_time_unix_nano: TIME + 1_000_000,
        ..span(1, 2)
    };
    for (service, spans) in [("frontend", vec![client]), ("backend", vec![server]), ("other", vec![span(2, 3)])] {
        assert_eq!(running.post_protobuf("traces", &traces(service, spans)).await.status(), 200);
    }
    running
}

const WINDOW: &str = "start=1795238900&end=1795238947";

fn encoded(query: &str) -> String {
    form_urlencoded::byte_serialize(query.as_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_answers_as_tempo_does() {
    let running = filled().await;
    let query = encoded(
        "{ kind = client && span.http.method = \"GET\" } >> { status = error } | select(resource.service.name)",
    );
    let found = running.get(&format!("/api/search?q={query}&{WINDOW}&limit=5&spss=2")).await;
    let set = json!({"matched": 1, "spans": [{
        "spanID": "0000000000000002", "name": "operation-1", "startTimeUnixNano": (TIME + 1_000_000).to_string(),
        "durationNanos": "4000000",
        "attributes": [
            {"key": "kind", "value": {"stringValue": "server"}},
            {"key": "status", "value": {"stringValue": "error"}},
            {"key": "service.name", "value": {"stringValue": "backend"}},
        ],
    }]});
    let trace = json!({
        "traceID": "01".repeat(16), "rootServiceName": "frontend", "rootTraceName": "operation-1",
        "startTimeUnixNano": TIME.to_string(), "durationMs": 5, "durationNanos": "5000000", "spanSet": set, "spanSets": [set],
        "serviceStats": {"frontend": {"spanCount": 1, "errorCount": 0}, "backend": {"spanCount": 1, "errorCount": 1}},
    });
    assert_eq!(found["traces"], json!([trace]));
    assert_eq!(found["metrics"]["inspectedTraces"], 1);

    for (query, count) in [
        ("{}", 2),
        ("{ resource.service.name = \"other\" }", 1),
        ("{ } | count() > 1", 1),
        ("{ duration > 1h }", 0),
        ("{ kind = client } || { resource.service.name = \"other\" }", 2),
    ] {
        let found = running.get(&format!("/api/search?q={}&{WINDOW}", encoded(query))).await;
        assert_eq!(found["traces"].as_array().unwrap().len(), count, "{query}");
    }
    let found = running.get("/api/search?start=1795238900&end=1795238946").await;
    assert_eq!(found["traces"], json!([]), "the end is a whole second");
    let old = running.get("/api/search?tags=http.method%3DGET%20name%3D%22operation-1%22&minDuration=1ms").await;
    assert_eq!(old["traces"].as_array().unwrap().len(), 1, "{old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_none_is_refused_with_where_and_why() {
    let running = Running::new().await;
    for (query, reason) in [
        ("{ foo = 1 }", "invalid TraceQL query: at position 3: foo is no intrinsic"),
        ("{ } | rate()", "invalid TraceQL query: at position 7: rate() makes metrics"),
    ] {
        let response =
            running.client.get(running.url(&format!("/api/search?q={}", encoded(query)))).send().await.unwrap();
        assert_eq!(response.status(), 400);
        let text = response.text().await.unwrap();
        assert!(text.starts_with(reason), "{text}");
    }
    for path in
        ["/api/search?limit=0", "/api/search?start=5&end=4", "/api/v2/search/tags?scope=galaxy", "/api/search?tags=x"]
    {
        assert_eq!(running.client.get(running.url(path)).send().await.unwrap().status(), 400, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_protobuf_for_tempos_clients_and_json_for_others() {
    let running = filled().await;
    let get =
        |path: String, accept: &'static str| running.client.get(running.url(&path)).header("accept", accept).send();
    let id = "01".repeat(16);
    let response = get(format!("/api/traces/{id}"), "application/protobuf").await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/protobuf");
    let bytes = response.bytes().await.unwrap();
    let trace = TracesData::decode(bytes.clone()).unwrap();
    let names: Vec<&str> =
        trace.resource_spans.iter().flat_map(|one| &one.scope_spans[0].spans).map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["operation-1", "operation-1"]);

    let second = get(format!("/api/v2/traces/{id}?start=1&end=2"), "application/protobuf").await.unwrap();
    let second = second.bytes().await.unwrap();
    // A message whose first field is the trace.
    assert_eq!((second[0], &second[second.len() - bytes.len()..]), (0x0a, &bytes[..]));
    let json = running.get(&format!("/api/v2/traces/{id}")).await;
    assert_eq!(json["trace"]["resourceSpans"].as_array().unwrap().len(), 2);
    assert_eq!(running.get(&format!("/api/traces/{id}")).await["data"][0]["traceID"], id);
    for path in ["/api/traces/ff", "/api/v2/traces/ff"] {
        assert_eq!(get(path.to_owned(), "application/protobuf").await.unwrap().status(), 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_their_values_complete_what_is_typed() {
    let running = filled().await;
    assert_eq!(running.client.get(running.url("/api/echo")).send().await.unwrap().text().await.unwrap(), "echo");
    let scopes = running.get("/api/v2/search/tags").await;
    assert_eq!(scopes["scopes"][0], json!({"name": "resource", "tags": ["service.name"]}));
    assert_eq!(scopes["scopes"][1], json!({"name": "span", "tags": ["http.method"]}));
    assert!(scopes["scopes"][2]["tags"].as_array().unwrap().contains(&json!("rootServiceName")));
    let spans = running.get("/api/v2/search/tags?scope=span").await;
    assert_eq!(spans["scopes"].as_array().unwrap().len(), 1);
    let names = running.get("/api/search/tags?scope=resource").await;
    assert_eq!(names, json!({"tagNames": ["service.name"]}));
    for (tag, expected) in [
        (
            "resource.service.name",
            json!([
                {"type": "string", "value": "backend"}, {"type": "string", "value": "frontend"}, {"type": "string", "value": "other"}
            ]),
        ),
        ("span.http.method", json!([{"type": "string", "value": "GET"}])),
        ("name", json!([{"type": "string", "value": "operation-1"}, {"type": "string", "value": "operation-2"}])),
        (
            "status",
            json!([
                {"type": "keyword", "value": "unset"}, {"type": "keyword", "value": "ok"}, {"type": "keyword", "value": "error"}
            ]),
        ),
        ("span.nothing", json!([])),
    ] {
        assert_eq!(
            running.get(&format!("/api/v2/search/tag/{tag}/values")).await,
            json!({"tagValues": expected}),
            "{tag}"
        );
    }
    assert_eq!(running.get("/api/search/tag/http.method/values").await, json!({"tagValues": ["GET"]}));
    let messages = running.get(&format!("/api/v2/search/tag/statusMessage/values?{WINDOW}")).await;
    assert_eq!(messages["tagValues"], json!([{"type": "string", "value": ""}, {"type": "string", "value": "boom"}]));
}
