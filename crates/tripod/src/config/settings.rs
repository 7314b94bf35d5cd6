//! What one source of settings says: the code, the environment, a file. Sources are merged setting by setting, the graver before the
//! lesser, so that there is one order of precedence and one place that has it.

use std::path::PathBuf;
use std::time::Duration;

use tripod_wire::otlp::KeyValue;

use super::destinations::Destinations;
use super::further::Further;
use super::{AwsConfig, Compression, OtlpProtocol, RemoteWriteConfig};
use crate::context::propagation::Propagators;
use crate::export::Console;
use crate::instrument::MetricNames;
use crate::logs::{Level, Redact};
use crate::metrics::{ExemplarFilter, PrometheusPage, Temporality, View};
use crate::pattern::Pattern;
use crate::pipeline::{Signal, SpoolConfig, TailSampling};
use crate::resource::Detector;
use crate::trace::Sampler;

/// What can be overridden piece by piece.
pub(super) trait Merge {
    /// This, and where it says nothing what the lesser one says.
    fn or(self, lesser: Self) -> Self;
}

impl<T> Merge for Option<T> {
    fn or(self, lesser: Self) -> Self {
        self.or(lesser)
    }
}

impl<T: Merge, const N: usize> Merge for [T; N] {
    fn or(self, lesser: Self) -> Self {
        let mut lesser = lesser.into_iter();
        self.map(|own| match lesser.next() {
            Some(lesser) => own.or(lesser),
            None => own,
        })
    }
}

/// Attributes of the resource; the last of one key counts.
#[derive(Debug, Default)]
pub(super) struct Attributes(pub(super) Vec<KeyValue>);

impl Attributes {
    pub(super) fn set(&mut self, attribute: KeyValue) {
        self.0.retain(|earlier| earlier.key != attribute.key);
        self.0.push(attribute);
    }
}

impl Merge for Attributes {
    fn or(self, mut lesser: Self) -> Self {
        self.0.into_iter().for_each(|attribute| lesser.set(attribute));
        lesser
    }
}

/// Things of which the first that fits counts.
#[derive(Debug)]
pub(super) struct InOrder<T>(pub(super) Vec<T>);

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Merge for InOrder<T> {
    fn or(mut self, lesser: Self) -> Self {
        self.0.extend(lesser.0);
        self
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name { $($(#[$field_doc])* pub(super) $field: $type,)* }

        impl Merge for $name {
            fn or(self, lesser: Self) -> Self {
                Self { $($field: self.$field.or(lesser.$field),)* }
            }
        })*
    };
}

settings! {
    /// Every setting, where the source has it.
    struct Settings {
        disabled: Option<bool>,
        /// Whether each signal is recorded at all.
        enabled: [Option<bool>; 3],
        attributes: Attributes,
        detectors: Option<Vec<Detector>>,
        sampler: Option<Sampler>,
        limits: LimitSettings,
        propagators: Option<Propagators>,
        baggage_attributes: InOrder<Pattern>,
        log_level: Option<Level>,
        log_rate_limit: Option<u32>,
        log_location: Option<bool>,
        redact: Option<Redact>,
        /// Where each signal goes.
        destinations: [Option<Destinations>; 3],
        console: Option<Console>,
        console_served: ConsoleSettings,
        /// Whether Prometheus may ask, by the code.
        serves_prometheus: Option<bool>,
        prometheus: PrometheusSettings,
        pushgateway: PushgatewaySettings,
        otlp: [OtlpSettings; 3],
        otlp_file: OtlpFileSettings,
        /// What only a file can name.
        further: InOrder<Further>,
        remote_write: Option<RemoteWriteConfig>,
        aws: Option<AwsConfig>,
        /// Of spans and logs.
        batch: [BatchSettings; 2],
        metric_interval: Option<Duration>,
        metric_timeout: Option<Duration>,
        temporality: Option<Temporality>,
        exemplars: Option<ExemplarFilter>,
        metric_prefix: Option<String>,
        max_series: Option<usize>,
        views: InOrder<View>,
        self_metrics: Option<bool>,
        metric_names: Option<MetricNames>,
        record_memory: Option<usize>,
        queue_memory: Option<usize>,
        spool: Option<SpoolConfig>,
        tail: Option<TailSampling>,
        shutdown_timeout: Option<Duration>,
    }

    /// Where Prometheus asks, and what it gets.
    struct PrometheusSettings {
        host: Option<String>,
        port: Option<u16>,
        page: Option<PrometheusPage>,
    }

    /// Where metrics are pushed, and as which group.
    struct PushgatewaySettings {
        url: Option<String>,
        job: Option<String>,
        grouping: Option<Vec<(String, String)>>,
        username: Option<String>,
        password: Option<String>,
        adds: Option<bool>,
        deletes: Option<bool>,
    }

    /// How one signal is sent by OTLP.
    struct OtlpSettings {
        endpoint: Option<Endpoint>,
        headers: Option<Vec<(String, String)>>,
        compression: Option<Compression>,
        timeout: Option<Duration>,
        protocol: Option<OtlpProtocol>,
        certificate: Option<PemFile>,
        client_key: Option<PemFile>,
        client_certificate: Option<PemFile>,
    }

    /// How the files of JSON lines are kept; see [`crate::JsonlExporter`].
    struct OtlpFileSettings {
        folder: Option<PathBuf>,
        max_bytes: Option<u64>,
        max_age: Option<Duration>,
        keep: Option<usize>,
    }

    /// How the console is served.
    struct ConsoleSettings {
        /// Of spans and logs.
        delays: [Option<Duration>; 2],
        metric_interval: Option<Duration>,
    }

    /// How records of one signal are gathered.
    #[derive(Clone, Copy)]
    struct BatchSettings {
        delay: Option<Duration>,
        max_records: Option<usize>,
        /// Records that may wait.
        max_queue: Option<usize>,
        export_timeout: Option<Duration>,
    }

    /// How much a record may hold; `u32::MAX` is no limit.
    struct LimitSettings {
        span_attributes: Option<u32>,
        span_value_length: Option<u32>,
        span_events: Option<u32>,
        span_links: Option<u32>,
        event_attributes: Option<u32>,
        link_attributes: Option<u32>,
        log_attributes: Option<u32>,
        log_value_length: Option<u32>,
    }
}

impl Settings {
    /// `None` for metrics, which are not gathered.
    pub(super) fn batch_of(&self, signal: Signal) -> Option<&BatchSettings> {
        match signal {
            Signal::Traces => Some(&self.batch[0]),
            Signal::Logs => Some(&self.batch[1]),
            Signal::Metrics => None,
        }
    }

    /// Leaves to a stronger source what that says of how often the console is served.
    pub(super) fn yield_to(&mut self, stronger: &Self) {
        self.further.yield_to(stronger);
        let console = &mut self.console_served;
        console.metric_interval = console.metric_interval.filter(|_| stronger.metric_interval.is_none());
        for (delay, batch) in console.delays.iter_mut().zip(&stronger.batch) {
            *delay = delay.filter(|_| batch.delay.is_none());
        }
    }

    pub(super) fn otlp_of(&mut self, signal: Signal) -> &mut OtlpSettings {
        &mut self.otlp[signal as usize]
    }
}

/// A URL that was found to be one, and the setting that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Without the signal's path.
    Base(String),
    /// As it is called.
    Exact(String),
}

/// A file of certificates or of a key, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PemFile {
    pub(super) setting: String,
    pub(super) path: PathBuf,
}
