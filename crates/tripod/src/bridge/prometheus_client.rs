//! The crate `prometheus-client`, version 0.25: its registries are collected with Tripod's own metrics and sent with them.
//!
//! ```
//! use std::sync::Arc;
//! use prometheus_client::metrics::counter::Counter;
//! use prometheus_client::registry::Registry;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! let (mut registry, requests) = (Registry::default(), Counter::<u64>::default());
//! registry.register("http_requests", "Requests served", requests.clone());
//! tripod::bridge::prometheus_client::register(Arc::new(registry));
//!
//! requests.inc();
//! # Ok(())
//! # }
//! ```
//!
//! Nothing changes where numbers are recorded, and it costs what it cost before; at each collection the registry writes its text, on the
//! collector's thread, and [`text`] reads it: there is no other way to see what a registry holds. Metrics keep the names they
//! were registered with (a counter without `_total`), under the scope `prometheus-client`, with their units, and exemplars with
//! the labels `trace_id` and `span_id` keep their trace and span. An info metric is a gauge that is 1. A native histogram without
//! buckets has no text, so it can't be sent.

mod text;

use std::fmt;
use std::sync::Arc;

use ::prometheus_client::encoding::text::encode;
use ::prometheus_client::registry::Registry;
use tripod_wire::otlp::Metric;

use super::gathered::{Times, unix_nanos_now};
use crate::engine;
use crate::metrics::registry::{self, Source};

const SCOPE: &str = "prometheus-client";

/// Has the metrics of a registry collected with Tripod's own, for as long as the process runs. May be called before telemetry
/// starts. A registry that is given twice is sent twice. One that goes on to change is behind a lock: see [`register_with`].
pub fn register(registry: Arc<Registry>) {
    register_with(move |text| encode(text, &registry));
}

/// The same for a registry that has to be reached first: `encode` writes its text.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use prometheus_client::{encoding::text::encode, registry::Registry};
/// let registry = Arc::new(Mutex::new(Registry::default()));
/// let shared = Arc::clone(&registry);
/// tripod::bridge::prometheus_client::register_with(move |text| encode(text, &shared.lock().unwrap()));
/// ```
pub fn register_with(encode: impl Fn(&mut String) -> fmt::Result + Send + Sync + 'static) {
    let (scope, start) = (engine::scope_id(SCOPE), unix_nanos_now());
    registry::add_source(Arc::new(Gathered { encode, scope, start }));
}

struct Gathered<E> {
    encode: E,
    scope: u16,
    /// Since when the numbers are known.
    start: u64,
}

impl<E: Fn(&mut String) -> fmt::Result + Send + Sync> Source for Gathered<E> {
    fn scope(&self) -> u16 {
        self.scope
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut text = String::new();
        // What was written before an error counts.
        let _ = (self.encode)(&mut text);
        text::metrics(&text, Times::since(self.start))
    }
}
