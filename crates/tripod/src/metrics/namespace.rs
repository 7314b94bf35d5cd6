//! Namespaces: a part that the names of several instruments begin with.

use std::borrow::Cow;

use super::builder::InstrumentBuilder;
use super::{Counter, Gauge, Histogram, Summary, UpDownCounter};

/// Makes instruments whose names begin alike: `adapter_http_requests_total`.
///
/// ```
/// let http = tripod::metrics::namespace("adapter").subsystem("http");
/// http.counter("requests_total").build().inc(&[]);
/// assert_eq!(tripod::counter("adapter_http_requests_total").build().get(&[]), 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Namespace {
    scope: u16,
    prefix: String,
}

/// Instruments whose names begin with `prefix` and `_`, or with `prefix` as it is when it ends in a separator: `shop.`.
pub fn namespace(prefix: impl Into<String>) -> Namespace {
    Namespace { scope: 0, prefix: prefix.into() }
}

/// A name behind a prefix. Between them stands `_`, unless the prefix ends with what separates.
pub(super) fn join(prefix: &str, name: &str) -> String {
    let separator = if prefix.is_empty() || prefix.ends_with(['_', '.', '/', '-']) { "" } else { "_" };
    format!("{prefix}{separator}{name}")
}

impl Namespace {
    pub(crate) fn in_scope(scope: u16, prefix: String) -> Self {
        Self { scope, prefix }
    }

    /// A part of this namespace.
    #[must_use]
    pub fn subsystem(&self, name: &str) -> Self {
        Self { scope: self.scope, prefix: join(&self.prefix, name) }
    }

    /// A counter in it.
    pub fn counter(&self, name: &str) -> InstrumentBuilder<Counter> {
        Counter::builder(self.scope, self.name(name))
    }

    /// An up-down counter in it.
    pub fn up_down_counter(&self, name: &str) -> InstrumentBuilder<UpDownCounter> {
        UpDownCounter::builder(self.scope, self.name(name))
    }

    /// A gauge in it.
    pub fn gauge(&self, name: &str) -> InstrumentBuilder<Gauge> {
        Gauge::builder(self.scope, self.name(name))
    }

    /// A histogram in it.
    pub fn histogram(&self, name: &str) -> InstrumentBuilder<Histogram> {
        Histogram::builder(self.scope, self.name(name))
    }

    /// A summary in it.
    pub fn summary(&self, name: &str) -> InstrumentBuilder<Summary> {
        Summary::builder(self.scope, self.name(name))
    }

    fn name(&self, name: &str) -> Cow<'static, str> {
        Cow::Owned(join(&self.prefix, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_joined_by_an_underscore_unless_they_bring_a_separator() {
        assert_eq!(namespace("a").subsystem("b").name("c"), "a_b_c");
        assert_eq!(namespace("a.").subsystem("b.").name("c"), "a.b.c");
        assert_eq!(namespace("").name("c"), "c");
    }
}
