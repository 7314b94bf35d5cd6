//! From what the sources say to what holds: code before environment before file before default.

use std::path::PathBuf;
use std::time::Duration;

use super::destinations::{Destination, Destinations, signals};
use super::env::Env;
use super::settings::{LimitSettings, Merge, OtlpFileSettings, Settings};
use super::{BatchConfig, Config, OtlpFile};
use crate::Error;
use crate::context::propagation::Propagators;
use crate::limits::{Limits, LogLimits, SpanLimits};
use crate::logs::Level;
use crate::metrics::Views;
use crate::pipeline::{OutputOptions, Signal, Signals};
use crate::resource::Detector;

/// How long spans and logs wait, and how many are sent together, where nobody says.
pub(super) const DEFAULT_DELAY: Duration = Duration::from_secs(1);
pub(super) const DEFAULT_BATCH: usize = 512;

/// What a waiting record is taken to occupy where its variable counts records: a span with some attributes.
const RECORD_BYTES: usize = 1024;
/// Records that may wait, where the variable of one signal is set and that of the other is not: the specification's default.
const DEFAULT_QUEUE: usize = 2048;

pub(super) fn resolve(code: Settings, file: Option<PathBuf>, env: &Env<'_>) -> Result<Config, Error> {
    let mut notices = Vec::new();
    let from_env = env.settings(&mut notices)?;
    let file = file.or_else(|| {
        let file = env.text("OTEL_CONFIG_FILE").or_else(|| env.text("OTEL_EXPERIMENTAL_CONFIG_FILE"));
        file.map(PathBuf::from)
    });
    let mut from_file = match file {
        Some(file) => read_file(&file, env, &mut notices)?,
        None => Settings::default(),
    };
    let stronger = code.or(from_env);
    from_file.yield_to(&stronger);
    let mut config = fill(stronger.or(from_file), notices)?;
    read_destinations(&mut config, env)?;
    Ok(config)
}

/// Reads what the environment says of destinations, where something goes there.
#[cfg_attr(
    not(any(feature = "datadog", feature = "statsd")),
    expect(
        unused_variables,
        clippy::needless_pass_by_ref_mut,
        clippy::unnecessary_wraps,
        reason = "these are features"
    )
)]
fn read_destinations(config: &mut Config, env: &Env<'_>) -> Result<(), Error> {
    #[cfg(feature = "statsd")]
    if !config.signals_to(Destination::Statsd).is_empty() {
        config.statsd = Some(super::StatsdSettings::read(env)?);
    }
    #[cfg(feature = "datadog")]
    if !config.signals_to(Destination::Datadog).is_empty() {
        config.datadog = Some(super::DatadogSettings::read(env)?);
    }
    Ok(())
}

#[cfg(feature = "yaml")]
fn read_file(file: &std::path::Path, env: &Env<'_>, notices: &mut Vec<String>) -> Result<Settings, Error> {
    super::yaml::read(file, env, notices)
}

#[cfg(not(feature = "yaml"))]
fn read_file(file: &std::path::Path, _: &Env<'_>, _: &mut Vec<String>) -> Result<Settings, Error> {
    let needs = "needs the cargo feature `yaml` of the crate tripod";
    Err(super::env::invalid("OTEL_CONFIG_FILE", &file.display().to_string(), needs))
}

/// Adds the defaults.
fn fill(settings: Settings, mut notices: Vec<String>) -> Result<Config, Error> {
    let mut destinations = settings.destinations.map(|given| given.unwrap_or(Destinations::only(Destination::Otlp)));
    if settings.serves_prometheus == Some(true) {
        // Where nothing is said of metrics but this, they go nowhere else.
        let given = settings.destinations[Signal::Metrics as usize].unwrap_or_default();
        destinations[Signal::Metrics as usize] = Destinations::only(Destination::Prometheus).and(given);
    }
    let is_served = !signals(&destinations, Destination::Prometheus).is_empty();
    if !is_served && (settings.prometheus.host.is_some() || settings.prometheus.port.is_some()) {
        notices.push(
            "an address for Prometheus is set, and nothing is served there: OTEL_METRICS_EXPORTER=prometheus turns it on"
                .to_owned(),
        );
    }
    let prometheus = settings.prometheus.resolve();
    let goes = |signal: Signal| destinations[signal as usize].any() || settings.further.any(signal);
    let enabled = |signal: Signal| settings.enabled[signal as usize].unwrap_or_else(|| goes(signal));
    let [traces, metrics, logs] = Signals::ALL.map(enabled);
    if settings.console.is_some() {
        for signal in [Signal::Traces, Signal::Logs] {
            destinations[signal as usize].add(Destinations::only(Destination::Console));
        }
    }
    let queues = [settings.batch[0].max_queue, settings.batch[1].max_queue];
    let limits = settings.limits.resolve();
    let export_timeouts = [settings.batch[0].export_timeout, settings.metric_timeout, settings.batch[1].export_timeout];
    let batch = settings.batch.map(|batch| {
        let delay = batch.delay.unwrap_or(DEFAULT_DELAY);
        BatchConfig { delay, max_records: batch.max_records.unwrap_or(DEFAULT_BATCH).max(1) }
    });
    let [traces_otlp, metrics_otlp, logs_otlp] = settings.otlp;
    let mut otlp = [
        traces_otlp.resolve(Signal::Traces, &mut notices)?,
        metrics_otlp.resolve(Signal::Metrics, &mut notices)?,
        logs_otlp.resolve(Signal::Logs, &mut notices)?,
    ];
    for (target, export) in otlp.iter_mut().zip(export_timeouts) {
        target.timeout = shorter(target.timeout, export);
    }
    if signals(&destinations, Destination::Otlp).is_empty() {
        // Then nobody need know how OTLP would have been sent.
        notices.retain(|notice| !notice.starts_with("OTLP "));
    }
    let further = settings.further.resolve(&mut notices)?;
    notices.dedup();
    Ok(Config {
        disabled: settings.disabled.unwrap_or(false),
        traces,
        metrics,
        logs,
        attributes: settings.attributes.0,
        detectors: settings.detectors.unwrap_or_else(|| Detector::DEFAULT.to_vec()),
        sampler: settings.sampler.unwrap_or_default(),
        limits,
        propagators: settings.propagators.unwrap_or(Propagators::DEFAULT),
        baggage_attributes: settings.baggage_attributes.0,
        log_level: settings.log_level.unwrap_or(Level::Info),
        log_rate_limit: settings.log_rate_limit.unwrap_or(0),
        log_location: settings.log_location.unwrap_or(false),
        redact: settings.redact.unwrap_or_default(),
        destinations,
        console: settings.console.unwrap_or_default(),
        console_options: OutputOptions {
            schedule_delay: settings.console_served.delays,
            metric_interval: settings.console_served.metric_interval,
            ..OutputOptions::default()
        },
        prometheus,
        pushgateway: settings.pushgateway.resolve(),
        otlp,
        otlp_file: settings.otlp_file.resolve(),
        further,
        #[cfg(feature = "statsd")]
        statsd: None,
        #[cfg(feature = "datadog")]
        datadog: None,
        remote_write: settings.remote_write.unwrap_or_default(),
        aws: settings.aws.unwrap_or_default(),
        batch,
        metric_interval: settings.metric_interval,
        temporality: settings.temporality.unwrap_or_default(),
        views: Views::new(settings.views.0, settings.metric_prefix, settings.max_series)?,
        exemplars: settings.exemplars.unwrap_or_default(),
        self_metrics: settings.self_metrics.unwrap_or(true),
        metric_names: settings.metric_names,
        record_memory: settings.record_memory.unwrap_or(16 << 20),
        queue_memory: settings.queue_memory.or(queues_bytes(queues)).unwrap_or(32 << 20),
        spool: settings.spool,
        tail: settings.tail,
        shutdown_timeout: settings.shutdown_timeout.unwrap_or(Duration::from_secs(5)),
        notices,
    })
}

/// Of two limits of time, where zero is none.
pub(super) fn shorter(request: Duration, export: Option<Duration>) -> Duration {
    match export.filter(|export| !export.is_zero()) {
        Some(export) if request.is_zero() => export,
        Some(export) => request.min(export),
        None => request,
    }
}

/// An exporter's queue is bounded in bytes, and holds spans as well as logs.
fn queues_bytes(records: [Option<usize>; 2]) -> Option<usize> {
    let any = records.iter().any(Option::is_some);
    let sum = records.iter().map(|records| records.unwrap_or(DEFAULT_QUEUE)).fold(0, usize::saturating_add);
    any.then(|| queue_bytes(sum))
}

/// What so many records that wait are taken to occupy.
pub(super) fn queue_bytes(records: usize) -> usize {
    records.saturating_mul(RECORD_BYTES)
}

impl OtlpFileSettings {
    fn resolve(self) -> OtlpFile {
        let Self { folder, max_bytes, max_age, keep } = self;
        OtlpFile { folder: folder.unwrap_or_else(|| "telemetry".into()), max_bytes, max_age, keep }
    }
}

impl LimitSettings {
    fn resolve(&self) -> Limits {
        let (span, log) = (SpanLimits::default(), LogLimits::default());
        let length = |given: Option<u32>| given.filter(|length| *length != u32::MAX);
        Limits {
            span: SpanLimits {
                attributes: self.span_attributes.unwrap_or(span.attributes),
                attribute_value_length: length(self.span_value_length),
                events: self.span_events.unwrap_or(span.events),
                links: self.span_links.unwrap_or(span.links),
                event_attributes: self.event_attributes.unwrap_or(span.event_attributes),
                link_attributes: self.link_attributes.unwrap_or(span.link_attributes),
            },
            log: LogLimits {
                attributes: self.log_attributes.unwrap_or(log.attributes),
                attribute_value_length: length(self.log_value_length),
            },
        }
    }
}

#[cfg(test)]
mod tests;
