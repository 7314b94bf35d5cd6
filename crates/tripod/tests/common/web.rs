//! Servers on loopback, a client that does just what it is told, and what was measured meanwhile.
#![allow(dead_code, unreachable_pub)]

use std::net::SocketAddr;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tripod_wire::SpanId;
use tripod_wire::otlp::metrics::{HistogramDataPoint, MetricData, NumberValue};
use tripod_wire::otlp::{AnyValue, KeyValue, Span};

use crate::common::{Telemetry, wait_until};

/// Serves until the test's runtime ends.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// Sends a request's head and answers the connection.
pub async fn send(to: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Sends a request on a connection of its own; answers all that came back.
pub async fn ask(to: SocketAddr, line: &str, headers: &str) -> String {
    let request = format!("{line} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{headers}\r\n");
    let mut answer = String::new();
    send(to, &request).await.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Reads until this has come.
pub async fn read_until(stream: &mut TcpStream, expected: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(expected) {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "{expected} in {}", String::from_utf8_lossy(&read));
    }
}

/// An attribute as text; empty when there is none.
pub fn text(attributes: &[KeyValue], key: &str) -> String {
    match attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value) {
        None => String::new(),
        Some(AnyValue::String(text)) => text.clone(),
        Some(AnyValue::Int(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
    }
}

/// The points of a histogram that have this label.
pub fn points(telemetry: &Telemetry, metric: &str, key: &str, value: &str) -> Vec<HistogramDataPoint> {
    telemetry.flush();
    let Some(metric) = telemetry.memory().metric(metric) else { return Vec::new() };
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!("a histogram") };
    data_points.into_iter().filter(|point| text(&point.attributes, key) == value).collect()
}

/// The spans that are exemplars of a histogram, in any collection.
pub fn exemplars(telemetry: &Telemetry, metric: &str) -> Vec<SpanId> {
    telemetry.flush();
    let resources = telemetry.memory().metrics_data().into_iter().flat_map(|data| data.resource_metrics);
    let metrics = resources.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
    let mut spans = Vec::new();
    for found in metrics.filter(|found| found.name == metric) {
        let MetricData::Histogram { data_points, .. } = found.data else { panic!("a histogram") };
        spans.extend(data_points.into_iter().flat_map(|point| point.exemplars).map(|exemplar| exemplar.span_id));
    }
    spans
}

/// All measurements of a histogram.
pub fn count(telemetry: &Telemetry, metric: &str) -> u64 {
    telemetry.flush();
    let Some(metric) = telemetry.memory().metric(metric) else { return 0 };
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!("a histogram") };
    data_points.iter().map(|point| point.count).sum()
}

/// The sum of all series.
pub fn sum(telemetry: &Telemetry, metric: &str) -> i64 {
    let MetricData::Sum { data_points, .. } = telemetry.metric(metric).data else { panic!("a sum") };
    let whole = |value: &NumberValue| if let NumberValue::Int(value) = value { *value } else { panic!("whole") };
    data_points.iter().map(|point| whole(&point.value)).sum()
}

/// The spans once there are so many.
pub fn spans(telemetry: &Telemetry, count: usize) -> Vec<Span> {
    wait_until(|| telemetry.spans().len() >= count);
    let spans = telemetry.spans();
    assert_eq!(spans.len(), count, "{:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    spans
}
