//! Prometheus' configuration file, `prometheus.yml`, with Prometheus' defaults.
//!
//! What the file has is acted on, or is an error, or is said in [`PrometheusConfig::notices`]; nothing is passed over in silence.
//! Errors name the file, the line and what is allowed. Files that are named in it are looked for beside it.

pub(crate) mod alerting;
pub(crate) mod discovery;
mod glob;
pub(crate) mod global;
pub(crate) mod http;
pub(crate) mod relabel;
pub(crate) mod scrape;
pub(crate) mod units;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use self::alerting::Alerting;
pub(crate) use self::glob::glob;
use self::global::Global;
use self::scrape::ScrapeConfig;
use crate::ServerError;
use crate::yaml::{Document, Fault, Item};

/// A configuration file, read.
#[derive(Debug, Clone, Default)]
pub struct PrometheusConfig {
    pub(crate) global: Global,
    /// Patterns of rule files, absolute where the file's own path is; [`glob`] finds what they name.
    pub(crate) rule_files: Vec<PathBuf>,
    pub(crate) alerting: Alerting,
    pub(crate) scrape_configs: Vec<ScrapeConfig>,
    /// The file as YAML, without its secrets.
    pub(crate) shown: String,
    notices: Vec<String>,
}

impl PrometheusConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong, in which line, and what is allowed.
    pub fn read(path: &Path) -> Result<Self, ServerError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ServerError::Config(format!("{shown} can't be read: {error}")))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        Self::parse(&shown, &text, dir).map_err(|fault| ServerError::Config(fault.to_string()))
    }

    /// What the file has that is not acted on, each with its place and what happens instead.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// What the file has, in a sentence.
    pub fn summary(&self) -> String {
        let Self { scrape_configs, rule_files, alerting, .. } = self;
        let (scrapes, rules, managers) = (scrape_configs.len(), rule_files.len(), alerting.alertmanagers.len());
        format!("{scrapes} scrape configs, {rules} patterns of rule files, {managers} groups of Alertmanagers")
    }

    /// Reads a text; files named in it are looked for in `dir`.
    pub(crate) fn parse(name: &str, text: &str, dir: &Path) -> Result<Self, Fault> {
        let document = Document::parse(name, text)?;
        let mut config = read(&document.root(), dir)?;
        config.shown = document.root().to_yaml(&is_secret);
        config.notices = document.into_notices();
        Ok(config)
    }
}

/// Keys whose values are not shown.
fn is_secret(key: &str) -> bool {
    matches!(
        key,
        "password" | "credentials" | "bearer_token" | "client_secret" | "secret_key" | "secrets" | "key" | "api_key"
    )
}

fn read(root: &Item<'_>, dir: &Path) -> Result<PrometheusConfig, Fault> {
    let map = root.map()?;
    let global = map.get("global").map_or_else(|| Ok(Global::default()), |item| Global::read(&item))?;
    let rule_files =
        map.list("rule_files")?.iter().map(|item| Ok(dir.join(item.text()?))).collect::<Result<_, Fault>>()?;
    let alerting = map.get("alerting").map_or_else(|| Ok(Alerting::default()), |item| Alerting::read(&item, dir))?;
    let mut scrape_configs: Vec<ScrapeConfig> = Vec::new();
    let mut names = HashSet::new();
    for item in map.list("scrape_configs")? {
        let config = ScrapeConfig::read(&item, &global, dir)?;
        if !names.insert(config.job_name.clone()) {
            return Err(item.wrong(format!("has the job_name {:?}, which another one has too", config.job_name)));
        }
        scrape_configs.push(config);
    }
    map.refuse("scrape_config_files", "is not supported: put their scrape_configs into this file")?;
    map.leave("remote_write", "is not acted on: Tripod does not forward what it scrapes");
    map.leave("remote_read", "is not acted on: queries read what Tripod has itself");
    map.leave("storage", "is not acted on: see the flags of `tripod up`");
    map.leave("tracing", "is not acted on");
    map.leave("runtime", "is not acted on: it is for Go");
    map.leave("otlp", "is not acted on: OTLP is received as it always is");
    map.finish()?;
    Ok(PrometheusConfig { global, rule_files, alerting, scrape_configs, ..PrometheusConfig::default() })
}

#[cfg(test)]
mod tests;
