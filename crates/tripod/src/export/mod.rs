//! Exporters: one file a destination, each turning a batch into bytes for it.

mod console;
#[cfg(feature = "http-client")]
mod http;
#[cfg(feature = "jsonl")]
mod jsonl;
mod memory;
#[cfg(feature = "otlp-http")]
mod otlp_http;
pub(crate) mod prometheus_text;
mod readable;
mod tree;

pub use console::Console;
#[cfg(feature = "jsonl")]
pub use jsonl::JsonlExporter;
pub use memory::MemoryExporter;

use std::time::Duration;

use crate::Error;
use crate::config::{Config, Destination};
use crate::pipeline::Output;

/// Half of what a record may wait while someone looks: one wait until it is collected, one until it is sent.
const CONSOLE_DELAY: Duration = Duration::from_millis(50);

/// The exporters that come beside those the code names: OTLP if it names none, and the console if it is wanted.
///
/// # Errors
/// [`Error::Config`] of a setting that an exporter can't use.
pub(crate) fn built_in(config: &Config, any_named: bool) -> Result<Vec<Output>, Error> {
    let mut exporters = Vec::new();
    if !any_named {
        exporters.extend(otlp(config)?);
    }
    let shown = config.signals_to(Destination::Console);
    if !shown.is_empty() {
        let console = console::ConsoleExporter::stderr(config.console, shown);
        let delay = config.batch.iter().map(|batch| batch.delay).fold(CONSOLE_DELAY, Duration::min);
        exporters.push(Output::from(console).schedule_delay(delay));
    }
    Ok(exporters)
}

#[cfg(feature = "otlp-http")]
fn otlp(config: &Config) -> Result<Option<Output>, Error> {
    if config.signals_to(Destination::Otlp).is_empty() {
        return Ok(None);
    }
    Ok(Some(otlp_http::OtlpHttp::new(config)?.into()))
}

#[cfg(not(feature = "otlp-http"))]
#[expect(clippy::unnecessary_wraps, reason = "as the one above")]
fn otlp(_: &Config) -> Result<Option<Output>, Error> {
    Ok(None)
}
