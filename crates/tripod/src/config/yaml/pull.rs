//! A reader that is asked: Prometheus.

use super::node::{Item, Map};
use crate::Error;
use crate::config::destinations::{Destination, Destinations};
use crate::config::settings::{PrometheusSettings, Settings};
use crate::metrics::{PrometheusNames, PrometheusPage};
use crate::pipeline::Signal;

const NAMES: &str = "must be underscore_escaping_with_suffixes, underscore_escaping_without_suffixes, \
                     no_utf8_escaping_with_suffixes or no_translation";

/// `pull`: has Prometheus ask.
pub(super) fn read(reader: &Map<'_>, settings: &mut Settings) -> Result<(), Error> {
    let needed = || reader.missing("exporter", "such as prometheus/development:");
    let (name, argument) = reader.get("exporter").ok_or_else(needed)?.only_key()?;
    if !matches!(name, "prometheus/development" | "prometheus") {
        return Err(argument.wrong("must be prometheus/development"));
    }
    if cfg!(not(feature = "prometheus-server")) {
        return Err(argument.wrong("needs the cargo feature `prometheus-server` of the crate tripod"));
    }
    let map = argument.map()?;
    let port = |item: Item<'_>| item.parse(|text| text.parse().ok(), "must be a port, from 0 to 65535");
    settings.prometheus = PrometheusSettings {
        host: map.text("host")?,
        port: map.get("port").map(port).transpose()?,
        page: Some(page(&map)?),
    };
    map.finish()?;
    let to = settings.destinations[Signal::Metrics as usize].get_or_insert_default();
    to.add(Destinations::only(Destination::Prometheus));
    Ok(())
}

/// What the page shows, under the names of file_format 1.0 and those before.
fn page(map: &Map<'_>) -> Result<PrometheusPage, Error> {
    let mut page = PrometheusPage::default();
    let shown = |yes: &str, no: &str| Ok::<_, Error>(map.flag(yes)?.or(map.flag(no)?.map(|without| !without)));
    if let Some(on) = shown("scope_info_enabled", "without_scope_info")? {
        page = page.scope_labels(on);
    }
    if let Some(on) = shown("target_info_enabled/development", "without_target_info")? {
        page = page.target_info(on);
    }
    if let Some(names) = map.get("translation_strategy") {
        page = page.names(names.parse(PrometheusNames::from_name, NAMES)?);
    }
    for key in ["resource_constant_labels", "with_resource_constant_labels"] {
        if let Some(labels) = map.map(key)? {
            let (included, excluded) = (labels.texts("included")?, labels.texts("excluded")?.unwrap_or_default());
            // As the specification has it: all, where only those are named that are left out.
            let included = included.unwrap_or_else(|| vec!["*".to_owned()]);
            let [included, excluded] = [&included, &excluded].map(|keys| keys.iter().map(String::as_str));
            page = page.resource_labels(included, excluded);
            labels.finish()?;
        }
    }
    for gone in ["without_units", "without_type_suffix"] {
        map.leave(gone, "changes nothing: translation_strategy says how metrics are named");
    }
    Ok(page)
}
