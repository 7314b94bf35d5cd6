//! Settings: one struct, filled from the builder, then the environment, then defaults.
//!
//! A value that can't be understood is an error that names the variable, the value and what is allowed.

mod builder;
pub(crate) mod env;
mod exporters;

pub use builder::Builder;

use std::time::Duration;

use tripod_wire::otlp::{AnyValue, KeyValue, Resource};

use crate::context::propagation::Propagators;
use crate::export::Console;
use crate::limits::Limits;
use crate::logs::Level;
use crate::metrics::Views;
use crate::pattern::Pattern;
use crate::pipeline::{Signals, SpoolConfig, TailSampling};
use crate::trace::Sampler;

/// Everything that can be set.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "otlp-http"),
    expect(dead_code, reason = "some settings belong to exporters that are features")
)]
pub(crate) struct Config {
    /// Nothing is recorded.
    pub(crate) disabled: bool,
    pub(crate) traces: bool,
    pub(crate) metrics: bool,
    pub(crate) logs: bool,
    /// Attributes set by the user; detected ones are added by [`Config::resource`].
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) sampler: Sampler,
    /// How much one span or log record may hold.
    pub(crate) limits: Limits,
    pub(crate) propagators: Propagators,
    /// Keys of baggage that become attributes of spans.
    pub(crate) baggage_attributes: Vec<Pattern>,
    /// The least grave log that is recorded.
    pub(crate) log_level: Level,
    /// What is sent by OTLP, unless the code names exporters.
    pub(crate) otlp_signals: Signals,
    /// What is shown on stderr.
    pub(crate) console_signals: Signals,
    pub(crate) console: Console,
    /// Where OTLP is sent, without the path.
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) export_timeout: Duration,
    /// Spans and logs wait at most so long before they are sent.
    pub(crate) schedule_delay: Duration,
    /// A batch has at most so many spans or logs.
    pub(crate) max_batch: usize,
    pub(crate) metric_interval: Duration,
    /// What changes about the metrics that code makes.
    pub(crate) views: Views,
    /// Whether the engine's own counts are among the metrics.
    pub(crate) self_metrics: bool,
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
}

impl Config {
    /// The resource with what is detected of it.
    pub(crate) fn resource(&self) -> Resource {
        let mut resource = crate::resource::detect();
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
