//! From an alert to what it is about: traces behind the exemplars of its expression's series, and the chart.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use tripod_promql::{Engine, Labels};
use tripod_store::{Exemplar, Store};

use super::alert::{Alert, State, Surroundings};
use super::group::Rule;
use super::template::query_escape;
use crate::query::selectors;

/// The annotation with links to traces, with a space between them.
pub(crate) const TRACES: &str = "tripod_traces";
/// The annotation with a link to the chart of the expression around the alert.
pub(crate) const CHART: &str = "tripod_chart";

/// Traces that an alert links to.
const MAX_TRACES: usize = 5;
/// How long before an alert became active its cause may lie.
const BEFORE: i64 = 10 * 60 * 1000;

/// Finds what alerts are about.
pub(super) struct Links {
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Engine,
}

impl Links {
    /// Gives firing alerts of a rule their links, which are annotations for whoever is told.
    pub(super) fn add(&self, rule: &Rule, alerts: &mut [Alert], surroundings: &Surroundings, at: i64) {
        let url = &surroundings.external_url;
        for alert in alerts.iter_mut().filter(|alert| alert.state == State::Firing) {
            let start = alert.active_at - BEFORE;
            let expr = query_escape(&rule.config.expr);
            let traces = self.traces(&rule.config.expr, &alert.of, start, at);
            alert.links.insert(CHART, format!("{url}/metric?q={expr}&from={start}&to={at}"));
            if !traces.is_empty() {
                let traces: Vec<String> = traces.iter().map(|id| format!("{url}/trace/{id}")).collect();
                alert.links.insert(TRACES, traces.join(" "));
            }
            rule.keep_links(alert);
        }
    }

    /// The same for an alert that began to fire at a time in the past.
    pub(super) fn traces_before(&self, expr: &str, of: &Labels, at: i64) -> Vec<String> {
        self.traces(expr, of, at - BEFORE, at)
    }

    /// Ids of the traces with the largest measurements, of series that fit what the alert is about.
    fn traces(&self, expr: &str, of: &Labels, start: i64, end: i64) -> Vec<String> {
        // Links are a help: where there are none, the alert goes out without.
        let sets = selectors::of_query(&self.engine, expr).unwrap_or_default();
        let mut found: Vec<Exemplar> = Vec::new();
        for matchers in sets {
            for series in self.store.exemplars(&matchers, start, end).unwrap_or_default() {
                let fits = |(name, value): (&str, &str)| matches!(series.labels.get(name), own if own.is_empty() || own == value);
                if of.iter().all(fits) {
                    found.extend(series.exemplars.into_iter().filter(|one| one.trace_id.is_valid()));
                }
            }
        }
        found.sort_by(|a, b| b.value.total_cmp(&a.value).then(Reverse(a.time).cmp(&Reverse(b.time))));
        let mut seen = HashSet::new();
        found.retain(|one| seen.insert(one.trace_id));
        found.iter().take(MAX_TRACES).map(|one| one.trace_id.to_string()).collect()
    }
}
