//! The client's side. Each call has a span, whose context goes along in the request's headers: that is `send_traced_as`.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tripod::instrument::reqwest::SendTraced;

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
        self.call(path, self.http.get(self.url(path))).await
    }

    /// Posts to a path; `route` is the same with its parameters' names, as it is known to the server.
    pub(crate) async fn post<A: DeserializeOwned>(
        &self,
        route: &'static str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<A, CallError> {
        self.call(route, self.http.post(self.url(path)).json(body)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn call<A: DeserializeOwned>(&self, route: &'static str, request: RequestBuilder) -> Result<A, CallError> {
        let no_answer = |source| CallError::NoAnswer { service: self.service, source };
        let response = request.send_traced_as(route).await.map_err(no_answer)?;
        let status = response.status();
        if status.is_success() {
            return response.json().await.map_err(no_answer);
        }
        let reason = response.json::<Refusal>().await.unwrap_or_default().error;
        Err(CallError::Refused { service: self.service, status: status.as_u16(), reason })
    }
}
