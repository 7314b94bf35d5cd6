//! Label sets and matchers: how series are named and found.

use std::sync::Arc;

/// A series' labels, `__name__` among them: sorted by name, names unique, values not empty. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// Labels from pairs in any order; empty values are left out (as in Prometheus, they mean "no such label") and of two
    /// equal names the first wins.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(Arc<str>, Arc<str>)> = pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        pairs.retain(|(_, value)| !value.is_empty());
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        Self(pairs.into())
    }

    /// From pairs that are sorted by name, unique, and have no empty value.
    pub(crate) fn from_sorted(pairs: &[(Arc<str>, Arc<str>)]) -> Self {
        Self(pairs.into())
    }

    /// The value of a label; empty when the series does not have it.
    pub fn get(&self, name: &str) -> &str {
        self.0.binary_search_by(|(n, _)| n.as_ref().cmp(name)).map_or("", |at| &self.0[at].1)
    }

    /// The metric's name, the label `__name__`.
    pub fn name(&self) -> &str {
        self.get("__name__")
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The pairs as they are shared, for who keeps them in a type of his own.
    pub fn shared(&self) -> Arc<[(Arc<str>, Arc<str>)]> {
        Arc::clone(&self.0)
    }
}

/// How a matcher compares.
#[derive(Debug, Clone)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Regex(regex::Regex),
    /// `!~`, anchored at both ends.
    NotRegex(regex::Regex),
}

/// A condition on one label. A label that a series does not have counts as empty.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How to compare.
    pub op: MatchOp,
    /// With what; for a regex its source.
    pub value: String,
}

impl Matcher {
    /// A matcher for `name = value`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), op: MatchOp::Equal, value: value.into() }
    }

    /// Whether a label's value satisfies the condition.
    pub fn matches(&self, value: &str) -> bool {
        match &self.op {
            MatchOp::Equal => value == self.value,
            MatchOp::NotEqual => value != self.value,
            MatchOp::Regex(regex) => regex.is_match(value),
            MatchOp::NotRegex(regex) => !regex.is_match(value),
        }
    }
}
