//! Prometheus remote write, 1.0 and 2.0: metrics pushed to Prometheus, Mimir, Thanos, VictoriaMetrics, Amazon Managed Prometheus.
//!
//! A batch is decoded, translated as the Prometheus-compatibility rules have it (`tripod_wire::prometheus::series`), cut into requests
//! and compressed by snappy, some microseconds a point, on the exporter's own thread.

mod alive;
mod encode;
mod gather;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tripod_wire::otlp::MetricsData;
use tripod_wire::prometheus::series::translate;

use self::alive::Alive;
use self::gather::{Family, Gathered, Series};
use super::http::{Answer, HttpClient};
use super::parts::Parts;
use crate::Error;
use crate::config::env::invalid;
use crate::config::{RemoteWriteConfig, Tls, check_url};
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};
use crate::say::say;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_SAMPLES: usize = 2000;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteWriteVersion {
    /// Every receiver understands it.
    #[default]
    V1,
    /// Smaller, and it tells with each series what it is and when it began. A receiver that does not know it is sent 1.0 instead.
    V2,
}

impl RemoteWriteVersion {
    const fn content_type(self) -> &'static str {
        match self {
            Self::V1 => "application/x-protobuf",
            Self::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    const fn header(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }
}

/// Sends metrics by Prometheus remote write; see [`crate::Builder::exporter`].
///
/// ```no_run
/// use tripod::{RemoteWriteExporter, RemoteWriteVersion};
/// # fn main() -> Result<(), tripod::Error> {
/// let prometheus = RemoteWriteExporter::new("http://localhost:9090/api/v1/write")?.version(RemoteWriteVersion::V2);
/// let _tripod = tripod::init().exporter(prometheus).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RemoteWriteExporter {
    /// Made with the first batch.
    client: Option<HttpClient>,
    url: String,
    version: RemoteWriteVersion,
    headers: Vec<(String, String)>,
    timeout: Duration,
    max_samples: usize,
    parts: Parts,
    alive: Alive,
}

impl RemoteWriteExporter {
    /// Sends to this URL, with its path. A host of AWS (`aps-workspaces.REGION.amazonaws.com`) is sent signed requests, which needs the
    /// cargo feature `aws`.
    ///
    /// # Errors
    /// [`Error::Config`] when it is no URL.
    pub fn new(url: &str) -> Result<Self, Error> {
        let url = check_url("RemoteWriteExporter::new", url, None)?;
        Ok(Self {
            client: None,
            url,
            version: RemoteWriteVersion::default(),
            headers: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            max_samples: DEFAULT_SAMPLES,
            parts: Parts::default(),
            alive: Alive::default(),
        })
    }

    /// As the variables have it.
    pub(super) fn from_config(config: &RemoteWriteConfig) -> Result<Self, Error> {
        let missing = || invalid("PROMETHEUS_REMOTE_WRITE_URL", "", "must be set for the exporter remote_write");
        let mut exporter = Self::new(config.url.as_deref().ok_or_else(missing)?)?;
        if config.version_2 {
            exporter.version = RemoteWriteVersion::V2;
        }
        exporter.headers.clone_from(&config.headers);
        if let Some(timeout) = config.timeout {
            exporter.timeout = timeout;
        }
        if let Some(token) = &config.bearer_token {
            return Ok(exporter.bearer_token(token));
        }
        Ok(match &config.user {
            Some((user, password)) => exporter.basic_auth(user, password),
            None => exporter,
        })
    }

    /// The version of the protocol; 1.0 by default.
    #[must_use]
    pub fn version(mut self, version: RemoteWriteVersion) -> Self {
        self.version = version;
        self
    }

    /// A header of every request, such as `X-Scope-OrgID`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The name and password that the receiver asks for.
    #[must_use]
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        let credentials = BASE64.encode(format!("{user}:{password}"));
        self.header("authorization", &format!("Basic {credentials}"))
    }

    /// The token that the receiver asks for.
    #[must_use]
    pub fn bearer_token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// How long one request may take; 10 s by default, and zero is as long as it likes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Samples in a request, at most; 2,000 by default. A point, such as a histogram with its buckets, is not divided.
    #[must_use]
    pub fn max_samples(mut self, samples: usize) -> Self {
        self.max_samples = samples.max(1);
        self
    }
}

impl Exporter for RemoteWriteExporter {
    fn name(&self) -> &'static str {
        "remote-write"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Metrics
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let data = batch.decode::<MetricsData>()?;
        let mut gathered = Gathered::default();
        let Ok(translated) = translate(&data, &mut gathered);
        self.alive.end_missing(&mut gathered);

        let client = super::http::kept(&mut self.client, self.timeout)?;
        let mut connection =
            Connection { client: &client, url: &self.url, headers: &self.headers, version: self.version };
        let families = &gathered.families;
        let runs = gathered.runs(self.max_samples).into_iter().map(|(points, series)| (points, (points, series)));
        let left_out = Exported { rejected: translated.rejected, reason: translated.reason.unwrap_or_default() };
        let sent = self.parts.send(batch, left_out, runs, |(points, series)| {
            let Exported { rejected, reason } = connection.send(families, series)?;
            // A point may have many samples.
            Ok(Exported { rejected: rejected.min(points), reason })
        });
        self.version = connection.version;
        if sent.is_ok() {
            self.alive.sent(&gathered.series);
        }
        sent
    }

    fn close(&mut self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now()).min(self.timeout);
        let Ok(client) = HttpClient::new(left, &Tls::default()) else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        let ended = std::mem::take(&mut self.alive).end_all(now);
        let mut connection =
            Connection { client: &client, url: &self.url, headers: &self.headers, version: self.version };
        for (_, series) in ended.runs(self.max_samples) {
            // Nobody is left to try again.
            if Instant::now() >= deadline || connection.send(&ended.families, series).is_err() {
                return;
            }
        }
    }

    fn after_fork(&mut self) {
        self.client = None;
        // They are the parent's.
        self.alive = Alive::default();
    }
}

/// What a request needs.
struct Connection<'a> {
    client: &'a HttpClient,
    url: &'a str,
    headers: &'a [(String, String)],
    version: RemoteWriteVersion,
}

impl Connection<'_> {
    /// Sends series in a request; in version 1.0, from now on, if the receiver does not know 2.0.
    fn send(&mut self, families: &[Family], series: &[Series]) -> Result<Exported, ExportError> {
        let answer = self.post(families, series)?;
        if self.version == RemoteWriteVersion::V2 {
            let written = written(&answer);
            // One that knows only 1.0 may also take the request and find nothing in it.
            if answer.status == 415 || (answer.is_success() && written.is_none()) {
                say(format_args!("remote-write: {} does not know version 2.0, so 1.0 is sent from now on", self.url));
                self.version = RemoteWriteVersion::V1;
                return self.send(families, series);
            }
            if let Some(written) = written.filter(|_| !may_retry(answer.status)) {
                let rejected = (series.len() as u64).saturating_sub(written);
                let reason = answer.success(self.url, |_| false).err().map(reason_of).unwrap_or_default();
                return Ok(Exported { rejected, reason });
            }
        }
        answer.success(self.url, may_retry).map(|_| Exported::default())
    }

    fn post(&self, families: &[Family], series: &[Series]) -> Result<Answer, ExportError> {
        let message = match self.version {
            RemoteWriteVersion::V1 => encode::version_1(families, series),
            RemoteWriteVersion::V2 => encode::version_2(families, series),
        };
        let body = snap::raw::Encoder::new()
            .compress_vec(&message)
            .map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
        let mut headers = vec![
            ("content-type", self.version.content_type()),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", self.version.header()),
        ];
        headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.client.send("POST", self.url, &headers, &body)
    }
}

fn may_retry(status: u16) -> bool {
    status == 429 || status >= 500
}

fn reason_of(error: ExportError) -> String {
    match error {
        ExportError::Retry { reason, .. } | ExportError::Permanent { reason } | ExportError::TooLarge { reason } => {
            reason
        }
    }
}

/// Samples and histograms that the receiver says it has written; none where it does not speak 2.0.
fn written(answer: &Answer) -> Option<u64> {
    let count = |name: &str| answer.headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let samples = count("x-prometheus-remote-write-samples-written");
    let histograms = count("x-prometheus-remote-write-histograms-written");
    (samples.is_some() || histograms.is_some()).then(|| samples.unwrap_or(0) + histograms.unwrap_or(0))
}

/// The guide's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/export/remote-write.md")]
mod guide {}
