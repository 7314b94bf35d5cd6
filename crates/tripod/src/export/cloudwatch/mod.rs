//! CloudWatch's metrics by `PutMetricData`: JSON, gzipped and signed.
//!
//! CloudWatch adds up what is reported, so counters and histograms tell what was counted since the last report. [`datum`] has the
//! mapping, [`spread`] what becomes of a histogram.

mod datum;
mod spread;
mod unit;

use std::time::Duration;

use tripod_wire::otlp::MetricsData;

use self::datum::Mapping;
use super::aws::Endpoint;
use super::gzip::gzip;
use super::parts::Parts;
use crate::Error;
use crate::config::{AwsConfig, check_url};
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};
use crate::say::say;

/// The API's limits; of its 1 MiB, some is left for what surrounds the data.
const MAX_DATUMS: usize = 1000;
const MAX_BYTES: usize = 1_000_000;

const TARGET: &str = "GraniteServiceVersion20100801.PutMetricData";
const DEFAULT_NAMESPACE: &str = "tripod";
const INTERVAL: Duration = Duration::from_secs(60);

/// Sends metrics to CloudWatch; see [`crate::Builder::exporter`].
///
/// ```no_run
/// # fn main() -> Result<(), tripod::Error> {
/// let cloudwatch = tripod::CloudWatchExporter::new("shop").region("eu-central-1");
/// let _tripod = tripod::init().exporter(cloudwatch).start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CloudWatchExporter {
    endpoint: Endpoint,
    namespace: String,
    mapping: Mapping,
    parts: Parts,
    /// Dimensions left out so far.
    cut: u64,
}

impl CloudWatchExporter {
    /// Reports to this namespace, which is made by reporting to it. Credentials and, unless it is said here, the region are AWS'
    /// standard chain's.
    pub fn new(namespace: &str) -> Self {
        let mapping = Mapping { resource: vec!["service.name".to_owned()], high_resolution: false };
        let endpoint = Endpoint::new("monitoring");
        Self { endpoint, namespace: namespace.to_owned(), mapping, parts: Parts::default(), cut: 0 }
    }

    /// As the variables have it.
    pub(super) fn from_config(config: &AwsConfig) -> Result<Self, Error> {
        let mut exporter = Self::new(config.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE));
        exporter.endpoint.region.clone_from(&config.region);
        match &config.cloudwatch {
            Some(url) => exporter.endpoint(url),
            None => Ok(exporter),
        }
    }

    /// The region; by default as AWS' standard chain has it.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        self.endpoint.region = Some(region.to_owned());
        self
    }

    /// A URL other than AWS' own, without a path.
    ///
    /// # Errors
    /// [`Error::Config`] when it is none.
    pub fn endpoint(mut self, url: &str) -> Result<Self, Error> {
        self.endpoint.url = Some(check_url("CloudWatchExporter::endpoint", url, None)?);
        Ok(self)
    }

    /// How long one request may take; 10 s by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.endpoint.timeout = timeout;
        self
    }

    /// The attributes of the resource that are dimensions besides those of the point; `service.name` by default. Each set of
    /// dimensions is a metric of its own for CloudWatch, and is paid for.
    #[must_use]
    pub fn resource_dimensions<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.mapping.resource = keys.into_iter().map(str::to_owned).collect();
        self
    }

    /// Whether CloudWatch keeps the metrics by the second, rather than by the minute; no by default. To report as often is
    /// [`Output::metric_interval`](crate::Output::metric_interval)'s.
    #[must_use]
    pub fn high_resolution(mut self, on: bool) -> Self {
        self.mapping.high_resolution = on;
        self
    }

    fn put(endpoint: &mut Endpoint, body: &str) -> Result<Exported, ExportError> {
        let headers =
            [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", TARGET), ("content-encoding", "gzip")];
        let compressed = gzip(body.as_bytes());
        let compressed = compressed.map_err(|error| ExportError::Permanent { reason: error.to_string() })?;
        endpoint.post("/", &headers, &compressed).map(|_| Exported::default())
    }
}

impl Exporter for CloudWatchExporter {
    fn name(&self) -> &'static str {
        "cloudwatch"
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
        let metrics = batch.decode::<MetricsData>()?;
        let data = self.mapping.data(&metrics);
        let requests = requests(&self.namespace, &data.points);
        let left_out = Exported { rejected: data.rejected, reason: data.reason };
        let exported = self.parts.send(batch, left_out, requests, |body| Self::put(&mut self.endpoint, &body))?;
        if data.cut > 0 {
            self.cut += data.cut;
            say(format_args!("cloudwatch: {} dimensions left out so far: a metric has at most 30", self.cut));
        }
        Ok(exported)
    }

    fn after_fork(&mut self) {
        self.endpoint.forget();
    }
}

/// The data in requests that the API takes, each with the number of points that end in it.
fn requests(namespace: &str, points: &[Vec<String>]) -> Vec<(u64, String)> {
    let begin = format!("{{\"Namespace\":{},\"MetricData\":[", serde_json::Value::from(namespace));
    let (mut requests, mut body, mut datums, mut ended) = (Vec::new(), begin.clone(), 0, 0);
    for point in points {
        for datum in point {
            if datums == MAX_DATUMS || (datums > 0 && body.len() + datum.len() > MAX_BYTES) {
                body.push_str("]}");
                requests.push((ended, std::mem::replace(&mut body, begin.clone())));
                (datums, ended) = (0, 0);
            }
            if datums > 0 {
                body.push(',');
            }
            body.push_str(datum);
            datums += 1;
        }
        ended += 1;
    }
    if datums > 0 {
        body.push_str("]}");
        requests.push((ended, body));
    }
    requests
}

/// The guide's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/export/cloudwatch.md")]
mod guide {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_within_the_apis_limits() {
        let sizes = |points: &[Vec<String>]| {
            let requests = requests("n\"s", points);
            for (_, body) in &requests {
                let request: serde_json::Value = serde_json::from_str(body).unwrap();
                assert_eq!(request["Namespace"], "n\"s");
                assert!(request["MetricData"].as_array().unwrap().len() <= MAX_DATUMS && body.len() <= 1 << 20);
            }
            requests.iter().map(|(points, _)| *points).collect::<Vec<_>>()
        };
        let small = vec![vec!["1".to_owned()]; 2500];
        assert_eq!(sizes(&small), [1000, 1000, 500]);
        let long = vec![vec![format!("\"{}\"", "x".repeat(300_000))]; 4];
        assert_eq!(sizes(&long), [3, 1]);
        let divided = vec![vec!["1".to_owned(); 1500]];
        assert_eq!(sizes(&divided), [0, 1], "a point counts where it ends");
        assert!(sizes(&[]).is_empty());
    }
}
