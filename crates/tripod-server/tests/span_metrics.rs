//! Metrics of spans through the server: from OTLP and Zipkin to PromQL, Jaeger's metrics and exemplars.

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};
use serde_json::{Value, json};
use support::{Running, span, traces};

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// A server that has counted three calls of `shop`, of which one failed; it writes what it counted when it stops.
async fn counted() -> Running {
    let running = Running::with(|config| config.span_metrics_series = 10_000).await;
    let failed = Span { status: Some(Status { code: StatusCode::Error as i32, ..Status::default() }), ..span(1, 3) };
    let request = traces("shop", vec![span(1, 1), span(1, 2), failed]);
    assert_eq!(running.post_protobuf("traces", &request).await.status(), 200);
    assert_eq!(running.post_protobuf("metrics", &request).await.status(), 400, "what is refused is not counted");
    Running::in_dir(running.stop().await, |config| config.span_metrics_series = 10_000).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_counted_is_asked_with_promql_and_leads_to_its_trace() {
    let running = counted().await;
    let query = "sum%20by%20(service_name,span_name,span_kind,status_code)(traces_span_metrics_calls_total)";
    let answer = running.get(&format!("/api/v1/query?query={query}")).await;
    let mut found: Vec<(String, Value)> = answer["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["metric"]["status_code"].as_str().unwrap().to_owned(), one["value"][1].clone()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, [("STATUS_CODE_ERROR".to_owned(), json!("1")), ("STATUS_CODE_UNSET".to_owned(), json!("2"))]);
    let query = "traces_span_metrics_duration_milliseconds_bucket%7Bstatus_code=%22STATUS_CODE_ERROR%22%7D";
    let exemplars = running.get(&format!("/api/v1/query_exemplars?query={query}&start=0&end=9e9")).await;
    let labels = &exemplars["data"][0]["exemplars"][0]["labels"];
    assert_eq!(labels, &json!({"trace_id": "01".repeat(16), "span_id": "0000000000000003"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn jaeger_shows_calls_errors_and_latencies() {
    let running = counted().await;
    let end = now().as_millis() + 1000;
    let common = format!("service=shop&endTs={end}&lookback=1000&step=1000&ratePer=60000");
    let calls = running.get(&format!("/api/metrics/calls?{common}")).await;
    assert_eq!(
        (&calls["name"], &calls["type"], &calls["help"]),
        (&json!("service_call_rate"), &json!("GAUGE"), &json!("calls/sec, grouped by service"))
    );
    assert_eq!(calls["metrics"][0]["labels"], json!([{"name": "service_name", "value": "shop"}]));
    let last = |family: &Value| {
        let points = family["metrics"][0]["metricPoints"].as_array().unwrap();
        points.last().unwrap()["gaugeValue"]["doubleValue"].as_f64().unwrap()
    };
    assert!(last(&calls) > 0.0, "{calls}");
    let errors = running.get(&format!("/api/metrics/errors?{common}&groupByOperation=true")).await;
    assert_eq!(errors["name"], "service_operation_error_rate");
    assert_eq!(errors["metrics"][0]["labels"][1], json!({"name": "operation", "value": "operation-1"}));
    assert!((last(&errors) - 1.0 / 3.0).abs() < 1e-9, "{errors}");
    let latencies = running.get(&format!("/api/metrics/latencies?{common}&quantile=0.95&spanKind=server")).await;
    assert_eq!(latencies["help"], "0.95th quantile latency, grouped by service");
    assert!((4.0..=6.0).contains(&last(&latencies)), "they took 5 ms: {latencies}");
    let none = running.get(&format!("/api/metrics/calls?{common}&spanKind=client")).await;
    assert_eq!(none["metrics"], json!([]));
    assert_eq!(running.get("/api/metrics/minstep").await["data"], json!([1]));
    for (path, reason) in [
        ("calls", "service"),
        ("latencies?service=a", "quantile"),
        ("latencies?service=a&quantile=2", "from 0 to 1"),
        ("calls?service=a&spanKind=both", "unsupported span kind: 'both'"),
        ("calls?service=a&step=0", "positive number of milliseconds"),
    ] {
        let (status, body) = running.fail(&format!("/api/metrics/{path}")).await;
        assert_eq!(
            (status, body["errors"][0]["msg"].as_str().unwrap().contains(reason)),
            (400, true),
            "{path}: {body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn zipkins_spans_are_taken_on_the_web_port_and_on_one_of_their_own() {
    let running = Running::with(|config| config.zipkin = Some("127.0.0.1:0".parse().unwrap())).await;
    let own = format!("http://{}/api/v2/spans", running.server.addresses().zipkin.unwrap());
    let span = |id: u32| {
        format!(r#"[{{"traceId": "ab", "id": "{id}", "name": "get", "localEndpoint": {{"serviceName": "web"}}}}]"#)
    };
    for (url, body) in [(own.clone(), span(1)), (running.url("/api/v2/spans"), span(2))] {
        let request =
            running.client.post(url).header("content-type", "application/json").header("content-encoding", "gzip");
        let response = request.body(support::gzip(body.as_bytes())).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (202, ""));
    }
    let trace = running.get("/api/traces/ab").await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 2);
    assert_eq!(trace["data"][0]["processes"]["p1"]["serviceName"], "web");
    for (content_type, body, status) in
        [("application/json", "[{}]", 400), ("application/x-protobuf", "x", 400), ("application/x-thrift", "", 415)]
    {
        let request = running.client.post(&own).header("content-type", content_type).body(body);
        assert_eq!(request.send().await.unwrap().status(), status, "{content_type}");
    }
    let text = running.client.get(running.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let counted = r#"tripod_receiver_requests_total{protocol="zipkin",signal="traces",outcome="accepted"} 2"#;
    assert!(text.contains(counted) && text.contains("tripod_span_metrics_series 0"), "{text}");
    assert_eq!(running.client.get(&own).send().await.unwrap().status(), 405);
}
