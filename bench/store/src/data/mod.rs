//! What is measured with: requests as real senders send them, the same for the same seed.
//!
//! A trace, a record, a series' value is a function of its number, so that a checker can make any of them again alone.

pub mod logs;
mod otlp;
mod random;
pub mod samples;
mod shapes;
pub mod spans;
mod templates;

/// Where a run of data begins, and what it is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    pub seed: u64,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
}

/// Requests, made one after the other.
pub trait Source {
    /// Replaces what is in `out` by the next request and tells how many records it has; `None` at the end.
    fn next(&mut self, out: &mut Vec<u8>) -> Option<u64>;
}
