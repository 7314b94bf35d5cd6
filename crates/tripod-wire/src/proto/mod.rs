//! Protobuf's primitives: varints, tags, length-delimited fields, and the [`Message`] trait on top of them.
//!
//! Reading borrows from the input ([`Reader`]); writing appends to a `Vec<u8>` ([`put_varint`], [`put_tag`],
//! [`put_len_delimited`]) in one pass and allocates only when the vector has no room left.

pub(crate) mod kind;
mod message;
mod read;
mod write;

pub use message::Message;
pub(crate) use message::{message, protobuf_message, variant};
pub use read::{Reader, WireType};
pub use write::{
    put_bytes, put_fixed32, put_fixed64, put_len_delimited, put_tag, put_varint, varint_len, zigzag_decode,
    zigzag_encode,
};

/// The deepest nesting of messages that is decoded; deeper input is an error rather than a stack overflow.
///
/// It is more than JSON input can reach before its own limit (128 levels of braces and brackets), so that what came as
/// JSON can be stored and read again as protobuf.
pub const MAX_DEPTH: usize = 100;
