//! What crosses the wire between Tripod and the world, encoded and decoded, nothing else.
//!
//! - [`otlp`]: the OpenTelemetry protocol, as protobuf and (feature `json`) as JSON.
//! - [`prometheus`]: names and series by OpenTelemetry's Prometheus-compatibility rules, the text exposition format, remote write.
//! - [`loki`]: Loki's push request.
//! - [`proto`]: the protobuf primitives that both ends are built from.
//!
//! The messages are plain structs with public fields, named as in the protocol. Decoding copies each string once;
//! [`otlp::records`] walks a request without decoding it, for who needs only some of its records.
//! Decoding takes no more memory than a multiple of the input's length, and no more stack than [`proto::MAX_DEPTH`] levels.
//! The crate does no I/O, holds no state and has no `unsafe`.
#![forbid(unsafe_code)]

mod budget;
mod error;
mod id;
pub mod loki;
#[macro_use]
pub mod otlp;
pub mod prometheus;
pub mod proto;

pub use error::WireError;
pub use id::{SpanId, TraceId};
