//! `OTEL_TRACES_EXPORTER` and its siblings: where each signal goes.

use super::env::{Env, invalid};
use crate::Error;
use crate::pipeline::{Signal, Signals};

/// What the variables say.
pub(super) struct Exporters {
    pub(super) otlp: Signals,
    pub(super) console: Signals,
}

impl Exporters {
    /// Without a variable a signal goes to OTLP; `none` sends it nowhere.
    pub(super) fn from_env(env: &Env<'_>) -> Result<Self, Error> {
        let mut exporters = Self { otlp: Signals::default(), console: Signals::default() };
        for signal in Signals::ALL {
            exporters.read(signal, env)?;
        }
        Ok(exporters)
    }

    fn read(&mut self, signal: Signal, env: &Env<'_>) -> Result<(), Error> {
        let variable = match signal {
            Signal::Traces => "OTEL_TRACES_EXPORTER",
            Signal::Metrics => "OTEL_METRICS_EXPORTER",
            Signal::Logs => "OTEL_LOGS_EXPORTER",
        };
        let value = env.text(variable).unwrap_or_else(|| "otlp".to_owned());
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "otlp" => self.otlp = self.otlp.with(signal),
                "console" => self.console = self.console.with(signal),
                "none" => {}
                _ => {
                    return Err(invalid(
                        variable,
                        &value,
                        "must be otlp, console or none, or several separated by commas",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the signal goes anywhere.
    pub(super) fn any(&self, signal: Signal) -> bool {
        self.otlp.contains(signal) || self.console.contains(signal)
    }
}
