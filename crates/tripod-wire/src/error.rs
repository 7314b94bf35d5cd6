//! The one error of this crate: which field could not be read, where, and why.

/// Why bytes from outside could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a value.
    #[error("{message}.{field}: the bytes end inside a value at offset {offset}")]
    Truncated {
        /// The message being decoded, for example `Span`.
        message: &'static str,
        /// The field, named as in the protocol; `tag` where the bytes end before it is known which.
        field: &'static str,
        /// Offset in bytes from the start of the input.
        offset: usize,
    },
    /// A field holds something it must not.
    #[error("{message}.{field}: {reason} (offset {offset})")]
    Invalid {
        /// The message being decoded, for example `Span`.
        message: &'static str,
        /// The field, named as in the protocol, for example `trace_id`.
        field: &'static str,
        /// Offset in bytes from the start of the input.
        offset: usize,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Messages are nested deeper than [`crate::proto::MAX_DEPTH`].
    #[error("{message}: nested deeper than {limit} levels (offset {offset})")]
    TooDeep {
        /// The message being decoded.
        message: &'static str,
        /// Offset in bytes from the start of the input.
        offset: usize,
        /// The deepest nesting accepted.
        limit: usize,
    },
    /// The messages are so many and so empty that they would take far more memory than the input.
    #[error(
        "{message}: its messages would take more than {limit} bytes of memory, far more than the input's length warrants"
    )]
    TooLarge {
        /// The message being decoded.
        message: &'static str,
        /// The most that an input of this length may take, in bytes.
        limit: usize,
    },
    /// A page of metrics that is not written as it has to be.
    #[error("line {line}: {reason}")]
    Page {
        /// The line, from 1.
        line: usize,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// Bytes or text that are no trace id or span id.
    #[error("not a {kind}: {reason}")]
    Id {
        /// `TraceId` or `SpanId`.
        kind: &'static str,
        /// What is wrong and what is allowed.
        reason: String,
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
