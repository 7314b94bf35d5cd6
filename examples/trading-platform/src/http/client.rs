//! The client's side: a span a call, whose context goes along in the request's headers.

use std::time::Duration;

use axum::http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tripod::{InSpanExt, SpanBuilder, SpanKind, propagation};

/// Longer than any pipeline takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Calls another service.
pub(crate) struct Client {
    http: reqwest::Client,
    service: &'static str,
    base: String,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{service} did not answer")]
    NoAnswer { service: &'static str, source: reqwest::Error },
    #[error("{service} answered {status}: {reason}")]
    Refused { service: &'static str, status: u16, reason: String },
}

/// The body of an answer that is no success.
#[derive(Default, serde::Deserialize)]
struct Refusal {
    error: String,
}

impl Client {
    /// A client of the service at this URL.
    pub(crate) fn new(service: &'static str, base: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().unwrap_or_default();
        Self { http, service, base: base.trim_end_matches('/').to_owned() }
    }

    /// Gets a path without parameters.
    pub(crate) async fn get<A: DeserializeOwned>(&self, path: &'static str) -> Result<A, CallError> {
        self.call(Method::GET, path, path, self.http.get(self.url(path))).await
    }

    /// Posts to a path; `route` is the same with its parameters' names, as it is known to the server.
    pub(crate) async fn post<A: DeserializeOwned>(
        &self,
        route: &'static str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, CallError> {
        self.call(Method::POST, route, path, self.http.post(self.url(path)).json(body)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        route: &'static str,
        path: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<A, CallError> {
        let span = SpanBuilder::new(format!("{method} {route}"))
            .kind(SpanKind::CLIENT)
            .attribute("http.request.method", method.as_str())
            .attribute("url.full", &self.url(path))
            .attribute("url.template", route)
            .attribute("peer.service", self.service)
            .start();
        let call = async {
            let result = self.send(request).await;
            if let Err(error) = &result {
                tripod::current().record_error(error);
            }
            result
        };
        call.in_span(span).await
    }

    async fn send<A: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<A, CallError> {
        let no_answer = |source| CallError::NoAnswer { service: self.service, source };
        let mut headers = HeaderMap::new();
        propagation::inject(&mut headers);
        let response = request.headers(headers).send().await.map_err(no_answer)?;
        let status = response.status();
        tripod::current().set_attribute("http.response.status_code", i64::from(status.as_u16()));
        if status.is_success() {
            return response.json().await.map_err(no_answer);
        }
        let reason = response.json::<Refusal>().await.unwrap_or_default().error;
        Err(CallError::Refused { service: self.service, status: status.as_u16(), reason })
    }
}
