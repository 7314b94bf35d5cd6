//! Jaeger's APIs, as its own page, its clients and Grafana's data source call them. Shapes are those of Jaeger's IDL and of the
//! answers that its tests have on record.

mod support;

use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};
use serde_json::json;
use support::{Running, TIME, span, traces};

/// A call of `backend` by `frontend` that fails, and a trace of `frontend` alone.
async fn filled() -> Running {
    let running = Running::new().await;
    let client = Span { kind: 3, ..span(1, 1) };
    let server = Span {
        parent_span_id: 1_u64.to_be_bytes().to_vec(),
        status: Some(Status { code: StatusCode::Error as i32, message: "boom".to_owned() }),
        start_time_unix_nano: TIME + 1_000_000,
        ..span(1, 2)
    };
    let other = Span { kind: 0, start_time_unix_nano: TIME - 5_000_000, ..span(2, 3) };
    for (service, spans) in [("frontend", vec![client]), ("backend", vec![server]), ("frontend", vec![other])] {
        assert_eq!(running.post_protobuf("traces", &traces(service, spans)).await.status(), 200);
    }
    running
}

const TIMES: &str = "query.start_time_min=2026-11-21T05:29:00Z&query.start_time_max=2026-11-21T05:30:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_are_calls_between_services() {
    let running = filled().await;
    let end = TIME / 1_000_000 + 60_000;
    let found = running.get(&format!("/api/dependencies?endTs={end}&lookback=3600000")).await;
    let link = json!({"parent": "frontend", "child": "backend", "callCount": 1});
    assert_eq!(found, json!({"data": [link], "total": 1, "limit": 0, "offset": 0, "errors": null}));
    assert_eq!(running.get(&format!("/api/dependencies?endTs={end}&lookback=1")).await["data"], json!([]));
    assert_eq!(running.fail("/api/dependencies?endTs=now").await.0, 400);

    let found = running.get("/api/v3/dependencies?start_time=2026-11-21T05:00:00Z&endTime=2026-11-21T06:00:00Z").await;
    assert_eq!(found, json!({"dependencies": [{"parent": "frontend", "child": "backend", "callCount": "1"}]}));
    assert_eq!(running.fail("/api/v3/dependencies").await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_not_there_is_an_error_and_never_empty_data() {
    let running = filled().await;
    let missing = "0123456789abcdef";
    let (status, body) = running.fail(&format!("/api/traces/{missing}")).await;
    let error = json!({"code": 404, "msg": "trace not found"});
    assert_eq!((status, body), (404, json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [error]})));
    let both = running.get(&format!("/api/traces?traceID={}&traceID={missing}", "01".repeat(16))).await;
    assert_eq!((&both["total"], &both["data"][0]["traceID"]), (&json!(1), &json!("01".repeat(16))));
    assert_eq!(both["errors"], json!([{"code": 404, "msg": "trace not found", "traceID": missing}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_lists_services_and_operations() {
    let running = filled().await;
    assert_eq!(running.get("/api/v3/services").await, json!({"services": ["backend", "frontend"]}));
    let client = json!({"name": "operation-1", "spanKind": "client"});
    let unsaid = json!({"name": "operation-2", "spanKind": "internal"});
    for (query, expected) in [
        ("service=frontend", json!([client, unsaid])),
        ("service=frontend&span_kind=client", json!([client])),
        ("service=frontend&spanKind=internal", json!([unsaid])),
        ("service=nobody", json!([])),
    ] {
        let found = running.get(&format!("/api/v3/operations?{query}")).await;
        assert_eq!(found, json!({"operations": expected}), "{query}");
    }
    let (status, body) = running.fail("/api/v3/operations").await;
    assert_eq!((status, &body["error"]["httpCode"]), (400, &json!(400)));
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_gives_traces_as_otlp() {
    let running = filled().await;
    let trace = running.get(&format!("/api/v3/traces/{}", "01".repeat(16))).await;
    let resources = trace["result"]["resourceSpans"].as_array().unwrap();
    assert_eq!(resources.len(), 2);
    let server = &resources[1]["scopeSpans"][0]["spans"][0];
    assert_eq!(
        (&server["traceId"], &server["parentSpanId"], &server["status"]["code"], &server["kind"]),
        (&json!("01".repeat(16)), &json!("0000000000000001"), &json!(2), &json!(2))
    );
    let all: tripod_wire::otlp::TracesData =
        tripod_wire::otlp::TracesData::from_json(trace["result"].to_string().as_bytes()).unwrap();
    assert_eq!(all.resource_spans[0].resource.service_name(), "frontend");

    for (query, spans) in [
        ("", 3),
        ("query.service_name=frontend", 3),
        ("query.serviceName=backend", 2),
        ("query.serviceName=frontend&query.operationName=operation-2", 1),
        ("query.attributes=%7B%22error%22%3A%22true%22%7D", 2),
        ("query.search_depth=1", 2),
        ("query.duration_min=6ms", 1),
    ] {
        let found = running.get(&format!("/api/v3/traces?{TIMES}&{query}")).await;
        let resources = found["result"]["resourceSpans"].as_array().unwrap().iter();
        let scopes = resources.flat_map(|one| one["scopeSpans"].as_array().unwrap());
        assert_eq!(scopes.map(|one| one["spans"].as_array().unwrap().len()).sum::<usize>(), spans, "{query}");
    }
    let not_found = json!({"error": {"httpCode": 404, "message": "No traces found"}});
    for path in ["traces/0123456789abcdef", &format!("traces?{TIMES}&query.service_name=nobody")] {
        assert_eq!(running.fail(&format!("/api/v3/{path}")).await, (404, not_found.clone()), "{path}");
    }
    let (status, body) = running.fail("/api/v3/traces?query.service_name=frontend").await;
    assert_eq!((status, &body["error"]["httpCode"]), (400, &json!(400)));
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_sums_traces_up() {
    let running = filled().await;
    let found = running.get(&format!("/api/v3/trace-summaries?{TIMES}&query.service_name=backend")).await;
    let services = json!([
        {"name": "backend", "spanCount": 1, "errorSpanCount": 1}, {"name": "frontend", "spanCount": 1, "errorSpanCount": 0}
    ]);
    let expected = json!({
        "traceId": "01".repeat(16), "rootServiceName": "frontend", "rootOperationName": "operation-1",
        "minStartTimeUnixNano": TIME.to_string(), "maxEndTimeUnixNano": (TIME + 5_000_000).to_string(),
        "spanCount": 2, "errorSpanCount": 1, "services": services,
    });
    assert_eq!(found, json!({"summaries": [expected]}));
}
