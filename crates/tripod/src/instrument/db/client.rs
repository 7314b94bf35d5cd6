//! A client of a database: which one, how its metrics are named, what is asked of it.

use std::fmt;
use std::time::Duration;

use super::metrics::OperationMetrics;
use crate::Value;

/// What can be asked of the instrumentation of a database.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Whether spans show the text of queries.
    pub(crate) query_text: bool,
    /// Whether spans show the messages of errors.
    pub(crate) error_messages: bool,
    /// An operation that takes as long is logged.
    pub(crate) slow: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { query_text: true, error_messages: true, slow: None }
    }
}

/// Where a database is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) namespace: Option<String>,
    pub(crate) address: Option<String>,
    /// None where it is the one that everybody expects.
    pub(crate) port: Option<u16>,
}

impl fmt::Display for Place {
    /// `address:port/namespace`, what there is of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, address, port } = self;
        write!(f, "{}", address.as_deref().unwrap_or_default())?;
        if let Some(port) = port {
            write!(f, ":{port}")?;
        }
        match namespace {
            Some(namespace) if address.is_some() => write!(f, "/{namespace}"),
            Some(namespace) => write!(f, "{namespace}"),
            None => Ok(()),
        }
    }
}

/// A database as its client sees it.
pub(crate) struct Client {
    /// `db.system.name`.
    pub(crate) system: &'static str,
    pub(crate) place: Place,
    pub(crate) settings: Settings,
    pub(super) metrics: OperationMetrics,
}

impl Client {
    pub(crate) fn new(system: &'static str, place: Place, settings: Settings) -> Self {
        Self { system, place, settings, metrics: OperationMetrics::new(system) }
    }

    /// The attributes of every span and measurement.
    pub(super) fn attributes(&self) -> List<'_> {
        let mut list = List::new();
        list.push("db.system.name", self.system);
        list.push_some("db.namespace", self.place.namespace.as_deref());
        list.push_some("server.address", self.place.address.as_deref());
        list.push_some("server.port", self.place.port.map(i64::from));
        list
    }
}

/// A few attributes, without an allocation.
pub(super) struct List<'a> {
    all: [(&'static str, Value<'a>); 9],
    len: usize,
}

impl<'a> List<'a> {
    fn new() -> Self {
        Self { all: [("", Value::Empty); 9], len: 0 }
    }

    pub(super) fn push(&mut self, key: &'static str, value: impl Into<Value<'a>>) {
        if let Some(next) = self.all.get_mut(self.len) {
            *next = (key, value.into());
            self.len += 1;
        }
    }

    pub(super) fn push_some(&mut self, key: &'static str, value: Option<impl Into<Value<'a>>>) {
        if let Some(value) = value {
            self.push(key, value);
        }
    }

    pub(super) fn as_slice(&self) -> &[(&'static str, Value<'a>)] {
        &self.all[..self.len]
    }
}
