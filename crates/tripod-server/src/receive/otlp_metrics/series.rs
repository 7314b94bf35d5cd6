//! Labels: of a resource, of a scope, of a point.

use std::sync::Arc;

use tripod_store::{Labels, Metadata, MetricKind, Samples, SeriesWrite};
use tripod_wire::otlp::{InstrumentationScope, KeyValue, Resource};
use tripod_wire::prometheus::names;

/// A label's name and value, cheap to give to many series.
pub(super) type Pair = (Arc<str>, Arc<str>);

const INFO: &str = "target_info";

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

    /// The resource's `target_info`; none when there is nothing to say, or nothing to say it about.
    pub(super) fn info(&self, time: i64) -> Option<SeriesWrite> {
        if self.pairs.is_empty() || self.others.is_empty() {
            return None;
        }
        let name: Pair = ("__name__".into(), INFO.into());
        let labels =
            Labels::new([name].into_iter().chain(self.pairs.iter().cloned()).chain(self.others.iter().cloned()));
        let about = Metadata { kind: MetricKind::Info, help: "Target metadata".to_owned(), unit: String::new() };
        Some(SeriesWrite {
            labels,
            samples: Samples { floats: vec![(time, 1.0)], histograms: Vec::new() },
            exemplars: Vec::new(),
            metadata: Some((INFO.into(), Arc::new(about))),
        })
    }
}
