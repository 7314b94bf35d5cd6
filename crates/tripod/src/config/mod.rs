//! Settings: one struct, filled from the code, then the environment, then a file, then defaults.
//!
//! Each source is read into the same [`settings::Settings`], so precedence is one merge ([`resolve`]). A value that can't be understood
//! is an error that names the variable (or the file's line and key), the value and what is allowed. What is understood but can't be
//! done is said once at start.

mod aws;
mod builder;
#[cfg(any(feature = "datadog", feature = "statsd"))]
#[cfg_attr(not(feature = "datadog"), expect(dead_code, reason = "DogStatsD needs only the tags"))]
mod datadog;
mod destinations;
#[cfg(test)]
mod documented;
pub(crate) mod env;
mod further;
mod otlp;
mod prometheus;
mod pushgateway;
mod remote_write;
mod resolve;
mod settings;
#[cfg(feature = "statsd")]
mod statsd;
#[cfg(feature = "yaml")]
mod yaml;

pub use builder::Builder;
pub use otlp::{Compression, OtlpProtocol};

use std::path::PathBuf;
use std::time::Duration;

use tripod_wire::otlp::{AnyValue, KeyValue, Resource};

use crate::context::propagation::Propagators;
use crate::export::Console;
use crate::instrument::MetricNames;
use crate::limits::Limits;
use crate::logs::{Level, Redact};
use crate::metrics::{ExemplarFilter, Temporality, Views};
use crate::pattern::Pattern;
use crate::pipeline::{OutputOptions, Signals, SpoolConfig, TailSampling};
use crate::resource::{Detector, Surroundings};
use crate::trace::Sampler;
pub(crate) use aws::AwsConfig;
#[cfg(feature = "datadog")]
pub(crate) use datadog::{ApiKey, DatadogSettings, SITE_ALLOWED, site as datadog_site};
pub(crate) use destinations::{Destination, Destinations};
pub(crate) use further::{FurtherOutput, FurtherTo};
pub(crate) use otlp::OtlpTarget;
#[cfg(any(feature = "http-client", all(feature = "otlp", feature = "tls"), test))]
pub(crate) use otlp::Tls;
#[cfg(all(unix, feature = "otlp-grpc"))]
pub(crate) use otlp::UNIX;
#[cfg(any(feature = "aws", feature = "datadog", feature = "pushgateway", feature = "remote-write"))]
pub(crate) use otlp::check_url;
pub(crate) use prometheus::PrometheusConfig;
pub(crate) use pushgateway::PushgatewayConfig;
pub(crate) use remote_write::RemoteWriteConfig;
#[cfg(feature = "statsd")]
pub(crate) use statsd::StatsdSettings;

/// Everything that can be set.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "some settings belong to exporters that are features"))]
pub(crate) struct Config {
    /// Nothing is recorded.
    pub(crate) disabled: bool,
    pub(crate) traces: bool,
    pub(crate) metrics: bool,
    pub(crate) logs: bool,
    /// Attributes set by the user; detected ones are added by [`Config::resource`].
    pub(crate) attributes: Vec<KeyValue>,
    /// What looks for attributes.
    pub(crate) detectors: Vec<Detector>,
    pub(crate) sampler: Sampler,
    /// How much one span or log record may hold.
    pub(crate) limits: Limits,
    pub(crate) propagators: Propagators,
    /// Keys of baggage that become attributes of spans.
    pub(crate) baggage_attributes: Vec<Pattern>,
    /// The least grave log that is recorded.
    pub(crate) log_level: Level,
    /// Log records that one place in the code may write a second; 0: as many as it likes.
    pub(crate) log_rate_limit: u32,
    /// Whether a log record names module, file and line.
    pub(crate) log_location: bool,
    /// Names of attributes whose values are not shown.
    pub(crate) redact: Redact,
    /// Where each signal goes besides the exporters that the code names; OTLP only if it names none.
    pub(crate) destinations: [Destinations; 3],
    pub(crate) console: Console,
    /// How the console is served, where a configuration file says so.
    pub(crate) console_options: OutputOptions,
    /// Where Prometheus asks, if metrics go there, and what it gets.
    pub(crate) prometheus: PrometheusConfig,
    #[cfg_attr(not(feature = "pushgateway"), allow(dead_code, reason = "the exporter is a feature"))]
    pub(crate) pushgateway: PushgatewayConfig,
    /// How each signal is sent by OTLP.
    pub(crate) otlp: [OtlpTarget; 3],
    /// How JSON lines are written into files.
    #[cfg_attr(not(feature = "jsonl"), allow(dead_code, reason = "written by a feature"))]
    pub(crate) otlp_file: OtlpFile,
    /// What a configuration file sends to besides.
    pub(crate) further: Vec<FurtherOutput>,
    /// Where StatsD listens, if a signal goes there.
    #[cfg(feature = "statsd")]
    pub(crate) statsd: Option<StatsdSettings>,
    /// Who is asking Datadog, if a signal goes there.
    #[cfg(feature = "datadog")]
    pub(crate) datadog: Option<DatadogSettings>,
    /// What the environment says of Prometheus remote write.
    #[cfg_attr(not(feature = "remote-write"), allow(dead_code, reason = "written to by a feature"))]
    pub(crate) remote_write: RemoteWriteConfig,
    /// What the environment says of CloudWatch and X-Ray.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "written to by a feature"))]
    pub(crate) aws: AwsConfig,
    /// How spans, and how log records, are gathered.
    pub(crate) batch: [BatchConfig; 2],
    /// How often metrics are collected for the exporters, where it is said.
    pub(crate) metric_interval: Option<Duration>,
    /// Since when OTLP tells of counters and histograms.
    pub(crate) temporality: Temporality,
    /// What changes about the metrics that code makes.
    pub(crate) views: Views,
    /// Which measurements may become exemplars.
    pub(crate) exemplars: ExemplarFilter,
    /// Whether the engine's own counts are among the metrics.
    pub(crate) self_metrics: bool,
    /// Whose names the metrics of instrumented libraries have, where it is said.
    pub(crate) metric_names: Option<MetricNames>,
    /// Bytes of records between their threads and the collector.
    pub(crate) record_memory: usize,
    /// Bytes that wait for one exporter.
    pub(crate) queue_memory: usize,
    /// Where batches wait on disk when memory does not suffice.
    pub(crate) spool: Option<SpoolConfig>,
    /// Which traces are kept after they have ended; `None`: all.
    pub(crate) tail: Option<TailSampling>,
    /// How long dropping the guard may take.
    pub(crate) shutdown_timeout: Duration,
    /// What the user should know of the settings, a sentence each.
    pub(crate) notices: Vec<String>,
}

/// Files of JSON lines; what is `None` is as [`crate::JsonlExporter`] has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "jsonl"), allow(dead_code, reason = "written by a feature"))]
pub(crate) struct OtlpFile {
    pub(crate) folder: PathBuf,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) keep: Option<usize>,
}

/// How records of one signal become batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchConfig {
    /// They wait at most so long before they are sent.
    pub(crate) delay: Duration,
    /// A batch has at most so many.
    pub(crate) max_records: usize,
}

impl Config {
    /// The signals that go there.
    pub(crate) fn signals_to(&self, to: Destination) -> Signals {
        destinations::signals(&self.destinations, to)
    }

    /// The resource with what is detected of it.
    pub(crate) fn resource(&self) -> Resource {
        let mut resource = crate::resource::detect(&self.detectors, &Surroundings::real());
        for attribute in &self.attributes {
            resource.attributes.retain(|detected| detected.key != attribute.key);
            resource.attributes.push(attribute.clone());
        }
        if resource.get("service.name").is_none() {
            let program = match resource.get("process.executable.name") {
                Some(AnyValue::String(name)) => format!("unknown_service:{name}"),
                _ => "unknown_service".to_owned(),
            };
            resource.attributes.push(KeyValue::new("service.name", program));
        }
        resource
    }
}
