//! The kinds of fields that messages are made of: how each is read, merged and written.

use std::marker::PhantomData;

use super::write::put_len_delimited_unless_empty;
use super::{Message, Reader, WireType, put_bytes, put_len_delimited, put_tag, put_varint, zigzag_encode};
use crate::WireError;

/// How a field is read and written.
pub(crate) trait Kind {
    /// What holds the field's value.
    type Field;

    /// Reads one occurrence of the field.
    fn merge(field: &mut Self::Field, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError>;

    /// Appends the field, unless it holds its default.
    fn put(field: &Self::Field, number: u32, out: &mut Vec<u8>);
}

/// A number or truth value.
pub(crate) trait Scalar {
    type Value: Copy;
    const WIRE_TYPE: WireType;
    fn read(wire_type: WireType, reader: &mut Reader<'_>) -> Result<Self::Value, WireError>;
    fn put_value(value: Self::Value, out: &mut Vec<u8>);
    fn is_default(value: Self::Value) -> bool;
}

/// Protobuf's scalar types: Rust type, wire type, method of [`Reader`], from and to what that method yields.
macro_rules! scalars {
    ($($name:ident: $value:ty, $wire_type:ident, $read:ident, |$raw:ident| $from:expr, |$own:ident, $out:ident| $put:expr;)*) => {
        $(pub(crate) struct $name;

        impl Scalar for $name {
            type Value = $value;
            const WIRE_TYPE: WireType = WireType::$wire_type;

            #[inline]
            fn read(wire_type: WireType, reader: &mut Reader<'_>) -> Result<$value, WireError> {
                let $raw = reader.$read(wire_type)?;
                Ok($from)
            }

            #[inline]
            fn put_value($own: $value, $out: &mut Vec<u8>) {
                $put;
            }

            #[inline]
            fn is_default(value: $value) -> bool {
                value == <$value>::default()
            }
        })*
    };
}

scalars! {
    Bool: bool, Varint, varint, |raw| raw != 0, |value, out| out.push(u8::from(value));
    Uint32: u32, Varint, varint, |raw| raw as u32, |value, out| put_varint(out, u64::from(value));
    Uint64: u64, Varint, varint, |raw| raw, |value, out| put_varint(out, value);
    Int32: i32, Varint, varint, |raw| raw as i32, |value, out| put_varint(out, i64::from(value) as u64);
    Int64: i64, Varint, varint, |raw| raw as i64, |value, out| put_varint(out, value as u64);
    Sint32: i32, Varint, zigzag, |raw| raw as i32, |value, out| put_varint(out, zigzag_encode(i64::from(value)));
    Sint64: i64, Varint, zigzag, |raw| raw, |value, out| put_varint(out, zigzag_encode(value));
    Fixed32: u32, Fixed32, fixed32, |raw| raw, |value, out| out.extend_from_slice(&value.to_le_bytes());
    Fixed64: u64, Fixed64, fixed64, |raw| raw, |value, out| out.extend_from_slice(&value.to_le_bytes());
    Sfixed64: i64, Fixed64, fixed64, |raw| raw as i64, |value, out| out.extend_from_slice(&value.to_le_bytes());
}

pub(crate) struct Double;

impl Scalar for Double {
    type Value = f64;
    const WIRE_TYPE: WireType = WireType::Fixed64;

    #[inline]
    fn read(wire_type: WireType, reader: &mut Reader<'_>) -> Result<f64, WireError> {
        reader.fixed64(wire_type).map(f64::from_bits)
    }

    #[inline]
    fn put_value(value: f64, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.to_le_bytes());
    }

    /// Minus zero is not the default: it has to survive.
    #[inline]
    fn is_default(value: f64) -> bool {
        value.to_bits() == 0
    }
}

/// A tag and a value, whatever the value.
#[inline]
pub(crate) fn put_scalar<S: Scalar>(value: S::Value, number: u32, out: &mut Vec<u8>) {
    put_tag(out, number, S::WIRE_TYPE);
    S::put_value(value, out);
}

impl<S: Scalar> Kind for S {
    type Field = S::Value;

    #[inline]
    fn merge(field: &mut S::Value, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        *field = S::read(wire_type, reader)?;
        Ok(())
    }

    #[inline]
    fn put(field: &S::Value, number: u32, out: &mut Vec<u8>) {
        if !S::is_default(*field) {
            put_scalar::<S>(*field, number, out);
        }
    }
}

/// A scalar whose absence differs from its default.
pub(crate) struct Optional<S>(PhantomData<S>);

impl<S: Scalar> Kind for Optional<S> {
    type Field = Option<S::Value>;

    fn merge(field: &mut Self::Field, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        *field = Some(S::read(wire_type, reader)?);
        Ok(())
    }

    fn put(field: &Self::Field, number: u32, out: &mut Vec<u8>) {
        if let Some(value) = *field {
            put_scalar::<S>(value, number, out);
        }
    }
}

/// Scalars in a row: written packed, read packed or one by one.
pub(crate) struct Packed<S>(PhantomData<S>);

impl<S: Scalar> Kind for Packed<S> {
    type Field = Vec<S::Value>;

    fn merge(field: &mut Self::Field, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        if wire_type != WireType::Len {
            reader.grow(field, 1)?;
            field.push(S::read(wire_type, reader)?);
            return Ok(());
        }
        let mut values = reader.packed(wire_type)?;
        if S::WIRE_TYPE == WireType::Fixed64 {
            reader.grow(field, (values.end() - values.offset()) / 8)?;
        }
        while !values.is_empty() {
            reader.grow(field, 1)?;
            field.push(S::read(S::WIRE_TYPE, &mut values)?);
        }
        Ok(())
    }

    fn put(field: &Self::Field, number: u32, out: &mut Vec<u8>) {
        if !field.is_empty() {
            put_len_delimited(out, number, |out| field.iter().for_each(|value| S::put_value(*value, out)));
        }
    }
}

/// Text.
pub(crate) struct Text;

impl Kind for Text {
    type Field = String;

    #[inline]
    fn merge(field: &mut String, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        // A buffer of just its size: half the cost of letting the empty one grow.
        *field = reader.string(wire_type)?.into();
        Ok(())
    }

    #[inline]
    fn put(field: &String, number: u32, out: &mut Vec<u8>) {
        if !field.is_empty() {
            put_bytes(out, number, field.as_bytes());
        }
    }
}

/// A trace's or span's id.
///
/// One of a wrong length becomes the absent id rather than an error, so that one bad record does not cost the sender
/// the whole batch; who needs the id rejects that record.
pub(crate) struct Id<I>(PhantomData<I>);

macro_rules! id_kind {
    ($($id:ty),*) => {
        $(impl Kind for Id<$id> {
            type Field = $id;

            #[inline]
            fn merge(field: &mut $id, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
                *field = <$id>::from_bytes(reader.bytes(wire_type)?).unwrap_or_default();
                Ok(())
            }

            #[inline]
            fn put(field: &$id, number: u32, out: &mut Vec<u8>) {
                if field.is_valid() {
                    put_bytes(out, number, &field.0);
                }
            }
        })*
    };
}
id_kind!(crate::TraceId, crate::SpanId);

/// A number with names (see `open_enum!`).
pub(crate) trait OpenEnum: Copy {
    fn number(self) -> i32;
    fn from_number(number: i32) -> Self;
    #[cfg(feature = "json")]
    fn named(name: &str) -> Option<Self>;
}

/// An enumeration.
pub(crate) struct Enum<E>(PhantomData<E>);

impl<E: OpenEnum> Kind for Enum<E> {
    type Field = E;

    #[inline]
    fn merge(field: &mut E, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        *field = E::from_number(Int32::read(wire_type, reader)?);
        Ok(())
    }

    #[inline]
    fn put(field: &E, number: u32, out: &mut Vec<u8>) {
        Int32::put(&field.number(), number, out);
    }
}

/// A nested message; left out when it holds nothing.
pub(crate) struct One<M>(PhantomData<M>);

impl<M: Message> Kind for One<M> {
    type Field = M;

    #[inline]
    fn merge(field: &mut M, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        reader.nested(wire_type, M::NAME, |reader| field.merge(reader))
    }

    #[inline]
    fn put(field: &M, number: u32, out: &mut Vec<u8>) {
        put_len_delimited_unless_empty(out, number, |out| field.encode(out));
    }
}

/// A nested message whose absence differs from one that holds nothing.
pub(crate) struct OptionalOne<M>(PhantomData<M>);

impl<M: Message> Kind for OptionalOne<M> {
    type Field = Option<M>;

    fn merge(field: &mut Option<M>, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        reader.nested(wire_type, M::NAME, |reader| field.get_or_insert_default().merge(reader))
    }

    fn put(field: &Option<M>, number: u32, out: &mut Vec<u8>) {
        if let Some(message) = field {
            put_len_delimited(out, number, |out| message.encode(out));
        }
    }
}

/// Nested messages in a row.
pub(crate) struct Many<M>(PhantomData<M>);

impl<M: Message> Kind for Many<M> {
    type Field = Vec<M>;

    #[inline]
    fn merge(field: &mut Vec<M>, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        if field.len() == field.capacity() {
            reader.grow(field, reader.run())?;
        }
        let message = field.push_mut(M::default());
        reader.nested(wire_type, M::NAME, |reader| message.merge(reader))
    }

    #[inline]
    fn put(field: &Vec<M>, number: u32, out: &mut Vec<u8>) {
        for message in field {
            put_len_delimited(out, number, |out| message.encode(out));
        }
    }
}
