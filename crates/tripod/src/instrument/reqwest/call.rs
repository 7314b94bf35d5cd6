//! One request of a client: its span, and what is measured of it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ::reqwest::{Request, Url};
use http::{StatusCode, response};

use super::metrics::{Asked, Ended};
use super::{Settings, UrlTemplate, failure};
use crate::instrument::http::captured::capture;
use crate::instrument::http::measured::{Call, End};
use crate::instrument::http::{CANCELLED, PANIC, method, redact, version};
use crate::trace::data::SpanData;
use crate::{Span, SpanBuilder, SpanKind, Value, current, engine, labels, propagation};

/// Who answered.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

/// A request that is under way.
pub(super) struct ClientCall {
    span: Span,
    settings: Arc<Settings>,
    started: Instant,
    method: &'static str,
    url: Url,
    template: Option<UrlTemplate>,
    request_bytes: Option<u64>,
    status: Option<StatusCode>,
    version: Option<&'static str>,
}

impl ClientCall {
    /// Starts the span and writes it into the request's headers. It was sent so often before.
    pub(super) fn begin(
        settings: &Arc<Settings>,
        request: &mut Request,
        template: Option<UrlTemplate>,
        sent_before: u32,
    ) -> Self {
        let method = method::known(&settings.methods, request.method().as_str());
        let mut span = start(settings, request, template.as_ref(), sent_before);
        span.in_scope(|| propagation::inject(request.headers_mut()));
        let call = Self {
            span,
            settings: Arc::clone(settings),
            started: Instant::now(),
            method,
            url: request.url().clone(),
            template,
            request_bytes: request.body().and_then(|body| body.as_bytes()).map(|body| body.len() as u64),
            status: None,
            version: None,
        };
        call.settings.metrics.began(&asked(method, &call.url, call.template.as_ref()));
        call
    }
}

fn asked<'a>(method: &'static str, url: &'a Url, template: Option<&'a UrlTemplate>) -> Asked<'a> {
    let (address, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
    Asked { method, address: unbracketed(address), port, template: template.map(|template| &*template.0) }
}

/// An IPv6 address without what surrounds it in a URL.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn start(settings: &Settings, request: &Request, template: Option<&UrlTemplate>, sent_before: u32) -> Span {
    if !engine::traces_on() {
        return Span::none();
    }
    let method = method::in_span_name(method::known(&settings.methods, request.method().as_str()));
    let name = match template {
        Some(UrlTemplate(template)) => Cow::Owned(format!("{method} {template}")),
        None => Cow::Borrowed(method),
    };
    let mut builder = SpanBuilder::new(name).kind(SpanKind::CLIENT);
    if let Some(data) = builder.data_mut() {
        describe(data, settings, request, template, sent_before);
    }
    builder.start()
}

/// What the conventions want to be known when a span starts, so that a sampler can decide on it.
fn describe(
    span: &mut SpanData,
    settings: &Settings,
    request: &Request,
    template: Option<&UrlTemplate>,
    sent_before: u32,
) {
    let mut set = |key: &str, value: Value<'_>| span.set_attribute(key, &value);
    let known = method::known(&settings.methods, request.method().as_str());
    let asked = asked(known, request.url(), template);
    set("http.request.method", Value::Str(known));
    if known == method::OTHER {
        set("http.request.method_original", Value::Str(request.method().as_str()));
    }
    set("server.address", Value::Str(asked.address));
    if let Some(port) = asked.port {
        set("server.port", Value::Int(port.into()));
    }
    set("url.full", Value::Str(&redact::url(request.url().as_str())));
    if let Some(template) = asked.template {
        set("url.template", Value::Str(template));
    }
    if sent_before > 0 {
        set("http.request.resend_count", Value::Int(sent_before.into()));
    }
    capture(&settings.request_headers, request.headers(), set);
}

/// Says on the current span, which is the request's, that it is sent elsewhere.
pub(super) fn redirected(status: StatusCode, to: &Url, times: usize) {
    let span = current();
    span.set_attribute("http.request.resend_count", times as i64);
    let url = redact::url(to.as_str());
    span.add_event("http.redirect", labels!(http.response.status_code = status.as_u16(), url.full = url));
}

impl Call for ClientCall {
    fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.span.in_scope(work)
    }

    fn begin_response(&mut self, head: &response::Parts) -> bool {
        self.status = Some(head.status);
        let version = version::name(head.version);
        self.version = Some(version);
        let span = &mut self.span;
        if span.is_recording() {
            span.set_attribute("http.response.status_code", head.status.as_u16());
            span.set_attribute("network.protocol.version", version);
            if let Some(Peer(peer)) = head.extensions.get() {
                span.set_attribute("network.peer.address", Value::display(&peer.ip()));
                span.set_attribute("network.peer.port", peer.port());
            }
            capture(&self.settings.response_headers, &head.headers, |key, value| span.set_attribute(key, value));
        }
        true
    }

    fn end(self, how: End<'_>, bytes: u64) {
        let Self { mut span, settings, started, method, url, template, request_bytes, status, version } = self;
        let failed = if let End::Failed(_, _, error) = how { failure::of(error) } else { None };
        let described = failed.map(failure::Described);
        let (how, error_type) = match (how, &described) {
            // Who has the response need not read it: that is no error.
            (End::Complete, _) => (how, None),
            (End::Dropped, _) => (how, status.is_none().then_some(CANCELLED)),
            (End::Panicked, _) => (how, Some(PANIC)),
            (End::Failed(_, _, error), Some(described)) => {
                (End::Failed("reqwest::Error", described, error), Some(failure::kind(described.0)))
            }
            (End::Failed(kind, ..), None) => (how, Some(kind)),
        };
        let of_status = status.as_ref().filter(|status| status.is_client_error() || status.is_server_error());
        let error_type = error_type.or(of_status.map(StatusCode::as_str));
        if let Some(error_type) = error_type {
            how.record(&mut span, error_type);
        }
        let ended = Ended {
            took: started.elapsed(),
            status: status.map(|status| status.as_u16()),
            version,
            error_type,
            request_bytes,
            response_bytes: bytes,
        };
        // Within the span, which is the exemplar.
        span.in_scope(|| settings.metrics.ended(&asked(method, &url, template.as_ref()), &ended));
    }
}
