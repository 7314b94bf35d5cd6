//! Instrumentation of functions: what the attributes record by, and the same for code that is written by hand.
//!
//! The attributes of `tripod-macros` put a value before a function's body and end it after: a [`call::Call`]. What differs from attribute to
//! attribute is the closure that records how the call ended. Instruments are made once a place in the code; a call costs what recording by
//! them costs.

pub(crate) mod argument;
pub(crate) mod call;
mod error_type;
pub(crate) mod held;
pub(crate) mod llm;
mod operation;
pub(crate) mod outcome;
pub(crate) mod uses;

pub use error_type::ErrorType;
pub use llm::LlmUsage;
pub use operation::{TimedOperation, TracedOperation, time_operation, trace_operation};
pub use uses::CacheOutcome;

/// The guide's snippets, compiled and run.
#[cfg(all(doctest, feature = "macros"))]
#[doc = include_str!("../../../../../docs/how-to/instrument/functions.md")]
mod guide {}
