//! What exporters that speak HTTP share: a client with a timeout and certificates, with blocking I/O on the exporter's own thread, so that
//! no async runtime is needed; and what an answer means for the batch.

use std::time::{Duration, SystemTime};

use ureq::Agent;
use ureq::http::{HeaderMap, Request, header};

use crate::Error;
use crate::config::Tls;
#[cfg(feature = "aws")]
use crate::export::aws::Signer;
use crate::pipeline::ExportError;

/// The longest answer that is read; receivers say what they refused in far less.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Of what a receiver says of a refusal, so much is shown.
const SHOWN_BYTES: usize = 300;

const CONTENT_TOO_LARGE: u16 = 413;

/// A client; clones share its connections.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    agent: Agent,
    #[cfg(feature = "aws")]
    signer: Signer,
}

/// What came back, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpClient {
    /// A client whose requests may take so long, from connecting to the last byte of the answer; zero: as long as they like.
    ///
    /// # Errors
    /// [`Error::Config`] of a certificate that is none.
    #[cfg_attr(not(feature = "tls"), expect(clippy::unnecessary_wraps, reason = "only certificates can be wrong"))]
    pub(crate) fn new(timeout: Duration, tls: &Tls) -> Result<Self, Error> {
        let builder = Agent::config_builder()
            .timeout_global(Some(timeout).filter(|timeout| !timeout.is_zero()))
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .user_agent(concat!("tripod/", env!("CARGO_PKG_VERSION")));
        #[cfg(feature = "tls")]
        let builder = builder.tls_config(tls::config(tls)?);
        #[cfg(not(feature = "tls"))]
        let _ = tls;
        Ok(Self {
            agent: builder.build().into(),
            #[cfg(feature = "aws")]
            signer: Signer::default(),
        })
    }

    /// This, which signs all requests so, and not only those to hosts of AWS.
    #[cfg(feature = "aws")]
    pub(crate) fn signing(self, signer: Signer) -> Self {
        Self { signer, ..self }
    }

    /// Sends a request and reads the answer. A request to a service of AWS is signed.
    ///
    /// # Errors
    /// [`ExportError::Retry`] when there is no answer, [`ExportError::Permanent`] when what is to be sent is no request.
    pub(crate) fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, ExportError> {
        #[cfg(feature = "aws")]
        {
            let signed = || {
                let signature = self.signer.sign(method, url, headers, body)?;
                let signature = signature.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                self.exchange(method, url, &headers.iter().copied().chain(signature).collect::<Vec<_>>(), body)
            };
            let answer = signed()?;
            if answer.status != 403 || !self.signer.renew() {
                return Ok(answer);
            }
            signed()
        }
        #[cfg(not(feature = "aws"))]
        self.exchange(method, url, headers, body)
    }

    fn exchange(&self, method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, ExportError> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let permanent = |error: &dyn std::fmt::Display| ExportError::Permanent { reason: format!("{url}: {error}") };
        let request = request.body(body).map_err(|error| permanent(&error))?;
        let mut response = self.agent.run(request).map_err(|error| match error {
            ureq::Error::Http(_) | ureq::Error::BadUri(_) => permanent(&error),
            _ => ExportError::Retry { after: None, reason: format!("{url}: {error}") },
        })?;
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().unwrap_or_default();
        Ok(Answer { status: response.status().as_u16(), headers: std::mem::take(response.headers_mut()), body })
    }
}

/// The client of an exporter that makes it with its first batch, and after a fork anew.
///
/// # Errors
/// None, as there are no certificates.
#[cfg(feature = "remote-write")]
pub(crate) fn kept(client: &mut Option<HttpClient>, timeout: Duration) -> Result<HttpClient, ExportError> {
    if let Some(client) = client {
        return Ok(client.clone());
    }
    let made = HttpClient::new(timeout, &Tls::default());
    let made = made.map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
    Ok(client.insert(made).clone())
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// This, if it is a success.
    ///
    /// # Errors
    /// [`ExportError::Retry`] with the receiver's wish when `may_retry` holds of the status, [`ExportError::TooLarge`] of 413,
    /// [`ExportError::Permanent`] otherwise; with the beginning of what the receiver says.
    pub(crate) fn success(self, url: &str, may_retry: impl FnOnce(u16) -> bool) -> Result<Self, ExportError> {
        if self.is_success() {
            return Ok(self);
        }
        let reason = format!("{url}: HTTP {}{}", self.status, self.shown());
        if may_retry(self.status) {
            return Err(ExportError::Retry { after: self.retry_after(SystemTime::now()), reason });
        }
        Err(if self.status == CONTENT_TOO_LARGE {
            ExportError::TooLarge { reason }
        } else {
            ExportError::Permanent { reason }
        })
    }

    /// When to try again: `Retry-After`, in seconds or as a date.
    fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let wish = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        let until = || httpdate::parse_http_date(wish).ok()?.duration_since(now).ok();
        wish.parse().ok().map(Duration::from_secs).or_else(until)
    }

    /// What the receiver says, in a line, if it is text.
    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(SHOWN_BYTES)]);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() || line.contains(char::is_control) { String::new() } else { format!(": {line}") }
    }
}

/// Certificates of the user's own.
#[cfg(feature = "tls")]
mod tls {
    use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

    use crate::Error;
    use crate::config::Tls;
    use crate::config::env::invalid;

    pub(super) fn config(tls: &Tls) -> Result<TlsConfig, Error> {
        let mut builder = TlsConfig::builder();
        if !tls.authorities.is_empty() {
            builder = builder.root_certs(RootCerts::from(certificates(&tls.authorities)?));
        }
        if let Some((certificate, key)) = &tls.client {
            let key = PrivateKey::from_pem(key).map_err(|error| wrong("the client's key", error))?;
            builder = builder.client_cert(Some(ClientCert::new_with_certs(&certificates(certificate)?, key)));
        }
        Ok(builder.build())
    }

    fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, Error> {
        let mut found = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| wrong("a certificate", error))? {
                found.push(certificate);
            }
        }
        if found.is_empty() {
            return Err(wrong("a certificate", "there is none in the file"));
        }
        Ok(found)
    }

    fn wrong(what: &str, why: impl std::fmt::Display) -> Error {
        invalid("OTEL_EXPORTER_OTLP_CERTIFICATE", what, format!("must be in PEM: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(wish) = retry_after {
            headers.insert(header::RETRY_AFTER, wish.parse().unwrap());
        }
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_receiver_may_say_in_seconds_or_as_a_date_when_to_try_again() {
        let now = httpdate::parse_http_date("Sat, 21 Nov 2026 16:00:00 GMT").unwrap();
        assert_eq!(answer(503, Some(" 7 "), "").retry_after(now), Some(Duration::from_secs(7)));
        let date = answer(503, Some("Sat, 21 Nov 2026 16:01:30 GMT"), "");
        assert_eq!(date.retry_after(now), Some(Duration::from_secs(90)));
        assert_eq!(date.retry_after(now + Duration::from_secs(600)), None, "it has passed");
        assert_eq!(answer(503, Some("soon"), "").retry_after(now), None);
    }

    #[test]
    fn a_refusal_tells_what_the_receiver_says_of_it() {
        let refused = answer(400, None, "label \"a\"\n is   not allowed\n").success("http://h/p", |_| false);
        let reason = "http://h/p: HTTP 400: label \"a\" is not allowed".to_owned();
        assert_eq!(refused.err(), Some(ExportError::Permanent { reason }));
        let later = answer(429, Some("2"), "\u{1}").success("http://h/p", |status| status == 429);
        let (after, reason) = (Some(Duration::from_secs(2)), "http://h/p: HTTP 429".to_owned());
        assert_eq!(later.err(), Some(ExportError::Retry { after, reason }));
    }
}
