//! The layer for servers.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response, header};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::call::{GrpcCall, Settings, describe_server};
use super::metrics::Metrics;
use crate::instrument::http::captured::Captured;
use crate::instrument::http::measured::{MeasuredBody, MeasuredFuture, watch};
use crate::instrument::http::{host, text};
use crate::instrument::remote::Remote;
use crate::{SpanKind, Value};

/// Measures the calls of a gRPC server; for `tonic::transport::Server::layer`. What is not gRPC passes through as it is.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct ServerLayer {
    settings: Arc<ServerSettings>,
}

type Of<T> = Arc<dyn Fn(&Parts) -> T + Send + Sync>;

#[derive(Clone)]
struct ServerSettings {
    calls: Arc<Settings>,
    skip: Option<Of<bool>>,
    peer: Option<Of<Option<SocketAddr>>>,
}

impl ServerLayer {
    /// A layer.
    pub fn new() -> Self {
        let calls = Arc::new(Settings::new(SpanKind::SERVER, Metrics::of_server()));
        Self { settings: Arc::new(ServerSettings { calls, skip: None, peer: None }) }
    }

    /// The methods there are, `package.Service/Method`: what else is asked for is `_OTHER`. Without this, it is what the server answers as
    /// unimplemented; name them where something refuses calls before it is known whether the method exists, as for want of a token.
    pub fn methods<M: Into<String>>(self, methods: impl IntoIterator<Item = M>) -> Self {
        let methods = methods.into_iter().map(Into::into).collect();
        self.with_calls(|calls| calls.methods = Some(methods))
    }

    /// Leaves out the calls of which this is true: health checks, say.
    pub fn skip(self, skip: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.skip = Some(Arc::new(skip)))
    }

    /// Tells who calls. Without this it is looked for as a `SocketAddr` among the request's extensions; tonic has it there as a type of its
    /// own:
    ///
    /// ```
    /// use tonic::transport::server::TcpConnectInfo;
    /// use tripod::instrument::tonic::ServerLayer;
    /// let layer = ServerLayer::new().peer(|call| call.extensions.get::<TcpConnectInfo>()?.remote_addr());
    /// ```
    pub fn peer(self, peer: impl Fn(&Parts) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.peer = Some(Arc::new(peer)))
    }

    /// Metadata of calls that becomes attributes, `rpc.request.metadata.NAME`. Names that none can have are left out.
    pub fn request_metadata<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.with_calls(|calls| calls.request_metadata = Captured::all("rpc.request.metadata", names))
    }

    /// Metadata of answers that becomes attributes, `rpc.response.metadata.NAME`. Names that none can have are left out.
    pub fn response_metadata<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.with_calls(|calls| calls.response_metadata = Captured::all("rpc.response.metadata", names))
    }

    fn with(mut self, change: impl FnOnce(&mut ServerSettings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    fn with_calls(self, change: impl FnOnce(&mut Settings)) -> Self {
        self.with(|settings| change(Arc::make_mut(&mut settings.calls)))
    }
}

impl Default for ServerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService { inner, settings: Arc::clone(&self.settings) }
    }
}

/// A service whose calls are measured; made by [`ServerLayer`].
#[derive(Clone)]
pub struct ServerService<S> {
    inner: S,
    settings: Arc<ServerSettings>,
}

impl<S: fmt::Debug> fmt::Debug for ServerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The future of a call that is measured.
pub type ServerFuture<F> = MeasuredFuture<F, GrpcCall>;

/// The body of an answer that is measured.
pub type ServerBody<B> = MeasuredBody<B, GrpcCall>;

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display + 'static,
    R: Body,
{
    type Response = Response<ServerBody<R>>;
    type Error = S::Error;
    type Future = ServerFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let mut call = begin(&self.settings, &head);
        let request = Request::from_parts(head, body);
        let future = watch(&mut call, 0, || self.inner.call(request));
        MeasuredFuture::new(future, call)
    }
}

/// Begins a call, if it is one and is not to be left out.
fn begin(settings: &ServerSettings, head: &Parts) -> Option<GrpcCall> {
    let content_type = head.headers.get(header::CONTENT_TYPE).map_or("", text);
    if !content_type.starts_with("application/grpc") || settings.skip.as_ref().is_some_and(|skip| skip(head)) {
        return None;
    }
    let mut call =
        GrpcCall::begin(&settings.calls, head.uri.path(), &head.headers, |build| Remote::start(&head.headers, build));
    if let Some(span) = &mut call.span().span.data {
        let authority = head.uri.authority().map(http::uri::Authority::as_str);
        if let Some((address, port)) = authority.or_else(|| head.headers.get(header::HOST).map(text)).map(host::split) {
            describe_server(span, address, port);
        }
        let peer = settings.peer.as_ref().map_or_else(|| head.extensions.get().copied(), |peer| peer(head));
        if let Some(peer) = peer {
            let ip = peer.ip().to_canonical();
            span.set_attribute("client.address", &Value::display(&ip));
            span.set_attribute("network.peer.address", &Value::display(&ip));
            span.set_attribute("network.peer.port", &Value::Int(peer.port().into()));
        }
    }
    Some(call)
}
