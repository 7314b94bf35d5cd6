//! What is sent over either protocol, in any format and compression, is read back.

mod support;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, metric, number_data_point};
use prost::Message;
use serde_json::json;
use support::{Running, TIME, log, logs, metrics, span, traces};
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

fn gauge(name: &str, value: f64) -> Metric {
    let value = Some(number_data_point::Value::AsDouble(value));
    let data_points = vec![NumberDataPoint { time_unix_nano: TIME, value, ..NumberDataPoint::default() }];
    Metric { name: name.to_owned(), data: Some(metric::Data::Gauge(Gauge { data_points })), ..Metric::default() }
}

async fn gauge_value(running: &Running, name: &str) -> String {
    let answer = running.get(&format!("/api/v1/query?query={name}&time=1795238948")).await;
    answer["data"]["result"][0]["value"][1].as_str().unwrap_or("none").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_signal_is_read_back_however_it_is_compressed() {
    let running = Running::new().await;
    for (i, coding) in ["identity", "gzip", "zstd"].into_iter().enumerate() {
        let pack = |bytes: Vec<u8>| match coding {
            "gzip" => support::gzip(&bytes),
            "zstd" => support::zstd(&bytes),
            _ => bytes,
        };
        let trace = i as u8 + 1;
        let messages = [
            ("traces", traces("backend", vec![span(trace, 7)]).encode_to_vec()),
            ("logs", logs("backend", vec![log(coding)]).encode_to_vec()),
            ("metrics", metrics("backend", vec![gauge(&format!("of_{coding}"), 0.1)]).encode_to_vec()),
        ];
        for (signal, bytes) in messages {
            let response = running.post(signal, "application/x-protobuf", coding, pack(bytes)).await;
            assert_eq!(response.status(), 200, "{signal} {coding}");
            assert_eq!(response.headers()["content-type"], "application/x-protobuf");
            assert_eq!(response.bytes().await.unwrap().len(), 0);
        }
        let id = format!("{trace:02x}").repeat(16);
        assert_eq!(
            running.get(&format!("/api/traces/{id}")).await["data"][0]["spans"][0]["operationName"],
            format!("operation-{trace}")
        );
        assert_eq!(running.get(&format!("/api/logs?query={coding}")).await["logs"].as_array().unwrap().len(), 1);
        assert_eq!(gauge_value(&running, &format!("of_{coding}")).await, "0.1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_and_answered_in_json() {
    let running = Running::new().await;
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [
        {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "name": "kept", "startTimeUnixNano": "1", "new": 1},
        {"traceId": "5B8EFFF798038103D269B633813FC60C", "name": "without an id"}
    ]}]}]});
    let response = running.post("traces", "application/json; charset=utf-8", "identity", body.to_string()).await;
    assert_eq!(response.status(), 200);
    let answer: serde_json::Value = response.json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "1");
    assert!(answer["partialSuccess"]["errorMessage"].as_str().unwrap().contains("span"));
    let trace = running.get("/api/traces/5b8efff798038103d269b633813fc60c").await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_success_says_how_much_was_rejected_in_protobuf_too() {
    let running = Running::new().await;
    let mut broken = span(1, 2);
    broken.trace_id = vec![0; 16];
    let response = running.post_protobuf("traces", &traces("a", vec![span(1, 1), broken])).await;
    assert_eq!(response.status(), 200);
    let answer = ExportTraceServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_takes_each_signal_plain_and_compressed() {
    let running = Running::new().await;
    let endpoint = format!("http://{}", running.server.addresses().otlp_grpc);
    for (i, coding) in [None, Some(CompressionEncoding::Gzip), Some(CompressionEncoding::Zstd)].into_iter().enumerate()
    {
        let name = format!("grpc_{i}");
        let mut trace_client = TraceServiceClient::connect(endpoint.clone()).await.unwrap();
        let mut log_client = LogsServiceClient::connect(endpoint.clone()).await.unwrap();
        let mut metric_client = MetricsServiceClient::connect(endpoint.clone()).await.unwrap();
        if let Some(coding) = coding {
            trace_client = trace_client.send_compressed(coding).accept_compressed(coding);
            log_client = log_client.send_compressed(coding);
            metric_client = metric_client.send_compressed(coding);
        }
        let mut broken = span(9, 2);
        broken.span_id.clear();
        let answer = trace_client.export(traces(&name, vec![span(i as u8 + 1, 1), broken])).await.unwrap().into_inner();
        assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
        log_client.export(logs(&name, vec![log("over grpc")])).await.unwrap();
        metric_client.export(metrics(&name, vec![gauge(&name, 5.0)])).await.unwrap();

        assert_eq!(running.get(&format!("/api/traces?service={name}")).await["total"], 1);
        assert_eq!(running.get(&format!("/api/logs?service={name}")).await["logs"].as_array().unwrap().len(), 1);
        assert_eq!(gauge_value(&running, &name).await, "5");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_refuses_what_is_too_large_or_unknown_with_its_codes() {
    let running = Running::with(|config| config.max_body_bytes = 16 << 20).await;
    let endpoint = format!("http://{}", running.server.addresses().otlp_grpc);
    let mut client =
        TraceServiceClient::connect(endpoint.clone()).await.unwrap().send_compressed(CompressionEncoding::Zstd);
    let mut bomb = span(1, 1);
    bomb.name = "x".repeat(17 << 20);
    let status = client.export(traces("a", vec![bomb])).await.unwrap_err();
    assert_eq!((status.code(), status.message().contains("larger than")), (Code::ResourceExhausted, true));
    // Without details that say when: not worth another try.
    assert!(status.details().is_empty());

    let channel = tonic::transport::Endpoint::from_shared(endpoint).unwrap().connect().await.unwrap();
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = tonic_codec();
    let path = "/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export".parse().unwrap();
    let result: Result<tonic::Response<ExportTraceServiceResponse>, _> =
        grpc.unary(Request::new(traces("a", vec![])), path, codec).await;
    assert_eq!(result.unwrap_err().code(), Code::Unimplemented);
    client.export(traces("a", vec![span(2, 2)])).await.unwrap();
}

fn tonic_codec() -> tonic_prost::ProstCodec<
    opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest,
    ExportTraceServiceResponse,
> {
    tonic_prost::ProstCodec::default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_twenty_megabytes_is_accepted_and_kept_over_a_restart() {
    let running = Running::new().await;
    let filler = "x".repeat(660);
    let spans = (1..=30_000).map(|id| {
        let mut one = span(1, id);
        one.name.clone_from(&filler);
        one
    });
    let request = traces("big", spans.collect());
    assert!(request.encoded_len() > 20 << 20, "{}", request.encoded_len());
    assert_eq!(running.post_protobuf("traces", &request).await.status(), 200);
    assert_eq!(running.get("/api/status").await["store"]["spans"], 30_000);

    let running = Running::in_dir(running.stop().await, |_| {}).await;
    assert_eq!(running.get("/api/status").await["store"]["spans"], 30_000);
    let trace = running.client.get(running.url(&format!("/api/traces/{}", "01".repeat(16)))).send().await.unwrap();
    let names = trace.text().await.unwrap().matches(&format!(r#""operationName":"{filler}""#)).count();
    assert_eq!(names, 30_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_specification_are_read_back() {
    let dir = std::env::var("OTLP_EXAMPLES_DIR").unwrap_or_else(|_| "../../../shared/otlp-examples".to_owned());
    let examples = [("trace", "traces"), ("metrics", "metrics"), ("logs", "logs"), ("events", "logs")];
    let running = Running::new().await;
    for (file, signal) in examples {
        let Ok(text) = std::fs::read_to_string(format!("{dir}/{file}.json")) else {
            eprintln!("no {dir}/{file}.json: skipped");
            return;
        };
        let response = running.post(signal, "application/json", "identity", text).await;
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, "{}"), "{file}");
    }
    assert_eq!(running.get("/api/traces?service=my.service").await["total"], 1);
    assert_eq!(running.get("/api/logs?service=my.service").await["logs"].as_array().unwrap().len(), 2);
    let names = running.get("/api/v1/label/__name__/values").await["data"].to_string();
    for name in ["my_counter_total", "my_gauge_ratio", "my_histogram_bucket", "my_exponential_histogram"] {
        assert!(names.contains(name), "{name} is missing in {names}");
    }
}
