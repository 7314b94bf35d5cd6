//! Protobuf's primitives: varints, tags, length-delimited fields.

/// The deepest nesting of messages that is decoded; deeper input is an error rather than a stack overflow.
pub const MAX_DEPTH: usize = 64;
