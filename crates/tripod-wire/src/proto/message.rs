//! A message and the table that defines it: one row a field, from which protobuf and JSON, both ways, are generated.

use super::{Reader, WireType};
use crate::WireError;

/// A protobuf message.
///
/// ```
/// use tripod_wire::{otlp::KeyValue, proto::Message};
/// let bytes = KeyValue::new("user", "ada").encode_to_vec();
/// assert_eq!(KeyValue::decode(&bytes)?, KeyValue::new("user", "ada"));
/// # Ok::<(), tripod_wire::WireError>(())
/// ```
pub trait Message: Default {
    /// The message's name in the protocol, for errors.
    const NAME: &'static str;

    /// Reads one field's value into `self`; a field unknown to us is skipped. A repeated field grows, a nested message is
    /// merged into the one that is there, anything else is replaced.
    ///
    /// # Errors
    /// When the value is cut off or not what the field may hold.
    fn merge_field(&mut self, number: u32, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError>;

    /// Appends the message's fields to `out`; those that hold their default are left out.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads all fields into `self`.
    ///
    /// # Errors
    /// As [`Message::merge_field`].
    #[inline]
    fn merge(&mut self, reader: &mut Reader<'_>) -> Result<(), WireError> {
        while let Some((number, wire_type)) = reader.next_field()? {
            self.merge_field(number, wire_type, reader)?;
        }
        Ok(())
    }

    /// Decodes a message from all of `bytes`.
    ///
    /// # Errors
    /// When the bytes are not this message; the error says which field, where, and why.
    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut message = Self::default();
        message.merge(&mut Reader::new(bytes, Self::NAME))?;
        Ok(message)
    }

    /// The message's bytes.
    fn encode_to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Implements [`Message`] and the JSON mapping from a table: field number, field, JSON name, kind.
macro_rules! message {
    ($name:ident { $($number:literal $field:ident $json:literal: $kind:ty,)* }) => {
        $crate::proto::protobuf_message!($name { $($number $field: $kind,)* });

        #[cfg(feature = "json")]
        $crate::otlp::json::json_message!($name { $($field $json: $kind,)* });
    };
}
pub(crate) use message;

/// Implements [`Message`] alone, from a table: field number, field, kind.
macro_rules! protobuf_message {
    ($name:ident { $($number:literal $field:ident: $kind:ty,)* }) => {
        impl $crate::proto::Message for $name {
            const NAME: &'static str = stringify!($name);

            fn merge_field(
                &mut self,
                number: u32,
                wire_type: $crate::proto::WireType,
                reader: &mut $crate::proto::Reader<'_>,
            ) -> Result<(), $crate::WireError> {
                match number {
                    $($number => {
                        reader.name_field(stringify!($field));
                        <$kind as $crate::proto::kind::Kind>::merge(&mut self.$field, wire_type, reader)
                    })*
                    _ => reader.skip(number, wire_type),
                }
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $(<$kind as $crate::proto::kind::Kind>::put(&self.$field, $number, out);)*
            }
        }
    };
}
pub(crate) use protobuf_message;

/// Implements a kind for one variant of a oneof whose value is a message, from the table of that message.
macro_rules! variant {
    ($kind_name:ident = $oneof:ident::$variant:ident { $($number:literal $field:ident $json:literal: $kind:ty,)* }) => {
        pub(crate) struct $kind_name;

        impl $crate::proto::kind::Kind for $kind_name {
            type Field = $oneof;

            fn merge(
                oneof: &mut $oneof,
                wire_type: $crate::proto::WireType,
                reader: &mut $crate::proto::Reader<'_>,
            ) -> Result<(), $crate::WireError> {
                if !matches!(oneof, $oneof::$variant { .. }) {
                    *oneof = $oneof::$variant { $($field: Default::default()),* };
                }
                let $oneof::$variant { $($field),* } = oneof else { return Ok(()) };
                reader.nested(wire_type, stringify!($variant), |reader| {
                    while let Some((number, wire_type)) = reader.next_field()? {
                        match number {
                            $($number => {
                                reader.name_field(stringify!($field));
                                <$kind as $crate::proto::kind::Kind>::merge($field, wire_type, reader)?;
                            })*
                            _ => reader.skip(number, wire_type)?,
                        }
                    }
                    Ok(())
                })
            }

            fn put(oneof: &$oneof, number: u32, out: &mut Vec<u8>) {
                if let $oneof::$variant { $($field),* } = oneof {
                    $crate::proto::put_len_delimited(out, number, |out| {
                        $(<$kind as $crate::proto::kind::Kind>::put($field, $number, out);)*
                    });
                }
            }
        }

        #[cfg(feature = "json")]
        $crate::otlp::json::json_variant!($kind_name = $oneof::$variant { $($field $json: $kind,)* });

    };
}
pub(crate) use variant;
