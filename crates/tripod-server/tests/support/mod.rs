//! A real server in a directory of its own, and what the tests say to it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde_json::Value;
use tempfile::TempDir;
use tripod_server::{Config, Server};

/// 2026-11-21T05:29:07.123456789Z.
pub(crate) const TIME: u64 = 1_795_238_947_123_456_789;

pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) dir: TempDir,
    pub(crate) client: reqwest::Client,
}

impl Running {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), change).await
    }

    pub(crate) async fn in_dir(dir: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(dir.path());
        change(&mut config);
        let server = Server::start(config).await.unwrap();
        Self { server, dir, client: reqwest::Client::new() }
    }

    /// Stops the server; its directory stays.
    pub(crate) async fn stop(self) -> TempDir {
        drop(self.client);
        self.server.shutdown(Duration::from_secs(10)).await.unwrap();
        self.dir
    }

    pub(crate) fn otlp(&self, signal: &str) -> String {
        format!("http://{}/v1/{signal}", self.server.addresses().otlp_http)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addresses().http)
    }

    pub(crate) async fn post(
        &self,
        signal: &str,
        content_type: &str,
        coding: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Response {
        let request = self.client.post(self.otlp(signal)).header("content-type", content_type);
        request.header("content-encoding", coding).body(body).send().await.unwrap()
    }

    pub(crate) async fn post_protobuf(&self, signal: &str, message: &impl prost::Message) -> reqwest::Response {
        self.post(signal, "application/x-protobuf", "identity", message.encode_to_vec()).await
    }

    /// A GET that must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A GET that must fail: its status and body.
    pub(crate) async fn fail(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        let status = response.status().as_u16();
        assert!(status >= 400, "{path} succeeded");
        (status, response.json().await.unwrap())
    }
}

pub(crate) fn config(data: &Path) -> Config {
    let free = "127.0.0.1:0".parse().unwrap();
    // Series that come by themselves would be in the way of those that tests count.
    let span_metrics_series = 0;
    Config {
        data: data.to_owned(),
        otlp_grpc: free,
        otlp_http: free,
        http: free,
        span_metrics_series,
        ..Config::default()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

pub(crate) fn resource(service: &str) -> Resource {
    Resource { attributes: vec![attribute("service.name", service)], ..Resource::default() }
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "test".to_owned(), ..InstrumentationScope::default() }
}

pub(crate) fn span(trace: u8, id: u64) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: id.to_be_bytes().to_vec(),
        name: format!("operation-{trace}"),
        kind: 2,
        start_time_unix_nano: TIME,
        end_time_unix_nano: TIME + 5_000_000,
        ..Span::default()
    }
}

pub(crate) fn traces(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource(service)), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

pub(crate) fn logs(service: &str, log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: Some(resource(service)), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

pub(crate) fn log(body: &str) -> LogRecord {
    let body = Some(AnyValue { value: Some(any_value::Value::StringValue(body.to_owned())) });
    LogRecord {
        time_unix_nano: TIME,
        severity_number: 13,
        body,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        ..LogRecord::default()
    }
}

pub(crate) fn metrics(service: &str, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource(service)), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

/// An export request of which all but the last byte of the body has been sent.
pub(crate) fn unfinished_post(address: SocketAddr, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-protobuf\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n", sent + 1).unwrap();
    stream.write_all(&vec![0; sent]).unwrap();
    stream
}
