//! The layers for gRPC, with a real server and clients of tonic: all four kinds of calls, however they end.

mod common;
#[path = "common/web.rs"]
mod web;

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use common::{Telemetry, telemetry, telemetry_with, wait_until};
use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use tonic::server::NamedService;
use tonic::transport::server::TcpConnectInfo;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tower::{Layer, Service};
use tripod::instrument::MetricNames;
use tripod::instrument::tonic::{ClientLayer, ClientService, ServerLayer};
use tripod::propagation::Propagator;
use tripod::{InSpanExt, SpanKind, StatusCode as SpanStatus, span};
use tripod_wire::otlp::Span;
use web::{points, spans, text};

const SERVER: &str = "rpc.server.call.duration";
const CLIENT: &str = "rpc.client.call.duration";

/// Messages that are text.
#[derive(Clone, Copy, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(out, item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let length = bytes::Buf::remaining(from);
        let text = bytes::Buf::copy_to_bytes(from, length);
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }
}

type Texts = BoxStream<'static, Result<String, Status>>;

/// `test.Echo`: a method for each kind of call; what is asked says how it ends.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

async fn unary(request: Request<String>) -> Result<Response<String>, Status> {
    drop(span!("work"));
    let text = request.into_inner();
    match text.as_str() {
        "missing" => return Err(Status::not_found("no such thing")),
        "broken" => return Err(Status::internal("it is broken")),
        "panic" => panic!("no such echo"),
        "never" => std::future::pending().await,
        "baggage" => {
            let mut sent = Vec::<(String, String)>::new();
            tripod::propagation::inject(&mut sent);
            let baggage = sent.into_iter().find(|(name, _)| name == "baggage");
            return Ok(Response::new(baggage.map(|(_, value)| value).unwrap_or_default()));
        }
        _ => {}
    }
    Ok(Response::new(text))
}

fn many(request: Request<String>) -> Response<Texts> {
    let text = request.into_inner();
    let forever = text == "forever";
    let end = (text == "broken").then(|| Err(Status::data_loss("half of it is gone")));
    let some = stream::iter((0..3).map(move |n| Ok(format!("{text}{n}")))).chain(stream::iter(end));
    Response::new(if forever { some.chain(stream::pending()).boxed() } else { some.boxed() })
}

async fn gather(request: Request<Streaming<String>>) -> Result<Response<String>, Status> {
    let mut texts = request.into_inner();
    let mut all = String::new();
    while let Some(text) = texts.message().await? {
        all.push_str(&text);
    }
    Ok(Response::new(all))
}

fn both(request: Request<Streaming<String>>) -> Response<Texts> {
    let texts = request.into_inner();
    Response::new(texts.map(|text| text.map(|text| text.to_uppercase())).boxed())
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Text);
            Ok(match request.uri().path() {
                "/test.Echo/Unary" => grpc.unary(tower::service_fn(unary), request).await,
                "/test.Echo/Many" => grpc.server_streaming(Many, request).await,
                "/test.Echo/Gather" => grpc.client_streaming(tower::service_fn(gather), request).await,
                "/test.Echo/Both" => grpc.streaming(Both, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

macro_rules! streaming {
    ($name:ident $function:ident $asked:ty) => {
        struct $name;

        impl Service<Request<$asked>> for $name {
            type Response = Response<Texts>;
            type Error = Status;
            type Future = std::future::Ready<Result<Response<Texts>, Status>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: Request<$asked>) -> Self::Future {
                std::future::ready(Ok($function(request)))
            }
        }
    };
}
streaming!(Many many String);
streaming!(Both both Streaming<String>);

async fn serve(layer: ServerLayer) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.map(|(stream, _)| stream);
        Some((accepted, listener))
    });
    let server = Server::builder().layer(layer).add_service(Echo).serve_with_incoming(Box::pin(incoming));
    tokio::spawn(server);
    address
}

type Client = Grpc<ClientService<Channel>>;

fn client(to: SocketAddr) -> Client {
    let channel = Channel::from_shared(format!("http://{to}")).unwrap().connect_lazy();
    Grpc::new(ClientLayer::new().server(&format!("http://{to}")).layer(channel))
}

fn path(method: &'static str) -> http::uri::PathAndQuery {
    http::uri::PathAndQuery::from_static(method)
}

async fn ask(client: &mut Client, text: &str) -> Result<String, Status> {
    client.ready().await.unwrap();
    let answer = client.unary(Request::new(text.to_owned()), path("/test.Echo/Unary"), Text).await;
    answer.map(Response::into_inner)
}

fn of(all: &[Span], kind: SpanKind) -> &Span {
    let found: Vec<_> = all.iter().filter(|span| span.kind == kind).collect();
    assert_eq!(found.len(), 1, "{all:?}");
    found[0]
}

/// A span's status, its code and its type of error.
fn ended(span: &Span) -> (SpanStatus, String, String) {
    let of = |key| text(&span.attributes, key);
    (span.status.code, of("rpc.response.status_code"), of("error.type"))
}

fn as_ended(error: SpanStatus, code: &str, error_type: &str) -> (SpanStatus, String, String) {
    (error, code.to_owned(), error_type.to_owned())
}

/// Calls that were measured with this code.
fn measured(telemetry: &Telemetry, metric: &str, method: &str, code: &str) -> u64 {
    let points = points(telemetry, metric, "rpc.method", method);
    let with_code = points.iter().filter(|point| text(&point.attributes, "rpc.response.status_code") == code);
    with_code.map(|point| point.count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_has_a_span_on_either_side_with_what_the_conventions_name() {
    let telemetry = telemetry();
    let layer = ServerLayer::new()
        .peer(|call| call.extensions.get::<TcpConnectInfo>()?.remote_addr())
        .request_metadata(["x-tenant"])
        .response_metadata(["content-type"]);
    let to = serve(layer).await;
    let mut client = client(to);
    let mut request = Request::new("hello".to_owned());
    request.metadata_mut().insert("x-tenant", "acme".parse().unwrap());
    client.ready().await.unwrap();
    let answer = client.unary(request, path("/test.Echo/Unary"), Text).await.unwrap();
    assert_eq!(answer.into_inner(), "hello");
    let all = spans(&telemetry, 3);
    let (client, server) = (of(&all, SpanKind::CLIENT), of(&all, SpanKind::SERVER));
    assert_eq!((client.trace_id, client.span_id), (server.trace_id, server.parent_span_id));
    assert_eq!(telemetry.span("work").parent_span_id, server.span_id);
    let port = to.port().to_string();
    for span in [client, server] {
        assert_eq!(span.name, "test.Echo/Unary");
        assert_eq!(ended(span), as_ended(SpanStatus::UNSET, "OK", ""));
        for (key, value) in [
            ("rpc.system.name", "grpc"),
            ("rpc.method", "test.Echo/Unary"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ] {
            assert_eq!(text(&span.attributes, key), value, "{key}");
        }
    }
    assert_eq!(text(&server.attributes, "client.address"), "127.0.0.1");
    assert_eq!(text(&server.attributes, "rpc.request.metadata.x-tenant"), r#"Array([String("acme")])"#);
    assert_eq!(
        text(&server.attributes, "rpc.response.metadata.content-type"),
        r#"Array([String("application/grpc")])"#
    );
    for (metric, span, expected) in [
        (SERVER, server, vec!["rpc.method", "rpc.response.status_code", "rpc.system.name"]),
        (
            CLIENT,
            client,
            vec!["rpc.method", "rpc.response.status_code", "rpc.system.name", "server.address", "server.port"],
        ),
    ] {
        assert!(web::exemplars(&telemetry, metric).contains(&span.span_id), "{metric}");
        let all = points(&telemetry, metric, "rpc.response.status_code", "OK");
        let of_call =
            all.iter().find(|point| metric == SERVER || text(&point.attributes, "server.port") == port).unwrap();
        let mut labels: Vec<_> = of_call.attributes.iter().map(|label| label.key.as_str()).collect();
        labels.sort_unstable();
        assert_eq!(labels, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_an_error_to_the_client_and_only_some_are_to_the_server() {
    let telemetry = telemetry();
    let mut client = client(serve(ServerLayer::new()).await);
    for (asked, code, of_server) in [
        ("missing", "NOT_FOUND", as_ended(SpanStatus::UNSET, "NOT_FOUND", "")),
        ("broken", "INTERNAL", as_ended(SpanStatus::ERROR, "INTERNAL", "INTERNAL")),
    ] {
        telemetry.memory().clear();
        ask(&mut client, asked).await.unwrap_err();
        let all = spans(&telemetry, 3);
        assert_eq!(ended(of(&all, SpanKind::CLIENT)), as_ended(SpanStatus::ERROR, code, code));
        assert_eq!(ended(of(&all, SpanKind::SERVER)), of_server);
        assert_eq!(measured(&telemetry, SERVER, "test.Echo/Unary", code), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_call_is_measured_to_its_trailers() {
    const METHODS: [&str; 3] = ["test.Echo/Many", "test.Echo/Gather", "test.Echo/Both"];
    let telemetry = telemetry();
    let counts = || METHODS.map(|method| [SERVER, CLIENT].map(|metric| measured(&telemetry, metric, method, "OK")));
    let before = counts();
    let mut client = client(serve(ServerLayer::new()).await);

    client.ready().await.unwrap();
    let many = client.server_streaming(Request::new("a".to_owned()), path("/test.Echo/Many"), Text).await.unwrap();
    let mut many = many.into_inner();
    assert_eq!(many.message().await.unwrap().unwrap(), "a0");
    assert!(telemetry.spans().iter().all(|span| span.kind != SpanKind::CLIENT), "it goes on");
    while many.message().await.unwrap().is_some() {}

    let texts = stream::iter(["a", "b", "c"].map(str::to_owned));
    client.ready().await.unwrap();
    let gathered = client.client_streaming(Request::new(texts.clone()), path("/test.Echo/Gather"), Text).await.unwrap();
    assert_eq!(gathered.into_inner(), "abc");

    client.ready().await.unwrap();
    let mut upper = client.streaming(Request::new(texts), path("/test.Echo/Both"), Text).await.unwrap().into_inner();
    let mut all = String::new();
    while let Some(text) = upper.message().await.unwrap() {
        all.push_str(&text);
    }
    assert_eq!(all, "ABC");

    let all = spans(&telemetry, 6);
    assert!(all.iter().all(|span| ended(span) == as_ended(SpanStatus::UNSET, "OK", "")), "{all:?}");
    for method in METHODS {
        assert_eq!(all.iter().filter(|span| span.name == method).count(), 2);
    }
    // Others of these tests ask the same methods, before or after.
    assert_eq!(counts(), before.map(|counts| counts.map(|count| count + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_with_a_status_has_that_status() {
    let telemetry = telemetry();
    let mut client = client(serve(ServerLayer::new()).await);
    client.ready().await.unwrap();
    let many = client.server_streaming(Request::new("broken".to_owned()), path("/test.Echo/Many"), Text).await.unwrap();
    let texts: Vec<_> = many.into_inner().collect().await;
    assert_eq!(texts.last().unwrap().as_ref().unwrap_err().code(), Code::DataLoss);
    let all = spans(&telemetry, 2);
    for span in &all {
        assert_eq!(ended(span), as_ended(SpanStatus::ERROR, "DATA_LOSS", "DATA_LOSS"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_is_counted_once_on_either_side() {
    let telemetry = telemetry();
    let mut client = client(serve(ServerLayer::new()).await);
    let before = [SERVER, CLIENT].map(|metric| web::count(&telemetry, metric));
    client.ready().await.unwrap();
    let many =
        client.server_streaming(Request::new("forever".to_owned()), path("/test.Echo/Many"), Text).await.unwrap();
    let mut many = many.into_inner();
    many.message().await.unwrap();
    drop(many);
    let mut another = client.clone();
    let unanswered = tokio::spawn(async move { ask(&mut another, "never").await });
    wait_until(|| telemetry.spans().iter().any(|span| span.name == "work"));
    unanswered.abort();
    let all: Vec<_> = spans(&telemetry, 5).into_iter().filter(|span| span.name != "work").collect();
    for span in &all {
        let expected = match span.kind {
            SpanKind::CLIENT => as_ended(SpanStatus::ERROR, "CANCELLED", "CANCELLED"),
            _ => as_ended(SpanStatus::UNSET, "CANCELLED", ""),
        };
        assert_eq!(ended(span), expected, "{span:?}");
    }
    let after = [SERVER, CLIENT].map(|metric| web::count(&telemetry, metric));
    assert_eq!([after[0] - before[0], after[1] - before[1]], [2, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_time_is_over_says_so() {
    let telemetry = telemetry();
    let mut client = client(serve(ServerLayer::new()).await);
    let mut request = Request::new("never".to_owned());
    request.set_timeout(Duration::from_millis(30));
    client.ready().await.unwrap();
    client.unary(request, path("/test.Echo/Unary"), Text).await.unwrap_err();
    let all = spans(&telemetry, 3);
    let (status, code, _) = ended(of(&all, SpanKind::CLIENT));
    assert_eq!((status, code.as_str()), (SpanStatus::ERROR, "DEADLINE_EXCEEDED"));
}

#[tokio::test]
async fn a_client_whose_time_is_over_believes_its_own_clock_when_the_server_says_cancelled() {
    let telemetry = telemetry();
    for (timeout, expected) in [("1m", "DEADLINE_EXCEEDED"), ("1H", "CANCELLED")] {
        telemetry.memory().clear();
        let cancels = tower::service_fn(|_: http::Request<String>| async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok::<_, Infallible>(http::Response::builder().header("grpc-status", "1").body(String::new()).unwrap())
        });
        let request = http::Request::post("/test.Echo/Unary").header("grpc-timeout", timeout);
        ClientLayer::new().layer(cancels).call(request.body(String::new()).unwrap()).await.unwrap();
        assert_eq!(ended(&spans(&telemetry, 1)[0]), as_ended(SpanStatus::ERROR, expected, expected));
    }
}

#[tokio::test]
async fn a_server_knows_a_call_that_is_given_up_in_time_from_one_whose_time_is_over() {
    let telemetry = telemetry();
    for (timeout, expected) in [
        ("1m", as_ended(SpanStatus::ERROR, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")),
        ("1H", as_ended(SpanStatus::UNSET, "CANCELLED", "")),
    ] {
        telemetry.memory().clear();
        let never = tower::service_fn(|_: http::Request<String>| {
            std::future::pending::<Result<http::Response<String>, Infallible>>()
        });
        let request = http::Request::post("/test.Echo/Unary").header("content-type", "application/grpc");
        let request = request.header("grpc-timeout", timeout).body(String::new()).unwrap();
        let call = ServerLayer::new().layer(never).call(request);
        tokio::time::sleep(Duration::from_millis(2)).await;
        drop(call);
        assert_eq!(ended(&spans(&telemetry, 1)[0]), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_recorded_once_and_the_client_gets_no_answer() {
    let telemetry = telemetry();
    let mut client = client(serve(ServerLayer::new()).await);
    ask(&mut client, "panic").await.unwrap_err();
    let all = spans(&telemetry, 3);
    let server = of(&all, SpanKind::SERVER);
    assert_eq!(ended(server), as_ended(SpanStatus::ERROR, "UNKNOWN", "panic"));
    assert!(text(&server.events[0].attributes, "exception.message").contains("no such echo"));
    assert_eq!(of(&all, SpanKind::CLIENT).status.code, SpanStatus::ERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_unavailable() {
    let telemetry = telemetry();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut client = client(nobody);
    ask(&mut client, "hello").await.unwrap_err();
    let all = spans(&telemetry, 1);
    let (status, code, error_type) = ended(&all[0]);
    assert_eq!((status, code.as_str()), (SpanStatus::ERROR, "UNAVAILABLE"));
    assert_eq!(error_type, "tonic::transport::error::Error");
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_nobody_has_are_no_labels() {
    let telemetry = telemetry();
    let to = serve(ServerLayer::new()).await;
    let strict = serve(ServerLayer::new().methods(["test.Echo/Unary"])).await;
    for (to, methods) in
        [(to, ["/test.Echo/None", "/none.Service/Call"]), (strict, ["/test.Echo/Gather", "/none.Service/Call"])]
    {
        telemetry.memory().clear();
        let before =
            measured(&telemetry, SERVER, "_OTHER", "UNIMPLEMENTED") + measured(&telemetry, SERVER, "_OTHER", "OK");
        let mut client = client(to);
        for method in methods {
            let texts = stream::iter(["a".to_owned()]);
            client.ready().await.unwrap();
            let _ = client.client_streaming(Request::new(texts), path(method), Text).await;
        }
        let all: Vec<_> = spans(&telemetry, 4).into_iter().filter(|span| span.kind == SpanKind::SERVER).collect();
        let originals: HashSet<_> = all.iter().map(|span| text(&span.attributes, "rpc.method_original")).collect();
        assert_eq!(originals, methods.map(|method| method[1..].to_owned()).into());
        assert!(
            all.iter().all(|span| span.name == "grpc" && text(&span.attributes, "rpc.method") == "_OTHER"),
            "{all:?}"
        );
        let after =
            measured(&telemetry, SERVER, "_OTHER", "UNIMPLEMENTED") + measured(&telemetry, SERVER, "_OTHER", "OK");
        assert_eq!(after - before, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_travels_in_every_format() {
    use Propagator::{B3, B3Multi, Jaeger, TraceContext, XRay};
    for propagator in [TraceContext, B3, B3Multi, Jaeger, XRay] {
        let telemetry = telemetry_with(|builder| builder.propagators([propagator, Propagator::Baggage]));
        let mut client = client(serve(ServerLayer::new()).await);
        let mut baggage = tripod::Baggage::default();
        baggage.set("tenant", "acme");
        let context = tripod::Context::current().with_baggage(baggage);
        let root = tripod::async_span!("root");
        let answer = ask(&mut client, "baggage").in_span(root).in_context(context).await.unwrap();
        assert_eq!(answer, "tenant=acme", "{propagator:?}");
        let all = spans(&telemetry, 4);
        assert_eq!(all.iter().map(|span| span.trace_id).collect::<HashSet<_>>().len(), 1, "{propagator:?}");
        assert_eq!(of(&all, SpanKind::SERVER).parent_span_id, of(&all, SpanKind::CLIENT).span_id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_left_out_on_demand_and_what_is_not_grpc_is_none() {
    let telemetry = telemetry();
    let to = serve(ServerLayer::new().skip(|call| call.uri.path() == "/test.Echo/Unary")).await;
    let mut client = client(to);
    assert_eq!(ask(&mut client, "hello").await.unwrap(), "hello");
    let all = spans(&telemetry, 2);
    assert!(all.iter().all(|span| span.kind != SpanKind::SERVER));
    let mut plain = ServerLayer::new().layer(tower::service_fn(|_: http::Request<String>| async {
        Ok::<_, Infallible>(http::Response::new(String::new()))
    }));
    plain.call(http::Request::new(String::new())).await.unwrap();
    assert_eq!(telemetry.spans().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_not_in_the_catalogue_and_keep_the_conventions_names() {
    let telemetry = telemetry_with(|builder| builder.metric_names(MetricNames::Catalog));
    let layer = ServerLayer::new();
    tripod::instrument::set_metric_names(MetricNames::OpenTelemetry);
    let before = measured(&telemetry, SERVER, "test.Echo/Unary", "OK");
    let mut client = client(serve(layer).await);
    ask(&mut client, "hello").await.unwrap();
    spans(&telemetry, 3);
    assert_eq!(measured(&telemetry, SERVER, "test.Echo/Unary", "OK") - before, 1);
}
