//! Datadog without an agent: metrics as JSON to the series intake, version 2 of its API.
//!
//! A point of Datadog's is a number of a series at a second, so sending one again changes nothing, and histograms become several
//! series. Requests keep to the intake's limits in bytes; encoding and compressing cost some microseconds a point, on the exporter's own
//! thread.

mod series;

use std::fmt;
use std::time::Duration;

use tripod_wire::otlp::{MetricsData, Resource};

use series::{Origin, SeriesList, Style};

use super::http::HttpClient;
use super::parts::Parts;
use super::points;
use crate::Error;
use crate::config::env::invalid;
use crate::config::{ApiKey, DatadogSettings, SITE_ALLOWED, Tls, check_url, datadog_site};
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};

/// How often metrics are sent unless something else is said: the agent sends as often.
const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a request may have before it is compressed, by the API's documentation.
const MAX_PLAIN: usize = 5 * 1024 * 1024;

/// Up to so many seconds a point is moved, so that it does not take the place of the one before.
const MOVED_SECONDS: u64 = 60;

/// Sends metrics to Datadog; see [`crate::Builder::exporter`].
///
/// ```
/// use tripod::DatadogExporter;
/// # fn main() -> Result<(), tripod::Error> {
/// # let key = "0123456789abcdef0123456789abcdef";
/// let datadog = DatadogExporter::new(key)?.site("datadoghq.eu")?.prefix("shop").tag("team", "checkout");
/// let builder = tripod::init().exporter(datadog);
/// # Ok(())
/// # }
/// ```
pub struct DatadogExporter {
    key: ApiKey,
    url: String,
    client: HttpClient,
    style: Style,
    /// Bytes of a request before it is compressed.
    max_plain: usize,
    /// The second of the last batch.
    last_second: u64,
    parts: Parts,
}

impl DatadogExporter {
    /// Sends with this API key to Datadog's first site, `datadoghq.com`.
    ///
    /// # Errors
    /// [`Error::Config`] of what can't be a key. Whether Datadog knows it is not asked.
    pub fn new(api_key: &str) -> Result<Self, Error> {
        Self::with_key(ApiKey::parse("DatadogExporter::new", api_key)?)?.site("datadoghq.com")
    }

    /// Sends as the environment says: `DD_API_KEY`, `DD_SITE`, and the tags in `DD_SERVICE`, `DD_ENV`, `DD_VERSION` and `DD_TAGS`.
    ///
    /// # Errors
    /// [`Error::Config`] names the variable that is missing or can't be understood.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_settings(&DatadogSettings::from_process()?)
    }

    pub(super) fn from_settings(settings: &DatadogSettings) -> Result<Self, Error> {
        let mut exporter = Self::with_key(settings.key.clone())?.site(&settings.site)?;
        exporter.style.tags.clone_from(&settings.tags);
        Ok(exporter)
    }

    fn with_key(key: ApiKey) -> Result<Self, Error> {
        Ok(Self {
            key,
            url: String::new(),
            client: HttpClient::new(TIMEOUT, &Tls::default())?,
            style: Style::default(),
            max_plain: MAX_PLAIN,
            last_second: 0,
            parts: Parts::default(),
        })
    }

    /// The site that the key is from, for example `us3.datadoghq.com`.
    ///
    /// # Errors
    /// [`Error::Config`] of what is no domain.
    pub fn site(mut self, site: &str) -> Result<Self, Error> {
        let site = datadog_site(site).ok_or_else(|| invalid("DatadogExporter::site", site, SITE_ALLOWED))?;
        self.url = format!("https://api.{site}/api/v2/series");
        Ok(self)
    }

    /// Sends to this address instead of the site's, for example a proxy's: what comes before `/api/v2/series`.
    ///
    /// # Errors
    /// [`Error::Config`] of what is no URL.
    pub fn endpoint(mut self, url: &str) -> Result<Self, Error> {
        let url = check_url("DatadogExporter::endpoint", url, None)?;
        self.url = format!("{}/api/v2/series", url.trim_end_matches('/'));
        Ok(self)
    }

    /// What the names of all metrics begin with, followed by a dot.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('.').clone_into(&mut self.style.prefix);
        self
    }

    /// A tag of every metric.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.style.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A batch as series, and what could not be told; with the second that the next batch comes after.
    fn series(&self, batch: &Batch) -> Result<(SeriesList, Exported, u64), ExportError> {
        let data: MetricsData = batch.decode()?;
        let (mut all, mut refused) = (SeriesList::default(), Exported::default());
        let mut last_second = self.last_second;
        let mut of_resource: Option<(&Resource, Origin)> = None;
        points::each(&data, |point| {
            let origin = match &mut of_resource {
                Some((resource, origin)) if std::ptr::eq(*resource, point.resource) => origin,
                other => &mut other.insert((point.resource, self.style.origin(point.resource))).1,
            };
            let second = self.second(point.time_unix_nano);
            last_second = last_second.max(second);
            if let Err(why) = self.style.write(&point, origin, second, &mut all) {
                refused.rejected += 1;
                if refused.reason.is_empty() {
                    refused.reason = format!("{}: {why}", point.metric.name);
                }
            }
        });
        Ok((all, refused, last_second))
    }

    /// The second of a point, after that of the last batch: of two counts in one second, the later takes the place of the earlier.
    fn second(&self, time_unix_nano: u64) -> u64 {
        let second = time_unix_nano / 1_000_000_000;
        let next = self.last_second + 1;
        // A clock that was set back is another matter.
        if next.saturating_sub(second) <= MOVED_SECONDS { second.max(next) } else { second }
    }

    /// Sends one request.
    fn post(&self, body: &[u8]) -> Result<Exported, ExportError> {
        let headers =
            [("content-type", "application/json"), ("content-encoding", "gzip"), ("dd-api-key", self.key.reveal())];
        let answer = self.client.send("POST", &self.url, &headers, body).and_then(|answer| {
            let status = answer.status;
            let may_retry = |status| matches!(status, 408 | 429 | 500..);
            answer.success(&self.url, may_retry).map_err(|error| match (status, error) {
                (401 | 403, ExportError::Permanent { reason }) => {
                    let why = "Datadog does not accept the API key; is it one of this site's?";
                    ExportError::Permanent { reason: format!("{reason} ({why})") }
                }
                (_, error) => error,
            })
        });
        answer.map(|_| Exported::default()).map_err(|error| self.without_key(error))
    }

    /// Whatever the other end says, the key is not shown.
    fn without_key(&self, mut error: ExportError) -> ExportError {
        let (ExportError::Retry { reason, .. } | ExportError::TooLarge { reason } | ExportError::Permanent { reason }) =
            &mut error;
        *reason = reason.replace(self.key.reveal(), "[not shown]");
        error
    }
}

impl Exporter for DatadogExporter {
    fn name(&self) -> &'static str {
        "datadog"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Metrics
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }

    fn metric_interval(&self) -> Option<Duration> {
        Some(INTERVAL)
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let (all, refused, last_second) = self.series(batch)?;
        let requests = all.requests(self.max_plain);
        let mut parts = std::mem::take(&mut self.parts);
        let sent = parts.send(batch, refused, requests, |request| self.post(&request));
        self.parts = parts;
        if !matches!(sent, Err(ExportError::Retry { .. } | ExportError::TooLarge { .. })) {
            self.last_second = last_second;
        }
        sent
    }

    fn after_fork(&mut self) {
        // The connections are the parent's.
        if let Ok(client) = HttpClient::new(TIMEOUT, &Tls::default()) {
            self.client = client;
        }
        self.parts.forget();
    }
}

impl fmt::Debug for DatadogExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatadogExporter").field("url", &self.url).field("key", &self.key).finish_non_exhaustive()
    }
}

/// The guide's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/export/datadog.md")]
mod guide {}

#[cfg(test)]
mod tests;
