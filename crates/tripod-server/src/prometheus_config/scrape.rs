//! A part of `scrape_configs`: how the targets of a job are found, scraped and labelled.

use std::path::Path;
use std::time::Duration;

use tripod_wire::prometheus::escaping::Escaping;

use super::discovery::Discovery;
use super::global::Global;
use super::http::HttpConfig;
use super::relabel::{self, RelabelRule};
use super::units::{duration, size};
use crate::yaml::{Fault, Item, Map};

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScrapeConfig {
    pub(crate) job_name: String,
    pub(crate) scrape_interval: Duration,
    pub(crate) scrape_timeout: Duration,
    /// Formats that are asked for, the best first.
    pub(crate) protocols: Vec<Protocol>,
    /// What an answer is read as that does not say what it is.
    pub(crate) fallback_protocol: Option<Protocol>,
    pub(crate) native_histograms: bool,
    /// Whether classic buckets are kept of a histogram that is native as well.
    pub(crate) classic_histograms: bool,
    pub(crate) extra_metrics: bool,
    pub(crate) metrics_path: String,
    pub(crate) scheme: Scheme,
    pub(crate) params: Vec<(String, Vec<String>)>,
    pub(crate) honor_labels: bool,
    pub(crate) honor_timestamps: bool,
    pub(crate) track_timestamps_staleness: bool,
    pub(crate) enable_compression: bool,
    /// Whether names of other than the old characters are errors.
    pub(crate) legacy_names: bool,
    pub(crate) escaping: Escaping,
    pub(crate) limits: Limits,
    pub(crate) http: HttpConfig,
    pub(crate) discovery: Discovery,
    pub(crate) relabel: Vec<RelabelRule>,
    pub(crate) metric_relabel: Vec<RelabelRule>,
}

/// Bounds on a scrape; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) samples: u64,
    pub(crate) labels: u64,
    pub(crate) label_name_length: u64,
    pub(crate) label_value_length: u64,
    pub(crate) targets: u64,
    pub(crate) body_size: u64,
    /// Dropped targets that are remembered, so that they can be shown.
    pub(crate) dropped_targets: u64,
}

/// How targets are called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(format!("is {text:?} but must be http or https")),
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Formats of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    PrometheusProto,
    OpenMetrics100,
    OpenMetrics001,
    PrometheusText100,
    PrometheusText004,
}

const PROTOCOLS: [(&str, Protocol); 5] = [
    ("PrometheusProto", Protocol::PrometheusProto),
    ("OpenMetricsText1.0.0", Protocol::OpenMetrics100),
    ("OpenMetricsText0.0.1", Protocol::OpenMetrics001),
    ("PrometheusText1.0.0", Protocol::PrometheusText100),
    ("PrometheusText0.0.4", Protocol::PrometheusText004),
];

/// What is asked for where nothing is said; with native histograms protobuf, which is the first, comes first.
const DEFAULT_PROTOCOLS: [Protocol; 5] = [
    Protocol::PrometheusProto,
    Protocol::OpenMetrics100,
    Protocol::OpenMetrics001,
    Protocol::PrometheusText100,
    Protocol::PrometheusText004,
];

fn protocol(text: &str) -> Result<Protocol, String> {
    let known = PROTOCOLS.iter().find(|(name, _)| *name == text);
    let names = PROTOCOLS.map(|(name, _)| name).join(", ");
    known.map(|(_, protocol)| *protocol).ok_or_else(|| format!("is {text:?} but must be one of {names}"))
}

/// A list of formats, none of them twice.
pub(super) fn protocols(item: &Item<'_>) -> Result<Vec<Protocol>, Fault> {
    let mut protocols = Vec::new();
    for item in item.list()? {
        let one = item.read(protocol)?;
        if protocols.contains(&one) {
            return Err(item.wrong("is there twice"));
        }
        protocols.push(one);
    }
    if protocols.is_empty() {
        return Err(item.wrong("must have at least one format"));
    }
    Ok(protocols)
}

impl Limits {
    /// Reads the keys that stand among others in `map`; what is not there is as in `otherwise`.
    pub(super) fn read(map: &Map<'_>, otherwise: &Self) -> Result<Self, Fault> {
        map.leave("native_histogram_bucket_limit", "is not acted on: native histograms are kept as they come");
        map.leave("native_histogram_min_bucket_factor", "is not acted on: native histograms are kept as they come");
        Ok(Self {
            samples: map.whole("sample_limit")?.unwrap_or(otherwise.samples),
            labels: map.whole("label_limit")?.unwrap_or(otherwise.labels),
            label_name_length: map.whole("label_name_length_limit")?.unwrap_or(otherwise.label_name_length),
            label_value_length: map.whole("label_value_length_limit")?.unwrap_or(otherwise.label_value_length),
            targets: map.whole("target_limit")?.unwrap_or(otherwise.targets),
            body_size: map.read("body_size_limit", size)?.unwrap_or(otherwise.body_size),
            dropped_targets: map.whole("keep_dropped_targets")?.unwrap_or(otherwise.dropped_targets),
        })
    }
}

impl ScrapeConfig {
    pub(super) fn read(item: &Item<'_>, global: &Global, dir: &Path) -> Result<Self, Fault> {
        let map = item.map()?;
        let job_name = map.required("job_name")?.text()?.to_owned();
        let (scrape_interval, scrape_timeout) = times(&map, global)?;
        let native = map.flag("scrape_native_histograms")?.unwrap_or(global.native_histograms);
        let own = map.get("scrape_protocols").map(|item| protocols(&item)).transpose()?;
        let default = || DEFAULT_PROTOCOLS[usize::from(!native)..].to_vec();
        let old_key = map.flag("scrape_classic_histograms")?;
        let classic = map.flag("always_scrape_classic_histograms")?.or(old_key).unwrap_or(global.classic_histograms);
        let config = Self {
            job_name,
            scrape_interval,
            scrape_timeout,
            protocols: own.or_else(|| global.scrape_protocols.clone()).unwrap_or_else(default),
            fallback_protocol: map.read("fallback_scrape_protocol", protocol)?,
            native_histograms: native,
            classic_histograms: classic,
            extra_metrics: map.flag("extra_scrape_metrics")?.unwrap_or(global.extra_metrics),
            metrics_path: map.text("metrics_path")?.unwrap_or_else(|| "/metrics".to_owned()),
            scheme: map.read("scheme", Scheme::read)?.unwrap_or_default(),
            params: map.get("params").map_or_else(|| Ok(Vec::new()), |item| params(&item))?,
            honor_labels: map.flag("honor_labels")?.unwrap_or(false),
            honor_timestamps: map.flag("honor_timestamps")?.unwrap_or(true),
            track_timestamps_staleness: map.flag("track_timestamps_staleness")?.unwrap_or(false),
            enable_compression: map.flag("enable_compression")?.unwrap_or(true),
            legacy_names: map.read("metric_name_validation_scheme", validation)?.unwrap_or(false),
            escaping: map.read("metric_name_escaping_scheme", escaping)?.unwrap_or(Escaping::AllowUtf8),
            limits: Limits::read(&map, &global.limits)?,
            http: HttpConfig::read(&map, dir)?,
            discovery: Discovery::read(&map, dir)?,
            relabel: relabel::rules(&map, "relabel_configs")?,
            metric_relabel: relabel::rules(&map, "metric_relabel_configs")?,
        };
        map.leave("convert_classic_histograms_to_nhcb", "is not acted on: classic histograms are kept as they are");
        map.leave("scrape_failure_log_file", "is not acted on: /api/v1/targets says why a scrape failed");
        map.finish()?;
        Ok(config)
    }
}

/// Interval and timeout: one that is not said gives way to the other.
fn times(map: &Map<'_>, global: &Global) -> Result<(Duration, Duration), Fault> {
    let positive = |text: &str| match duration(text)? {
        Duration::ZERO => Err("must be above 0".to_owned()),
        time => Ok(time),
    };
    let interval = map.read("scrape_interval", positive)?.unwrap_or(global.scrape_interval);
    match map.get("scrape_timeout") {
        None => Ok((interval, global.scrape_timeout.min(interval))),
        Some(item) => match item.read(positive)? {
            timeout if timeout > interval => {
                Err(item.wrong("is longer than the scrape_interval, which it must not be"))
            }
            timeout => Ok((interval, timeout)),
        },
    }
}

fn params(item: &Item<'_>) -> Result<Vec<(String, Vec<String>)>, Fault> {
    item.map()?.entries().into_iter().map(|(name, values)| Ok((name.to_owned(), values.texts()?))).collect()
}

fn validation(text: &str) -> Result<bool, String> {
    match text {
        "utf8" => Ok(false),
        "legacy" => Ok(true),
        _ => Err(format!("is {text:?} but must be utf8 or legacy")),
    }
}

fn escaping(text: &str) -> Result<Escaping, String> {
    let names = Escaping::ALL.map(Escaping::name).join(", ");
    Escaping::from_name(text).ok_or_else(|| format!("is {text:?} but must be one of {names}"))
}
