//! Asks a target for its page.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Method, StatusCode};
use tripod_wire::prometheus::escaping::Escaping;

use crate::http_client::{HttpClient, HttpError};
use crate::prometheus_config::scrape::{Protocol, ScrapeConfig};

/// Who asks.
pub(super) const AGENT: &str = concat!("Tripod/", env!("CARGO_PKG_VERSION"));

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    OpenMetrics,
    Protobuf,
}

/// A page as it came.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) format: Format,
    pub(super) gzipped: bool,
    pub(super) body: Bytes,
}

/// The headers of a job's requests.
pub(super) fn headers(config: &ScrapeConfig, timeout: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, value: &str| {
        // All of them are of plain characters.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    put(ACCEPT, &accept(&config.protocols, config.escaping));
    put(ACCEPT_ENCODING, if config.enable_compression { "gzip" } else { "identity" });
    put(USER_AGENT, AGENT);
    put(HeaderName::from_static("x-prometheus-scrape-timeout-seconds"), &timeout.as_secs_f64().to_string());
    headers
}

/// The formats in their order; each but the oldest with how names of any characters are to be written.
fn accept(protocols: &[Protocol], escaping: Escaping) -> String {
    let mut weight = protocols.len() + 1;
    let mut all = String::new();
    for protocol in protocols {
        let (kind, escapes) = match protocol {
            Protocol::PrometheusProto => {
                ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", true)
            }
            Protocol::OpenMetrics100 => ("application/openmetrics-text;version=1.0.0", true),
            Protocol::OpenMetrics001 => ("application/openmetrics-text;version=0.0.1", false),
            Protocol::PrometheusText100 => ("text/plain;version=1.0.0", true),
            Protocol::PrometheusText004 => ("text/plain;version=0.0.4", false),
        };
        let escaping = if escapes { format!(";escaping={}", escaping.name()) } else { String::new() };
        all.extend([kind, &escaping, ";q=0.", &weight.to_string(), ","]);
        weight -= 1;
    }
    all + &format!("*/*;q=0.{weight}")
}

/// Asks; at most `limit` bytes as they come.
pub(super) async fn fetch(
    client: &HttpClient,
    url: &str,
    headers: &HeaderMap,
    fallback: Option<Protocol>,
    limit: usize,
) -> Result<Fetched, String> {
    let answer = client.send(Method::GET, url, headers, Bytes::new(), limit).await.map_err(|error| match error {
        HttpError::TooLarge { limit } => format!("body size limit exceeded: the page has more than {limit} bytes"),
        other => other.to_string(),
    })?;
    if answer.status != StatusCode::OK {
        return Err(format!("server returned HTTP status {}", answer.status));
    }
    let text = |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let gzipped = match text(CONTENT_ENCODING).to_ascii_lowercase().as_str() {
        "gzip" => true,
        "" | "identity" => false,
        other => return Err(format!("the page is compressed by {other:?}, which was not asked for")),
    };
    let format = format(text(CONTENT_TYPE), fallback)?;
    Ok(Fetched { format, gzipped, body: answer.body })
}

fn format(content_type: &str, fallback: Option<Protocol>) -> Result<Format, String> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match (kind.as_str(), fallback) {
        ("application/openmetrics-text", _) => Ok(Format::OpenMetrics),
        ("application/vnd.google.protobuf", _) => Ok(Format::Protobuf),
        ("text/plain", _) => Ok(Format::Text),
        (_, Some(Protocol::PrometheusProto)) => Ok(Format::Protobuf),
        (_, Some(Protocol::OpenMetrics001 | Protocol::OpenMetrics100)) => Ok(Format::OpenMetrics),
        (_, Some(Protocol::PrometheusText004 | Protocol::PrometheusText100)) => Ok(Format::Text),
        ("", None) => Err("the target says no Content-Type, and there is no fallback_scrape_protocol".to_owned()),
        (other, None) => {
            Err(format!("the Content-Type {other:?} is no format of metrics, and there is no fallback_scrape_protocol"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_asked_for_in_their_order() {
        let asked = accept(&[Protocol::OpenMetrics100, Protocol::PrometheusText004], Escaping::AllowUtf8);
        assert_eq!(
            asked,
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
    }

    #[test]
    fn a_page_is_what_it_says_or_what_the_job_says() {
        let proto = Some(Protocol::PrometheusProto);
        assert_eq!(format("text/plain; version=0.0.4", proto), Ok(Format::Text));
        assert_eq!(format("Application/OpenMetrics-Text", None), Ok(Format::OpenMetrics));
        assert_eq!(format("text/html", proto), Ok(Format::Protobuf));
        assert!(format("text/html", None).unwrap_err().contains("\"text/html\" is no format"));
        assert!(format("", None).unwrap_err().contains("no Content-Type"));
    }
}
