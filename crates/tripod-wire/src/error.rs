//! The one error of this crate: which field could not be read, where, and why.

/// Why bytes from outside could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a value.
    #[error("{message}: the bytes end inside a value at offset {offset}")]
    Truncated {
        /// The message being decoded, for example `Span`.
        message: &'static str,
        /// Offset in bytes from the start of that message.
        offset: usize,
    },
    /// A field holds something it must not.
    #[error("{message}.{field}: {reason}")]
    Invalid {
        /// The message being decoded, for example `Span`.
        message: &'static str,
        /// The field, named as in the protocol, for example `trace_id`.
        field: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Messages are nested deeper than [`crate::proto::MAX_DEPTH`].
    #[error("{message}: nested deeper than {limit} levels")]
    TooDeep {
        /// The message being decoded.
        message: &'static str,
        /// The deepest nesting accepted.
        limit: usize,
    },
    /// The text is not JSON, or not the JSON of the message asked for.
    #[error("JSON, line {line}, column {column}: {reason}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser found and what it expected.
        reason: String,
    },
}
