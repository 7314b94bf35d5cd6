//! Requests of reqwest's clients, with real connections: what their spans and metrics say, and that a trace goes on in the server.

mod common;
#[path = "common/web.rs"]
mod web;

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Redirect;
use axum::routing::{get, post};
use common::{telemetry, telemetry_with};
use http_body::Frame;
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tripod::instrument::MetricNames;
use tripod::instrument::reqwest::{ClientMiddleware, SendTraced, UrlTemplate, redirects};
use tripod::instrument::tower::ServerLayer;
use tripod::propagation::Propagator;
use tripod::{InSpanExt, SpanKind, StatusCode as SpanStatus};
use tripod_wire::otlp::Span;
use web::{count, points, serve, spans, sum, text};

const DURATION: &str = "http.client.request.duration";
const ACTIVE: &str = "http.client.active_requests";

/// Clients that keep no connection, so that a server's end is seen.
fn plain() -> Client {
    Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

fn measured() -> ClientWithMiddleware {
    ClientBuilder::new(plain()).with(ClientMiddleware::new()).build()
}

fn client_span(all: &[Span]) -> &Span {
    let found: Vec<_> = all.iter().filter(|span| span.kind == SpanKind::CLIENT).collect();
    assert_eq!(found.len(), 1, "{all:?}");
    found[0]
}

fn status_of(span: &Span) -> (SpanStatus, String) {
    (span.status.code, text(&span.attributes, "error.type"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_span_with_what_the_conventions_name() {
    let telemetry = telemetry();
    let to = serve(Router::new().route("/users/{id}", post(|body: String| async move { body + "!" }))).await;
    let client = ClientMiddleware::new().request_headers(["x-tenant"]).response_headers(["content-type"]);
    let client = ClientBuilder::new(plain()).with(client).build();
    let url = format!("http://ada:secret@{to}/users/17?page=2&sig=secret#top");
    let request =
        client.post(url).header("x-tenant", "a").body("hello").with_extension(UrlTemplate::new("/users/{id}"));
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.url().path(), response.remote_addr(), response.content_length()),
        ("/users/17", Some(to), Some(6))
    );
    assert_eq!(response.text().await.unwrap(), "hello!");
    let all = spans(&telemetry, 1);
    let span = client_span(&all);
    assert_eq!(span.name, "POST /users/{id}");
    assert_eq!(status_of(span), (SpanStatus::UNSET, String::new()));
    let port = to.port().to_string();
    let url = format!("http://{to}/users/17?page=2&sig=REDACTED#top");
    for (key, value) in [
        ("http.request.method", "POST"),
        ("server.address", "127.0.0.1"),
        ("server.port", port.as_str()),
        ("url.full", url.as_str()),
        ("url.template", "/users/{id}"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("network.peer.address", "127.0.0.1"),
        ("network.peer.port", port.as_str()),
        ("http.request.resend_count", ""),
        ("http.request.header.x-tenant", r#"Array([String("a")])"#),
        ("http.response.header.content-type", r#"Array([String("text/plain; charset=utf-8")])"#),
    ] {
        assert_eq!(text(&span.attributes, key), value, "{key}");
    }
    let point = &points(&telemetry, DURATION, "server.port", &port)[0];
    let mut labels: Vec<_> = point.attributes.iter().map(|label| label.key.as_str()).collect();
    labels.sort_unstable();
    let expected = [
        "http.request.method",
        "http.response.status_code",
        "network.protocol.version",
        "server.address",
        "server.port",
        "url.template",
    ];
    assert_eq!((labels.as_slice(), point.count), (expected.as_slice(), 1));
    assert!(web::exemplars(&telemetry, DURATION).contains(&span.span_id));
    let size = |name| points(&telemetry, name, "server.port", &port)[0].sum;
    assert_eq!((size("http.client.request.body.size"), size("http.client.response.body.size")), (Some(5.0), Some(6.0)));
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_server_or_of_the_request_is_one() {
    let telemetry = telemetry();
    let app = Router::new()
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }));
    let to = serve(app).await;
    for (path, status) in [("missing", "404"), ("broken", "503")] {
        telemetry.memory().clear();
        measured().get(format!("http://{to}/{path}")).send().await.unwrap();
        assert_eq!(status_of(client_span(&spans(&telemetry, 1))), (SpanStatus::ERROR, status.to_owned()));
        let measured = points(&telemetry, DURATION, "error.type", status);
        assert!(measured.iter().any(|point| text(&point.attributes, "http.response.status_code") == status));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_gets_no_response_says_why_and_no_secret() {
    let telemetry = telemetry();
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    // It is accepted by the system, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    let around = serve(Router::new().route("/", get(|| async { Redirect::temporary("/") }))).await;
    let slow = Client::builder().timeout(Duration::from_millis(50)).build().unwrap();
    for (client, url, kind) in [
        (plain(), format!("http://{nobody}/?sig=secret"), "connect"),
        (slow, format!("http://{}/?sig=secret", silent.1), "timeout"),
        (plain(), format!("http://{around}/?sig=secret"), "redirect"),
    ] {
        telemetry.memory().clear();
        let client = ClientBuilder::new(client).with(ClientMiddleware::new()).build();
        client.get(&url).send().await.unwrap_err();
        let all = spans(&telemetry, 1);
        let span = client_span(&all);
        assert_eq!(status_of(span), (SpanStatus::ERROR, kind.to_owned()));
        assert_eq!(text(&span.attributes, "http.response.status_code"), "");
        let event = &span.events[0];
        assert_eq!(
            (event.name.as_str(), text(&event.attributes, "exception.type").as_str()),
            ("exception", "reqwest::Error")
        );
        assert!(text(&event.attributes, "exception.message").starts_with(kind), "{event:?}");
        assert!(!format!("{span:?}").contains("secret"), "{span:?}");
        assert!(!points(&telemetry, DURATION, "error.type", kind).is_empty());
    }
    assert_eq!(sum(&telemetry, ACTIVE), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_client_says_it_each_time() {
    let telemetry = telemetry();
    let to = serve(Router::new().route("/a/{b}", get(|| async { "b" }))).await;
    let client = plain();
    assert_eq!(client.get(format!("http://{to}/a/1")).send_traced().await.unwrap().text().await.unwrap(), "b");
    let request = client.get(format!("http://{to}/a/2"));
    assert_eq!(request.send_traced_as("/a/{b}").await.unwrap().text().await.unwrap(), "b");
    let names: HashSet<_> = spans(&telemetry, 2).into_iter().map(|span| span.name).collect();
    assert_eq!(names, HashSet::from(["GET".to_owned(), "GET /a/{b}".to_owned()]));
    assert!(client.get("no url").send_traced().await.unwrap_err().is_builder());
}

/// Frames of a body, by a channel.
struct Frames(mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx)
    }
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

/// A server that answers the body of a channel once.
async fn streams() -> (String, mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>) {
    let (sender, receiver) = mpsc::channel(8);
    let body = Arc::new(std::sync::Mutex::new(Some(Frames(receiver))));
    let to =
        serve(Router::new().route("/", get(|| async move { Body::new(body.lock().unwrap().take().unwrap()) }))).await;
    (format!("http://{to}/"), sender)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_lasts_until_its_body_is_read_or_dropped() {
    let telemetry = telemetry();
    for read in [true, false] {
        telemetry.memory().clear();
        let (url, frames) = streams().await;
        let before = count(&telemetry, DURATION);
        let mut response = measured().get(url).send().await.unwrap();
        frames.send(Ok(data("first"))).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
        assert!(telemetry.spans().is_empty(), "it goes on");
        assert_eq!(sum(&telemetry, ACTIVE), 1);
        if read {
            drop(frames);
            assert_eq!(response.chunk().await.unwrap(), None);
        } else {
            drop(response);
        }
        assert_eq!(status_of(client_span(&spans(&telemetry, 1))), (SpanStatus::UNSET, String::new()));
        assert_eq!((count(&telemetry, DURATION) - before, sum(&telemetry, ACTIVE)), (1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_the_requests_error() {
    let telemetry = telemetry();
    let (url, frames) = streams().await;
    let response = measured().get(url).send().await.unwrap();
    frames.send(Ok(data("first"))).await.unwrap();
    frames.send(Err(std::io::Error::other("gone"))).await.unwrap();
    let error = response.bytes().await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    let all = spans(&telemetry, 1);
    let span = client_span(&all);
    assert_eq!(span.status.code, SpanStatus::ERROR);
    assert!(["body", "decode"].contains(&text(&span.attributes, "error.type").as_str()));
    assert_eq!(text(&span.attributes, "http.response.status_code"), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_given_up_is_counted_once() {
    let telemetry = telemetry();
    let (asked, mut was_asked) = mpsc::channel(1);
    let handler = move || async move {
        asked.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let to = serve(Router::new().route("/", get(handler))).await;
    let before = count(&telemetry, DURATION);
    let request = tokio::spawn(measured().get(format!("http://{to}/")).send());
    was_asked.recv().await.unwrap();
    request.abort();
    assert!(request.await.is_err());
    assert_eq!(status_of(client_span(&spans(&telemetry, 1))), (SpanStatus::ERROR, "cancelled".to_owned()));
    assert_eq!((count(&telemetry, DURATION) - before, sum(&telemetry, ACTIVE)), (1, 0));
}

/// Tries again, at once, what the server could not do.
struct Retry;

impl Middleware for Retry {
    fn handle<'a, 'b, 'c, 'd>(
        &'a self,
        request: Request,
        extensions: &'b mut http::Extensions,
        next: Next<'c>,
    ) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<Response>> + Send + 'd>>
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
    {
        Box::pin(async move {
            loop {
                let again = request.try_clone().unwrap();
                let response = next.clone().run(again, extensions).await?;
                if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                    return Ok(response);
                }
            }
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_try_is_a_request_and_says_how_often_it_was_sent_before() {
    let telemetry = telemetry();
    async fn third_time(State(asked): State<Arc<AtomicU32>>) -> StatusCode {
        if asked.fetch_add(1, Ordering::Relaxed) < 2 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }
    let asked = Arc::new(AtomicU32::new(0));
    let to = serve(Router::new().route("/", get(third_time)).with_state(asked)).await;
    let client = ClientBuilder::new(plain()).with(Retry).with(ClientMiddleware::new()).build();
    client.get(format!("http://{to}/")).send().await.unwrap();
    let mut all = spans(&telemetry, 3);
    all.sort_by_key(|span| span.start_time_unix_nano);
    let said: Vec<_> = all
        .iter()
        .map(|span| ["http.request.resend_count", "error.type"].map(|key| text(&span.attributes, key)))
        .collect();
    assert_eq!(said, [["", "503"], ["1", "503"], ["2", ""]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_one_request_that_says_where_it_went() {
    let telemetry = telemetry();
    let app = Router::new()
        .route("/old", get(|| async { Redirect::temporary("/newer") }))
        .route("/newer", get(|| async { Redirect::permanent("/newest?sig=secret") }))
        .route("/newest", get(|| async { "here" }));
    let to = serve(app).await;
    let client = Client::builder().redirect(redirects(Policy::default())).build().unwrap();
    let response = client.get(format!("http://{to}/old")).send_traced().await.unwrap();
    assert_eq!(response.url().path(), "/newest");
    assert_eq!(response.text().await.unwrap(), "here");
    let all = spans(&telemetry, 1);
    let span = client_span(&all);
    assert_eq!(text(&span.attributes, "http.request.resend_count"), "2");
    assert_eq!(text(&span.attributes, "http.response.status_code"), "200");
    let events: Vec<_> = span.events.iter().map(|event| text(&event.attributes, "url.full")).collect();
    assert_eq!(events, [format!("http://{to}/newer"), format!("http://{to}/newest?sig=REDACTED")]);
    assert_eq!(text(&span.events[1].attributes, "http.response.status_code"), "308");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_client_to_server_to_client_to_server_is_one_trace() {
    use Propagator::{B3, B3Multi, Jaeger, TraceContext, XRay};
    for propagator in [TraceContext, B3, B3Multi, Jaeger, XRay] {
        let telemetry = telemetry_with(|builder| builder.propagators([propagator, Propagator::Baggage]));
        let leaf = |headers: HeaderMap| async move { text_of(&headers, "baggage") };
        let leaf = serve(Router::new().route("/leaf", get(leaf)).layer(ServerLayer::new())).await;
        let front = move || async move {
            measured().get(format!("http://{leaf}/leaf")).send().await.unwrap().text().await.unwrap()
        };
        let front = serve(Router::new().route("/front", get(front)).layer(ServerLayer::new())).await;
        let mut baggage = tripod::Baggage::default();
        baggage.set("tenant", "acme");
        let baggage = tripod::Context::current().with_baggage(baggage);
        let asked =
            async { measured().get(format!("http://{front}/front")).send().await.unwrap().text().await.unwrap() };
        let root = tripod::async_span!("root");
        assert_eq!(asked.in_span(root).in_context(baggage).await, "tenant=acme", "{propagator:?}");
        let all = spans(&telemetry, 5);
        assert_eq!(all.iter().map(|span| span.trace_id).collect::<HashSet<_>>().len(), 1, "{propagator:?}: {all:?}");
        let mut at = all.iter().find(|span| !span.parent_span_id.is_valid()).unwrap();
        for kind in [SpanKind::CLIENT, SpanKind::SERVER, SpanKind::CLIENT, SpanKind::SERVER] {
            at = all.iter().find(|span| span.parent_span_id == at.span_id).unwrap();
            assert_eq!(at.kind, kind);
        }
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_spans_the_trace_goes_on_and_requests_are_measured() {
    let telemetry = telemetry_with(|builder| builder.traces(false));
    let to = serve(Router::new().route("/", get(|headers: HeaderMap| async move { text_of(&headers, "traceparent") })))
        .await;
    let before = count(&telemetry, DURATION);
    let mut headers = HeaderMap::new();
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.insert("traceparent", header::HeaderValue::from_static(traceparent));
    let context = tripod::propagation::extract(&headers);
    let asked = async { measured().get(format!("http://{to}/")).send().await.unwrap().text().await.unwrap() };
    assert_eq!(asked.in_context(context).await, traceparent);
    assert_eq!(count(&telemetry, DURATION) - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_not_in_the_catalogue_and_keep_the_conventions_names() {
    let telemetry = telemetry_with(|builder| builder.metric_names(MetricNames::Catalog));
    let client = measured();
    tripod::instrument::set_metric_names(MetricNames::OpenTelemetry);
    let to = serve(Router::new().route("/", get(|| async {}))).await;
    client.get(format!("http://{to}/")).send().await.unwrap();
    spans(&telemetry, 1);
    assert_eq!(points(&telemetry, DURATION, "server.port", &to.port().to_string()).len(), 1);
}
