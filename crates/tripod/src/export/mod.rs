//! Exporters: one file a destination, each turning a batch into bytes for it.

mod console;
#[cfg(feature = "jsonl")]
mod jsonl;
mod memory;
#[cfg(feature = "otlp-http")]
mod otlp_http;
mod readable;
mod tree;

pub use console::Console;
#[cfg(feature = "jsonl")]
pub use jsonl::JsonlExporter;
pub use memory::MemoryExporter;

use crate::config::Config;
use crate::pipeline::Exporter;

/// All exporters: those the code names, or else OTLP, and the console if it is wanted.
pub(crate) fn all(config: &Config, named: Vec<Box<dyn Exporter>>) -> Vec<Box<dyn Exporter>> {
    let mut exporters = named;
    if exporters.is_empty() {
        exporters.extend(otlp(config));
    }
    if !config.console_signals.is_empty() {
        exporters.push(Box::new(console::ConsoleExporter::stderr(config.console, config.console_signals)));
    }
    exporters
}

#[cfg(feature = "otlp-http")]
fn otlp(config: &Config) -> Option<Box<dyn Exporter>> {
    let wanted = !config.otlp_signals.is_empty();
    wanted.then(|| Box::new(otlp_http::OtlpHttp::new(config)) as Box<dyn Exporter>)
}

#[cfg(not(feature = "otlp-http"))]
fn otlp(_: &Config) -> Option<Box<dyn Exporter>> {
    None
}
