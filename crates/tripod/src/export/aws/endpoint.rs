//! Where a service of AWS is asked: a region and a URL that are found with the first request, a client that signs.

use std::time::Duration;

use super::credentials::region;
use super::service::Service;
use super::sign::Signer;
use crate::config::Tls;
use crate::export::http::{Answer, HttpClient};
use crate::pipeline::ExportError;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// A service of AWS.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// As hosts and signatures name it.
    service: &'static str,
    pub(crate) region: Option<String>,
    /// Other than AWS' own.
    pub(crate) url: Option<String>,
    pub(crate) timeout: Duration,
    /// Made with the first request: the URL without a slash at its end.
    made: Option<(HttpClient, String)>,
}

impl Endpoint {
    pub(crate) fn new(service: &'static str) -> Self {
        Self { service, region: None, url: None, timeout: DEFAULT_TIMEOUT, made: None }
    }

    /// Posts a body to this path.
    ///
    /// # Errors
    /// [`ExportError::Retry`] when the service can't be reached or wants fewer requests, when the region or credentials are not to be
    /// had; [`ExportError::Permanent`] when the service refuses.
    pub(crate) fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ExportError> {
        let (client, base) = if let Some(made) = &self.made {
            made
        } else {
            let made = self.make()?;
            self.made.insert(made)
        };
        let url = format!("{base}{path}");
        let answer = client.send("POST", &url, headers, body)?;
        let busy = answer.status == 400 && is_throttled(&answer.body);
        answer.success(&url, |status| busy || status == 429 || status >= 500)
    }

    /// Lets go of connections.
    pub(crate) fn forget(&mut self) {
        self.made = None;
    }

    fn make(&self) -> Result<(HttpClient, String), ExportError> {
        let region = match &self.region {
            Some(region) => region.clone(),
            None => region().map_err(|reason| ExportError::Retry { after: None, reason })?,
        };
        let url = self.url.clone().unwrap_or_else(|| {
            let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://{}.{region}.{domain}", self.service)
        });
        let client = HttpClient::new(self.timeout, &Tls::default());
        let client = client.map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
        let signer = Signer::of(Service { name: self.service, region });
        Ok((client.signing(signer), url.trim_end_matches('/').to_owned()))
    }
}

/// What AWS calls wanting fewer requests, with status 400: `Throttling`, `ThrottlingException`, `ThrottledException`,
/// `RequestLimitExceeded`.
fn is_throttled(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    text.contains("Throttl") || text.contains("RequestLimitExceeded")
}
