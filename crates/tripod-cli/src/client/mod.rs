//! A running server, asked over HTTP: what every command that looks at data goes through.
//!
//! Every status is an answer. What is no success is told apart: a server that refuses, one that wants credentials, and something
//! else that listens there; for the last, one more request asks what it is.

mod args;
mod error;

use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use url::Url;

pub(crate) use self::args::ServerArgs;
pub(crate) use self::error::ClientError;

/// The longest answer that is read.
const MAX_ANSWER: u64 = 1 << 30;
/// The longest reason that is shown.
const MAX_REASON: usize = 500;

/// A server and who asks it.
pub(crate) struct Client {
    base: Url,
    agent: ureq::Agent,
    authorization: Option<String>,
    timeout: Duration,
}

/// What a server said.
pub(crate) struct Answer {
    pub(crate) status: u16,
    content_type: String,
    /// How long to wait before asking again, in seconds.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Why a request failed, in whichever shape the API has it.
    pub(crate) fn reason(&self) -> String {
        let json = self.json().unwrap_or_default();
        let said = [&json["error"], &json["errors"][0]["msg"], &json["error"]["message"], &json["message"]];
        let reason = said.into_iter().find_map(Value::as_str).map(str::to_owned);
        let reason = reason.unwrap_or_else(|| String::from_utf8_lossy(&self.body).trim().to_owned());
        reason.chars().take(MAX_REASON).collect()
    }
}

impl Client {
    /// An address of this server: a path of it, and parameters.
    pub(crate) fn address(&self, path: &str, parameters: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    /// The address on which the server says it takes OTLP over HTTP, by the name it is asked by here.
    pub(crate) fn otlp_address(&self) -> Result<Url, ClientError> {
        let status = self.get("/api/status", &[])?;
        let not_said = || self.no_tripod("it does not say where it takes OTLP".to_owned());
        let listens = status["endpoints"]["otlp_http"].as_str().ok_or_else(not_said)?;
        let port = listens.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).ok_or_else(not_said)?;
        let mut url = self.base.clone();
        url.set_path("/");
        url.set_port(Some(port)).map_err(|()| not_said())?;
        Ok(url)
    }

    /// Gets JSON.
    pub(crate) fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value, ClientError> {
        let answer = self.send(&self.address(path, parameters), "application/json")?;
        match answer.status {
            200 => answer.json().ok_or_else(|| self.no_tripod(format!("its answer to {path} is no JSON"))),
            _ => Err(self.refused(&answer, path)),
        }
    }

    /// Gets protobuf; `None` when the server does not have what was asked for.
    pub(crate) fn get_protobuf(&self, path: &str) -> Result<Option<Vec<u8>>, ClientError> {
        const PROTOBUF: &str = "application/protobuf";
        let answer = self.send(&self.address(path, &[]), PROTOBUF)?;
        match (answer.status, self.refused_unless_ok(&answer, path)) {
            (404, Err(ClientError::Refused { .. })) => Ok(None),
            (_, Err(error)) => Err(error),
            _ if answer.content_type.starts_with(PROTOBUF) => Ok(Some(answer.body)),
            _ => Err(self.no_tripod(format!("its answer to {path} is no protobuf"))),
        }
    }

    /// Posts JSON to an address of the server; every status is an answer.
    pub(crate) fn post(&self, url: &Url, body: &[u8]) -> Result<Answer, ClientError> {
        let mut request = self.agent.post(url.as_str()).header("content-type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.answer(request.send(body))
    }

    fn send(&self, url: &Url, accept: &str) -> Result<Answer, ClientError> {
        let mut request = self.agent.get(url.as_str()).header("accept", accept);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.answer(request.call())
    }

    fn answer(&self, response: Result<Response<ureq::Body>, ureq::Error>) -> Result<Answer, ClientError> {
        let failed = |error| ClientError::of(&self.base, self.timeout, &error);
        let mut response = response.map_err(failed)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let content_type = header("content-type").unwrap_or_default().to_owned();
        let retry_after = header("retry-after").and_then(|text| text.parse().ok());
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(failed)?;
        Ok(Answer { status, content_type, retry_after, body })
    }

    fn refused_unless_ok(&self, answer: &Answer, path: &str) -> Result<(), ClientError> {
        if answer.status == 200 { Ok(()) } else { Err(self.refused(answer, path)) }
    }

    /// What an answer that is no success means.
    pub(crate) fn refused(&self, answer: &Answer, path: &str) -> ClientError {
        let (url, reason) = (self.base.to_string(), answer.reason());
        match answer.status {
            401 | 403 if self.authorization.is_some() => ClientError::WrongCredentials { url, reason },
            401 => ClientError::NoCredentials { url },
            status if !self.is_tripod() => self.no_tripod(format!("it answers {status} to {path}")),
            status @ (500.. | 429 | 421) => ClientError::Failed { url, status, reason },
            status => ClientError::Refused { status, reason },
        }
    }

    /// Asks what it is that answers.
    fn is_tripod(&self) -> bool {
        let status = self.send(&self.address("/api/status", &[]), "application/json");
        match status {
            // Who lets nobody in is asked no more.
            Ok(answer) if matches!(answer.status, 401 | 403 | 421) => true,
            Ok(answer) => answer.json().is_some_and(|said| said["endpoints"]["otlp_http"].is_string()),
            Err(_) => false,
        }
    }

    fn no_tripod(&self, reason: String) -> ClientError {
        ClientError::NotTripod { url: self.base.to_string(), reason }
    }
}
