//! Exporters: one file a destination, each turning a batch into bytes for it.

mod memory;
#[cfg(feature = "otlp-http")]
mod otlp_http;

pub use memory::MemoryExporter;
#[cfg(feature = "otlp-http")]
pub(crate) use otlp_http::OtlpHttp;
