//! Attribute values as the caller has them: borrowed, so that recording one copies it just once, into the outgoing record.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An attribute's value, borrowed from the caller.
///
/// The macros convert for you (through [`ToValue`]); write `%value` for its `Display` and `?value` for its `Debug` form.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Value<'a> {
    /// No value.
    Empty,
    /// Text.
    Str(&'a str),
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A 64-bit float.
    Double(f64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Values in order.
    List(&'a dyn ValueList),
    /// Keys with values.
    Map(&'a dyn ValueMap),
    /// The `Display` form of something, written when it is recorded.
    Display(&'a dyn fmt::Display),
    /// The `Debug` form of something, written when it is recorded.
    Debug(&'a dyn fmt::Debug),
    /// An error: in a log record its type, message and causes, elsewhere its message.
    Error(&'a dyn AnyError),
}

impl<'a> Value<'a> {
    /// The `Display` form of a value: what `%value` means in the macros.
    pub fn display(value: &'a dyn fmt::Display) -> Self {
        Self::Display(value)
    }

    /// The `Debug` form of a value: what `?value` means in the macros.
    pub fn debug(value: &'a dyn fmt::Debug) -> Self {
        Self::Debug(value)
    }

    /// An error with its type and causes: what `!value` means in the macros.
    pub fn error(value: &'a dyn AnyError) -> Self {
        Self::Error(value)
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::Str(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::List(list) => {
                let mut items = Items::begin(f, "[")?;
                list.each(&mut |value| items.add(format_args!("{value}")));
                items.end("]")
            }
            Self::Map(map) => {
                let mut items = Items::begin(f, "{")?;
                map.each(&mut |key, value| items.add(format_args!("{key}:{value}")));
                items.end("}")
            }
            Self::Display(value) => value.fmt(f),
            Self::Debug(value) => value.fmt(f),
            Self::Error(error) => error.message().fmt(f),
        }
    }
}

/// Shows items with commas between.
struct Items<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    comma: &'static str,
    result: fmt::Result,
}

impl<'a, 'f> Items<'a, 'f> {
    fn begin(f: &'a mut fmt::Formatter<'f>, bracket: &str) -> Result<Self, fmt::Error> {
        f.write_str(bracket)?;
        Ok(Self { f, comma: "", result: Ok(()) })
    }

    fn add(&mut self, item: fmt::Arguments<'_>) {
        let comma = std::mem::replace(&mut self.comma, ",");
        self.result = self.result.and_then(|()| write!(self.f, "{comma}{item}"));
    }

    fn end(self, bracket: &str) -> fmt::Result {
        self.result?;
        self.f.write_str(bracket)
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => fmt::Debug::fmt(text, f),
            other => fmt::Display::fmt(other, f),
        }
    }
}

/// Every [`Error`] with the name of its type.
pub trait AnyError {
    /// The type's name.
    fn type_name(&self) -> &'static str;
    /// What it says.
    fn message(&self) -> &dyn fmt::Display;
    /// What it comes from.
    fn cause(&self) -> Option<&(dyn Error + 'static)>;
}

impl<E: Error> AnyError for E {
    fn type_name(&self) -> &'static str {
        std::any::type_name::<E>()
    }

    fn message(&self) -> &dyn fmt::Display {
        self
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.source()
    }
}

/// Several values of one attribute.
pub trait ValueList {
    /// Calls `visit` with each value in order.
    fn each(&self, visit: &mut dyn FnMut(Value<'_>));
}

/// Keys with values as one attribute's value: the standard library's maps, and vectors, arrays and slices of pairs.
///
/// ```
/// use tripod::Value;
/// let size = [("width", 640), ("height", 480)];
/// let _span = tripod::span!("resize", size = Value::Map(&size));
/// let _span = tripod::span!("store", image = Value::Map(tripod::labels!(format = "png", size = Value::Map(&size))));
/// ```
pub trait ValueMap {
    /// Calls `visit` with each key and value in order.
    fn each(&self, visit: &mut dyn FnMut(&str, Value<'_>));
}

/// What can be the value of an attribute or a label.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of an attribute or a label",
    label = "not a value by itself",
    note = "write `key = %value` for its `Display` form, `key = ?value` for its `Debug` form, or implement `tripod::ToValue`"
)]
pub trait ToValue {
    /// The value, borrowed.
    fn to_value(&self) -> Value<'_>;
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        *self
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Empty, ToValue::to_value)
    }
}

macro_rules! to_value {
    ($($type:ty => |$value:ident| $result:expr;)*) => {
        $(impl ToValue for $type {
            #[inline]
            fn to_value(&self) -> Value<'_> {
                let $value = self;
                $result
            }
        })*
    };
}

to_value! {
    str => |v| Value::Str(v);
    String => |v| Value::Str(v);
    Box<str> => |v| Value::Str(v);
    Arc<str> => |v| Value::Str(v);
    std::borrow::Cow<'_, str> => |v| Value::Str(v);
    char => |v| Value::Display(v);
    bool => |v| Value::Bool(*v);
    i8 => |v| Value::Int(i64::from(*v));
    i16 => |v| Value::Int(i64::from(*v));
    i32 => |v| Value::Int(i64::from(*v));
    i64 => |v| Value::Int(*v);
    isize => |v| Value::Int(*v as i64);
    u8 => |v| Value::Int(i64::from(*v));
    u16 => |v| Value::Int(i64::from(*v));
    u32 => |v| Value::Int(i64::from(*v));
    // OTLP's integers are signed: what does not fit goes as text rather than as a wrong number.
    u64 => |v| i64::try_from(*v).map_or(Value::Display(v), Value::Int);
    usize => |v| i64::try_from(*v).map_or(Value::Display(v), Value::Int);
    f32 => |v| Value::Double(f64::from(*v));
    f64 => |v| Value::Double(*v);
}

macro_rules! lists {
    ($([$($parameter:tt)*] $type:ty;)*) => {
        $(impl<T: ToValue $($parameter)*> ValueList for $type {
            fn each(&self, visit: &mut dyn FnMut(Value<'_>)) {
                self.iter().for_each(|item| visit(item.to_value()));
            }
        })*
    };
}
lists! {
    [] Vec<T>;
    [, const N: usize] [T; N];
    [] &[T];
}

macro_rules! maps {
    ($([$($parameter:tt)*] $type:ty;)*) => {
        $(impl<K: AsRef<str>, V: ToValue $($parameter)*> ValueMap for $type {
            fn each(&self, visit: &mut dyn FnMut(&str, Value<'_>)) {
                self.iter().for_each(|(key, value)| visit(key.as_ref(), value.to_value()));
            }
        })*
    };
}
maps! {
    [] Vec<(K, V)>;
    [, const N: usize] [(K, V); N];
    [] &[(K, V)];
    [] BTreeMap<K, V>;
    [, S] HashMap<K, V, S>;
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value<'_> {
        Value::List(self)
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    fn to_value(&self) -> Value<'_> {
        Value::List(self)
    }
}

// Of the reference, as a slice itself can't be a `dyn ValueList`: that takes a type of known size.
impl<T: ToValue> ToValue for &[T] {
    fn to_value(&self) -> Value<'_> {
        Value::List(self)
    }
}

impl<K: AsRef<str>, V: ToValue> ToValue for BTreeMap<K, V> {
    fn to_value(&self) -> Value<'_> {
        Value::Map(self)
    }
}

impl<K: AsRef<str>, V: ToValue, S> ToValue for HashMap<K, V, S> {
    fn to_value(&self) -> Value<'_> {
        Value::Map(self)
    }
}

macro_rules! from {
    ($($type:ty),*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from(value: $type) -> Self {
                // Numbers are copied, so the value borrows nothing.
                match value.to_value() {
                    Value::Bool(v) => Value::Bool(v),
                    Value::Int(v) => Value::Int(v),
                    Value::Double(v) => Value::Double(v),
                    _ => Value::Empty,
                }
            }
        })*
    };
}
from!(bool, i8, i16, i32, i64, u8, u16, u32, f32, f64);

macro_rules! from_unsigned {
    ($($type:ty),*) => {
        $(impl From<$type> for Value<'_> {
            fn from(value: $type) -> Self {
                // Nothing is there to borrow a text from, so what no signed integer holds is a float; the macros keep it exact.
                i64::try_from(value).map_or(Value::Double(value as f64), Value::Int)
            }
        })*
    };
}
from_unsigned!(u64, usize);

impl<'a, T: ToValue + ?Sized> From<&'a T> for Value<'a> {
    fn from(value: &'a T) -> Self {
        value.to_value()
    }
}
