//! Exporters: one file a destination, each turning a batch into bytes for it.

mod console;
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

use crate::config::Config;
use crate::pipeline::Exporter;

/// The exporters that come beside those the code names: OTLP if it names none, and the console if it is wanted.
pub(crate) fn built_in(config: &Config, any_named: bool) -> Vec<Box<dyn Exporter>> {
    let mut exporters = Vec::new();
    if !any_named {
        exporters.extend(otlp(config));
    }
    if !config.console_signals.is_empty() {
        let console = console::ConsoleExporter::stderr(config.console, config.console_signals);
        exporters.push(Box::new(console) as Box<dyn Exporter>);
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
