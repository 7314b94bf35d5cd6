//! The layer for HTTP servers, with real connections: what a request's span and metrics say, however it ends.

mod common;
#[path = "common/web.rs"]
mod web;

use std::collections::HashSet;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use common::{telemetry, telemetry_with};
use http_body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tower::{Layer, Service, ServiceExt};
use tripod::instrument::MetricNames;
use tripod::instrument::tower::ServerLayer;
use tripod::propagation::Propagator;
use tripod::{SpanKind, StatusCode as SpanStatus, span};
use tripod_wire::otlp::Span;
use web::{ask, count, points, read_until, send, serve, spans, sum, text};

const DURATION: &str = "http.server.request.duration";
const ACTIVE: &str = "http.server.active_requests";

/// A body whose frames come by a channel.
struct Frames(mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let frame = self.0.poll_recv(cx);
        if frame.is_ready() {
            let _span = span!("frame");
        }
        frame
    }
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

/// A route that answers the body of a channel.
fn streams(path: &'static str) -> (Router, mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>) {
    let (sender, receiver) = mpsc::channel(8);
    let body = Arc::new(std::sync::Mutex::new(Some(Frames(receiver))));
    let handler = move || async move { Response::new(Body::new(body.lock().unwrap().take().unwrap())) };
    (Router::new().route(path, get(handler)).layer(ServerLayer::new()), sender)
}

fn status_of(span: &Span) -> SpanStatus {
    span.status.code
}

/// The one span of a server.
fn server(all: &[Span]) -> &Span {
    let found: Vec<_> = all.iter().filter(|span| span.kind == SpanKind::SERVER).collect();
    assert_eq!(found.len(), 1, "{all:?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_span_with_what_the_conventions_name() {
    let telemetry = telemetry();
    let users = Router::new().route("/users/{id}", get(|| async { "ada" }));
    let app = Router::new().nest("/api", users).layer(
        ServerLayer::new().request_headers(["x-tenant", "no such name"]).response_headers(["content-type", "x-none"]),
    );
    let to = serve(app).await;
    let headers = "user-agent: test/1\r\nx-tenant: a\r\nx-tenant: b\r\nx-forwarded-for: 1.2.3.4\r\n\
        traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    assert!(ask(to, "GET /api/users/17?page=2&sig=secret", headers).await.ends_with("ada"));
    let all = spans(&telemetry, 1);
    let span = server(&all);
    assert_eq!(span.name, "GET /api/users/{id}");
    assert_eq!(span.trace_id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(status_of(span), SpanStatus::UNSET);
    let port = to.port().to_string();
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/api/users/{id}"),
        ("url.path", "/api/users/17"),
        ("url.query", "page=2&sig=REDACTED"),
        ("url.scheme", "http"),
        ("server.address", "127.0.0.1"),
        ("server.port", port.as_str()),
        ("client.address", "127.0.0.1"),
        ("network.peer.address", "127.0.0.1"),
        ("user_agent.original", "test/1"),
        ("network.protocol.version", "1.1"),
        ("http.response.status_code", "200"),
        ("http.request.header.x-tenant", r#"Array([String("a"), String("b")])"#),
        ("http.response.header.content-type", r#"Array([String("text/plain; charset=utf-8")])"#),
        ("http.response.header.x-none", ""),
        ("http.request.method_original", ""),
        ("error.type", ""),
    ] {
        assert_eq!(text(&span.attributes, key), value, "{key}");
    }
    let point = &points(&telemetry, DURATION, "http.route", "/api/users/{id}")[0];
    let mut labels: Vec<_> = point.attributes.iter().map(|label| label.key.as_str()).collect();
    labels.sort_unstable();
    let expected =
        ["http.request.method", "http.response.status_code", "http.route", "network.protocol.version", "url.scheme"];
    assert_eq!((labels.as_slice(), point.count), (expected.as_slice(), 1));
    assert!(web::exemplars(&telemetry, DURATION).contains(&span.span_id), "the span is the exemplar");
    let bytes = &points(&telemetry, "http.server.response.body.size", "http.route", "/api/users/{id}")[0];
    assert_eq!(bytes.sum, Some(3.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_one_series_and_what_has_no_route_is_none() {
    let telemetry = telemetry();
    let inner = Router::new().route("/bounded/{id}", get(|| async {})).fallback(|| async { StatusCode::NOT_FOUND });
    let service = Router::new().route("/deep", get(|| async {}));
    let app = Router::new().nest("/inner", inner).nest_service("/service", service).layer(ServerLayer::new());
    let to = serve(app).await;
    let before = points(&telemetry, DURATION, "http.route", "").iter().map(|point| point.count).sum::<u64>();
    for id in 0..5 {
        ask(to, &format!("GET /inner/bounded/{id}"), "").await;
        assert!(ask(to, &format!("GET /inner/nothing/{id}"), "").await.contains("404"));
        assert!(ask(to, &format!("GET /nothing/{id}"), "").await.contains("404"));
    }
    ask(to, "GET /service/deep", "").await;
    ask(to, "POST /inner/bounded/1", "").await;
    let names: HashSet<_> = spans(&telemetry, 17).into_iter().map(|span| span.name).collect();
    let route = "/inner/bounded/{id}";
    for name in ["GET", &format!("GET {route}"), &format!("POST {route}")] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    assert!(names.iter().all(|name| !name.contains("private") && !name.contains("nothing")), "{names:?}");
    let of_route = points(&telemetry, DURATION, "http.route", route);
    assert_eq!(of_route.iter().map(|point| point.count).sum::<u64>(), 6);
    assert_eq!(of_route.len(), 2, "GET 200 and POST 405");
    let none: u64 = points(&telemetry, DURATION, "http.route", "").iter().map(|point| point.count).sum();
    assert_eq!(none - before, 11, "a service that is nested whole hides its routes from a layer around it");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_error_of_the_server_is_one() {
    let telemetry = telemetry();
    let to = serve(
        Router::new()
            .route("/gone", get(|| async { StatusCode::GONE }))
            .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
            .layer(ServerLayer::new()),
    )
    .await;
    ask(to, "GET /gone", "").await;
    ask(to, "GET /broken", "").await;
    spans(&telemetry, 2);
    let (gone, broken) = (telemetry.span("GET /gone"), telemetry.span("GET /broken"));
    assert_eq!((status_of(&gone), text(&gone.attributes, "error.type")), (SpanStatus::UNSET, String::new()));
    assert_eq!((status_of(&broken), text(&broken.attributes, "error.type")), (SpanStatus::ERROR, "502".to_owned()));
    assert_eq!(broken.status.message, "");
    assert_eq!(text(&points(&telemetry, DURATION, "http.route", "/broken")[0].attributes, "error.type"), "502");
    assert_eq!(text(&points(&telemetry, DURATION, "http.route", "/gone")[0].attributes, "error.type"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_nobody_knows_is_no_label() {
    let telemetry = telemetry();
    let to = serve(Router::new().route("/any", axum::routing::any(|| async {})).layer(ServerLayer::new())).await;
    ask(to, "PURGE /any", "").await;
    let all = spans(&telemetry, 1);
    let span = server(&all);
    assert_eq!(span.name, "HTTP /any");
    assert_eq!(text(&span.attributes, "http.request.method"), "_OTHER");
    assert_eq!(text(&span.attributes, "http.request.method_original"), "PURGE");
    assert_eq!(
        text(&points(&telemetry, DURATION, "http.route", "/any")[0].attributes, "http.request.method"),
        "_OTHER"
    );

    let knows = ServerLayer::new().known_methods(["PURGE"]);
    let to = serve(Router::new().route("/any", axum::routing::any(|| async {})).layer(knows)).await;
    ask(to, "PURGE /any", "").await;
    spans(&telemetry, 2);
    assert_eq!(text(&telemetry.span("PURGE /any").attributes, "http.request.method_original"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_recorded_once_and_passed_on() {
    let telemetry = telemetry();
    async fn handler() {
        let _span = span!("within");
        panic!("no such order");
    }
    let to = serve(Router::new().route("/panics", get(handler)).layer(ServerLayer::new())).await;
    assert_eq!(ask(to, "GET /panics", "").await, "", "the connection is closed");
    spans(&telemetry, 2);
    let span = telemetry.span("GET /panics");
    assert_eq!((status_of(&span), text(&span.attributes, "error.type")), (SpanStatus::ERROR, "panic".to_owned()));
    assert!(text(&span.events[0].attributes, "exception.message").contains("no such order"));
    assert_eq!(text(&span.attributes, "http.response.status_code"), "");
    let measured = points(&telemetry, DURATION, "http.route", "/panics");
    assert_eq!((measured[0].count, text(&measured[0].attributes, "error.type")), (1, "panic".to_owned()));
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_that_is_caught_further_out_is_no_cancelled_request() {
    let telemetry = telemetry();
    let broken = tower::service_fn(|request: Request| async move {
        tokio::task::yield_now().await;
        assert!(request.uri().path().is_empty(), "within the future");
        Ok::<_, Infallible>(Response::new(Body::empty()))
    });
    let mut future = Box::pin(ServerLayer::new().layer(broken).oneshot(Request::new(Body::empty())));
    let caught = std::future::poll_fn(|cx| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx).map(drop))) {
            Ok(polled) => polled.map(|()| false),
            Err(_) => Poll::Ready(true),
        }
    });
    assert!(caught.await);
    drop(future);
    assert_eq!(text(&server(&spans(&telemetry, 1)).attributes, "error.type"), "panic");
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_lasts_until_its_body_is_through_and_the_span_is_current_meanwhile() {
    let telemetry = telemetry();
    let (app, frames) = streams("/slow");
    let to = serve(app).await;
    let mut stream = send(to, &format!("GET /slow HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\r\n")).await;
    frames.send(Ok(data("first"))).await.unwrap();
    read_until(&mut stream, "first").await;
    assert!(telemetry.spans().iter().all(|span| span.kind != SpanKind::SERVER), "it goes on");
    assert_eq!(sum(&telemetry, ACTIVE), 1);
    frames.send(Ok(data("second"))).await.unwrap();
    drop(frames);
    read_until(&mut stream, "second").await;
    let all = spans(&telemetry, 4);
    let server = server(&all);
    assert_eq!((status_of(server), text(&server.attributes, "error.type")), (SpanStatus::UNSET, String::new()));
    let within: Vec<_> = all.iter().filter(|span| span.name == "frame").collect();
    assert_eq!(within.len(), 3);
    assert!(within.iter().all(|frame| frame.parent_span_id == server.span_id));
    assert!(within.iter().all(|frame| frame.end_time_unix_nano <= server.end_time_unix_nano));
    assert_eq!(sum(&telemetry, ACTIVE), 0);
    let bytes = &points(&telemetry, "http.server.response.body.size", "http.route", "/slow")[0];
    assert_eq!((bytes.count, bytes.sum), (1, Some(11.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_midway_is_counted_once() {
    let telemetry = telemetry();
    let (app, frames) = streams("/abandoned");
    let to = serve(app).await;
    let mut stream = send(to, &format!("GET /abandoned HTTP/1.1\r\nhost: {to}\r\n\r\n")).await;
    frames.send(Ok(data("first"))).await.unwrap();
    read_until(&mut stream, "first").await;
    drop(stream);
    let all = spans(&telemetry, 2);
    let server = server(&all);
    assert_eq!((status_of(server), text(&server.attributes, "error.type")), (SpanStatus::ERROR, "cancelled".into()));
    assert_eq!(text(&server.attributes, "http.response.status_code"), "200");
    let point = &points(&telemetry, DURATION, "http.route", "/abandoned")[0];
    assert_eq!((point.count, text(&point.attributes, "error.type")), (1, "cancelled".to_owned()));
    assert_eq!(text(&point.attributes, "http.response.status_code"), "200");
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_before_the_response_is_counted_once() {
    let telemetry = telemetry();
    let begun = Arc::new(Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        move || async move {
            let _held = tripod::Span::start("never done");
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let to = serve(Router::new().route("/never", get(handler)).layer(ServerLayer::new())).await;
    let stream = send(to, &format!("GET /never HTTP/1.1\r\nhost: {to}\r\n\r\n")).await;
    begun.notified().await;
    assert_eq!(sum(&telemetry, ACTIVE), 1);
    drop(stream);
    let all = spans(&telemetry, 2);
    let server = server(&all);
    assert_eq!((status_of(server), text(&server.attributes, "error.type")), (SpanStatus::ERROR, "cancelled".into()));
    assert_eq!(text(&server.attributes, "http.response.status_code"), "");
    let point = &points(&telemetry, DURATION, "http.route", "/never")[0];
    assert_eq!((point.count, text(&point.attributes, "http.response.status_code")), (1, String::new()));
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_within_the_body_is_the_requests() {
    let telemetry = telemetry();
    let (app, frames) = streams("/tears");
    let to = serve(app).await;
    let mut stream = send(to, &format!("GET /tears HTTP/1.1\r\nhost: {to}\r\n\r\n")).await;
    frames.send(Ok(data("first"))).await.unwrap();
    frames.send(Err(std::io::Error::other("the disk is gone"))).await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    let all = spans(&telemetry, 3);
    let server = server(&all);
    assert_eq!(status_of(server), SpanStatus::ERROR);
    assert_eq!(text(&server.attributes, "error.type"), "axum_core::error::Error");
    assert_eq!(text(&server.events[0].attributes, "exception.message"), "the disk is gone");
    assert_eq!(
        text(&points(&telemetry, DURATION, "http.route", "/tears")[0].attributes, "http.response.status_code"),
        "200"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_without_a_body_is_complete() {
    let telemetry = telemetry();
    let with_length = || async {
        let (sender, receiver) = mpsc::channel(8);
        sender.send(Ok(data("exactly"))).await.unwrap();
        // The sender lives on: the body does not say that it is through.
        tokio::spawn(async move {
            let _sender = sender;
            std::future::pending::<()>().await;
        });
        ([(header::CONTENT_LENGTH, "7")], Body::new(Frames(receiver)))
    };
    let app = Router::new()
        .route("/hello", get(|| async { "hello" }))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/same", get(|| async { StatusCode::NOT_MODIFIED }))
        .route("/length", get(with_length))
        .layer(ServerLayer::new());
    let to = serve(app).await;
    for line in ["HEAD /hello", "GET /empty", "GET /same", "GET /length"] {
        ask(to, line, "").await;
    }
    let all: Vec<_> = spans(&telemetry, 5).into_iter().filter(|span| span.kind == SpanKind::SERVER).collect();
    assert_eq!(all.len(), 4);
    for span in all {
        assert_eq!(
            (status_of(&span), text(&span.attributes, "error.type")),
            (SpanStatus::UNSET, String::new()),
            "{}",
            span.name
        );
    }
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_becomes_another_protocols_is_a_request_until_it_does() {
    let telemetry = telemetry();
    let upgrade = |mut request: Request| async move {
        tokio::spawn(async move {
            let mut upgraded = hyper_util::rt::TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
            let mut word = [0; 4];
            upgraded.read_exact(&mut word).await.unwrap();
            upgraded.write_all(&word).await.unwrap();
        });
        let head = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
        (StatusCode::SWITCHING_PROTOCOLS, head)
    };
    let to = serve(Router::new().route("/socket", get(upgrade)).layer(ServerLayer::new())).await;
    let request = format!("GET /socket HTTP/1.1\r\nhost: {to}\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
    let mut stream = send(to, &request).await;
    read_until(&mut stream, "\r\n\r\n").await;
    let all = spans(&telemetry, 1);
    assert_eq!(text(&server(&all).attributes, "http.response.status_code"), "101");
    assert_eq!(text(&server(&all).attributes, "error.type"), "");
    stream.write_all(b"ping").await.unwrap();
    read_until(&mut stream, "ping").await;
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_the_same_time_have_their_own_traces_and_every_one_is_counted() {
    let telemetry = telemetry();
    async fn steps() -> &'static str {
        use tripod::InSpanExt;
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(1)).in_span(tripod::async_span!("step")).await;
        }
        "done"
    }
    let to = serve(Router::new().route("/at/{n}", get(steps)).layer(ServerLayer::new())).await;
    let before = count(&telemetry, DURATION);
    let asked: Vec<_> =
        (0..50).map(|n| tokio::spawn(async move { ask(to, &format!("GET /at/{n}"), "").await })).collect();
    for answer in asked {
        assert!(answer.await.unwrap().ends_with("done"));
    }
    let all = spans(&telemetry, 200);
    let servers: Vec<_> = all.iter().filter(|span| span.kind == SpanKind::SERVER).collect();
    assert_eq!(servers.len(), 50);
    assert_eq!(servers.iter().map(|span| span.trace_id).collect::<HashSet<_>>().len(), 50);
    for server in servers {
        assert_eq!(all.iter().filter(|span| span.parent_span_id == server.span_id).count(), 3);
    }
    assert_eq!(count(&telemetry, DURATION) - before, 50);
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_context_is_understood_and_baggage_reaches_the_handler() {
    use Propagator::{B3, B3Multi, Baggage, Jaeger, TraceContext, XRay};
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";
    for (propagator, headers) in [
        (TraceContext, format!("traceparent: 00-{TRACE}-{SPAN}-01\r\n")),
        (B3, format!("b3: {TRACE}-{SPAN}-1\r\n")),
        (B3Multi, format!("x-b3-traceid: {TRACE}\r\nx-b3-spanid: {SPAN}\r\nx-b3-sampled: 1\r\n")),
        (Jaeger, format!("uber-trace-id: {TRACE}:{SPAN}:0:1\r\n")),
        (XRay, format!("x-amzn-trace-id: Root=1-{}-{};Parent={SPAN};Sampled=1\r\n", &TRACE[..8], &TRACE[8..])),
    ] {
        let telemetry = telemetry_with(|builder| builder.propagators([propagator, Baggage]));
        let handler = || async {
            let mut sent = HeaderMap::new();
            tripod::propagation::inject(&mut sent);
            sent.get("baggage").map_or_else(String::new, |baggage| baggage.to_str().unwrap().to_owned())
        };
        let to = serve(Router::new().route("/baggage", get(handler)).layer(ServerLayer::new())).await;
        let answer = ask(to, "GET /baggage", &format!("{headers}baggage: tenant=acme\r\n")).await;
        assert!(answer.ends_with("tenant=acme"), "{propagator:?}: {answer}");
        let span = &spans(&telemetry, 1)[0];
        assert_eq!((span.trace_id.to_string(), span.parent_span_id.to_string()), (TRACE.to_owned(), SPAN.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_spans_a_trace_is_passed_on() {
    let _telemetry = telemetry_with(|builder| builder.traces(false));
    let handler = || async {
        let mut sent = HeaderMap::new();
        tripod::propagation::inject(&mut sent);
        sent["traceparent"].to_str().unwrap().to_owned()
    };
    let to = serve(Router::new().route("/", get(handler)).layer(ServerLayer::new())).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(ask(to, "GET /", &format!("traceparent: {traceparent}\r\n")).await.ends_with(traceparent));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogues_names_have_its_labels() {
    let telemetry = telemetry_with(|builder| builder.metric_names(MetricNames::Catalog));
    let app = Router::new()
        .route("/catalogue/{id}", get(|| async { "found" }))
        .route("/catalogue", post(|| async { StatusCode::CREATED }))
        .layer(ServerLayer::new());
    let to = serve(app).await;
    tripod::instrument::set_metric_names(MetricNames::OpenTelemetry);
    ask(to, "GET /catalogue/1", "").await;
    ask(to, "GET /catalogue/2", "").await;
    ask(to, "POST /catalogue", "").await;
    spans(&telemetry, 3);
    for ((route, method, status), times) in [(("/catalogue/{id}", "GET", "200"), 2), (("/catalogue", "POST", "201"), 1)]
    {
        let measured = points(&telemetry, "http_server_request_duration_seconds", "route", route);
        let labels = |key: &str| text(&measured[0].attributes, key);
        assert_eq!((measured.len(), measured[0].count, measured[0].attributes.len()), (1, times, 3));
        assert_eq!((labels("method").as_str(), labels("status_code").as_str()), (method, status));
    }
    let labels = [("method", "GET"), ("endpoint", "/catalogue/{id}"), ("status", "200")];
    assert_eq!(telemetry.memory().value("http_requests_total", &labels), Some(2.0));
    let labels = [("method", "GET"), ("route", "/catalogue/{id}")];
    assert_eq!(telemetry.memory().value("http_server_active_requests", &labels), Some(0.0));
    assert!(points(&telemetry, DURATION, "http.route", "/catalogue").is_empty(), "not under two names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_left_out_on_demand_and_measured_once_where_the_layer_stands_twice() {
    let telemetry = telemetry();
    let layer = ServerLayer::new().skip(|request| request.uri.path() == "/health");
    let app = Router::new()
        .route("/health", get(|| async { "well" }))
        .route("/twice", get(|| async { "twice" }))
        .route_layer(layer.clone())
        .layer(layer);
    let to = serve(app).await;
    let before = count(&telemetry, DURATION);
    assert!(ask(to, "GET /health", "").await.ends_with("well"));
    assert!(ask(to, "GET /twice", "").await.ends_with("twice"));
    assert_eq!(spans(&telemetry, 1)[0].name, "GET /twice");
    assert_eq!(count(&telemetry, DURATION) - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_believed_only_on_demand() {
    let telemetry = telemetry();
    let ask_with = async |layer: ServerLayer, headers: &str| {
        telemetry.memory().clear();
        let to = serve(Router::new().route("/proxied", get(|| async {})).layer(layer)).await;
        ask(to, "GET /proxied", headers).await;
        let span = spans(&telemetry, 1).remove(0);
        ["client.address", "server.address", "url.scheme"].map(|key| text(&span.attributes, key))
    };
    let own = ["127.0.0.1", "127.0.0.1", "http"].map(str::to_owned);
    let old =
        "x-forwarded-for: 203.0.113.9, 10.0.0.1\r\nx-forwarded-host: shop.example\r\nx-forwarded-proto: https\r\n";
    let new = "forwarded: for=\"[2001:db8::1]:4711\";proto=https;host=shop.example, for=10.0.0.1\r\n";
    assert_eq!(ask_with(ServerLayer::new(), old).await, own);
    assert_eq!(ask_with(ServerLayer::new(), new).await, own);
    let trusting = ServerLayer::new().trust_forwarded(true);
    assert_eq!(ask_with(trusting.clone(), old).await, ["203.0.113.9", "shop.example", "https"]);
    assert_eq!(ask_with(trusting.clone(), new).await, ["2001:db8::1", "shop.example", "https"]);
    assert_eq!(ask_with(trusting, "").await, own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_axum_tells_its_routes_itself() {
    let telemetry = telemetry();
    let service = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        Ok::<_, Infallible>(http::Response::new("plain".to_owned()))
    });
    let layer = ServerLayer::new()
        .route(|request| request.uri.path().starts_with("/plain/").then_some("/plain/{rest}"))
        .peer(|_| Some("[::ffff:192.0.2.1]:80".parse().unwrap()));
    let service = hyper_util::service::TowerToHyperService::new(layer.layer(service));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let stream = hyper_util::rt::TokioIo::new(listener.accept().await.unwrap().0);
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(stream, service.clone());
            tokio::spawn(connection);
        }
    });
    assert!(ask(to, "GET /plain/1", "").await.ends_with("plain"));
    assert!(ask(to, "GET /other", "").await.ends_with("plain"));
    spans(&telemetry, 2);
    let span = telemetry.span("GET /plain/{rest}");
    assert_eq!(text(&span.attributes, "client.address"), "192.0.2.1");
    assert_eq!(telemetry.span("GET").kind, SpanKind::SERVER);
}

#[tokio::test]
async fn a_service_that_fails_is_recorded_with_its_error() {
    let telemetry = telemetry();
    #[derive(Debug)]
    struct Overloaded;
    impl std::fmt::Display for Overloaded {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("too much to do")
        }
    }
    let service = tower::service_fn(|_: Request| async { Err::<Response, _>(Overloaded) });
    let mut service = ServerLayer::new().layer(service);
    assert!(service.ready().await.unwrap().call(Request::new(Body::empty())).await.is_err());
    let span = spans(&telemetry, 1).remove(0);
    assert!(text(&span.attributes, "error.type").ends_with("Overloaded"));
    assert_eq!(text(&span.events[0].attributes, "exception.message"), "too much to do");
}

#[tokio::test]
async fn a_request_within_a_span_is_a_part_of_it() {
    let telemetry = telemetry();
    let service = tower::service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let mut service = ServerLayer::new().layer(service);
    {
        let outer = span!("outer");
        let future = service.call(Request::new(Body::empty()));
        drop(outer);
        future.await.unwrap();
    }
    spans(&telemetry, 2);
    assert_eq!(telemetry.span("GET").parent_span_id, telemetry.span("outer").span_id);
}
