//! Prometheus' formats: names by OpenTelemetry's compatibility rules, the text exposition, and remote write.

pub mod names;
pub mod remote_write;
pub mod text;
