//! Who may speak to the server: one guard before every route of every listener.
//!
//! - [`credentials`] are tokens and users; where there are any, every request needs one, but for the paths that only say that the
//!   server lives.
//! - [`origin`] keeps web pages out that are not ours: a page of anywhere can make the browser of someone behind the same loopback ask or
//!   post, by a name that leads there (DNS rebinding) or by a form. No other program is hindered by it.

pub(crate) mod credentials;
mod origin;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use self::credentials::{Credentials, Proof};
pub(crate) use self::origin::is_local_page;

/// What is answered to everyone: that the server lives and takes requests, and nothing else. Who restarts it when it doesn't, such as a
/// cluster's node, has no token.
const OPEN: [&str; 3] = ["/-/healthy", "/-/ready", "/healthz"];

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// The web page and the APIs.
    Web,
    /// OTLP over HTTP; with `browsers`, pages from this machine may send.
    OtlpHttp { browsers: bool },
    /// OTLP over gRPC.
    OtlpGrpc,
}

/// What a listener lets through.
pub(crate) struct Guard {
    listener: Listener,
    /// On loopback, or where names are given: names beside `localhost` by which the server may be asked. Else any name is as good.
    local_hosts: Option<Vec<String>>,
    credentials: Arc<Credentials>,
}

impl Guard {
    pub(crate) fn new(listener: Listener, local_hosts: Option<Vec<String>>, credentials: Arc<Credentials>) -> Self {
        Self { listener, local_hosts, credentials }
    }

    /// Puts the guard before all that a router answers.
    pub(crate) fn before(self, router: Router) -> Router {
        router.layer(from_fn_with_state(Arc::new(self), check))
    }

    /// Why a web page may not ask this.
    fn refuses_page(&self, request: &Request) -> Option<(StatusCode, String)> {
        let origin = request.headers().get(ORIGIN);
        let refused = |reason: String| Some((StatusCode::FORBIDDEN, reason));
        match self.listener {
            Listener::OtlpHttp { browsers: true } if origin.is_some_and(is_local_page) => None,
            Listener::OtlpHttp { .. } | Listener::OtlpGrpc => {
                let origin = origin?;
                refused(format!("web pages may not send here, and {origin:?} is one: see --browser-otlp"))
            }
            Listener::Web => {
                let host = host(request).unwrap_or_default();
                if let Some(names) = &self.local_hosts
                    && !origin::is_local_host(host, names)
                {
                    let reason = format!(
                        "{host:?} is not a name of this server: ask localhost, or start it with --allow-host {}",
                        origin::without_port(host)
                    );
                    return Some((StatusCode::MISDIRECTED_REQUEST, reason));
                }
                let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
                let foreign = origin.filter(|origin| !origin::is_of(origin, host));
                match foreign {
                    Some(origin) if changes => refused(format!("{origin:?} is another web page than this server's")),
                    _ if changes && origin::is_cross_site(request.headers()) => {
                        refused("the request comes from another site's web page".to_owned())
                    }
                    _ => None,
                }
            }
        }
    }

    /// Whether anyone may ask this.
    fn is_open(&self, request: &Request) -> bool {
        if self.credentials.is_empty() {
            return true;
        }
        match self.listener {
            Listener::Web => OPEN.contains(&request.uri().path()),
            // A browser asks beforehand, without credentials.
            Listener::OtlpHttp { browsers } => {
                browsers
                    && request.method() == Method::OPTIONS
                    && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
            }
            Listener::OtlpGrpc => false,
        }
    }
}

/// The name that the server was asked by: HTTP/2 has it in the URI.
fn host(request: &Request) -> Option<&str> {
    let of_uri = request.uri().authority().map(axum::http::uri::Authority::as_str);
    of_uri.or_else(|| request.headers().get(HOST)?.to_str().ok())
}

async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if let Some((status, reason)) = guard.refuses_page(&request) {
        return (status, format!("{reason}\n")).into_response();
    }
    if !guard.is_open(&request) && !guard.credentials.accept(proof(request.headers())).await {
        return unauthorized(request.headers());
    }
    next.run(request).await
}

/// What a request shows to be let in.
fn proof(headers: &HeaderMap) -> Option<Proof> {
    Proof::parse(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// The answer to who shows nothing, or the wrong thing: to gRPC in its own way.
fn unauthorized(headers: &HeaderMap) -> Response {
    const REASON: &str = "a token or a user's name and password are needed";
    let grpc = HeaderValue::from_static("application/grpc");
    if headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(grpc.as_bytes())) {
        let status = [("grpc-status", "16"), ("grpc-message", REASON)];
        return (StatusCode::OK, [(CONTENT_TYPE, grpc)], status, ()).into_response();
    }
    let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"tripod\", charset=\"UTF-8\", Bearer realm=\"tripod\"")];
    (StatusCode::UNAUTHORIZED, challenge, format!("{REASON}\n")).into_response()
}
