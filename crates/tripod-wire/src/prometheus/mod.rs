//! Prometheus' formats: names by OpenTelemetry's compatibility rules, and the text exposition.

pub mod names;
pub mod text;
