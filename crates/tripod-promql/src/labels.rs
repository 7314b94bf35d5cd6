//! Label sets: how series are named, and what an evaluation does to names. Cheap to clone; every change builds a new set, which
//! happens once a series and query, not once a step.

use std::fmt;
use std::sync::Arc;

/// The label that holds the metric's name.
pub const METRIC_NAME: &str = "__name__";

/// The label that may hold the metric's type.
const METRIC_TYPE: &str = "__type__";

/// The label that may hold the metric's unit.
const METRIC_UNIT: &str = "__unit__";

/// A series' labels: sorted by name, names unique, values not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// No labels.
    pub fn empty() -> Self {
        Self(Arc::from([]))
    }

    /// Labels from pairs in any order; empty values are left out and of two equal names the first wins.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        pairs.retain(|(_, value)| !value.is_empty());
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        Self(pairs.into())
    }

    /// Takes over pairs that are sorted by name, unique, and have no empty value.
    pub fn from_shared(pairs: Arc<[(Arc<str>, Arc<str>)]>) -> Self {
        Self(pairs)
    }

    /// The pairs as they are shared.
    pub fn shared(&self) -> Arc<[(Arc<str>, Arc<str>)]> {
        Arc::clone(&self.0)
    }

    /// The value of a label; empty when the series does not have it.
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|(n, _)| n.as_ref().cmp(name)).map_or("", |at| &self.0[at].1)
    }

    /// The metric's name.
    pub fn name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same labels but the metric's name, and its type and unit where they stand in labels: a computed value has none of them.
    #[must_use]
    pub fn without_name(&self) -> Self {
        let identifies = |name: &str| matches!(name, METRIC_NAME | METRIC_TYPE | METRIC_UNIT);
        if self.iter().any(|(name, _)| identifies(name)) { self.filter(|name| !identifies(name)) } else { self.clone() }
    }

    /// Only the labels whose name passes.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// The same labels with one set; an empty value removes it.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut pairs: Vec<_> = self.0.iter().filter(|(n, _)| n.as_ref() != name).cloned().collect();
        if !value.is_empty() {
            let at = pairs.partition_point(|(n, _)| n.as_ref() < name);
            pairs.insert(at, (Arc::from(name), Arc::from(value)));
        }
        Self(pairs.into())
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            if is_plain_label_name(name) {
                write!(f, "{comma}{name}={value:?}")?;
            } else {
                write!(f, "{comma}{name:?}={value:?}")?;
            }
        }
        f.write_str("}")
    }
}

/// Whether a name can be written in a query without quotes.
pub(crate) fn is_plain_label_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The same for metrics, whose names may have colons.
pub(crate) fn is_plain_metric_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_without_empty_values() {
        let labels = Labels::new([("b", "2"), ("a", "1"), ("b", "3"), ("c", "")]);
        assert_eq!(labels.to_string(), r#"{a="1", b="2"}"#);
        assert_eq!(labels.get("c"), "");
    }

    #[test]
    fn setting_a_label_keeps_the_order_and_an_empty_value_removes_it() {
        let labels = Labels::new([("a", "1"), ("c", "3")]);
        assert_eq!(labels.with("b", "2").to_string(), r#"{a="1", b="2", c="3"}"#);
        assert_eq!(labels.with("a", "").to_string(), r#"{c="3"}"#);
    }
}
