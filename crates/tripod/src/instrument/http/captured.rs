//! Headers that become attributes, as the program asks for it.

use http::{HeaderMap, HeaderName};

use super::text;
use crate::{ToValue, Value};

/// A header that becomes an attribute.
#[derive(Clone)]
pub(crate) struct Captured {
    header: HeaderName,
    attribute: String,
}

impl Captured {
    /// Those of these names that a header can have, as attributes `PREFIX.NAME`.
    pub(crate) fn all<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let headers = names.into_iter().filter_map(|name| HeaderName::try_from(name).ok());
        headers.map(|header| Self { attribute: format!("{prefix}.{header}"), header }).collect()
    }
}

/// Sets those that are there, each with all its values.
pub(crate) fn capture(wanted: &[Captured], headers: &HeaderMap, mut set: impl FnMut(&str, Value<'_>)) {
    for Captured { header, attribute } in wanted {
        let values: Vec<&str> = headers.get_all(header).iter().map(text).collect();
        if !values.is_empty() {
            set(attribute, values.to_value());
        }
    }
}
