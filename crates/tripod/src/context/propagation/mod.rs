//! Carrying the context to another process and taking it from there: W3C Trace Context and Baggage.
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

mod carrier;
mod w3c;

pub(crate) use w3c::percent_decode;

pub use carrier::{Extractor, Injector};

use super::Context;

/// Writes what is current on this thread into a carrier.
pub fn inject(carrier: &mut impl Injector) {
    inject_context(&Context::current(), carrier);
}

/// Writes a context into a carrier; one without a valid span writes only its baggage.
pub fn inject_context(context: &Context, carrier: &mut impl Injector) {
    w3c::inject(context, carrier);
}

/// Reads a context from a carrier. What is missing or malformed is left out: a bad header starts a new trace, it never fails.
pub fn extract(carrier: &impl Extractor) -> Context {
    w3c::extract(carrier)
}
