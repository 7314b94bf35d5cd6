//! A small HTTP client: every status is an answer, and every answer has its body read.

use std::time::Duration;

use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The header `content-type`.
    pub content_type: String,
    /// The header `retry-after`.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text, with replacement characters where it is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }
}

/// An HTTP client that keeps its connections.
#[derive(Debug, Clone)]
pub struct Client(ureq::Agent);

impl Default for Client {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .max_idle_connections_per_host(32);
        Self(config.build().into())
    }
}

impl Client {
    /// Gets a URL.
    pub fn get(&self, url: &str) -> Result<Answer, ureq::Error> {
        answer(self.0.get(url).call()?)
    }

    /// Gets a URL as a browser does that shows a page.
    pub fn get_page(&self, url: &str) -> Result<Answer, ureq::Error> {
        answer(self.0.get(url).header("accept", "text/html,*/*;q=0.8").call()?)
    }

    /// Puts a body of JSON.
    pub fn put(&self, url: &str, json: &Value) -> Result<Answer, ureq::Error> {
        answer(self.0.put(url).header("content-type", "application/json").send(json.to_string())?)
    }

    /// Posts a body with these headers.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ureq::Error> {
        let request = headers.iter().fold(self.0.post(url), |request, (name, value)| request.header(*name, *value));
        answer(request.send(body)?)
    }
}

fn answer(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (content_type, retry_after) = (header("content-type").unwrap_or_default(), header("retry-after"));
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec()?;
    Ok(Answer { status, content_type, retry_after, body })
}

/// Percent-encodes a value of a query string.
pub fn encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}
