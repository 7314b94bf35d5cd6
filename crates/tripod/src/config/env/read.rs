//! The environment as one source of settings.

use tripod_wire::otlp::{AnyValue, KeyValue};

use super::{Env, invalid, misspelled, variables};
use crate::Error;
use crate::config::settings::{
    Attributes, BatchSettings, Endpoint, InOrder, LimitSettings, OtlpFileSettings, Settings,
};
use crate::config::{aws, destinations, otlp, prometheus, pushgateway, remote_write};
use crate::context::propagation::Propagators;
use crate::instrument::MetricNames;
use crate::metrics::{ExemplarFilter, Temporality, View};
use crate::pipeline::Signal;
use crate::resource::Detector;
use crate::trace::Sampler;

impl Env<'_> {
    /// All that the variables say; what should be known of them is added to `notices`.
    pub(in crate::config) fn settings(&self, notices: &mut Vec<String>) -> Result<Settings, Error> {
        self.look_for_surprises(notices);
        let mut settings = Settings {
            disabled: self.flag("OTEL_SDK_DISABLED")?,
            enabled: [self.flag("ENABLE_TRACING")?, self.metrics_enabled(notices)?, None],
            attributes: self.attributes()?,
            detectors: self.choice("OTEL_RESOURCE_DETECTORS", Detector::from_names, Detector::ALLOWED)?,
            sampler: self.sampler()?,
            limits: self.limits()?,
            propagators: self.choice("OTEL_PROPAGATORS", Propagators::from_names, Propagators::ALLOWED)?,
            log_level: self.parse("OTEL_LOG_LEVEL", "must be trace, debug, info, warn, error or fatal")?,
            destinations: destinations::from_env(self)?,
            prometheus: prometheus::from_env(self)?,
            pushgateway: pushgateway::from_env(self)?,
            otlp: otlp::from_env(self)?,
            otlp_file: self.otlp_file()?,
            remote_write: Some(remote_write::from_env(self)?),
            aws: Some(aws::from_env(self)),
            batch: [self.batch("OTEL_BSP")?, self.batch("OTEL_BLRP")?],
            metric_interval: self.millis("OTEL_METRIC_EXPORT_INTERVAL")?.or(self.millis("METRICS_EXPORT_INTERVAL_MS")?),
            metric_timeout: self.millis("OTEL_METRIC_EXPORT_TIMEOUT")?,
            temporality: self.choice(
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                Temporality::from_name,
                Temporality::ALLOWED,
            )?,
            views: self.default_histogram()?,
            exemplars: self.choice(
                "OTEL_METRICS_EXEMPLAR_FILTER",
                ExemplarFilter::from_name,
                ExemplarFilter::ALLOWED,
            )?,
            metric_names: self.choice("TRIPOD_METRIC_NAMES", MetricNames::from_name, MetricNames::ALLOWED)?,
            ..Settings::default()
        };
        let spans = &mut settings.batch[0].max_records;
        *spans = spans.or(self.positive("TRACES_EXPORT_BATCH_SIZE")?);
        self.jaeger(&mut settings, notices)?;
        Ok(settings)
    }

    fn look_for_surprises(&self, notices: &mut Vec<String>) {
        for name in &self.names {
            if let Some(meant) = misspelled::meant(name) {
                notices.push(format!("the variable {name} is not known; did you mean {meant}?"));
            }
            if let Some((_, why)) = variables::UNSUPPORTED.iter().find(|(unsupported, _)| unsupported == name) {
                notices.push(format!("the variable {name} changes nothing: {why}"));
            }
        }
    }

    /// `METRICS_SAMPLE_RATE` is the share of measurements that are recorded. One that is left out makes every sum wrong, and deciding
    /// costs what recording costs, so all are recorded, or none at 0.
    fn metrics_enabled(&self, notices: &mut Vec<String>) -> Result<Option<bool>, Error> {
        const NAME: &str = "METRICS_SAMPLE_RATE";
        let share = |value: &str| value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        let share = self.choice(NAME, share, "must be a number from 0 to 1")?;
        if let Some(share) = share.filter(|share| 0.0 < *share && *share < 1.0) {
            notices
                .push(format!("{NAME}={share}: every measurement is recorded, as that costs no more than to choose"));
        }
        let sampled = share.and_then(|share| if share == 0.0 { Some(false) } else { None });
        Ok(self.flag("ENABLE_METRICS")?.or(sampled))
    }

    fn attributes(&self) -> Result<Attributes, Error> {
        let mut attributes = Attributes::default();
        for (key, value) in self.pairs("OTEL_RESOURCE_ATTRIBUTES")? {
            attributes.set(KeyValue::new(&key, AnyValue::String(value)));
        }
        let own = [
            ("cloud.region", self.text("AWS_REGION")),
            ("service.name", self.text("OTEL_SERVICE_NAME")),
            ("service.version", self.text("OTEL_SERVICE_VERSION")),
            ("deployment.environment.name", self.text("OTEL_ENVIRONMENT").or_else(|| self.text("DEPLOYMENT_ENV"))),
        ];
        for (key, value) in own.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            attributes.set(KeyValue::new(key, value));
        }
        Ok(attributes)
    }

    /// A view of all histograms for which neither the code nor another view says anything else.
    fn default_histogram(&self) -> Result<InOrder<View>, Error> {
        let wanted = self.choice(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            |name| View::is_exponential(&name.to_ascii_lowercase()),
            View::DEFAULT_ALLOWED,
        )?;
        Ok(InOrder(
            wanted.filter(|exponential| *exponential).map(|_| View::default_exponential()).into_iter().collect(),
        ))
    }

    fn sampler(&self) -> Result<Option<Sampler>, Error> {
        const NAME: &str = "OTEL_TRACES_SAMPLER";
        let Some(name) = self.text(NAME) else { return Ok(None) };
        let argument = self.text("OTEL_TRACES_SAMPLER_ARG");
        let shown = argument.as_ref().map_or_else(|| name.clone(), |argument| format!("{name}, argument {argument}"));
        Sampler::from_names(&name, argument.as_deref()).map(Some).map_err(|allowed| invalid(NAME, &shown, allowed))
    }

    fn batch(&self, prefix: &str) -> Result<BatchSettings, Error> {
        Ok(BatchSettings {
            delay: self.millis(&format!("{prefix}_SCHEDULE_DELAY"))?,
            max_records: self.positive(&format!("{prefix}_MAX_EXPORT_BATCH_SIZE"))?,
            max_queue: self.positive(&format!("{prefix}_MAX_QUEUE_SIZE"))?,
            export_timeout: self.millis(&format!("{prefix}_EXPORT_TIMEOUT"))?,
        })
    }

    fn otlp_file(&self) -> Result<OtlpFileSettings, Error> {
        Ok(OtlpFileSettings {
            folder: self.text("OTEL_EXPORTER_OTLP_FILE_FOLDER").map(Into::into),
            max_bytes: self.positive("OTEL_EXPORTER_OTLP_FILE_MAX_BYTES")?.map(|bytes| bytes as u64),
            max_age: self.millis("OTEL_EXPORTER_OTLP_FILE_MAX_AGE")?,
            keep: self.parse("OTEL_EXPORTER_OTLP_FILE_KEEP", "must be a whole number")?,
        })
    }

    fn limits(&self) -> Result<LimitSettings, Error> {
        let count = self.limit("OTEL_ATTRIBUTE_COUNT_LIMIT")?;
        let length = self.limit("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")?;
        Ok(LimitSettings {
            span_attributes: self.limit("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT")?.or(count),
            span_value_length: self.limit("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")?.or(length),
            span_events: self.limit("OTEL_SPAN_EVENT_COUNT_LIMIT")?,
            span_links: self.limit("OTEL_SPAN_LINK_COUNT_LIMIT")?,
            event_attributes: self.limit("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT")?,
            link_attributes: self.limit("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")?,
            log_attributes: self.limit("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT")?.or(count),
            log_value_length: self.limit("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT")?.or(length),
        })
    }

    /// Jaeger's own protocols are gone from Jaeger: it takes OTLP, so spans go to that host's OTLP port, unless an endpoint for
    /// OTLP is set.
    fn jaeger(&self, settings: &mut Settings, notices: &mut Vec<String>) -> Result<(), Error> {
        if destinations::asks_for_jaeger(self) {
            notices.push("OTEL_TRACES_EXPORTER=jaeger: Jaeger takes OTLP, so spans are sent by OTLP".to_owned());
        }
        let given = ["OTEL_EXPORTER_JAEGER_ENDPOINT", "OTEL_EXPORTER_JAEGER_AGENT_HOST"];
        let Some((name, given)) = given.into_iter().find_map(|name| Some((name, self.text(name)?))) else {
            return Ok(());
        };
        let url = otlp::check_url(name, &given, None)?;
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
            _ => authority,
        };
        let traces = settings.otlp_of(Signal::Traces);
        if traces.endpoint.is_none() {
            let url = format!("{scheme}://{host}:4318/v1/traces");
            notices.push(format!("{name}={given}: Jaeger takes OTLP, so spans are sent to {url}"));
            traces.endpoint = Some(Endpoint::Exact(url));
        }
        Ok(())
    }
}
