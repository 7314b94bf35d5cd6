//! What all signals share: attribute values, resources, scopes (`opentelemetry/proto/common/v1`, `…/resource/v1`).

/// An attribute's value, or a log record's body.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AnyValue {
    /// No value; also what an unknown kind of value becomes.
    #[default]
    Empty,
    /// Text.
    String(String),
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A 64-bit float.
    Double(f64),
    /// Values in order.
    Array(Vec<AnyValue>),
    /// Values by key, in the order they came.
    KvList(Vec<KeyValue>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// An attribute.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyValue {
    /// The attribute's name, for example `http.request.method`.
    pub key: String,
    /// Its value.
    pub value: AnyValue,
}

/// What the telemetry is about: a service instance, a host, a process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource {
    /// Attributes that identify it, `service.name` first among them.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
}

/// The library, module or component that emitted the telemetry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstrumentationScope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Further attributes of it.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
}

impl KeyValue {
    /// An attribute from anything that converts into a key and a value.
    ///
    /// ```
    /// use tripod_wire::otlp::KeyValue;
    /// let attribute = KeyValue::new("http.response.status_code", 200);
    /// assert_eq!(attribute.value.to_string(), "200");
    /// ```
    pub fn new(key: impl Into<String>, value: impl Into<AnyValue>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

impl Resource {
    /// The value of an attribute, if the resource has it.
    pub fn get(&self, key: &str) -> Option<&AnyValue> {
        find(&self.attributes, key)
    }

    /// `service.name`, or `unknown_service` as the specification's default.
    pub fn service_name(&self) -> &str {
        match self.get("service.name") {
            Some(AnyValue::String(name)) if !name.is_empty() => name,
            _ => "unknown_service",
        }
    }
}

/// The value of the attribute `key` in a list of attributes.
pub fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for AnyValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
from!(String => String, &str => String, bool => Bool, i64 => Int, i32 => Int, u32 => Int, f64 => Double, Vec<AnyValue> => Array);

impl std::fmt::Display for AnyValue {
    /// Text as it is; numbers and truth values in their usual form; arrays and lists as JSON; bytes as base64.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::String(text) => f.pad(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            _ => Ok(()),
        }
    }
}
