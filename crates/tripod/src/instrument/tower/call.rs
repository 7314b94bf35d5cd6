//! One request to a server: its span, and what is measured of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{Method, StatusCode, header, response};

use super::Settings;
use super::metrics::{Asked, Ended};
use super::request::{Ends, Route};
use crate::instrument::http::captured::capture;
use crate::instrument::http::measured::{Call, End};
use crate::instrument::http::{CANCELLED, PANIC, method, redact, text, version};
use crate::instrument::remote::Remote;
use crate::trace::data::SpanData;
use crate::{SpanBuilder, SpanKind, Value};

/// A request that is under way.
pub struct ServerCall {
    span: Remote,
    settings: Arc<Settings>,
    started: Instant,
    method: &'static str,
    scheme: &'static str,
    version: &'static str,
    route: Route,
    status: Option<StatusCode>,
    request_bytes: Option<u64>,
}

impl ServerCall {
    pub(super) fn begin(settings: &Arc<Settings>, request: &Parts) -> Self {
        let method = method::known(&settings.methods, request.method.as_str());
        let route = Route::of(settings, request);
        let ends = Ends::of(settings, request);
        let length = request.headers.get(header::CONTENT_LENGTH).and_then(|length| text(length).parse().ok());
        let span = Remote::start(&request.headers, || {
            let name = match route.as_str() {
                Some(route) => Cow::Owned(format!("{} {route}", method::in_span_name(method))),
                None => Cow::Borrowed(method::in_span_name(method)),
            };
            let mut builder = SpanBuilder::new(name).kind(SpanKind::SERVER);
            if let Some(data) = builder.data_mut() {
                describe(data, settings, request, &ends, &route);
            }
            builder
        });
        let call = Self {
            span,
            settings: Arc::clone(settings),
            started: Instant::now(),
            method,
            scheme: ends.scheme,
            version: version::name(request.version),
            route,
            status: None,
            request_bytes: length,
        };
        call.settings.metrics.began(&call.asked());
        call
    }

    fn asked(&self) -> Asked<'_> {
        Asked { method: self.method, scheme: self.scheme, version: self.version, route: self.route.as_str() }
    }
}

/// What the conventions want to be known when a span starts, so that a sampler can decide on it.
fn describe(span: &mut SpanData, settings: &Settings, request: &Parts, ends: &Ends<'_>, route: &Route) {
    let mut set = |key: &str, value: Value<'_>| span.set_attribute(key, &value);
    let known = method::known(&settings.methods, request.method.as_str());
    set("http.request.method", Value::Str(known));
    if known == method::OTHER {
        set("http.request.method_original", Value::Str(request.method.as_str()));
    }
    set("url.path", Value::Str(request.uri.path()));
    if let Some(query) = request.uri.query() {
        set("url.query", Value::Str(&redact::query(query)));
    }
    set("url.scheme", Value::Str(ends.scheme));
    if let Some(route) = route.as_str() {
        set("http.route", Value::Str(route));
    }
    if let Some((address, port)) = ends.server.filter(|(address, _)| !address.is_empty()) {
        set("server.address", Value::Str(address));
        if let Some(port) = port {
            set("server.port", Value::Int(port.into()));
        }
    }
    // IPv4 by way of IPv6 is shown as what it is.
    let peer = ends.peer.map(|peer| (peer.ip().to_canonical(), peer.port()));
    if let Some((address, port)) = &peer {
        set("client.address", ends.client.map_or(Value::display(address), Value::Str));
        set("network.peer.address", Value::display(address));
        set("network.peer.port", Value::Int((*port).into()));
    } else if let Some(client) = ends.client {
        set("client.address", Value::Str(client));
    }
    if let Some(agent) = request.headers.get(header::USER_AGENT) {
        set("user_agent.original", Value::Str(text(agent)));
    }
    set("network.protocol.version", Value::Str(version::name(request.version)));
    capture(&settings.request_headers, &request.headers, set);
}

impl Call for ServerCall {
    fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.span.enter(work)
    }

    fn begin_response(&mut self, head: &response::Parts) -> bool {
        self.status = Some(head.status);
        let span = &mut self.span.span;
        if span.is_recording() {
            span.set_attribute("http.response.status_code", head.status.as_u16());
            capture(&self.settings.response_headers, &head.headers, |key, value| span.set_attribute(key, value));
        }
        let status = head.status;
        let bodiless = status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
            || self.method == Method::HEAD.as_str()
            || (self.method == Method::CONNECT.as_str() && status.is_success());
        !bodiless
    }

    fn end(mut self, how: End<'_>, bytes: u64) {
        let status = self.status;
        let error_type = match how {
            End::Complete => status.as_ref().filter(|status| status.is_server_error()).map(StatusCode::as_str),
            End::Dropped => Some(CANCELLED),
            End::Failed(kind, ..) => Some(kind),
            End::Panicked => Some(PANIC),
        };
        if let Some(error_type) = error_type {
            how.record(&mut self.span.span, error_type);
        }
        let Self { mut span, settings, started, method, scheme, version, route, request_bytes, .. } = self;
        let asked = Asked { method, scheme, version, route: route.as_str() };
        let ended = Ended {
            took: started.elapsed(),
            status: status.map(|status| status.as_u16()),
            error_type,
            request_bytes,
            response_bytes: bytes,
        };
        // Within the span, which is the exemplar.
        span.enter(|| settings.metrics.ended(&asked, &ended));
    }
}
