//! The part `alerting`: which Alertmanagers get the alerts.

use std::path::Path;
use std::time::Duration;

use super::discovery::Discovery;
use super::http::HttpConfig;
use super::relabel::{self, RelabelRule};
use super::scrape::Scheme;
use super::units::duration;
use crate::yaml::{Fault, Item};

/// The part `alerting`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Alerting {
    /// Rewrites or drops alerts before they are sent to any Alertmanager.
    pub(crate) alert_relabel: Vec<RelabelRule>,
    pub(crate) alertmanagers: Vec<Alertmanagers>,
}

/// A group of Alertmanagers that are found and talked to in the same way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alertmanagers {
    pub(crate) scheme: Scheme,
    /// What goes before `/api/v2/alerts`; without a slash at its end.
    pub(crate) path_prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) http: HttpConfig,
    pub(crate) discovery: Discovery,
    /// Of the Alertmanagers that are found.
    pub(crate) relabel: Vec<RelabelRule>,
    /// Of the alerts that these get.
    pub(crate) alert_relabel: Vec<RelabelRule>,
}

impl Alerting {
    pub(super) fn read(item: &Item<'_>, dir: &Path) -> Result<Self, Fault> {
        let map = item.map()?;
        let alerting = Self {
            alert_relabel: relabel::rules(&map, "alert_relabel_configs")?,
            alertmanagers: map
                .list("alertmanagers")?
                .iter()
                .map(|item| Alertmanagers::read(item, dir))
                .collect::<Result<_, _>>()?,
        };
        map.finish()?;
        Ok(alerting)
    }
}

impl Alertmanagers {
    fn read(item: &Item<'_>, dir: &Path) -> Result<Self, Fault> {
        let map = item.map()?;
        let version = |text: &str| match text {
            "v2" => Ok(()),
            _ => Err(format!("is {text:?} but must be v2")),
        };
        map.read("api_version", version)?;
        let managers = Self {
            scheme: map.read("scheme", Scheme::read)?.unwrap_or_default(),
            path_prefix: map.text("path_prefix")?.unwrap_or_default().trim_end_matches('/').to_owned(),
            timeout: map.read("timeout", duration)?.unwrap_or(Duration::from_secs(10)),
            http: HttpConfig::read(&map, dir)?,
            discovery: Discovery::read(&map, dir)?,
            relabel: relabel::rules(&map, "relabel_configs")?,
            alert_relabel: relabel::rules(&map, "alert_relabel_configs")?,
        };
        map.finish()?;
        Ok(managers)
    }
}
