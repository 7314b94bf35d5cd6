//! Prometheus' formats: names by OpenTelemetry's compatibility rules, the exposition as text and in protobuf, and remote write.

pub mod client_model;
pub mod escaping;
pub mod names;
pub mod remote_write;
pub mod text;
pub mod translation;
