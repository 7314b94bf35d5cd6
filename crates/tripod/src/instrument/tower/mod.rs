//! A layer for HTTP servers on tower: axum, and any other service of `http::Request`s.
//!
//! Each request gets one span, which lasts until the last byte of the response's body, and one measurement in each metric. The route is
//! the label, never the path: axum's is known (feature `axum`), others are told by [`ServerLayer::route`]; a request without a route, as
//! one that nobody answers, has none.

mod call;
mod metrics;
mod request;

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use self::call::ServerCall;
use self::metrics::Metrics;
use super::http::captured::Captured;
use super::http::measured::{MeasuredBody, MeasuredFuture, watch};
use super::http::method;

/// Measures the requests of a server.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use tripod::instrument::tower::ServerLayer;
///
/// let app: Router = Router::new()
///     .route("/users/{id}", get(|| async { "ada" }))
///     .layer(ServerLayer::new().skip(|request| request.uri.path() == "/health"));
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct ServerLayer {
    settings: Arc<Settings>,
}

type Of<T> = Arc<dyn Fn(&Parts) -> T + Send + Sync>;

/// What is to be recorded, and how.
#[derive(Clone)]
struct Settings {
    metrics: Metrics,
    route: Option<Of<Option<Cow<'static, str>>>>,
    skip: Option<Of<bool>>,
    peer: Option<Of<Option<SocketAddr>>>,
    forwarded: bool,
    methods: Cow<'static, [&'static str]>,
    request_headers: Vec<Captured>,
    response_headers: Vec<Captured>,
}

/// Marks a request that is measured already: where the layer stands twice, the outer one counts.
#[derive(Clone, Copy)]
struct Measured;

impl ServerLayer {
    /// A layer whose metrics have the names that are chosen now, see [`super::MetricNames`].
    pub fn new() -> Self {
        let settings = Settings {
            metrics: Metrics::new(super::names::metric_names()),
            route: None,
            skip: None,
            peer: None,
            forwarded: false,
            methods: Cow::Borrowed(method::KNOWN),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
        };
        Self { settings: Arc::new(settings) }
    }

    /// Tells the route of a request, where that is not axum: `/users/{id}`, or `None` if it has none. There must be few of them.
    pub fn route<R: Into<Cow<'static, str>>>(
        self,
        route: impl Fn(&Parts) -> Option<R> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.route = Some(Arc::new(move |request| route(request).map(Into::into))))
    }

    /// Leaves out the requests of which this is true: health checks, say. There is neither a span nor a measurement of them.
    pub fn skip(self, skip: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.skip = Some(Arc::new(skip)))
    }

    /// Tells who sent a request. Without this it is looked for among the request's extensions: axum's `ConnectInfo<SocketAddr>` (feature
    /// `axum`), or a `SocketAddr`.
    pub fn peer(self, peer: impl Fn(&Parts) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.peer = Some(Arc::new(peer)))
    }

    /// Believes what a proxy says of client, host and scheme: `Forwarded`, or `X-Forwarded-For`, `-Host` and `-Proto`. Not by default, as
    /// without a proxy that sets them a client can write there what it likes.
    pub fn trust_forwarded(self, trust: bool) -> Self {
        self.with(|settings| settings.forwarded = trust)
    }

    /// The methods there are, by case, instead of those of RFC 9110, `PATCH` and `QUERY`: others are `_OTHER`.
    pub fn known_methods(self, methods: impl IntoIterator<Item = &'static str>) -> Self {
        self.with(|settings| settings.methods = methods.into_iter().collect())
    }

    /// Headers of requests that become attributes, `http.request.header.NAME`. Names that no header can have are left out.
    pub fn request_headers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(|settings| settings.request_headers = Captured::all("http.request.header", names))
    }

    /// Headers of responses that become attributes, `http.response.header.NAME`. Names that no header can have are left out.
    pub fn response_headers<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(|settings| settings.response_headers = Captured::all("http.response.header", names))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
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

/// A service whose requests are measured; made by [`ServerLayer`].
#[derive(Clone)]
pub struct ServerService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S: fmt::Debug> fmt::Debug for ServerService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The future of a request that is measured.
pub type ServerFuture<F> = MeasuredFuture<F, ServerCall>;

/// The body of a response that is measured.
pub type ServerBody<B> = MeasuredBody<B, ServerCall>;

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
        let (mut head, body) = request.into_parts();
        let mut call = begin(&self.settings, &mut head);
        let request = Request::from_parts(head, body);
        let future = watch(&mut call, 0, || self.inner.call(request));
        MeasuredFuture::new(future, call)
    }
}

/// Begins a request, unless it is to be left out or was begun further out.
fn begin(settings: &Arc<Settings>, head: &mut Parts) -> Option<ServerCall> {
    let left_out = head.extensions.get::<Measured>().is_some() || settings.skip.as_ref().is_some_and(|skip| skip(head));
    if left_out {
        return None;
    }
    let call = ServerCall::begin(settings, head);
    head.extensions.insert(Measured);
    Some(call)
}
