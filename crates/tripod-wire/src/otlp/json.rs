//! The JSON mapping of OTLP: lowerCamelCase names, ids as hex, 64-bit integers as strings, enumerations as numbers.
//!
//! Reading is as lenient as the specification asks: numbers also as strings, enumerations also by name, ids in either
//! case, `null` for the default, unknown names ignored. Input goes straight into the messages, without a tree of JSON
//! values in between, so that lists can be held within the [`Budget`] of the input's length. What is nested deeper than 128 braces and brackets is an error, also where it would be ignored.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::metrics::{AsDouble, AsInt, NumberValue};
use super::{AnyValue, ExportResponse, LogsData, MetricsData, PartialSuccess, RpcStatus, Signal, TracesData};
use crate::budget::Budget;
use crate::proto::kind::{Kind, OpenEnum};
use crate::{SpanId, TraceId, WireError};

/// A value of a field, as JSON.
pub(crate) trait JsonValue: Default {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, budget: &mut Budget) -> Result<Self, D::Error>;
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// Whether the field may be left out.
    fn is_default(&self) -> bool;
}

/// A kind of field, as an entry of a JSON object.
pub(crate) trait JsonKind: Kind {
    fn read_json<'de, A: MapAccess<'de>>(
        field: &mut Self::Field,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error>;
    fn write_json<M: SerializeMap>(field: &Self::Field, name: &'static str, map: &mut M) -> Result<(), M::Error>;
}

/// What reads the entries of a JSON object.
pub(crate) trait ReadEntries {
    const NAME: &'static str;
    fn read_entry<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error>;
}

/// What writes the entries of a JSON object.
pub(crate) trait WriteEntries {
    fn write_entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

/// The JSON half of `message!`.
macro_rules! json_message {
    ($name:ident { $($field:ident $json:literal: $kind:ty,)* }) => {
        impl $crate::otlp::json::ReadEntries for $name {
            const NAME: &'static str = stringify!($name);

            fn read_entry<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
                budget: &mut $crate::budget::Budget,
            ) -> Result<(), A::Error> {
                match name {
                    $($json => <$kind as $crate::otlp::json::JsonKind>::read_json(&mut self.$field, map, budget),)*
                    _ => $crate::otlp::json::skip(map),
                }
            }
        }

        impl $crate::otlp::json::WriteEntries for $name {
            fn write_entries<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $(<$kind as $crate::otlp::json::JsonKind>::write_json(&self.$field, $json, map)?;)*
                Ok(())
            }
        }

        $crate::otlp::json::json_object!($name);
    };
}
pub(crate) use json_message;

/// Implements [`JsonValue`] and [`Serialize`] for what has entries; not `Deserialize`, which cannot know the input's
/// length.
macro_rules! json_object {
    ($name:ident) => {
        impl $crate::otlp::json::JsonValue for $name {
            fn read<'de, D: serde::Deserializer<'de>>(
                deserializer: D,
                budget: &mut $crate::budget::Budget,
            ) -> Result<Self, D::Error> {
                $crate::otlp::json::read_object(deserializer, budget)
            }

            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::otlp::json::write_object(self, serializer)
            }

            fn is_default(&self) -> bool {
                *self == Self::default()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::otlp::json::JsonValue::write(self, serializer)
            }
        }
    };
}
pub(crate) use json_object;

/// The entries of one variant of a oneof, being read.
pub(crate) struct VariantMut<'a, K: Kind>(pub(crate) &'a mut K::Field);

/// The entries of one variant of a oneof, being written.
pub(crate) struct VariantRef<'a, K: Kind>(pub(crate) &'a K::Field);

/// The JSON half of `variant!`.
macro_rules! json_variant {
    ($kind_name:ident = $oneof:ident::$variant:ident { $($field:ident $json:literal: $kind:ty,)* }) => {
        impl $crate::otlp::json::ReadEntries for $crate::otlp::json::VariantMut<'_, $kind_name> {
            const NAME: &'static str = stringify!($variant);

            fn read_entry<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
                budget: &mut $crate::budget::Budget,
            ) -> Result<(), A::Error> {
                let $oneof::$variant { $($field),* } = self.0 else { return $crate::otlp::json::skip(map) };
                match name {
                    $($json => <$kind as $crate::otlp::json::JsonKind>::read_json($field, map, budget),)*
                    _ => $crate::otlp::json::skip(map),
                }
            }
        }

        impl $crate::otlp::json::WriteEntries for $crate::otlp::json::VariantRef<'_, $kind_name> {
            fn write_entries<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                if let $oneof::$variant { $($field),* } = self.0 {
                    $(<$kind as $crate::otlp::json::JsonKind>::write_json($field, $json, map)?;)*
                }
                Ok(())
            }
        }

        impl $crate::otlp::json::JsonKind for $kind_name {
            fn read_json<'de, A: serde::de::MapAccess<'de>>(
                oneof: &mut $oneof,
                map: &mut A,
                budget: &mut $crate::budget::Budget,
            ) -> Result<(), A::Error> {
                let mut read = $oneof::$variant { $($field: Default::default()),* };
                if $crate::otlp::json::next_object(&mut $crate::otlp::json::VariantMut::<'_, $kind_name>(&mut read), map, budget)? {
                    *oneof = read;
                }
                Ok(())
            }

            fn write_json<M: serde::ser::SerializeMap>(
                oneof: &$oneof,
                name: &'static str,
                map: &mut M,
            ) -> Result<(), M::Error> {
                match oneof {
                    $oneof::$variant { .. } => {
                        map.serialize_entry(name, &$crate::otlp::json::VariantRef::<'_, $kind_name>(oneof))
                    }
                    _ => Ok(()),
                }
            }
        }
    };
}
pub(crate) use json_variant;

/// Every kind whose field is a value of its own; the variants of a oneof implement [`JsonKind`] themselves.
impl<K: Kind> JsonKind for K
where
    K::Field: JsonValue,
{
    fn read_json<'de, A: MapAccess<'de>>(
        field: &mut K::Field,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error> {
        *field = next_value(map, budget)?.unwrap_or_default();
        Ok(())
    }

    fn write_json<M: SerializeMap>(field: &K::Field, name: &'static str, map: &mut M) -> Result<(), M::Error> {
        if field.is_default() { Ok(()) } else { map.serialize_entry(name, &Out(field)) }
    }
}

/// Reads a value.
struct In<'b, T>(&'b mut Budget, PhantomData<T>);

impl<'de, T: JsonValue> DeserializeSeed<'de> for In<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer, self.0)
    }
}

/// A value being written.
struct Out<'a, T>(&'a T);

impl<T: JsonValue> Serialize for Out<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

impl<K: Kind> Serialize for VariantRef<'_, K>
where
    Self: WriteEntries,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_object(self, serializer)
    }
}

/// The value of the entry at hand, none when it is `null`.
fn next_value<'de, T: JsonValue, A: MapAccess<'de>>(map: &mut A, budget: &mut Budget) -> Result<Option<T>, A::Error> {
    map.next_value_seed(OrNull(In(budget, PhantomData)))
}

/// Reads the object of the entry at hand; false when it is `null`.
pub(crate) fn next_object<'de, T: ReadEntries, A: MapAccess<'de>>(
    object: &mut T,
    map: &mut A,
    budget: &mut Budget,
) -> Result<bool, A::Error> {
    Ok(map.next_value_seed(OrNull(Object(object, budget)))?.is_some())
}

pub(crate) fn write_object<T: WriteEntries, S: Serializer>(object: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    object.write_entries(&mut map)?;
    map.end()
}

pub(crate) fn read_object<'de, T: ReadEntries + Default, D: Deserializer<'de>>(
    deserializer: D,
    budget: &mut Budget,
) -> Result<T, D::Error> {
    let mut object = T::default();
    Object(&mut object, budget).deserialize(deserializer)?;
    Ok(object)
}

/// Steps over the value of an entry that nobody asks for.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<Skipped>().map(drop)
}

/// Reads the entries of an object into what is referred to.
struct Object<'a, 'b, T>(&'a mut T, &'b mut Budget);

impl<'de, T: ReadEntries> DeserializeSeed<'de> for Object<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: ReadEntries> Visitor<'de> for Object<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object ({})", T::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key()? {
            self.0.read_entry(&name, &mut map, self.1)?;
        }
        Ok(())
    }
}

/// What `S` reads, or `null`.
struct OrNull<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for OrNull<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for OrNull<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// An entry's name, borrowed unless it holds escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AnyText).map(Key)
    }
}

/// Text, borrowed where possible.
struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Any value at all. Serde's own `IgnoredAny` would step over any depth; this one counts it.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Skipped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// A number or its text, or a name where the field has names.
enum Number<'de> {
    Integer(i128),
    Float(f64),
    Text(Cow<'de, str>),
}

struct AnyNumber(&'static str);

impl<'de> Visitor<'de> for AnyNumber {
    type Value = Number<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Number::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Number::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Number::Float(value))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        AnyText.visit_borrowed_str(text).map(Number::Text)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        AnyText.visit_str(text).map(Number::Text)
    }
}

/// The number as an integer, also where it is written with a fraction of zero or an exponent.
fn integer(number: &Number<'_>) -> Option<i128> {
    const EXACT: f64 = 18_446_744_073_709_551_616.0;
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i128);
    match number {
        Number::Integer(value) => Some(*value),
        Number::Float(value) => whole(*value),
        Number::Text(text) => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
    }
}

/// Integer types; 64-bit ones are written as strings, as JavaScript would round them.
macro_rules! integers {
    ($($type:ty: $expected:literal, |$value:ident| $written:expr;)*) => {
        $(impl JsonValue for $type {
            fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &mut Budget) -> Result<Self, D::Error> {
                let number = deserializer.deserialize_any(AnyNumber($expected))?;
                let value = integer(&number).and_then(|value| value.try_into().ok());
                value.ok_or_else(|| D::Error::custom(concat!("not ", $expected)))
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                $written.serialize(serializer)
            }

            fn is_default(&self) -> bool {
                *self == 0
            }
        })*
    };
}

integers! {
    u32: "an unsigned 32-bit integer", |value| value;
    i32: "a 32-bit integer", |value| value;
    u64: "an unsigned 64-bit integer, as a number or a string", |value| value.to_string();
    i64: "a 64-bit integer, as a number or a string", |value| value.to_string();
}

impl JsonValue for f64 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &mut Budget) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(AnyNumber("a number, \"NaN\", \"Infinity\" or \"-Infinity\""))? {
            Number::Integer(value) => Ok(value as Self),
            Number::Float(value) => Ok(value),
            Number::Text(text) => match &*text {
                "NaN" => Ok(Self::NAN),
                "Infinity" => Ok(Self::INFINITY),
                "-Infinity" => Ok(Self::NEG_INFINITY),
                other => other.parse().map_err(|_| D::Error::custom(format!("{other:?} is no number"))),
            },
        }
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_nan() {
            serializer.serialize_str("NaN")
        } else if self.is_infinite() {
            serializer.serialize_str(if *self > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            serializer.serialize_f64(*self)
        }
    }

    fn is_default(&self) -> bool {
        self.to_bits() == 0
    }
}

impl JsonValue for bool {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &mut Budget) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn is_default(&self) -> bool {
        !self
    }
}

impl JsonValue for String {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &mut Budget) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

/// Ids; as in protobuf, text that is no id becomes the absent one, so that one bad record does not cost the batch.
macro_rules! ids {
    ($($id:ty),*) => {
        $(impl JsonValue for $id {
            fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &mut Budget) -> Result<Self, D::Error> {
                Ok(deserializer.deserialize_str(AnyText)?.parse().unwrap_or_default())
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }

            fn is_default(&self) -> bool {
                !self.is_valid()
            }
        })*
    };
}
ids!(TraceId, SpanId);

/// Implements [`JsonValue`] for an enumeration: a number, or read by its name.
macro_rules! json_enum {
    ($name:ident) => {
        impl $crate::otlp::json::JsonValue for $name {
            fn read<'de, D: serde::Deserializer<'de>>(
                deserializer: D,
                _: &mut $crate::budget::Budget,
            ) -> Result<Self, D::Error> {
                $crate::otlp::json::read_enum(deserializer)
            }

            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i32(self.0)
            }

            fn is_default(&self) -> bool {
                self.0 == 0
            }
        }
    };
}
pub(crate) use json_enum;

pub(crate) fn read_enum<'de, E: OpenEnum, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    let number = deserializer.deserialize_any(AnyNumber("the number or name of an enumeration's value"))?;
    if let Some(number) = integer(&number).and_then(|number| number.try_into().ok()) {
        return Ok(E::from_number(number));
    }
    let Number::Text(name) = number else { return Err(D::Error::custom("no value of the enumeration")) };
    E::named(&name).ok_or_else(|| D::Error::custom(format!("{name:?} is no value of the enumeration")))
}

impl<T: JsonValue> JsonValue for Option<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, budget: &mut Budget) -> Result<Self, D::Error> {
        T::read(deserializer, budget).map(Some)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn is_default(&self) -> bool {
        self.is_none()
    }
}

impl<T: JsonValue> JsonValue for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, budget: &mut Budget) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List(budget, PhantomData))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Out))
    }

    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

struct List<'b, T>(&'b mut Budget, PhantomData<T>);

impl<'de, T: JsonValue> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(OrNull(In(self.0, PhantomData)))? {
            if !self.0.grow(&mut values, 1) {
                return Err(A::Error::custom("more elements than the input's length warrants"));
            }
            values.push(value.unwrap_or_default());
        }
        Ok(values)
    }
}

macro_rules! json_number_variant {
    ($kind:ident, $variant:ident) => {
        impl JsonKind for $kind {
            fn read_json<'de, A: MapAccess<'de>>(
                field: &mut NumberValue,
                map: &mut A,
                budget: &mut Budget,
            ) -> Result<(), A::Error> {
                if let Some(value) = next_value(map, budget)? {
                    *field = NumberValue::$variant(value);
                }
                Ok(())
            }

            fn write_json<M: SerializeMap>(
                field: &NumberValue,
                name: &'static str,
                map: &mut M,
            ) -> Result<(), M::Error> {
                match field {
                    NumberValue::$variant(value) => map.serialize_entry(name, &Out(value)),
                    _ => Ok(()),
                }
            }
        }
    };
}
json_number_variant!(AsDouble, Double);
json_number_variant!(AsInt, Int);

/// `ArrayValue` and `KeyValueList`: an object whose only entry is `values`.
struct Values<T>(Vec<T>);

impl<T: JsonValue> ReadEntries for Values<T> {
    const NAME: &'static str = "values";

    fn read_entry<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error> {
        match name {
            "values" => {
                self.0 = next_value(map, budget)?.unwrap_or_default();
                Ok(())
            }
            _ => skip(map),
        }
    }
}

fn next_list<'de, T: JsonValue, A: MapAccess<'de>>(
    map: &mut A,
    budget: &mut Budget,
) -> Result<Option<Vec<T>>, A::Error> {
    let mut values = Values(Vec::new());
    Ok(next_object(&mut values, map, budget)?.then_some(values.0))
}

struct ValuesOut<'a, T>(&'a Vec<T>);

impl<T: JsonValue> Serialize for ValuesOut<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("values", &Out(self.0))?;
        map.end()
    }
}

/// Both alphabets and both habits of padding, as protobuf's JSON mapping asks.
fn base64_decode(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, config).decode(text).ok()
}

impl ReadEntries for AnyValue {
    const NAME: &'static str = "AnyValue";

    fn read_entry<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error> {
        let read = match name {
            "stringValue" => next_value(map, budget)?.map(Self::String),
            "boolValue" => next_value(map, budget)?.map(Self::Bool),
            "intValue" => next_value(map, budget)?.map(Self::Int),
            "doubleValue" => next_value(map, budget)?.map(Self::Double),
            "arrayValue" => next_list(map, budget)?.map(Self::Array),
            "kvlistValue" => next_list(map, budget)?.map(Self::KvList),
            "bytesValue" => match next_value::<String, A>(map, budget)? {
                Some(text) => {
                    let bytes = base64_decode(&text).ok_or_else(|| A::Error::custom("bytesValue is not base64"))?;
                    Some(Self::Bytes(bytes))
                }
                None => None,
            },
            _ => return skip(map),
        };
        if let Some(value) = read {
            *self = value;
        }
        Ok(())
    }
}

impl WriteEntries for AnyValue {
    fn write_entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Empty => Ok(()),
            Self::String(text) => map.serialize_entry("stringValue", text),
            Self::Bool(value) => map.serialize_entry("boolValue", value),
            Self::Int(value) => map.serialize_entry("intValue", &Out(value)),
            Self::Double(value) => map.serialize_entry("doubleValue", &Out(value)),
            Self::Array(values) => map.serialize_entry("arrayValue", &ValuesOut(values)),
            Self::KvList(values) => map.serialize_entry("kvlistValue", &ValuesOut(values)),
            Self::Bytes(bytes) => {
                map.serialize_entry("bytesValue", &base64::engine::general_purpose::STANDARD.encode(bytes))
            }
        }
    }
}

json_object!(AnyValue);

fn from_json<T: ReadEntries + Default>(json: &[u8]) -> Result<T, WireError> {
    let mut budget = Budget::of_input(json.len());
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = read_object(&mut deserializer, &mut budget).and_then(|read| deserializer.end().map(|()| read));
    read.map_err(|error| if budget.is_exceeded() { budget.error(T::NAME) } else { json_error(&error) })
}

fn json_error(error: &serde_json::Error) -> WireError {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(&position).unwrap_or(&text).to_owned();
    WireError::Json { line: error.line(), column: error.column(), reason }
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("writing to memory, names that are strings: nothing can fail")
}

macro_rules! json_methods {
    ($($name:ident),*) => {
        $(impl $name {
            /// Reads the JSON mapping of OTLP.
            ///
            /// # Errors
            /// [`WireError::Json`], with line and column, when it is not JSON, not this message, or nested deeper than
            /// 128 braces and brackets; [`WireError::TooLarge`] when it would take far more memory than its length.
            pub fn from_json(json: &[u8]) -> Result<Self, WireError> {
                from_json(json)
            }

            /// The message in the JSON mapping of OTLP.
            pub fn to_json(&self) -> String {
                to_json(self)
            }
        })*
    };
}
json_methods!(TracesData, MetricsData, LogsData, RpcStatus);

/// The answer to an export of one signal: the signals differ in the name of one entry.
struct ResponseOut<'a>(&'a ExportResponse, Signal);

struct PartialSuccessOut<'a>(&'a PartialSuccess, Signal);

impl Serialize for ResponseOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(partial) = &self.0.partial_success {
            map.serialize_entry("partialSuccess", &PartialSuccessOut(partial, self.1))?;
        }
        map.end()
    }
}

impl Serialize for PartialSuccessOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.0.rejected != 0 {
            map.serialize_entry(self.1.rejected_name(), &Out(&self.0.rejected))?;
        }
        if !self.0.error_message.is_empty() {
            map.serialize_entry("errorMessage", &self.0.error_message)?;
        }
        map.end()
    }
}

impl ReadEntries for PartialSuccess {
    const NAME: &'static str = "PartialSuccess";

    fn read_entry<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error> {
        match name {
            "rejectedSpans" | "rejectedDataPoints" | "rejectedLogRecords" => {
                self.rejected = next_value(map, budget)?.unwrap_or_default();
            }
            "errorMessage" => self.error_message = next_value(map, budget)?.unwrap_or_default(),
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl ReadEntries for ExportResponse {
    const NAME: &'static str = "ExportResponse";

    fn read_entry<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        budget: &mut Budget,
    ) -> Result<(), A::Error> {
        match name {
            "partialSuccess" => {
                let mut partial = PartialSuccess::default();
                self.partial_success = next_object(&mut partial, map, budget)?.then_some(partial);
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl ExportResponse {
    /// Reads the answer to an export of any signal.
    ///
    /// # Errors
    /// [`WireError::Json`], with line and column, when it is not JSON or not this message.
    pub fn from_json(json: &[u8]) -> Result<Self, WireError> {
        from_json(json)
    }

    /// The answer to an export of this signal.
    pub fn to_json(&self, signal: Signal) -> String {
        to_json(&ResponseOut(self, signal))
    }
}
