//! OpenTelemetry's declarative configuration: a YAML file as a source of settings, of `file_format` 1.0 and the 0.x before it.
//!
//! Whatever the file has is either understood, or an error, or said at start with its line and path; nothing is passed over in
//! silence. Unlike the specification has it, the environment comes before the file, as it does everywhere in Tripod.

mod exporters;
mod node;
mod providers;
mod pull;
mod resource;
mod sampler;
mod substitute;
mod views;

use std::fs;
use std::path::Path;

use super::destinations::Destinations;
use super::env::{Env, invalid};
use super::settings::Settings;
use crate::Error;
use crate::context::propagation::Propagators;
use crate::logs::Level;
use crate::pipeline::{Signal, Signals};
use node::{File, Item, Map};

/// Reads the file.
pub(super) fn read(path: &Path, env: &Env<'_>, notices: &mut Vec<String>) -> Result<Settings, Error> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| invalid("OTEL_CONFIG_FILE", &shown, format!("can't be read: {error}")))?;
    read_text(&shown, &text, &|name| env.substitute(name), notices)
}

fn read_text(
    name: &str,
    text: &str,
    variables: &dyn Fn(&str) -> Option<String>,
    notices: &mut Vec<String>,
) -> Result<Settings, Error> {
    let file = File::new(name);
    let root = node::parse(&file, text, variables)?;
    let settings = settings(&Item::root(&file, &root).map()?);
    notices.extend(file.into_notices());
    settings
}

fn settings(root: &Map<'_>) -> Result<Settings, Error> {
    let format = root.get("file_format").ok_or_else(|| root.missing("file_format", "such as \"1.0\""))?;
    let version = format.text()?;
    if !version.starts_with("1.") && !version.starts_with("0.") {
        return Err(format.wrong("must be \"1.0\", or 0.x"));
    }
    let mut settings =
        Settings { disabled: root.flag("disabled")?, log_level: log_level(root)?, ..Settings::default() };
    if let Some(resource) = root.map("resource")? {
        resource::read(&resource, &mut settings)?;
    }
    if let Some(propagator) = root.map("propagator")? {
        settings.propagators = propagators(&propagator)?;
    }
    let limits = root.map("attribute_limits")?;
    if let Some(limits) = &limits {
        providers::common_limits(limits, &mut settings.limits)?;
    }
    // As the specification has it: a signal without a provider is not recorded.
    settings.destinations = [Some(Destinations::default()); 3];
    for signal in Signals::ALL {
        let key = match signal {
            Signal::Traces => "tracer_provider",
            Signal::Metrics => "meter_provider",
            Signal::Logs => "logger_provider",
        };
        if let Some(provider) = root.map(key)? {
            providers::read(signal, &provider, &mut settings)?;
        }
    }
    for foreign in ["instrumentation", "instrumentation/development", "distribution"] {
        root.leave(foreign, "changes nothing: it is for other languages' libraries");
    }
    root.finish()?;
    Ok(settings)
}

fn log_level(root: &Map<'_>) -> Result<Option<Level>, Error> {
    let Some(item) = root.get("log_level") else { return Ok(None) };
    // The data model divides each level in four: `info2`.
    let text = item.text()?;
    let level = text.trim_end_matches(['2', '3', '4']).parse().ok();
    level.map(Some).ok_or_else(|| item.wrong("must be trace, debug, info, warn, error or fatal"))
}

/// `composite` is a list of names, or of maps with one name each; `composite_list` is a text as in `OTEL_PROPAGATORS`.
fn propagators(propagator: &Map<'_>) -> Result<Option<Propagators>, Error> {
    let mut names = Vec::new();
    for item in propagator.list("composite")? {
        names.push(if item.is_map() { item.only_key()?.0.to_owned() } else { item.text()? });
    }
    if let Some(list) = propagator.text("composite_list")? {
        let further: Vec<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
        names.extend(further.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    propagator.finish()?;
    if names.is_empty() {
        return Ok(None);
    }
    let joined = names.join(",");
    Propagators::from_names(&joined).map(Some).ok_or_else(|| propagator.wrong(&joined, Propagators::ALLOWED))
}

/// What there is to say of a file without variables.
#[cfg(test)]
pub(super) fn notices_of(text: &str) -> Result<Vec<String>, Error> {
    let mut notices = Vec::new();
    read_text("file", text, &|_| None, &mut notices)?;
    Ok(notices)
}

#[cfg(test)]
mod tests;
