//! Targets: what relabelling makes of the groups that discovery finds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tripod_store::{Labels, Metadata};

use super::discovery::Found;
use crate::prometheus_config::relabel::{LabelMap, relabel};
use crate::prometheus_config::scrape::{Limits, ScrapeConfig};
use crate::prometheus_config::units::{duration, format_duration};

/// What tells targets of a pool apart: two of the same are one.
pub(crate) type TargetKey = (String, Labels);

/// What is scraped.
#[derive(Debug)]
pub(crate) struct Target {
    /// On all its series.
    pub(crate) labels: Labels,
    /// As it was found, before relabelling.
    pub(crate) discovered: LabelMap,
    pub(crate) url: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    health: Mutex<Health>,
    families: Mutex<BTreeMap<String, Family>>,
}

/// How the last scrape went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// None before the first.
    pub(crate) last: Option<Last>,
}

/// The last scrape.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    pub(crate) at: SystemTime,
    pub(crate) took: Duration,
    pub(crate) up: bool,
    /// Why it failed, or what of it was not kept.
    pub(crate) error: String,
}

/// What a target says of a metric.
#[derive(Debug, Clone, Default)]
pub(crate) struct Family {
    pub(crate) metadata: Metadata,
    /// The number of the scrape in which it was seen last.
    pub(super) seen: u64,
    /// What the store knows, and since which scrape.
    pub(super) written: Option<(Metadata, u64)>,
}

/// A target that relabelling dropped.
#[derive(Debug, Clone)]
pub(crate) struct Dropped {
    pub(crate) discovered: LabelMap,
}

/// What becomes of an address that was found.
pub(super) enum Made {
    Target(Box<Target>),
    Dropped(Dropped),
}

impl Target {
    pub(super) fn key(&self) -> TargetKey {
        (self.url.clone(), self.labels.clone())
    }

    pub(crate) fn health(&self) -> Health {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_last(&self, last: Last) {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).last = Some(last);
    }

    /// What it says of its metrics, by their families' names.
    pub(crate) fn families(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Family>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a target of an address in a group, or says why it can't be one.
    pub(super) fn make(config: &ScrapeConfig, group: &Found, address: &str) -> Result<Made, String> {
        let discovered = discovered(config, group, address);
        let mut labels = discovered.clone();
        if !relabel(&mut labels, &config.relabel) || !labels.contains_key("__address__") {
            return Ok(Made::Dropped(Dropped { discovered }));
        }
        let take = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let address = take("__address__");
        if address.contains('/') || address.contains('@') {
            return Err(format!("{address:?} is no host and port"));
        }
        let scheme = match take("__scheme__") {
            scheme if scheme == "http" || scheme == "https" => scheme,
            other => return Err(format!("the scheme of {address} is {other:?} but must be http or https")),
        };
        let time = |name| duration(&take(name)).map_err(|reason| format!("{name} of {address} {reason}"));
        let (interval, timeout) = (time("__scrape_interval__")?, time("__scrape_timeout__")?);
        if interval.is_zero() || timeout.is_zero() || timeout > interval {
            return Err(format!("the scrape timeout of {address} must be above 0 and no longer than its interval"));
        }
        let query = query(config, &labels);
        let url = format!("{scheme}://{address}{}{query}", path(&take("__metrics_path__")));
        url::Url::parse(&url).map_err(|error| format!("{url:?} is no URL: {error}"))?;
        if !labels.contains_key("instance") {
            labels.insert("instance".to_owned(), address);
        }
        let labels = Labels::new(labels.into_iter().filter(|(name, _)| !name.starts_with("__")));
        let (health, families) = (Mutex::default(), Mutex::default());
        Ok(Made::Target(Box::new(Self { labels, discovered, url, interval, timeout, health, families })))
    }
}

/// What is known of an address before relabelling; what the group says comes first.
fn discovered(config: &ScrapeConfig, group: &Found, address: &str) -> LabelMap {
    let mut labels: LabelMap = group.group.labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
    if let Some((name, value)) = &group.source {
        labels.insert((*name).to_owned(), value.clone());
    }
    labels.insert("__address__".to_owned(), address.to_owned());
    let mut otherwise = |name: &str, value: String| {
        if !value.is_empty() && !labels.contains_key(name) {
            labels.insert(name.to_owned(), value);
        }
    };
    otherwise("job", config.job_name.clone());
    otherwise("__scrape_interval__", format_duration(config.scrape_interval));
    otherwise("__scrape_timeout__", format_duration(config.scrape_timeout));
    otherwise("__metrics_path__", config.metrics_path.clone());
    otherwise("__scheme__", config.scheme.as_str().to_owned());
    for (name, values) in &config.params {
        otherwise(&format!("__param_{name}"), values.first().cloned().unwrap_or_default());
    }
    labels
}

fn path(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// The parameters of the job; of each the first value is what relabelling has made of it.
fn query(config: &ScrapeConfig, labels: &LabelMap) -> String {
    let mut pairs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, values) in &config.params {
        pairs.insert(name, values.iter().map(String::as_str).collect());
    }
    for (name, value) in labels {
        if let Some(name) = name.strip_prefix("__param_") {
            match pairs.entry(name).or_default().first_mut() {
                Some(first) => *first = value,
                None => drop(pairs.insert(name, vec![value])),
            }
        }
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, values) in pairs {
        for value in values {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// What is wrong with the labels of a series, by the limits of its job.
pub(super) fn beyond(labels: &LabelMap, limits: &Limits) -> Option<String> {
    let name = labels.get("__name__").map_or("", String::as_str);
    let mut said = String::new();
    if limits.labels > 0 && labels.len() as u64 > limits.labels {
        let _ =
            write!(said, "label_limit exceeded: {name:?} has {} labels, the limit is {}", labels.len(), limits.labels);
        return Some(said);
    }
    for (label, value) in labels {
        for (what, length, limit) in [
            ("label_name_length_limit", label.len(), limits.label_name_length),
            ("label_value_length_limit", value.len(), limits.label_value_length),
        ] {
            if limit > 0 && length as u64 > limit {
                let short: String = label.chars().take(64).collect();
                let _ = write!(
                    said,
                    "{what} exceeded: of {name:?} the label {short:?} has {length} bytes, the limit is {limit}"
                );
                return Some(said);
            }
        }
    }
    None
}
