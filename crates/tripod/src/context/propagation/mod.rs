//! Carrying the context to another process and taking it from there, in the formats that `OTEL_PROPAGATORS` names.
//!
//! A carrier is whatever holds headers: it implements [`Injector`] or [`Extractor`], as `HashMap<String, String>`,
//! `Vec<(String, String)>` and (feature `http`) `http::HeaderMap` do.
//!
//! ```
//! use std::collections::HashMap;
//! let mut headers = HashMap::new();
//! tripod::propagation::inject(&mut headers);           // in the caller
//! let context = tripod::propagation::extract(&headers); // in the called
//! let _attached = context.attach();
//! ```
//!
//! Which formats are used is set by [`crate::Builder::propagators`] or `OTEL_PROPAGATORS`; W3C Trace Context and Baggage before
//! telemetry was started. All of them are written; they are read in order, and the last that holds a valid context wins,
//! as the OpenTelemetry specification has it. Asking which ones costs one atomic load.

mod b3;
mod carrier;
mod hex;
#[cfg(feature = "http")]
mod http_headers;
mod jaeger;
pub(crate) mod ot;
mod percent;
mod propagator;
mod tracestate;
mod w3c;
mod xray;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use percent::decode as percent_decode;
pub(crate) use propagator::Propagators;
pub(crate) use w3c::baggage_len;

pub use carrier::{Extractor, Injector};
pub use propagator::Propagator;

use super::Context;

/// The [`Propagators`] in use. They outlive the guard: requests that end during shutdown keep their format, and, by the
/// specification, `OTEL_SDK_DISABLED` does not turn propagation off.
static IN_USE: AtomicU64 = AtomicU64::new(Propagators::DEFAULT.to_bits());

pub(crate) fn configure(propagators: Propagators) {
    IN_USE.store(propagators.to_bits(), Ordering::Relaxed);
}

fn in_use() -> Propagators {
    // Relaxed: the number is all there is; nothing else is reached through it.
    Propagators::from_bits(IN_USE.load(Ordering::Relaxed))
}

/// Writes what is current on this thread into a carrier.
pub fn inject(carrier: &mut impl Injector) {
    inject_context(&Context::current(), carrier);
}

/// Writes a context into a carrier; one without a valid span writes only its baggage.
pub fn inject_context(context: &Context, carrier: &mut impl Injector) {
    in_use().inject(context, carrier);
}

/// Reads a context from a carrier. What is missing or malformed is left out: a bad header starts a new trace, it never fails.
pub fn extract(carrier: &impl Extractor) -> Context {
    in_use().extract(carrier)
}
