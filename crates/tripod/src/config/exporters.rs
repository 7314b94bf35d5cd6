//! `OTEL_TRACES_EXPORTER` and its siblings: where each signal goes.

use super::env::{Env, invalid};
use super::settings::Destinations;
use crate::Error;
use crate::pipeline::Signals;

const VARIABLES: [&str; 3] = ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"];

/// What the variables say; `none` sends a signal nowhere.
pub(super) fn from_env(env: &Env<'_>) -> Result<[Option<Destinations>; 3], Error> {
    let mut all = [None; 3];
    for signal in Signals::ALL {
        let variable = VARIABLES[signal as usize];
        all[signal as usize] = env.text(variable).map(|value| read(variable, &value)).transpose()?;
    }
    Ok(all)
}

fn read(variable: &str, value: &str) -> Result<Destinations, Error> {
    let mut destinations = Destinations::default();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match name {
            "otlp" => destinations.otlp = true,
            "console" => destinations.console = true,
            "none" => {}
            _ => {
                let allowed = "must be otlp, console or none, or several separated by commas";
                return Err(invalid(variable, value, allowed));
            }
        }
    }
    Ok(destinations)
}
