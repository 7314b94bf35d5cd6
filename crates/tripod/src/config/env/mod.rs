//! Variables of the environment, by the OpenTelemetry specification: an empty value is as good as none.

mod misspelled;
mod read;
pub(crate) mod variables;

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;

/// Reads variables, from the process or, in tests, from elsewhere.
pub(crate) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    /// The names of those that are set.
    names: Vec<String>,
}

impl<'a> Env<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>, names: Vec<String>) -> Self {
        Self { lookup, names }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        debug_assert!(variables::is_known(name), "{name} is not in the list of variables");
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value of any variable, as it is put into a file.
    #[cfg(feature = "yaml")]
    pub(crate) fn substitute(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str, allowed: &str) -> Result<Option<T>, Error> {
        self.choice(name, |value| value.parse().ok(), allowed)
    }

    /// One of several values.
    pub(crate) fn choice<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<Option<T>, Error> {
        self.text(name).map(|value| read(&value).ok_or_else(|| invalid(name, &value, allowed))).transpose()
    }

    /// `true` or `false`, whatever the case.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        self.choice(name, |value| value.to_ascii_lowercase().parse().ok(), "must be true or false")
    }

    pub(crate) fn millis(&self, name: &str) -> Result<Option<Duration>, Error> {
        Ok(self.parse(name, "must be a number of milliseconds")?.map(Duration::from_millis))
    }

    /// A number above zero.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<usize>, Error> {
        let positive = |value: &str| value.parse().ok().filter(|number| *number > 0);
        self.choice(name, positive, "must be a whole number above 0")
    }

    /// A limit; there is none beyond 32 bits.
    pub(crate) fn limit(&self, name: &str) -> Result<Option<u32>, Error> {
        let limit = |value: &str| Some(value.parse::<u64>().ok()?.try_into().unwrap_or(u32::MAX));
        self.choice(name, limit, "must be a whole number")
    }

    /// `key=value` pairs, separated by commas, percent-encoded.
    pub(crate) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, Error> {
        let allowed = "must be key=value pairs, separated by commas, percent-encoded";
        Ok(self.choice(name, super::otlp::pairs, allowed)?.unwrap_or_default())
    }
}

pub(crate) fn invalid(name: &str, value: &str, allowed: impl Display) -> Error {
    Error::Config { name: name.to_owned(), value: value.to_owned(), allowed: allowed.to_string() }
}
