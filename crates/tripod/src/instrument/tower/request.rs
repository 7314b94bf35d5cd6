//! What a request says of itself: its route, its scheme, who asks whom.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::request::Parts;
use http::{HeaderMap, header};

use super::Settings;
use crate::instrument::http::{host, text};

/// A request's route.
pub(super) enum Route {
    None,
    Given(Cow<'static, str>),
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
}

impl Route {
    pub(super) fn of(settings: &Settings, request: &Parts) -> Self {
        if let Some(route) = settings.route.as_ref().and_then(|route| route(request)) {
            return Self::Given(route);
        }
        #[cfg(feature = "axum")]
        if let Some(matched) = request.extensions.get::<axum::extract::MatchedPath>() {
            return Self::Matched(matched.clone());
        }
        Self::None
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Given(route) => Some(route),
            #[cfg(feature = "axum")]
            Self::Matched(matched) => Some(matched.as_str()),
        }
    }
}

/// Who asks, whom, and how: what the request says, or the proxy that is believed.
pub(super) struct Ends<'a> {
    pub(super) scheme: &'static str,
    pub(super) server: Option<(&'a str, Option<u16>)>,
    /// As a proxy says it.
    pub(super) client: Option<&'a str>,
    pub(super) peer: Option<SocketAddr>,
}

impl<'a> Ends<'a> {
    pub(super) fn of(settings: &Settings, request: &'a Parts) -> Self {
        let proxy = if settings.forwarded { Proxy::of(&request.headers) } else { Proxy::default() };
        let scheme = proxy.scheme.or_else(|| request.uri.scheme_str()).unwrap_or_default();
        // Clients choose what they send: it is one of two, as it becomes a label.
        let scheme = if scheme.eq_ignore_ascii_case("https") { "https" } else { "http" };
        let authority = proxy.host.or_else(|| request.uri.authority().map(http::uri::Authority::as_str));
        let server = authority.or_else(|| get(&request.headers, header::HOST.as_str())).map(host::split);
        Self { scheme, server, client: proxy.client, peer: peer(settings, request) }
    }
}

fn peer(settings: &Settings, request: &Parts) -> Option<SocketAddr> {
    if let Some(peer) = &settings.peer {
        return peer(request);
    }
    #[cfg(feature = "axum")]
    if let Some(info) = request.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0);
    }
    request.extensions.get().copied()
}

/// What a proxy says of the request that it got.
#[derive(Default)]
struct Proxy<'a> {
    client: Option<&'a str>,
    host: Option<&'a str>,
    scheme: Option<&'a str>,
}

impl<'a> Proxy<'a> {
    /// By `Forwarded` (RFC 7239), or else by the headers that came before it. Of several proxies, the first one's word counts.
    fn of(headers: &'a HeaderMap) -> Self {
        let mut this = Self::default();
        if let Some(forwarded) = get(headers, header::FORWARDED.as_str()) {
            for pair in first(forwarded).split(';') {
                let Some((key, value)) = pair.split_once('=') else { continue };
                let value = value.trim().trim_matches('"');
                match key.trim() {
                    key if key.eq_ignore_ascii_case("for") => this.client = Some(host::split(value).0),
                    key if key.eq_ignore_ascii_case("host") => this.host = Some(value),
                    key if key.eq_ignore_ascii_case("proto") => this.scheme = Some(value),
                    _ => {}
                }
            }
            return this;
        }
        let first_of = |name| get(headers, name).map(first).filter(|value| !value.is_empty());
        this.client = first_of("x-forwarded-for").map(|client| host::split(client).0);
        this.host = first_of("x-forwarded-host");
        this.scheme = first_of("x-forwarded-proto");
        this
    }
}

/// The first of a list.
fn first(list: &str) -> &str {
    list.split(',').next().unwrap_or_default().trim()
}

fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(text)
}
