//! The builder: what code sets comes before the environment, the environment before defaults.

use std::path::PathBuf;
use std::time::Duration;

use tripod_wire::otlp::{AnyValue, KeyValue};

use super::Config;
use super::env::{Env, invalid};
use super::exporters::Exporters;
use crate::context::propagation::{self, Propagator, Propagators};
use crate::export::Console;
use crate::guard::Guard;
use crate::limits::{Limits, LogLimits, SpanLimits};
use crate::logs::Level;
use crate::metrics::{self, View};
use crate::pattern::Pattern;
use crate::pipeline::{Exporter, Signal, SpoolConfig, TailSampling};
use crate::trace::Sampler;
use crate::{Error, ToValue};

/// Half of what a record may wait while someone looks: one wait until it is collected, one until it is sent.
const CONSOLE_DELAY: Duration = Duration::from_millis(50);

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// Sets telemetry up; see [`crate::init`].
#[derive(Default)]
#[must_use = "nothing is recorded before `start`"]
pub struct Builder {
    attributes: Vec<KeyValue>,
    endpoint: Option<String>,
    headers: Vec<(String, String)>,
    sampler: Option<Sampler>,
    tail: Option<TailSampling>,
    span_limits: Option<SpanLimits>,
    log_limits: Option<LogLimits>,
    propagators: Option<Propagators>,
    baggage_attributes: Vec<Pattern>,
    log_level: Option<Level>,
    traces: Option<bool>,
    metrics: Option<bool>,
    logs: Option<bool>,
    schedule_delay: Option<Duration>,
    metric_interval: Option<Duration>,
    metric_prefix: Option<String>,
    max_series: Option<usize>,
    views: Vec<View>,
    self_metrics: Option<bool>,
    max_batch: Option<usize>,
    record_memory: Option<usize>,
    queue_memory: Option<usize>,
    spool: Option<SpoolConfig>,
    export_timeout: Option<Duration>,
    shutdown_timeout: Option<Duration>,
    exporters: Vec<Box<dyn Exporter>>,
    console: Option<Console>,
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
        self.attributes.retain(|attribute| attribute.key != key);
        self.attributes.push(KeyValue::new(key, crate::resource::owned(value.to_value())));
        self
    }

    /// Where OTLP is sent, for example `http://localhost:4318`: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn otlp_endpoint(mut self, url: &str) -> Self {
        self.endpoint = Some(url.to_owned());
        self
    }

    /// A header of every OTLP request: `OTEL_EXPORTER_OTLP_HEADERS`.
    pub fn otlp_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Which traces are recorded: `OTEL_TRACES_SAMPLER`.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = Some(sampler);
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
        self.tail = Some(tail.into());
        self
    }

    /// How much one span may hold; the rest is dropped and counted. The fields of [`SpanLimits`] name their variables.
    pub fn span_limits(mut self, limits: SpanLimits) -> Self {
        self.span_limits = Some(limits);
        self
    }

    /// How much one log record may hold; the rest is dropped and counted. The fields of [`LogLimits`] name their variables.
    pub fn log_limits(mut self, limits: LogLimits) -> Self {
        self.log_limits = Some(limits);
        self
    }

    /// The formats of context in headers, in order; W3C Trace Context and Baggage by default: `OTEL_PROPAGATORS`.
    ///
    /// [`crate::propagation::inject`] writes all of them; of those that hold a valid context,
    /// [`crate::propagation::extract`] takes the last. They stay in use after the guard is dropped.
    pub fn propagators(mut self, propagators: impl IntoIterator<Item = Propagator>) -> Self {
        self.propagators = Some(propagators.into_iter().collect());
        self
    }

    /// The pairs of [`Baggage`](crate::Baggage) that every new span gets as attributes, by their keys: `*` is any text, `?` one
    /// character; none by default. What a span says itself stays. Baggage may come from outside: name what is wanted.
    ///
    /// ```
    /// let builder = tripod::init().baggage_attributes(["tenant", "user.*"]);
    /// ```
    pub fn baggage_attributes<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.baggage_attributes.extend(keys.into_iter().map(Pattern::new));
        self
    }

    /// The least grave log that is recorded; `info` by default: `OTEL_LOG_LEVEL`.
    pub fn log_level(mut self, level: Level) -> Self {
        self.log_level = Some(level);
        self
    }

    /// Whether spans are recorded: `ENABLE_TRACING`.
    pub fn traces(mut self, on: bool) -> Self {
        self.traces = Some(on);
        self
    }

    /// Whether metrics are collected: `ENABLE_METRICS`.
    pub fn metrics(mut self, on: bool) -> Self {
        self.metrics = Some(on);
        self
    }

    /// Whether logs are recorded: `OTEL_LOGS_EXPORTER=none` turns them off.
    pub fn logs(mut self, on: bool) -> Self {
        self.logs = Some(on);
        self
    }

    /// How long spans and logs wait at most before they are sent; 1 s by default: `OTEL_BSP_SCHEDULE_DELAY`.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.schedule_delay = Some(delay);
        self
    }

    /// How often metrics are sent; 60 s by default: `OTEL_METRIC_EXPORT_INTERVAL`, `METRICS_EXPORT_INTERVAL_MS`.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = Some(interval);
        self
    }

    /// What the names of all metrics begin with when they are sent, besides Tripod's own: `myapp` makes `myapp_requests_total`.
    pub fn metric_prefix(mut self, prefix: &str) -> Self {
        self.metric_prefix = Some(prefix.to_owned());
        self
    }

    /// Label sets that a metric keeps apart, where neither a view nor its code says otherwise; 2,000 by default. Beyond, they count
    /// in one series, `otel.metric.overflow=true`; [`crate::metrics::cardinality`] tells which label is to blame.
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = Some(series);
        self
    }

    /// Changes how some metrics are kept and sent. May be called several times: the first view that says something counts.
    pub fn view(mut self, view: View) -> Self {
        self.views.push(view);
        self
    }

    /// Whether the metrics tell of Tripod itself (`otel.sdk.*`): queues, exports, losses; yes by default.
    pub fn self_metrics(mut self, on: bool) -> Self {
        self.self_metrics = Some(on);
        self
    }

    /// Spans or logs in a batch, at most; 512 by default: `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, `TRACES_EXPORT_BATCH_SIZE`.
    pub fn max_batch(mut self, records: usize) -> Self {
        self.max_batch = Some(records);
        self
    }

    /// Bytes of finished records that may wait for the collector; 16 MiB by default. Beyond it, new records are dropped and counted.
    pub fn record_memory(mut self, bytes: usize) -> Self {
        self.record_memory = Some(bytes);
        self
    }

    /// Bytes of batches that may wait for one exporter; 32 MiB by default. Beyond it, the oldest are dropped and counted.
    pub fn queue_memory(mut self, bytes: usize) -> Self {
        self.queue_memory = Some(bytes);
        self
    }

    /// Lets batches wait on disk, in this folder, when a destination is away for so long that they no longer fit into memory, and
    /// when the program ends meanwhile: the next run sends them. At most so many bytes for each exporter; beyond it, the
    /// oldest are dropped and counted. Off by default.
    ///
    /// Several processes may name the same folder. What is there survives the process, also when it is killed, but nothing is
    /// synced, so not a power cut. After a crash a batch may be sent twice.
    pub fn spool(mut self, folder: impl Into<PathBuf>, max_bytes: u64) -> Self {
        self.spool = Some(SpoolConfig { folder: folder.into(), max_bytes });
        self
    }

    /// How long one request may take; 10 s by default: `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = Some(timeout);
        self
    }

    /// How long dropping the guard may take; 5 s by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }

    /// Sends to this exporter, instead of by OTLP over HTTP. May be called several times.
    pub fn exporter(mut self, exporter: impl Exporter + 'static) -> Self {
        self.exporters.push(Box::new(exporter));
        self
    }

    /// Shows traces and logs on stderr as well, for people or for machines: `OTEL_TRACES_EXPORTER` and `OTEL_LOGS_EXPORTER` with
    /// `console` do so as text. Metrics are shown only where `OTEL_METRICS_EXPORTER` names it. While there is a console, records wait
    /// at most 0.1 s.
    pub fn console(mut self, format: Console) -> Self {
        self.console = Some(format);
        self
    }

    /// Starts telemetry for this process, until the guard is dropped.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting that can't be understood; [`Error::AlreadyStarted`] when it runs already.
    pub fn start(mut self) -> Result<Guard, Error> {
        let exporters = std::mem::take(&mut self.exporters);
        let config = self.resolve(&Env::new(&|name| std::env::var(name).ok()))?;
        let propagators = config.propagators;
        let guard = Guard::start(config, exporters)?;
        propagation::configure(propagators);
        Ok(guard)
    }

    pub(crate) fn resolve(self, env: &Env<'_>) -> Result<Config, Error> {
        let mut exporters = Exporters::from_env(env)?;
        let [traces, metrics, logs] =
            [Signal::Traces, Signal::Metrics, Signal::Logs].map(|signal| exporters.any(signal));
        if self.console.is_some() {
            exporters.console = exporters.console.with(Signal::Traces).with(Signal::Logs);
        }
        let delay = or(self.schedule_delay, env.millis("OTEL_BSP_SCHEDULE_DELAY")?, Duration::from_secs(1));
        let delay = if exporters.console.is_empty() { delay } else { delay.min(CONSOLE_DELAY) };
        let positive = "must be a whole number above 0";
        let batch: Option<usize> = match env.parse("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", positive)? {
            Some(batch) => Some(batch),
            None => env.parse("TRACES_EXPORT_BATCH_SIZE", positive)?,
        };
        let interval = match env.millis("OTEL_METRIC_EXPORT_INTERVAL")? {
            Some(interval) => Some(interval),
            None => env.millis("METRICS_EXPORT_INTERVAL_MS")?,
        };
        let headers = env.pairs("OTEL_EXPORTER_OTLP_HEADERS")?;
        let views = metrics::Views::new(self.views, self.metric_prefix, self.max_series)?;
        Ok(Config {
            disabled: env.flag("OTEL_SDK_DISABLED")?.unwrap_or(false),
            traces: self.traces.or(env.flag("ENABLE_TRACING")?).unwrap_or(traces),
            metrics: self.metrics.or(env.flag("ENABLE_METRICS")?).unwrap_or(metrics),
            logs: self.logs.unwrap_or(logs),
            attributes: attributes(self.attributes, env)?,
            sampler: self.sampler.map_or_else(|| sampler(env), Ok)?,
            limits: Limits { span: self.span_limits.unwrap_or_default(), log: self.log_limits.unwrap_or_default() },
            propagators: self.propagators.map_or_else(|| propagators(env), Ok)?,
            log_level: self.log_level.map_or_else(|| log_level(env), Ok)?,
            endpoint: endpoint(self.endpoint, env)?,
            headers: if self.headers.is_empty() { headers } else { self.headers },
            export_timeout: or(self.export_timeout, env.millis("OTEL_EXPORTER_OTLP_TIMEOUT")?, Duration::from_secs(10)),
            otlp_signals: exporters.otlp,
            console_signals: exporters.console,
            console: self.console.unwrap_or_default(),
            schedule_delay: delay,
            max_batch: or(self.max_batch, batch, 512).max(1),
            metric_interval: or(self.metric_interval, interval, Duration::from_secs(60)).max(Duration::from_millis(10)),
            views,
            self_metrics: self.self_metrics.unwrap_or(true),
            tail: self.tail,
            baggage_attributes: self.baggage_attributes,
            record_memory: self.record_memory.unwrap_or(16 << 20),
            queue_memory: self.queue_memory.unwrap_or(32 << 20),
            spool: self.spool,
            shutdown_timeout: self.shutdown_timeout.unwrap_or(Duration::from_secs(5)),
        })
    }
}

/// Code before environment before default.
fn or<T>(code: Option<T>, env: Option<T>, default: T) -> T {
    code.or(env).unwrap_or(default)
}

fn attributes(code: Vec<KeyValue>, env: &Env<'_>) -> Result<Vec<KeyValue>, Error> {
    let text = |(key, value): (String, String)| KeyValue::new(key, AnyValue::String(value));
    let mut all: Vec<KeyValue> = env.pairs("OTEL_RESOURCE_ATTRIBUTES")?.into_iter().map(text).collect();
    let own = [
        ("service.name", env.text("OTEL_SERVICE_NAME")),
        ("service.version", env.text("OTEL_SERVICE_VERSION")),
        ("deployment.environment.name", env.text("OTEL_ENVIRONMENT").or_else(|| env.text("DEPLOYMENT_ENV"))),
    ];
    let own = own.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?)));
    for attribute in own.chain(code) {
        all.retain(|earlier| earlier.key != attribute.key);
        all.push(attribute);
    }
    Ok(all)
}

fn sampler(env: &Env<'_>) -> Result<Sampler, Error> {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    let Some(name) = env.text(NAME) else { return Ok(Sampler::default()) };
    let argument = env.text("OTEL_TRACES_SAMPLER_ARG");
    let shown = argument.as_ref().map_or_else(|| name.clone(), |argument| format!("{name}, argument {argument}"));
    Sampler::from_names(&name, argument.as_deref()).map_err(|allowed| invalid(NAME, &shown, allowed))
}

fn propagators(env: &Env<'_>) -> Result<Propagators, Error> {
    const NAME: &str = "OTEL_PROPAGATORS";
    let Some(names) = env.text(NAME) else { return Ok(Propagators::DEFAULT) };
    Propagators::from_names(&names).ok_or_else(|| invalid(NAME, &names, Propagators::ALLOWED))
}

fn log_level(env: &Env<'_>) -> Result<Level, Error> {
    const NAME: &str = "OTEL_LOG_LEVEL";
    Ok(env.parse(NAME, "must be trace, debug, info, warn, error or fatal")?.unwrap_or(Level::Info))
}

/// A bare `host:port`, as the seeds write it, is taken as `http://host:port`.
fn endpoint(code: Option<String>, env: &Env<'_>) -> Result<String, Error> {
    const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let given = code.or_else(|| env.text(NAME));
    let Some(given) = given else { return Ok(DEFAULT_ENDPOINT.to_owned()) };
    let url = if given.contains("://") { given.clone() } else { format!("http://{given}") };
    let allowed = "must be a URL such as http://localhost:4318";
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .ok_or_else(|| invalid(NAME, &given, allowed))?;
    let host = rest.split('/').next().unwrap_or_default();
    if cfg!(not(feature = "tls")) && url.starts_with("https://") {
        return Err(invalid(NAME, &given, "https:// needs the cargo feature `tls` of the crate tripod"));
    }
    if host.is_empty() || url.contains(char::is_whitespace) {
        return Err(invalid(NAME, &given, allowed));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::pipeline::Signals;

    fn resolve(builder: Builder, variables: &[(&str, &str)]) -> Result<Config, Error> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        builder.resolve(&Env::new(&|name| variables.get(name).map(ToString::to_string)))
    }

    #[test]
    fn code_comes_before_the_environment_and_the_environment_before_defaults() {
        let variables = [
            ("OTEL_SERVICE_NAME", "from-env"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=lesser,team=core%20team"),
            ("OTEL_BSP_SCHEDULE_DELAY", "250"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ];
        let name = |config: &Config| config.resource().service_name().to_owned();
        let config = resolve(Builder::default(), &variables).unwrap();
        assert_eq!(name(&config), "from-env");
        assert_eq!(config.schedule_delay, Duration::from_millis(250));
        assert_eq!(config.endpoint, "http://collector:4318");
        assert_eq!(config.resource().get("team").unwrap().to_string(), "core team");
        let config = resolve(Builder::default().service_name("from-code"), &variables).unwrap();
        assert_eq!(name(&config), "from-code");
        let config = resolve(Builder::default(), &[]).unwrap();
        assert!(name(&config).starts_with("unknown_service"));
        assert_eq!(config.endpoint, DEFAULT_ENDPOINT);
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_variable_value_and_what_is_allowed() {
        let bad = [
            ("OTEL_BSP_SCHEDULE_DELAY", "soon", "milliseconds"),
            ("OTEL_SDK_DISABLED", "yes", "true or false"),
            ("OTEL_TRACES_SAMPLER", "sometimes", "always_on"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x", "http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "no pair", "key=value"),
            ("OTEL_LOG_LEVEL", "loud", "warn"),
            ("OTEL_PROPAGATORS", "b3,ottrace", "b3multi, jaeger and xray"),
            ("OTEL_LOGS_EXPORTER", "otlp,jaeger", "console"),
        ];
        for (name, value, allowed) in bad {
            let message = resolve(Builder::default(), &[(name, value)]).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains(value) && message.contains(allowed), "{message}");
        }
    }

    #[test]
    fn propagators_come_from_code_then_the_environment_then_are_those_of_w3c() {
        let of = |builder, variables: &[_]| resolve(builder, variables).unwrap().propagators;
        let variable = [("OTEL_PROPAGATORS", "jaeger, b3")];
        assert_eq!(of(Builder::default(), &[]), Propagators::DEFAULT);
        assert_eq!(of(Builder::default(), &variable), Propagators::from_iter([Propagator::Jaeger, Propagator::B3]));
        let code = Builder::default().propagators([Propagator::XRay]);
        assert_eq!(of(code, &variable), Propagators::from_iter([Propagator::XRay]));
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none_and_a_bare_host_is_a_url() {
        let config =
            resolve(Builder::default(), &[("OTEL_SDK_DISABLED", ""), ("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp:4318")]);
        let config = config.unwrap();
        assert!(!config.disabled);
        assert_eq!(config.endpoint, "http://otlp:4318");
    }

    fn names(signals: Signals) -> Vec<&'static str> {
        Signals::ALL.into_iter().filter(|signal| signals.contains(*signal)).map(Signal::as_str).collect()
    }

    #[test]
    fn each_signal_goes_to_the_exporters_that_its_variable_names() {
        let variables = [
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "otlp, console"),
            ("OTEL_BSP_SCHEDULE_DELAY", "900"),
        ];
        let config = resolve(Builder::default(), &variables).unwrap();
        assert_eq!((config.traces, config.metrics, config.logs), (false, true, true));
        assert_eq!(names(config.otlp_signals), ["metrics", "logs"]);
        assert_eq!(names(config.console_signals), ["logs"]);
        assert_eq!(config.schedule_delay, CONSOLE_DELAY);
        let config = resolve(Builder::default().console(Console::Json), &[]).unwrap();
        assert_eq!(names(config.otlp_signals), ["traces", "metrics", "logs"]);
        assert_eq!(names(config.console_signals), ["traces", "logs"]);
        assert_eq!(config.console, Console::Json);
    }
}
