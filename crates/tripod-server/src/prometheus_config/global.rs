//! The part `global`: defaults of all jobs, and what rules and alerts go by.

use std::time::Duration;

use super::scrape::{Limits, Protocol, protocols};
use super::units::duration;
use crate::yaml::{Fault, Item};

/// The part `global`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Global {
    pub(crate) scrape_interval: Duration,
    pub(crate) scrape_timeout: Duration,
    pub(crate) evaluation_interval: Duration,
    pub(crate) rule_query_offset: Duration,
    /// Put on what leaves this server: alerts. Variables of the environment are put in.
    pub(crate) external_labels: Vec<(String, String)>,
    /// None where it is not said: then the default, which depends on native histograms.
    pub(crate) scrape_protocols: Option<Vec<Protocol>>,
    pub(crate) native_histograms: bool,
    pub(crate) classic_histograms: bool,
    pub(crate) extra_metrics: bool,
    pub(crate) limits: Limits,
}

impl Default for Global {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            scrape_interval: minute,
            scrape_timeout: Duration::from_secs(10),
            evaluation_interval: minute,
            rule_query_offset: Duration::ZERO,
            external_labels: Vec::new(),
            scrape_protocols: None,
            native_histograms: false,
            classic_histograms: false,
            extra_metrics: false,
            limits: Limits::default(),
        }
    }
}

impl Global {
    pub(super) fn read(item: &Item<'_>) -> Result<Self, Fault> {
        let (map, otherwise) = (item.map()?, Self::default());
        let positive = |text: &str| match duration(text)? {
            Duration::ZERO => Err("must be above 0".to_owned()),
            time => Ok(time),
        };
        let scrape_interval = map.read("scrape_interval", positive)?.unwrap_or(otherwise.scrape_interval);
        let timeout = map.get("scrape_timeout");
        let scrape_timeout = match &timeout {
            Some(item) => item.read(positive)?,
            None => otherwise.scrape_timeout.min(scrape_interval),
        };
        if let Some(item) = timeout.filter(|_| scrape_timeout > scrape_interval) {
            return Err(item.wrong("is longer than the scrape_interval, which it must not be"));
        }
        let external = map.get("external_labels").map_or_else(|| Ok(Vec::new()), |item| external_labels(&item))?;
        let global = Self {
            scrape_interval,
            scrape_timeout,
            evaluation_interval: map.read("evaluation_interval", positive)?.unwrap_or(otherwise.evaluation_interval),
            rule_query_offset: map.read("rule_query_offset", duration)?.unwrap_or_default(),
            external_labels: external,
            scrape_protocols: map.get("scrape_protocols").map(|item| protocols(&item)).transpose()?,
            native_histograms: map.flag("scrape_native_histograms")?.unwrap_or(false),
            classic_histograms: map.flag("always_scrape_classic_histograms")?.unwrap_or(false),
            extra_metrics: map.flag("extra_scrape_metrics")?.unwrap_or(false),
            limits: Limits::read(&map, &Limits::default())?,
        };
        map.leave("query_log_file", "is not acted on: Tripod writes no log of queries");
        map.leave("scrape_failure_log_file", "is not acted on: /api/v1/targets says why a scrape failed");
        map.leave("convert_classic_histograms_to_nhcb", "is not acted on: classic histograms are kept as they are");
        map.finish()?;
        Ok(global)
    }
}

fn external_labels(item: &Item<'_>) -> Result<Vec<(String, String)>, Fault> {
    let pairs = item.map()?.entries().into_iter().map(|(name, value)| {
        if name.is_empty() || name.starts_with("__") {
            return Err(value.wrong("must not be a name that is empty or begins with __"));
        }
        Ok((name.to_owned(), expand(value.text()?, &|name| std::env::var(name).unwrap_or_default())))
    });
    pairs.collect()
}

/// Puts variables into a text: `$NAME` or `${NAME}`; `$$` is a dollar.
fn expand(text: &str, variable: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            out.push_str(&variable(name));
            rest = after;
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if end == 0 {
                out.push('$');
            } else {
                out.push_str(&variable(&rest[..end]));
            }
            rest = &rest[end..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_into_external_labels() {
        let variable = |name: &str| format!("<{name}>");
        for (text, expanded) in [
            ("eu-$ZONE.1", "eu-<ZONE>.1"),
            ("${A}b$$c", "<A>b$c"),
            ("plain", "plain"),
            ("5$", "5$"),
            ("${open", "${open"),
        ] {
            assert_eq!(expand(text, &variable), expanded);
        }
    }
}
