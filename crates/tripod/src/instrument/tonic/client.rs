//! The layer for clients.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::call::{GrpcCall, Settings};
use super::metrics::Metrics;
use crate::instrument::http::captured::Captured;
use crate::instrument::http::host;
use crate::instrument::http::measured::{MeasuredBody, MeasuredFuture, watch};
use crate::instrument::remote::Remote;
use crate::{SpanKind, propagation};

/// Measures the calls of a gRPC client, and sends the context along; to be put around a channel.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is around a service"]
pub struct ClientLayer {
    settings: Arc<Settings>,
}

impl ClientLayer {
    /// A layer.
    pub fn new() -> Self {
        Self { settings: Arc::new(Settings::new(SpanKind::CLIENT, Metrics::of_client())) }
    }

    /// To whom the calls go, `orders:50051` or a URL: tonic's channel knows, but does not tell who is around it.
    pub fn server(self, authority: &str) -> Self {
        let authority = authority.split_once("://").map_or(authority, |(_, rest)| rest);
        let (address, port) = host::split(authority.split('/').next().unwrap_or_default());
        let server = (!address.is_empty()).then(|| (address.to_owned(), port));
        self.with(|settings| settings.server = server)
    }

    /// Metadata of calls that becomes attributes, `rpc.request.metadata.NAME`. Names that none can have are left out.
    pub fn request_metadata<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(|settings| settings.request_metadata = Captured::all("rpc.request.metadata", names))
    }

    /// Metadata of answers that becomes attributes, `rpc.response.metadata.NAME`. Names that none can have are left out.
    pub fn response_metadata<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(|settings| settings.response_metadata = Captured::all("rpc.response.metadata", names))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService { inner, settings: Arc::clone(&self.settings) }
    }
}

/// A channel whose calls are measured; made by [`ClientLayer`].
#[derive(Clone)]
pub struct ClientService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S: fmt::Debug> fmt::Debug for ClientService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// The future of a call that is measured.
pub type ClientFuture<F> = MeasuredFuture<F, GrpcCall>;

/// The body of an answer that is measured.
pub type ClientBody<B> = MeasuredBody<B, GrpcCall>;

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display + 'static,
    R: Body,
{
    type Response = Response<ClientBody<R>>;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut call =
            GrpcCall::begin(&self.settings, request.uri().path(), request.headers(), |build| Remote::local(build));
        call.span().enter(|| propagation::inject(request.headers_mut()));
        let mut call = Some(call);
        let future = watch(&mut call, 0, || self.inner.call(request));
        MeasuredFuture::new(future, call)
    }
}
