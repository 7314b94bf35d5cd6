//! One call, on either side: its span, and what is measured of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode, response};

use super::metrics::{Ended, Metrics};
use super::status;
use crate::grpc::Code;
use crate::instrument::http::captured::{Captured, capture};
use crate::instrument::http::measured::{Call, End};
use crate::instrument::http::{PANIC, method::OTHER};
use crate::instrument::remote::Remote;
use crate::trace::data::SpanData;
use crate::{SpanBuilder, SpanKind, Value};

/// What both layers are told.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) kind: SpanKind,
    pub(super) metrics: Metrics,
    /// To whom a client's calls go.
    pub(super) server: Option<(String, Option<u16>)>,
    /// The methods there are; `None`: those that are implemented.
    pub(super) methods: Option<Arc<[String]>>,
    pub(super) request_metadata: Vec<Captured>,
    pub(super) response_metadata: Vec<Captured>,
}

impl Settings {
    pub(super) fn new(kind: SpanKind, metrics: Metrics) -> Self {
        let (request_metadata, response_metadata) = (Vec::new(), Vec::new());
        Self { kind, metrics, server: None, methods: None, request_metadata, response_metadata }
    }

    fn is_server(&self) -> bool {
        self.kind == SpanKind::SERVER
    }

    /// Whether there is such a method, as far as is known before it is called.
    fn has(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|known| known == method))
    }
}

/// A call that is under way.
pub struct GrpcCall {
    span: Remote,
    settings: Arc<Settings>,
    started: Instant,
    /// With the service: `package.Service/Method`.
    method: String,
    timeout: Option<Duration>,
    http_status: Option<StatusCode>,
    status: Option<Code>,
}

impl GrpcCall {
    /// Of a request's path and metadata, with the span that `start` makes of what is known.
    pub(super) fn begin(
        settings: &Arc<Settings>,
        path: &str,
        metadata: &HeaderMap,
        start: impl FnOnce(&dyn Fn() -> SpanBuilder) -> Remote,
    ) -> Self {
        let method = path.trim_start_matches('/');
        let build = || {
            let is_known = settings.has(method);
            let name = if is_known { Cow::Owned(method.to_owned()) } else { Cow::Borrowed("grpc") };
            let mut builder = SpanBuilder::new(name).kind(settings.kind);
            if let Some(data) = builder.data_mut() {
                describe(data, method, is_known);
                if let Some((address, port)) = &settings.server {
                    describe_server(data, address, *port);
                }
                capture(&settings.request_metadata, metadata, |key, value| data.set_attribute(key, &value));
            }
            builder
        };
        let span = start(&build);
        Self {
            span,
            settings: Arc::clone(settings),
            started: Instant::now(),
            method: method.to_owned(),
            timeout: status::timeout(metadata),
            http_status: None,
            status: None,
        }
    }

    /// Its span, where more is known of it.
    pub(super) fn span(&mut self) -> &mut Remote {
        &mut self.span
    }

    /// Ended from outside: by the client, or as its time was over.
    fn given_up(&self) -> Code {
        match self.timeout {
            Some(timeout) if self.started.elapsed() >= timeout => Code::DEADLINE_EXCEEDED,
            _ => Code::CANCELLED,
        }
    }
}

fn describe(span: &mut SpanData, method: &str, is_known: bool) {
    span.set_attribute("rpc.system.name", &Value::Str("grpc"));
    span.set_attribute("rpc.method", &Value::Str(if is_known { method } else { OTHER }));
    if !is_known {
        span.set_attribute("rpc.method_original", &Value::Str(method));
    }
}

pub(super) fn describe_server(span: &mut SpanData, address: &str, port: Option<u16>) {
    span.set_attribute("server.address", &Value::Str(address));
    if let Some(port) = port {
        span.set_attribute("server.port", &Value::Int(port.into()));
    }
}

impl Call for GrpcCall {
    fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.span.enter(work)
    }

    fn begin_response(&mut self, head: &response::Parts) -> bool {
        self.http_status = Some(head.status);
        self.status = Code::of(&head.headers);
        let span = &mut self.span.span;
        if span.is_recording() {
            capture(&self.settings.response_metadata, &head.headers, |key, value| span.set_attribute(key, value));
        }
        true
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        self.status = Code::of(trailers).or(self.status);
    }

    fn end(mut self, how: End<'_>, _: u64) {
        let is_server = self.settings.is_server();
        let (code, failure) = match (how, self.status) {
            // A server of tonic's cancels what is over in time, and may say so before the client's own clock does.
            (_, Some(Code::CANCELLED)) if !is_server => (self.given_up(), None),
            (_, Some(code)) => (code, None),
            (End::Complete, None) => (self.http_status.map_or(Code::UNKNOWN, Code::of_http), None),
            (End::Dropped, None) => (self.given_up(), None),
            (End::Panicked, None) => (Code::UNKNOWN, Some(PANIC)),
            (End::Failed(kind, ..), None) => {
                // A client that never got to the server, unless its time was over before.
                let failed = if self.http_status.is_none() && !is_server { Code::UNAVAILABLE } else { Code::UNKNOWN };
                let code = if self.given_up() == Code::DEADLINE_EXCEEDED { Code::DEADLINE_EXCEEDED } else { failed };
                (code, Some(kind))
            }
        };
        let is_error = if is_server { code.is_server_error() } else { code != Code::OK };
        let error_type = failure.or(is_error.then(|| code.name()));
        // Anybody can ask for methods that don't exist: what is not implemented is no label.
        let is_known = !is_server || (self.settings.has(&self.method) && code != Code::UNIMPLEMENTED);
        let span = &mut self.span.span;
        if span.is_recording() {
            span.set_attribute("rpc.response.status_code", code.name());
            if let (false, Some(data)) = (is_known, &mut span.data) {
                describe(data, &self.method, false);
                data.name = Cow::Borrowed("grpc");
            }
        }
        if let Some(error_type) = error_type {
            how.record(span, error_type);
        }
        let Self { mut span, settings, started, method, .. } = self;
        let ended = Ended {
            seconds: started.elapsed().as_secs_f64(),
            method: if is_known { &method } else { OTHER },
            status: code.name(),
            error_type,
            server: settings.server.as_ref().map(|(address, port)| (address.as_str(), *port)),
        };
        // Within the span, which is the exemplar.
        span.enter(|| settings.metrics.ended(&ended));
    }
}
