//! Variables of the environment, by the OpenTelemetry specification: an empty value is as good as none.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;
use crate::context::propagation::percent_decode;

/// Reads variables, from the process or, in tests, from elsewhere.
pub(crate) struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Env<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str, allowed: &str) -> Result<Option<T>, Error> {
        self.text(name).map(|value| value.parse().map_err(|_| invalid(name, &value, allowed))).transpose()
    }

    /// `true` or `false`, whatever the case.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        let parse = |value: String| match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(invalid(name, &value, "must be true or false")),
        };
        self.text(name).map(parse).transpose()
    }

    pub(crate) fn millis(&self, name: &str) -> Result<Option<Duration>, Error> {
        Ok(self.parse(name, "must be a number of milliseconds")?.map(Duration::from_millis))
    }

    /// `key=value` pairs, separated by commas, percent-encoded.
    pub(crate) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, Error> {
        let Some(value) = self.text(name) else { return Ok(Vec::new()) };
        let pair = |member: &str| {
            let (key, value) = member.split_once('=')?;
            Some((key.trim().to_owned(), percent_decode(value.trim())?)).filter(|(key, _)| !key.is_empty())
        };
        let members = value.split(',').filter(|member| !member.trim().is_empty());
        let pairs = members.map(|member| {
            pair(member)
                .ok_or_else(|| invalid(name, &value, "must be key=value pairs, separated by commas, percent-encoded"))
        });
        pairs.collect()
    }
}

pub(crate) fn invalid(name: &str, value: &str, allowed: impl Display) -> Error {
    Error::Config { name: name.to_owned(), value: value.to_owned(), allowed: allowed.to_string() }
}
