//! Prometheus' formats: names and series by OpenTelemetry's compatibility rules, the exposition as text and in protobuf, and remote
//! write and read.

pub mod client_model;
pub mod escaping;
pub mod exposition;
pub mod names;
pub mod remote_read;
pub mod remote_write;
pub mod series;
pub mod text;
pub mod translation;
