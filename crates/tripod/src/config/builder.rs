//! The builder: what the code sets.

use std::path::PathBuf;
use std::time::Duration;

use tripod_wire::otlp::KeyValue;

use super::Config;
use super::env::Env;
use super::otlp::{Compression, OtlpProtocol, check_endpoint};
#[cfg(feature = "prometheus-server")]
use super::prometheus::read_address;
use super::resolve::resolve;
#[cfg(feature = "prometheus-server")]
use super::settings::PrometheusSettings;
use super::settings::{Endpoint, PemFile, Settings};
use crate::context::propagation::{self, Propagator};
use crate::export::Console;
use crate::guard::Guard;
use crate::instrument::{self, MetricNames};
use crate::limits::{LogLimits, SpanLimits};
use crate::logs::{Level, Redact};
use crate::metrics::{ExemplarFilter, PrometheusPage, Temporality, View};
use crate::pattern::Pattern;
use crate::pipeline::{Output, Signal, Signals, SpoolConfig, TailSampling};
use crate::resource::Detector;
use crate::trace::Sampler;
use crate::{Error, ToValue};

/// Sets telemetry up; see [`crate::init`].
///
/// What the code sets comes before the environment, the environment before the file, the file before the default.
#[derive(Default)]
#[must_use = "nothing is recorded before `start`"]
pub struct Builder {
    settings: Settings,
    /// Endpoints as they were given; [`Builder::start`], which can fail, looks at them.
    endpoint: Option<String>,
    endpoints: [Option<String>; 3],
    /// As it was given, too.
    #[cfg(feature = "prometheus-server")]
    prometheus: Option<String>,
    config_file: Option<PathBuf>,
    outputs: Vec<Output>,
}

impl Builder {
    /// The service's name: `OTEL_SERVICE_NAME`.
    pub fn service_name(self, name: &str) -> Self {
        self.resource_attribute("service.name", name)
    }

    /// The service's version: `OTEL_SERVICE_VERSION`.
    pub fn service_version(self, version: &str) -> Self {
        self.resource_attribute("service.version", version)
    }

    /// Where the service is deployed, for example `production`: `OTEL_ENVIRONMENT`, `DEPLOYMENT_ENV`.
    pub fn environment(self, environment: &str) -> Self {
        self.resource_attribute("deployment.environment.name", environment)
    }

    /// An attribute of the resource: `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource_attribute(mut self, key: &str, value: impl ToValue) -> Self {
        self.settings.attributes.set(KeyValue::new(key, crate::resource::owned(value.to_value())));
        self
    }

    /// What looks for further attributes of the resource; all that need no network by default: `OTEL_RESOURCE_DETECTORS`.
    pub fn resource_detectors(mut self, detectors: impl IntoIterator<Item = Detector>) -> Self {
        self.settings.detectors = Some(detectors.into_iter().collect());
        self
    }

    /// A file of OpenTelemetry's declarative configuration, in YAML: `OTEL_CONFIG_FILE`. Needs the cargo feature `yaml`.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config_file = Some(path.into());
        self
    }

    /// Turns everything off: a call then costs a comparison, and [`Builder::start`] starts nothing: `OTEL_SDK_DISABLED`.
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.settings.disabled = Some(disabled);
        self
    }

    /// Where OTLP is sent, for example `http://localhost:4318`, or `unix:/run/otlp.sock` by gRPC: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn otlp_endpoint(mut self, url: &str) -> Self {
        self.endpoint = Some(url.to_owned());
        self
    }

    /// Where one signal is sent by OTLP, with its path: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and its siblings.
    pub fn otlp_signal_endpoint(mut self, signal: Signal, url: &str) -> Self {
        self.endpoints[signal as usize] = Some(url.to_owned());
        self
    }

    /// How OTLP is spoken: `OTEL_EXPORTER_OTLP_PROTOCOL`. Where nobody says, by gRPC to port 4317 and to Unix sockets if it is built in,
    /// otherwise by HTTP with protobuf.
    pub fn otlp_protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.settings.otlp.iter_mut().for_each(|otlp| otlp.protocol = Some(protocol));
        self
    }

    /// A header of every OTLP request: `OTEL_EXPORTER_OTLP_HEADERS`.
    pub fn otlp_header(mut self, name: &str, value: &str) -> Self {
        for otlp in &mut self.settings.otlp {
            otlp.headers.get_or_insert_default().push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// How OTLP requests are made smaller; not at all by default: `OTEL_EXPORTER_OTLP_COMPRESSION`.
    pub fn otlp_compression(mut self, compression: Compression) -> Self {
        self.settings.otlp.iter_mut().for_each(|otlp| otlp.compression = Some(compression));
        self
    }

    /// A file of certificates in PEM, one of which must have signed the server's; Mozilla's by default:
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`. Needs the cargo feature `tls`.
    pub fn otlp_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        let file = PemFile { setting: "otlp_certificate".to_owned(), path: path.into() };
        self.settings.otlp.iter_mut().for_each(|otlp| otlp.certificate = Some(file.clone()));
        self
    }

    /// Files in PEM with the certificate and the key that this program shows: `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`,
    /// `OTEL_EXPORTER_OTLP_CLIENT_KEY`. Needs the cargo feature `tls`.
    pub fn otlp_client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        let file = |path| PemFile { setting: "otlp_client_certificate".to_owned(), path };
        let (certificate, key) = (file(certificate.into()), file(key.into()));
        for otlp in &mut self.settings.otlp {
            otlp.client_certificate = Some(certificate.clone());
            otlp.client_key = Some(key.clone());
        }
        self
    }

    /// Which traces are recorded: `OTEL_TRACES_SAMPLER`.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.settings.sampler = Some(sampler);
        self
    }

    /// Which traces are kept once they have ended, as a whole: those with errors, slow ones, a share of the rest. All by default.
    ///
    /// It decides on the spans of this process alone; what a sampler did not record ([`Builder::sampler`]) it never sees. Logs are not
    /// held back. See [`TailPolicy`](crate::TailPolicy) for the policies and [`TailSampling`] for the bounds.
    ///
    /// ```
    /// use tripod::TailPolicy;
    /// let builder = tripod::init().tail_sampling(TailPolicy::errors().or_ratio(0.1));
    /// ```
    pub fn tail_sampling(mut self, tail: impl Into<TailSampling>) -> Self {
        self.settings.tail = Some(tail.into());
        self
    }

    /// How much one span may hold; the rest is dropped and counted. The fields of [`SpanLimits`] name their variables.
    pub fn span_limits(mut self, limits: SpanLimits) -> Self {
        let own = &mut self.settings.limits;
        own.span_attributes = Some(limits.attributes);
        own.span_value_length = Some(limits.attribute_value_length.unwrap_or(u32::MAX));
        own.span_events = Some(limits.events);
        own.span_links = Some(limits.links);
        own.event_attributes = Some(limits.event_attributes);
        own.link_attributes = Some(limits.link_attributes);
        self
    }

    /// How much one log record may hold; the rest is dropped and counted. The fields of [`LogLimits`] name their variables.
    pub fn log_limits(mut self, limits: LogLimits) -> Self {
        self.settings.limits.log_attributes = Some(limits.attributes);
        self.settings.limits.log_value_length = Some(limits.attribute_value_length.unwrap_or(u32::MAX));
        self
    }

    /// The formats of context in headers, in order; W3C Trace Context and Baggage by default: `OTEL_PROPAGATORS`.
    ///
    /// [`crate::propagation::inject`] writes all of them; of those that hold a valid context,
    /// [`crate::propagation::extract`] takes the last. They stay in use after the guard is dropped.
    pub fn propagators(mut self, propagators: impl IntoIterator<Item = Propagator>) -> Self {
        self.settings.propagators = Some(propagators.into_iter().collect());
        self
    }

    /// The pairs of [`Baggage`](crate::Baggage) that every new span gets as attributes, by their keys: `*` is any text, `?` one
    /// character; none by default. What a span says itself stays. Baggage may come from outside: name what is wanted.
    ///
    /// ```
    /// let builder = tripod::init().baggage_attributes(["tenant", "user.*"]);
    /// ```
    pub fn baggage_attributes<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.settings.baggage_attributes.0.extend(keys.into_iter().map(Pattern::new));
        self
    }

    /// The least grave log that is recorded; `info` by default: `OTEL_LOG_LEVEL`.
    pub fn log_level(mut self, level: Level) -> Self {
        self.settings.log_level = Some(level);
        self
    }

    /// Log records that one place in the code may write a second; what is beyond is left out, and counted in the attribute
    /// `log.suppressed` of the next record from there. Not limited by default, nor by 0.
    pub fn log_rate_limit(mut self, records_per_second: u32) -> Self {
        self.settings.log_rate_limit = Some(records_per_second);
        self
    }

    /// Whether a log record says where it was written: `code.file.path`, `code.line.number` and, as `code.namespace`, the module; no by
    /// default.
    pub fn log_location(mut self, on: bool) -> Self {
        self.settings.log_location = Some(on);
        self
    }

    /// Names of attributes whose values are shown as `[redacted]`, in logs, spans and their events, instead of the names that
    /// are redacted by default: [`crate::REDACTED_BY_DEFAULT`].
    ///
    /// A name is compared with the whole key and with what follows its last dot, whatever the case; a `*` at its beginning or
    /// end stands for anything. Names that end with `*` make every attribute some nanoseconds dearer, others do not.
    pub fn redact<N: AsRef<str>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.settings.redact = Some(Redact::new(names));
        self
    }

    /// Whether spans are recorded: `ENABLE_TRACING`.
    pub fn traces(mut self, on: bool) -> Self {
        self.settings.enabled[Signal::Traces as usize] = Some(on);
        self
    }

    /// Whether metrics are recorded: `ENABLE_METRICS`.
    pub fn metrics(mut self, on: bool) -> Self {
        self.settings.enabled[Signal::Metrics as usize] = Some(on);
        self
    }

    /// Whether logs are recorded: `OTEL_LOGS_EXPORTER=none` turns them off.
    pub fn logs(mut self, on: bool) -> Self {
        self.settings.enabled[Signal::Logs as usize] = Some(on);
        self
    }

    /// How long spans and logs wait at most before they are sent; 1 s by default: `OTEL_BSP_SCHEDULE_DELAY` for spans,
    /// `OTEL_BLRP_SCHEDULE_DELAY` for logs.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.settings.batch.iter_mut().for_each(|batch| batch.delay = Some(delay));
        self
    }

    /// Spans or logs in a batch, at most; 512 by default: `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` or `TRACES_EXPORT_BATCH_SIZE` for spans,
    /// `OTEL_BLRP_MAX_EXPORT_BATCH_SIZE` for logs.
    pub fn max_batch(mut self, records: usize) -> Self {
        self.settings.batch.iter_mut().for_each(|batch| batch.max_records = Some(records));
        self
    }

    /// How often metrics are collected for the exporters; where neither this nor an [`Output`] says, each exporter does, and mostly it is
    /// 60 s: `OTEL_METRIC_EXPORT_INTERVAL`, `METRICS_EXPORT_INTERVAL_MS`.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.settings.metric_interval = Some(interval);
        self
    }

    /// Whether OTLP tells of counters and histograms what they count since the start, or since the last export; since the start by
    /// default: `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
    pub fn temporality(mut self, temporality: Temporality) -> Self {
        self.settings.temporality = Some(temporality);
        self
    }

    /// What the names of all metrics begin with when they are sent, besides Tripod's own: `myapp` makes `myapp_requests_total`.
    pub fn metric_prefix(mut self, prefix: &str) -> Self {
        self.settings.metric_prefix = Some(prefix.to_owned());
        self
    }

    /// Label sets that a metric keeps apart, where neither a view nor its code says otherwise; 2,000 by default. Beyond, they count
    /// in one series, `otel.metric.overflow=true`; [`crate::metrics::cardinality`] tells which label is to blame.
    pub fn max_series(mut self, series: usize) -> Self {
        self.settings.max_series = Some(series);
        self
    }

    /// Changes how some metrics are kept and sent. May be called several times: the first view that says something counts.
    pub fn view(mut self, view: View) -> Self {
        self.settings.views.0.push(view);
        self
    }

    /// Which measurements may become exemplars; those in a sampled span by default: `OTEL_METRICS_EXEMPLAR_FILTER`.
    pub fn exemplars(mut self, filter: ExemplarFilter) -> Self {
        self.settings.exemplars = Some(filter);
        self
    }

    /// Whether the metrics tell of Tripod itself (`otel.sdk.*`): queues, exports, losses; yes by default.
    pub fn self_metrics(mut self, on: bool) -> Self {
        self.settings.self_metrics = Some(on);
        self
    }

    /// Whose names the metrics of instrumented libraries have, OpenTelemetry's or the catalogue's; OpenTelemetry's by default:
    /// `TRIPOD_METRIC_NAMES`. It holds for what is made from then on: build servers and clients after [`Builder::start`].
    pub fn metric_names(mut self, names: MetricNames) -> Self {
        self.settings.metric_names = Some(names);
        self
    }

    /// Bytes of finished records that may wait for the collector; 16 MiB by default. Beyond it, new records are dropped and counted.
    pub fn record_memory(mut self, bytes: usize) -> Self {
        self.settings.record_memory = Some(bytes);
        self
    }

    /// Bytes of batches that may wait for one exporter; 32 MiB by default. Beyond it, the oldest are dropped and counted:
    /// `OTEL_BSP_MAX_QUEUE_SIZE` and `OTEL_BLRP_MAX_QUEUE_SIZE`, which count records, of 1 KiB each.
    pub fn queue_memory(mut self, bytes: usize) -> Self {
        self.settings.queue_memory = Some(bytes);
        self
    }

    /// Lets batches wait on disk, in this folder, when a destination is away for so long that they no longer fit into memory, and
    /// when the program ends meanwhile: the next run sends them. At most so many bytes for each exporter; beyond it, the
    /// oldest are dropped and counted. Off by default.
    ///
    /// Several processes may name the same folder. What is there survives the process, also when it is killed, but nothing is
    /// synced, so not a power cut. After a crash a batch may be sent twice.
    pub fn spool(mut self, folder: impl Into<PathBuf>, max_bytes: u64) -> Self {
        self.settings.spool = Some(SpoolConfig { folder: folder.into(), max_bytes });
        self
    }

    /// How long one request may take; 10 s by default: `OTEL_EXPORTER_OTLP_TIMEOUT`, or less where `OTEL_BSP_EXPORT_TIMEOUT`,
    /// `OTEL_BLRP_EXPORT_TIMEOUT` or `OTEL_METRIC_EXPORT_TIMEOUT` says so.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.settings.otlp.iter_mut().for_each(|otlp| otlp.timeout = Some(timeout));
        self
    }

    /// How long dropping the guard may take; 5 s by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = Some(timeout);
        self
    }

    /// Sends to this exporter, instead of by OTLP over HTTP. May be called several times: each has its own queue and thread, and one that
    /// hangs or fails costs the others nothing. An [`Output`] says how it is served, where it is not to be as all are.
    pub fn exporter(mut self, exporter: impl Into<Output>) -> Self {
        self.outputs.push(exporter.into());
        self
    }

    /// Shows traces and logs on stderr as well, for people or for machines: `OTEL_TRACES_EXPORTER` and `OTEL_LOGS_EXPORTER` with
    /// `console` do so as text. Metrics are shown only where `OTEL_METRICS_EXPORTER` names it. It shows a record after
    /// 0.1 s at most.
    pub fn console(mut self, format: Console) -> Self {
        self.settings.console = Some(format);
        self
    }

    /// Serves the metrics to Prometheus at `http://ADDRESS/metrics`: `OTEL_METRICS_EXPORTER=prometheus`, with
    /// `OTEL_EXPORTER_PROMETHEUS_HOST` and `OTEL_EXPORTER_PROMETHEUS_PORT`, or `PROMETHEUS_HOST` and `PROMETHEUS_PORT`. An address is
    /// `host:port`; what is left out is `localhost` and 9464. With port 0 the system chooses one: [`Guard::prometheus_address`] tells
    /// which. Metrics then go by OTLP only where `OTEL_METRICS_EXPORTER` says so. Needs the cargo feature `prometheus-server`.
    ///
    /// ```no_run
    /// let tripod = tripod::init().prometheus("0.0.0.0:9464").start()?;
    /// # Ok::<(), tripod::Error>(())
    /// ```
    #[cfg(feature = "prometheus-server")]
    pub fn prometheus(mut self, address: &str) -> Self {
        self.prometheus = Some(address.to_owned());
        self
    }

    /// What pages for Prometheus show, wherever they are served and to whatever gateway they are pushed.
    pub fn prometheus_page(mut self, page: PrometheusPage) -> Self {
        self.settings.prometheus.page = Some(page);
        self
    }

    /// Starts telemetry for this process, until the guard is dropped.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting that can't be understood; [`Error::AlreadyStarted`] when it runs already.
    pub fn start(mut self) -> Result<Guard, Error> {
        if crate::OFF {
            return Ok(Guard::inert());
        }
        let outputs = std::mem::take(&mut self.outputs);
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        let config = self.resolve(&Env::new(&|name| std::env::var(name).ok(), names))?;
        let (propagators, metric_names) = (config.propagators, config.metric_names);
        let guard = Guard::start(config, outputs)?;
        propagation::configure(propagators);
        if let Some(names) = metric_names {
            instrument::set_metric_names(names);
        }
        Ok(guard)
    }

    pub(super) fn resolve(mut self, env: &Env<'_>) -> Result<Config, Error> {
        for signal in Signals::ALL {
            let endpoint = match (self.endpoints[signal as usize].take(), &self.endpoint) {
                (Some(url), _) => Some(Endpoint::Exact(check_endpoint("otlp_signal_endpoint", &url, None)?)),
                (None, Some(url)) => Some(Endpoint::Base(check_endpoint("otlp_endpoint", url, None)?)),
                (None, None) => None,
            };
            self.settings.otlp_of(signal).endpoint = endpoint;
        }
        #[cfg(feature = "prometheus-server")]
        if let Some(address) = self.prometheus.take() {
            let page = self.settings.prometheus.page.take();
            self.settings.prometheus = PrometheusSettings { page, ..read_address("prometheus", &address)? };
            self.settings.serves_prometheus = Some(true);
        }
        resolve(self.settings, self.config_file, env)
    }
}
