//! Whatever is sent, the answer is a 4xx that says why, and the server goes on.

mod support;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use support::{Running, log, logs, span, traces};
use tonic::Code;

/// A 4xx with a reason in it; a good request afterwards is taken.
async fn refused(running: &Running, response: reqwest::Response, status: u16, reason: &str) {
    let (got, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(got, status, "{text}");
    assert!(text.contains(reason), "{text:?} does not say {reason:?}");
    let good = running.post_protobuf("traces", &traces("good", vec![span(1, 1)])).await;
    assert_eq!(good.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_protobuf_is_refused_and_nothing_of_it_kept() {
    let running = Running::new().await;
    let bytes = logs("a", vec![log("first"), log("second")]).encode_to_vec();
    let cut = bytes[..bytes.len() - 3].to_vec();
    let response = running.post("logs", "application/x-protobuf", "identity", cut).await;
    refused(&running, response, 400, "not a valid request").await;
    assert_eq!(running.get("/api/status").await["store"]["logs"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_spoken_is_named() {
    let running = Running::new().await;
    let response = running.post("traces", "text/plain", "identity", "hello").await;
    refused(&running, response, 415, "application/x-protobuf").await;
    let response = running.post("traces", "application/json", "br", "hello").await;
    refused(&running, response, 415, "zstd").await;
    let response = running.client.get(running.otlp("traces")).send().await.unwrap();
    refused(&running, response, 405, "").await;
    let response = running.post("profiles", "application/json", "identity", "{}").await;
    refused(&running, response, 404, "/v1/traces").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_are_too_large() {
    let running = Running::new().await;
    let response = running.post("traces", "application/x-protobuf", "identity", vec![0; 100 << 20]).await;
    refused(&running, response, 413, "larger than").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zip_bomb_is_too_large_in_either_compression() {
    let running = Running::new().await;
    let zeros = vec![b' '; 300 << 20];
    for (coding, bytes) in [("gzip", support::gzip(&zeros)), ("zstd", support::zstd(&zeros))] {
        let response = running.post("traces", "application/json", coding, bytes).await;
        refused(&running, response, 413, "larger than").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_compression_is_invalid() {
    let running = Running::new().await;
    for coding in ["gzip", "zstd"] {
        let response = running.post("traces", "application/json", coding, "not compressed").await;
        refused(&running, response, 400, coding).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_nesting_is_refused_in_json_and_in_protobuf() {
    let running = Running::new().await;
    let depth = 100_000;
    let value = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(depth), "]}}".repeat(depth));
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{value}}}]}}]}}]}}"#);
    let response = running.post("logs", "application/json", "identity", json).await;
    refused(&running, response, 400, "").await;

    // AnyValue { array_value: ArrayValue { values: [AnyValue …] } }, from the inside out.
    let mut nested = Vec::new();
    for _ in 0..500 {
        for tag in [0x0a, 0x2a] {
            let mut outer = vec![tag];
            prost::encoding::encode_varint(nested.len() as u64, &mut outer);
            outer.append(&mut nested);
            nested = outer;
        }
    }
    for tag in [0x2a, 0x12, 0x12, 0x0a] {
        let mut outer = vec![tag];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.append(&mut nested);
        nested = outer;
    }
    let response = running.post("logs", "application/x-protobuf", "identity", nested).await;
    refused(&running, response, 400, "deep").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_not_utf8_is_refused() {
    let running = Running::new().await;
    let mut bytes = traces("a", vec![span(1, 1)]).encode_to_vec();
    let at = bytes.windows(9).position(|window| window == b"operation").unwrap();
    bytes[at] = 0xff;
    let response = running.post("traces", "application/x-protobuf", "identity", bytes).await;
    refused(&running, response, 400, "UTF-8").await;
    let response = running.post("traces", "application/json", "identity", vec![b'"', 0xff, b'"']).await;
    refused(&running, response, 400, "").await;
}

/// Asks again until it is so; fails, rather than hangs, when it never is.
async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let patience = std::time::Duration::from_secs(60);
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(patience, asking).await.is_ok(), "not within {patience:?}: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_bytes_in_flight_senders_are_told_to_come_back() {
    let running = Running::with(|config| {
        config.max_body_bytes = 16 << 20;
        config.max_in_flight_bytes = 32 << 20;
    })
    .await;
    // Two bodies of which the end does not come hold 30 of the 32 MiB.
    let address = running.server.addresses().otlp_http;
    let held = [support::unfinished_post(address, 15 << 20), support::unfinished_post(address, 15 << 20)];
    let held_text = "tripod_receiver_in_flight_bytes 3.145728e+07";
    eventually("the two bodies are held", async || {
        let metrics = running.client.get(running.url("/metrics")).send().await.unwrap().text().await.unwrap();
        metrics.contains(held_text)
    })
    .await;
    let response = running.post("traces", "application/json", "identity", vec![b' '; 3 << 20]).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "1"));

    let mut client =
        TraceServiceClient::connect(format!("http://{}", running.server.addresses().otlp_grpc)).await.unwrap();
    let mut big = span(1, 1);
    big.name = "x".repeat(3 << 20);
    let status = client.export(traces("a", vec![big])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(String::from_utf8_lossy(status.details()).contains("google.rpc.RetryInfo"));

    // Senders that go away give back what they held.
    drop(held);
    eventually("there is room again", async || {
        running.post("traces", "application/json", "identity", vec![b' '; 3 << 20]).await.status() != 429
    })
    .await;
    let good = running.post_protobuf("traces", &traces("good", vec![span(1, 1)])).await;
    assert_eq!(good.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_never_bring_the_server_down() {
    let running = Running::new().await;
    let mut state = 88172645463325252_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..300 {
        let bytes: Vec<u8> = (0..random() % 200).map(|_| random() as u8).collect();
        for signal in ["traces", "metrics", "logs"] {
            for (content_type, coding) in [
                ("application/x-protobuf", "identity"),
                ("application/json", "gzip"),
                ("application/x-protobuf", "zstd"),
            ] {
                let status = running.post(signal, content_type, coding, bytes.clone()).await.status().as_u16();
                assert!(status < 500, "{signal} {content_type} {coding} {bytes:?}: {status}");
            }
        }
    }
    assert_eq!(running.client.get(running.url("/healthz")).send().await.unwrap().text().await.unwrap(), "ok");
}
