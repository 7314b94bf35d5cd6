//! Labels: of a resource, of a scope, of a point.

use super::{Family, Pair};
use crate::otlp::{InstrumentationScope, KeyValue, Resource};
use crate::prometheus::names;
use crate::prometheus::remote_write::MetricType;

/// What is known of the series that describes a resource.
pub(super) const INFO: Family<'_> =
    Family { name: "target_info", kind: MetricType::INFO, help: "Target metadata", unit: "" };

/// Attributes as labels.
pub(super) fn pairs(attributes: &[KeyValue]) -> Vec<Pair> {
    names::labels(attributes).into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// What names a scope: `otel_scope_name`, `otel_scope_version` and its attributes.
pub(super) fn scope_labels(scope: &InstrumentationScope) -> Vec<Pair> {
    let mut labels: Vec<Pair> = Vec::new();
    for (name, value) in [("otel_scope_name", &scope.name), ("otel_scope_version", &scope.version)] {
        if !value.is_empty() {
            labels.push((name.into(), value.as_str().into()));
        }
    }
    let attributes = names::labels(&scope.attributes).into_iter();
    labels.extend(attributes.map(|(name, value)| (format!("otel_scope_{name}").into(), value.into())));
    labels
}

/// A resource, as Prometheus sees it.
pub(super) struct Target {
    /// `job` and `instance`, where the resource says them: on all its series.
    pub(super) pairs: Vec<Pair>,
    /// What else it says: only on `target_info`.
    others: Vec<Pair>,
}

impl Target {
    pub(super) fn new(resource: &Resource) -> Self {
        let text = |key: &str| resource.get(key).map(ToString::to_string).filter(|text| !text.is_empty());
        let job = text("service.name").map(|name| match text("service.namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name,
        });
        let named = [("job", job), ("instance", text("service.instance.id"))];
        let pairs = named.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect();
        let is_other = |key: &str| !matches!(key, "service.name" | "service.namespace" | "service.instance.id");
        let others: Vec<KeyValue> = resource.attributes.iter().filter(|one| is_other(&one.key)).cloned().collect();
        Self { pairs, others: self::pairs(&others) }
    }

    /// The labels of the resource's `target_info`; none when there is nothing to say, or nothing to say it about.
    pub(super) fn info(&self) -> Option<impl Iterator<Item = Pair>> {
        if self.pairs.is_empty() || self.others.is_empty() {
            return None;
        }
        let name: Pair = ("__name__".into(), INFO.name.into());
        Some([name].into_iter().chain(self.pairs.iter().cloned()).chain(self.others.iter().cloned()))
    }
}
