//! What a page shows beside the metrics themselves, and how it names them.

use tripod_wire::otlp::{KeyValue, Resource};
use tripod_wire::prometheus::translation::Translation;

use super::as_labels;
use super::naming::Naming;
use crate::engine::Scope;
use crate::pattern::Pattern;

/// What every page for Prometheus shows, whoever serves or pushes it; see [`Builder::prometheus_page`](crate::Builder::prometheus_page).
///
/// ```
/// use tripod::metrics::{PrometheusNames, PrometheusPage};
/// let page = PrometheusPage::default().names(PrometheusNames::NoUtf8EscapingWithSuffixes).resource_labels(["service.*"], []);
/// let builder = tripod::init().prometheus_page(page);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusPage {
    pub(super) translation: Translation,
    pub(super) scope_labels: bool,
    pub(super) target_info: bool,
    pub(super) created: bool,
    included: Vec<Pattern>,
    excluded: Vec<Pattern>,
}

impl Default for PrometheusPage {
    fn default() -> Self {
        Self {
            translation: Translation::default(),
            scope_labels: true,
            target_info: true,
            created: false,
            included: Vec::new(),
            excluded: Vec::new(),
        }
    }
}

impl PrometheusPage {
    /// How metrics and labels are named; with old characters only, with the unit and `_total`, unless set otherwise. A scraper that does
    /// not take other characters gets them escaped as it asks.
    #[must_use]
    pub fn names(mut self, names: Translation) -> Self {
        self.translation = names;
        self
    }

    /// Whether series name their component: `otel_scope_name`, `otel_scope_version`, `otel_scope_schema_url` and a label for each of its
    /// attributes; yes by default. Without, the same series of two components come twice, and Prometheus keeps one of them.
    #[must_use]
    pub fn scope_labels(mut self, on: bool) -> Self {
        self.scope_labels = on;
        self
    }

    /// Whether the page has `target_info`, with what is known of the process; yes by default.
    #[must_use]
    pub fn target_info(mut self, on: bool) -> Self {
        self.target_info = on;
        self
    }

    /// Attributes of the resource that every series has as labels: those whose keys one of `included` matches and none of `excluded`; `*`
    /// is any text, `?` one character. None by default.
    #[must_use]
    pub fn resource_labels<'a>(
        mut self,
        included: impl IntoIterator<Item = &'a str>,
        excluded: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.included = included.into_iter().map(Pattern::new).collect();
        self.excluded = excluded.into_iter().map(Pattern::new).collect();
        self
    }

    /// Whether OpenMetrics has a line `_created` for each counter, histogram and summary: since when it counts. No by default, as Prometheus
    /// stores it as a series of its own unless it was started with `--enable-feature=created-timestamp-zero-ingestion`. Protobuf
    /// always tells it, in a field that costs no series.
    #[must_use]
    pub fn created(mut self, on: bool) -> Self {
        self.created = on;
        self
    }

    pub(super) fn resource_labels_of(&self, resource: &Resource, naming: Naming) -> Vec<(String, String)> {
        let matches = |patterns: &[Pattern], key: &str| patterns.iter().any(|pattern| pattern.matches(key));
        let is_label = |key: &str| matches(&self.included, key) && !matches(&self.excluded, key);
        let chosen: Vec<KeyValue> = resource.attributes.iter().filter(|own| is_label(&own.key)).cloned().collect();
        as_labels(&chosen, naming)
    }
}

/// What a scope's series name.
pub(super) fn scope_labels(of: &Scope, naming: Naming) -> Vec<(String, String)> {
    let own = [("name", &of.scope.name), ("version", &of.scope.version), ("schema_url", &of.schema_url)];
    let mut all: Vec<KeyValue> = Vec::new();
    for (key, value) in own.into_iter().filter(|(_, value)| !value.is_empty()) {
        all.push(KeyValue::new(format!("otel_scope_{key}"), value.clone()));
    }
    let taken = |key: &str| matches!(key, "name" | "version" | "schema_url");
    for attribute in of.scope.attributes.iter().filter(|attribute| !taken(&attribute.key)) {
        all.push(KeyValue::new(format!("otel_scope_{}", attribute.key), attribute.value.clone()));
    }
    as_labels(&all, naming)
}
