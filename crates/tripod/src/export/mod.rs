//! Exporters: one file a destination, each turning a batch into bytes for it.

mod memory;
#[cfg(feature = "otlp-http")]
mod otlp_http;

pub use memory::MemoryExporter;

use crate::config::Config;
use crate::pipeline::Exporter;

/// The exporters of a program that names none.
#[cfg(feature = "otlp-http")]
pub(crate) fn defaults(config: &Config) -> Vec<Box<dyn Exporter>> {
    vec![Box::new(otlp_http::OtlpHttp::new(config))]
}

/// The exporters of a program that names none.
#[cfg(not(feature = "otlp-http"))]
pub(crate) fn defaults(_: &Config) -> Vec<Box<dyn Exporter>> {
    Vec::new()
}
