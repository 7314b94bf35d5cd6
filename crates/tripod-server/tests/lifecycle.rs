//! Starting, failing to start, stopping.

mod support;

use std::time::Duration;

use support::{Running, config, span, traces};
use tripod_server::{Server, ServerError};

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_an_error_before_anything_is_written() {
    let running = Running::new().await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut config = config(&data);
    config.http = running.server.addresses().http;
    let error = Server::start(config).await.unwrap_err();
    assert!(matches!(error, ServerError::Bind { .. }));
    assert!(error.to_string().contains("--http 127.0.0.1:0"), "{error}");
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_or_not_writable_says_what_to_do() {
    let running = Running::new().await;
    let error = Server::start(config(running.dir.path())).await.unwrap_err().to_string();
    assert!(error.contains("in use") && error.contains("--data"), "{error}");
    let error = Server::start(config("/proc/tripod".as_ref())).await.unwrap_err().to_string();
    assert!(error.contains("--data"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_cannot_be_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.max_body_bytes = 1 << 20;
    assert!(Server::start(small).await.unwrap_err().to_string().contains("--max-body"));
    let mut narrow = config(dir.path());
    narrow.max_in_flight_bytes = narrow.max_body_bytes;
    assert!(Server::start(narrow).await.unwrap_err().to_string().contains("--max-in-flight"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_restart_with_idle_connections_open() {
    let running = Running::new().await;
    running.post_protobuf("traces", &traces("a", vec![span(1, 1)])).await;
    let client = running.client.clone();
    let running = Running::in_dir(running.stop().await, |_| {}).await;
    assert_eq!(running.get("/api/services").await["data"][0], "a");
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_ends_does_not_keep_the_server_from_stopping() {
    let running = Running::new().await;
    let _held = support::unfinished_post(running.server.addresses().otlp_http, 1000);
    running.get("/api/status").await;
    running.server.shutdown(Duration::from_millis(200)).await.unwrap();
}
