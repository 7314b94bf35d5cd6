//! Spans: from a request's bytes to columns, to parts, and back as traces, lists and numbers.

mod block;
mod children;
mod decode;
mod memory;
mod operations;
mod rows;
#[cfg(test)]
mod samples;
