//! What instrumentations of HTTP share: names of methods and versions, what of a URL may be shown, and how a call is measured until the
//! last of its body.

pub(super) mod captured;
#[cfg(feature = "tower")]
pub(super) mod host;
pub(super) mod measured;
pub(super) mod method;
pub(super) mod redact;
pub(super) mod version;

/// The bounds for sizes of bodies: from 64 B to 16 MiB.
pub(super) const SIZES: [f64; 10] =
    [64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];

/// `error.type` of what was given up before it was done: by a client that hung up, or by whoever dropped the future.
pub(super) const CANCELLED: &str = "cancelled";

/// `error.type` of a panic.
pub(super) const PANIC: &str = "panic";

/// A header's text; empty if it is none.
pub(super) fn text(value: &http::HeaderValue) -> &str {
    std::str::from_utf8(value.as_bytes()).unwrap_or_default()
}

/// An error's type for `error.type`, where it is a type: of what is boxed nothing is known.
pub(super) fn error_type<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    if name.contains("dyn ") { "_OTHER" } else { name }
}
