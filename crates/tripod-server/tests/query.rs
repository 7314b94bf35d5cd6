//! The query APIs, by field.

mod support;

use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, exemplar, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::trace::v1::{Status, span::Event, status::StatusCode};
use serde_json::json;
use support::{Running, TIME, attribute, log, logs, metrics, span, traces};

const SECOND: u64 = 1_000_000_000;

fn requests(value: f64, time: u64, temporality: AggregationTemporality) -> Metric {
    let value = Some(number_data_point::Value::AsDouble(value));
    let data_points = vec![NumberDataPoint {
        attributes: vec![attribute("http.route", "/orders")],
        time_unix_nano: time,
        value,
        ..NumberDataPoint::default()
    }];
    let sum = Sum { data_points, aggregation_temporality: temporality as i32, is_monotonic: true };
    Metric {
        name: "http.requests".to_owned(),
        description: "Calls".to_owned(),
        data: Some(metric::Data::Sum(sum)),
        ..Metric::default()
    }
}

fn durations() -> Metric {
    let exemplar = Exemplar {
        time_unix_nano: TIME,
        value: Some(exemplar::Value::AsDouble(0.7)),
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        ..Exemplar::default()
    };
    let point = HistogramDataPoint {
        time_unix_nano: TIME,
        count: 4,
        sum: Some(3.5),
        bucket_counts: vec![1, 2, 1],
        explicit_bounds: vec![0.5, 1.0],
        exemplars: vec![exemplar],
        ..HistogramDataPoint::default()
    };
    let histogram =
        Histogram { data_points: vec![point], aggregation_temporality: AggregationTemporality::Cumulative as i32 };
    let data = Some(metric::Data::Histogram(histogram));
    Metric { name: "duration".to_owned(), unit: "s".to_owned(), data, ..Metric::default() }
}

async fn filled() -> Running {
    let running = Running::new().await;
    let mut failed = span(1, 2);
    failed.parent_span_id = 1_u64.to_be_bytes().to_vec();
    failed.status = Some(Status { code: StatusCode::Error as i32, message: "boom".to_owned() });
    failed.attributes = vec![attribute("http.route", "/orders")];
    failed.events = vec![Event { time_unix_nano: TIME, name: "exception".to_owned(), ..Event::default() }];
    assert_eq!(running.post_protobuf("traces", &traces("backend", vec![span(1, 1), failed])).await.status(), 200);
    assert_eq!(running.post_protobuf("traces", &traces("worker", vec![span(2, 3)])).await.status(), 200);
    let mut second = log("slow database");
    second.time_unix_nano += 1;
    second.severity_number = 17;
    second.attributes = vec![attribute("table", "orders")];
    assert_eq!(running.post_protobuf("logs", &logs("backend", vec![log("Slow query"), second])).await.status(), 200);
    let batch = vec![requests(5.0, TIME, AggregationTemporality::Cumulative), durations()];
    assert_eq!(running.post_protobuf("metrics", &metrics("backend", batch)).await.status(), 200);
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn jaeger_finds_services_operations_and_traces() {
    let running = filled().await;
    assert_eq!(running.get("/api/services").await["data"], json!(["backend", "worker"]));
    assert_eq!(running.get("/api/services/worker/operations").await["data"], json!(["operation-2"]));
    let operations = running.get("/api/operations?service=worker&spanKind=server").await;
    assert_eq!(operations["data"], json!([{"name": "operation-2", "spanKind": "server"}]));
    for (query, total) in [
        ("service=backend", 1),
        ("", 2),
        ("service=backend&operation=operation-2", 0),
        ("service=backend&tags=%7B%22http.route%22%3A%22%2Forders%22%7D", 1),
        ("tags=%7B%22error%22%3A%22true%22%7D", 1),
        ("minDuration=6ms", 0),
        ("maxDuration=5ms&limit=1", 1),
        ("start=1795238947123456&end=1795238947123456", 2),
        ("end=1795238947123455", 0),
        ("traceID=01010101010101010101010101010101", 1),
    ] {
        assert_eq!(running.get(&format!("/api/traces?{query}")).await["total"], total, "{query}");
    }
    let trace = &running.get("/api/traces/01010101010101010101010101010101").await["data"][0];
    let failed = trace["spans"].as_array().unwrap().iter().find(|span| span["spanID"] == "0000000000000002").unwrap();
    assert_eq!(failed["references"][0]["refType"], "CHILD_OF");
    assert_eq!(failed["startTimeUnixNano"], TIME.to_string());
    assert_eq!(failed["logs"][0]["fields"][0], json!({"key": "event", "type": "string", "value": "exception"}));
    assert!(failed["tags"].as_array().unwrap().contains(&json!({"key": "error", "type": "bool", "value": true})));
    assert_eq!(trace["processes"]["p1"]["serviceName"], "backend");
}

#[tokio::test(flavor = "multi_thread")]
async fn jaeger_errors_have_jaegers_shape() {
    let running = Running::new().await;
    let (status, body) = running.fail("/api/traces/abc").await;
    assert_eq!((status, &body["data"], &body["errors"][0]["code"]), (404, &json!(null), &json!(404)));
    for query in [
        "/api/traces/xyz",
        "/api/traces?tags=5",
        "/api/traces?minDuration=long",
        "/api/traces?limit=0",
        "/api/operations",
    ] {
        assert_eq!(running.fail(query).await.0, 400, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_answers_queries_by_get_and_by_form() {
    let running = filled().await;
    let metric = json!({"__name__": "http_requests_total", "http_route": "/orders", "job": "backend"});
    let vector = running.get("/api/v1/query?query=http_requests_total&time=1795238948.5").await;
    assert_eq!(
        vector["data"],
        json!({"resultType": "vector", "result": [{"metric": metric, "value": [1795238948.5, "5"]}]})
    );

    let form = "query=sum(duration_seconds_count)&start=1795238948&end=1795238958&step=5s";
    let request = running
        .client
        .post(running.url("/api/v1/query_range"))
        .header("content-type", "application/x-www-form-urlencoded");
    let matrix: serde_json::Value = request.body(form).send().await.unwrap().json().await.unwrap();
    let values = json!([[1795238948, "4"], [1795238953, "4"], [1795238958, "4"]]);
    assert_eq!(matrix["data"], json!({"resultType": "matrix", "result": [{"metric": {}, "values": values}]}));

    let quantile =
        running.get("/api/v1/query?query=histogram_quantile(0.5,duration_seconds_bucket)&time=1795238948").await;
    assert_eq!(quantile["data"]["result"][0]["value"][1], "0.75");
    assert_eq!(running.get("/api/v1/query?query=1%2B1").await["data"]["result"][1], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_lists_series_labels_values_and_metadata() {
    let running = filled().await;
    let series = running.get("/api/v1/series?match[]=http_requests_total&match[]=duration_seconds_sum").await;
    assert_eq!(series["data"].as_array().unwrap().len(), 2);
    assert_eq!(running.get("/api/v1/series?match[]=http_requests_total&end=5").await["data"], json!([]));
    assert_eq!(
        running.get("/api/v1/labels?match[]=http_requests_total").await["data"],
        json!(["__name__", "http_route", "job"])
    );
    let bounds = running.get("/api/v1/label/le/values?match[]={job=~\"back.*\"}").await;
    assert_eq!(bounds["data"], json!(["+Inf", "0.5", "1"]));
    assert_eq!(running.get("/api/v1/label/__name__/values?limit=1").await["data"], json!(["duration_seconds_bucket"]));
    let metadata = running.get("/api/v1/metadata?metric=http_requests_total").await;
    assert_eq!(metadata["data"], json!({"http_requests_total": [{"type": "counter", "help": "Calls", "unit": ""}]}));
    assert!(running.get("/api/v1/status/buildinfo").await["data"]["version"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exemplar_leads_from_its_bucket_to_the_trace() {
    let running = filled().await;
    let query = "histogram_quantile(0.95,sum%20by%20(le)(rate(duration_seconds_bucket[5m])))";
    let answer = running.get(&format!("/api/v1/query_exemplars?query={query}&start=1795238900&end=1795239000")).await;
    let series = answer["data"].as_array().unwrap();
    assert_eq!((series.len(), &series[0]["seriesLabels"]["le"]), (1, &json!("1")));
    let labels = json!({"trace_id": "01010101010101010101010101010101", "span_id": "0202020202020202"});
    assert_eq!(series[0]["exemplars"], json!([{"labels": labels, "value": "0.7", "timestamp": 1795238947.123}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_errors_have_prometheus_shape() {
    let running = filled().await;
    for (query, status, kind) in [
        ("query", 400, "bad_data"),
        ("query?query=sum(", 400, "bad_data"),
        ("query?query=up&time=yesterday", 400, "bad_data"),
        ("query_range?query=up&start=1&end=0&step=1", 400, "bad_data"),
        ("query_range?query=up&start=0&end=1&step=0", 400, "bad_data"),
        ("query_range?query=up&start=0&end=1000000&step=1", 400, "bad_data"),
        ("query_range?query=up&start=0&end=9e18&step=1", 400, "bad_data"),
        ("query_range?query=up&start=-1e300&end=1e300&step=1", 400, "bad_data"),
        ("series", 400, "bad_data"),
        ("series?match[]=sum(up)", 400, "bad_data"),
        ("labels?limit=x", 400, "bad_data"),
    ] {
        let (got, body) = running.fail(&format!("/api/v1/{query}")).await;
        assert_eq!(
            (got, &body["status"], &body["errorType"]),
            (status, &json!("error"), &json!(kind)),
            "{query}: {body}"
        );
        assert!(!body["error"].as_str().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_found_by_every_condition_newest_first() {
    let running = filled().await;
    let all = running.get("/api/logs").await;
    assert_eq!(all["logs"][0]["body"], "slow database");
    let first = &all["logs"][1];
    assert_eq!(first["timestamp"], "2026-11-21T05:29:07.123456789Z");
    assert_eq!(
        (&first["severity"], &first["service"], &first["scope"]),
        (&json!("WARN"), &json!("backend"), &json!("test"))
    );
    assert_eq!((&first["trace_id"], &first["span_id"]), (&json!("01".repeat(16)), &json!("02".repeat(8))));
    for (query, count) in [
        ("query=SLOW", 2),
        ("query=slow+query", 1),
        ("query=%22slow+query%22", 1),
        ("query=orders", 1),
        ("regex=%5Eslow+", 1),
        ("regex=(%3Fi)slow+(query%7Cdatabase)", 2),
        ("regex=%5Cd", 0),
        ("service=worker", 0),
        ("trace_id=01010101010101010101010101010101&span_id=0202020202020202", 2),
        ("severity=warn", 1),
        ("min_severity=WARN", 2),
        ("tags=%7B%22table%22%3A%22orders%22%7D", 1),
        ("end=1795238947123456789", 1),
        ("start=2026-11-21T05:29:07.12345679Z", 1),
        ("limit=1", 1),
    ] {
        let found = running.get(&format!("/api/logs?{query}")).await;
        assert_eq!(found["logs"].as_array().unwrap().len(), count, "{query}");
    }
    let volume = running.get("/api/logs/volume?start=1795238947&end=1795238948&steps=2").await;
    assert_eq!(volume["levels"], json!({"WARN": [1, 0], "ERROR": [1, 0]}));
    let volume = running.get("/api/logs/volume?query=database&steps=1").await;
    assert_eq!((&volume["levels"], &volume["start_unix_nano"]), (&json!({"ERROR": [1]}), &json!(TIME.to_string())));
    let (status, body) = running.fail("/api/logs?severity=loud").await;
    assert_eq!((status, body["error"].as_str().unwrap().contains("WARN")), (400, true));
    assert_eq!(running.fail("/api/logs?trace_id=xyz").await.0, 400);
    for (regex, reason) in [("(", "unclosed group"), ("%5Cw%7B1000%7D%7B1000%7D", "too large")] {
        let (status, body) = running.fail(&format!("/api/logs?regex={regex}")).await;
        assert_eq!(status, 400);
        assert!(body["error"].as_str().unwrap().contains(reason), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_calls_and_errors() {
    let running = filled().await;
    let overview = running.get("/api/overview?start=1795238940&end=1795238950&steps=2").await;
    let backend = &overview["services"][0];
    assert_eq!((&backend["service"], &backend["calls"], &backend["errors"]), (&json!("backend"), &json!(2), &json!(1)));
    assert_eq!((&backend["calls_by_step"], &backend["error_ratio"]), (&json!([0, 2]), &json!(0.5)));
    assert_eq!(running.get("/api/overview").await["steps"], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_summed_up_also_over_a_restart() {
    let delta =
        |value, seconds| metrics("d", vec![requests(value, TIME + seconds * SECOND, AggregationTemporality::Delta)]);
    let total = "/api/v1/query?query=http_requests_total&time=1795239000";
    let running = Running::new().await;
    for seconds in 0..3 {
        assert_eq!(running.post_protobuf("metrics", &delta(2.0, seconds)).await.status(), 200);
    }
    // The same report again is not counted twice.
    let again = running.post_protobuf("metrics", &delta(2.0, 2)).await.bytes().await.unwrap();
    assert!(String::from_utf8_lossy(&again).contains("out of order"));
    assert_eq!(running.get(total).await["data"]["result"][0]["value"][1], "6");

    let running = Running::in_dir(running.stop().await, |_| {}).await;
    running.post_protobuf("metrics", &delta(2.0, 2)).await;
    running.post_protobuf("metrics", &delta(1.5, 4)).await;
    assert_eq!(running.get(total).await["data"]["result"][0]["value"][1], "7.5");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_shows_itself() {
    let running = filled().await;
    let status = running.get("/api/status").await;
    assert_eq!(status["endpoints"]["otlp_http"], running.server.addresses().otlp_http.to_string());
    assert_eq!((&status["store"]["spans"], &status["store"]["logs"]), (&json!(3), &json!(2)));
    let text = running.client.get(running.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(r#"tripod_receiver_records_total{signal="traces",outcome="accepted"} 3"#), "{text}");
    assert!(text.contains(r#"tripod_store_rows{signal="spans"} 3"#) && text.contains("tripod_store_full 0"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_says_what_it_holds_and_what_there_is_most_of() {
    let running = filled().await;
    let status = running.get("/api/status/store").await;
    assert_eq!((&status["full"], status["wal_bytes"].as_u64() > Some(0)), (&json!(false), true));
    let signals = status["signals"].as_array().unwrap();
    let rows: Vec<_> = signals.iter().map(|one| (one["signal"].as_str().unwrap(), one["rows"].as_u64())).collect();
    assert_eq!(rows[..2], [("spans", Some(3)), ("logs", Some(2))]);
    let spans = &signals[0];
    assert_eq!((&spans["memory_rows"], &spans["parts"], &spans["bytes_per_row"]), (&json!(3), &json!(0), &json!(null)));
    assert_eq!((&spans["failures"], &spans["last_error"], &spans["damaged"]), (&json!(0), &json!(null), &json!([])));
    let series = &status["series"];
    assert_eq!(series["series_by_metric"][0], json!({"name": "duration_seconds_bucket", "count": 3}));
    assert_eq!(series["series"], running.get("/api/status").await["store"]["series"]);
    let attributes = &status["attributes"];
    assert_eq!(attributes["spans"][0], json!({"key": "service.name", "rows": 3, "values": 2}));
    assert_eq!(attributes["logs"].as_array().unwrap().len(), 2);

    let short = running.get("/api/status/store?limit=1").await;
    let lists = [&short["series"]["values_by_label"], &short["attributes"]["logs"]];
    assert!(lists.iter().all(|list| list.as_array().unwrap().len() == 1), "{short}");
    for limit in ["0", "1001", "x"] {
        assert_eq!(running.fail(&format!("/api/status/store?limit={limit}")).await.0, 400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_and_their_values_are_listed_for_who_types_them() {
    let running = filled().await;
    let keys = running.get("/api/attributes?signal=spans&prefix=http").await;
    assert_eq!(keys, json!({"keys": [{"key": "http.route", "rows": 1, "values": 1}]}));
    let keys = running.get("/api/attributes?signal=logs&limit=1").await;
    assert_eq!(keys["keys"][0]["key"], "service.name");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    for (query, expected) in [
        ("signal=spans&key=service.name", json!([{"value": "backend", "rows": 2}, {"value": "worker", "rows": 1}])),
        ("signal=spans&key=service.name&prefix=w", json!([{"value": "worker", "rows": 1}])),
        ("signal=spans&key=service.name&limit=1", json!([{"value": "backend", "rows": 2}])),
        ("signal=logs&key=table", json!([{"value": "orders", "rows": 1}])),
        ("signal=logs&key=severity&prefix=E", json!([{"value": "ERROR", "rows": 1}])),
        ("signal=spans&key=table", json!([])),
    ] {
        assert_eq!(running.get(&format!("/api/attributes/values?{query}")).await["values"], expected, "{query}");
    }
    for (path, reason) in [
        ("/api/attributes", "signal"),
        ("/api/attributes?signal=samples", "spans, logs"),
        ("/api/attributes/values?signal=logs", "key"),
        ("/api/attributes/values?signal=logs&key=a&limit=1001", "from 1 to 1000"),
    ] {
        let (status, body) = running.fail(path).await;
        assert_eq!((status, body["error"].as_str().unwrap().contains(reason)), (400, true), "{path}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_for_every_path_a_browser_asks_for() {
    let running = Running::new().await;
    let get = |path: &str, accept: &'static str| running.client.get(running.url(path)).header("accept", accept).send();
    for path in ["/", "/traces/abc?x=1"] {
        let page = get(path, "text/html").await.unwrap();
        assert_eq!(
            (page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()),
            (200, "text/html; charset=utf-8")
        );
        assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
        let etag = page.headers()["etag"].clone();
        let again = running.client.get(running.url(path)).header("accept", "text/html").header("if-none-match", etag);
        assert_eq!(again.send().await.unwrap().status(), 304);
    }
    assert_eq!(get("/assets/none.js", "*/*").await.unwrap().status(), 404);
    assert_eq!(get("/api/none", "text/html").await.unwrap().status(), 404);
    assert_eq!(running.client.post(running.url("/")).send().await.unwrap().status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn summaries_list_traces_without_their_spans() {
    let running = filled().await;
    let all = running.get("/api/trace-summaries").await;
    assert_eq!((all["summaries"].as_array().unwrap().len(), &all["complete"]), (2, &json!(true)));
    let failed = running.get("/api/trace-summaries?tags=%7B%22error%22%3A%22true%22%7D").await;
    let expected = json!({
        "traceID": "01".repeat(16), "service": "backend", "operation": "operation-1", "start_unix_nano": TIME.to_string(),
        "duration_ns": "5000000", "spans": 2, "errors": 1, "services": [{"name": "backend", "spans": 2, "errors": 1}],
        "error": "boom",
    });
    assert_eq!(failed, json!({"summaries": [expected], "complete": true}));
    assert_eq!(running.get("/api/trace-summaries?limit=1").await["complete"], false);
    let (status, body) = running.fail("/api/trace-summaries?limit=5001").await;
    assert_eq!((status, body["error"].as_str().unwrap().contains("from 1 to 5000")), (400, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_retried_is_shown_once() {
    let running = Running::new().await;
    for _ in 0..2 {
        let request = traces("a", vec![span(1, 1), span(1, 2)]);
        assert_eq!(running.post_protobuf("traces", &request).await.status(), 200);
    }
    let trace = running.get(&format!("/api/traces/{}", "01".repeat(16))).await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 2);
    assert_eq!(running.get("/api/trace-summaries").await["summaries"][0]["spans"], 2);
    assert_eq!(running.get("/api/overview?start=1795238940&end=1795238950").await["services"][0]["calls"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_those_who_take_it_unless_they_are_small() {
    let running = Running::new().await;
    running.post_protobuf("traces", &traces("a", (1..20).map(|id| span(1, id)).collect())).await;
    let running = &running;
    let get = |path: &'static str, accepted: &'static str| async move {
        let request = running.client.get(running.url(path)).header("accept-encoding", accepted);
        let response = request.header("accept", "text/html").send().await.unwrap();
        let coding = response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        (coding.unwrap_or_default(), response.bytes().await.unwrap())
    };
    let (coding, plain) = get("/api/traces", "identity").await;
    assert_eq!(coding, "");
    let (coding, packed) = get("/api/traces", "gzip, deflate").await;
    let mut unpacked = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert_eq!((coding.as_str(), unpacked == plain, packed.len() < plain.len() / 4), ("gzip", true, true));
    let (coding, packed) = get("/api/traces", "gzip, br, zstd").await;
    assert_eq!((coding.as_str(), zstd::decode_all(&packed[..]).unwrap() == plain), ("zstd", true));
    assert_eq!(get("/api/services", "gzip").await.0, "");
    assert_eq!(get("/metrics", "gzip").await.0, "gzip");
}
