//! PromQL in pages, rules and dashboards: whether it can be evaluated, and which metrics it asks for.

use std::collections::BTreeSet;
use std::sync::Mutex;

use tripod_promql::{Engine, METRIC_NAME, QueryError, Selection, SeriesSource, SourceError, Visit};

/// Has no series, and remembers which were asked for.
#[derive(Default)]
struct Asked(Mutex<BTreeSet<String>>);

impl SeriesSource for Asked {
    fn select(&self, wanted: &Selection<'_>, _: &mut Visit<'_>) -> Result<(), SourceError> {
        let name = wanted.matchers.iter().find(|matcher| matcher.name == METRIC_NAME);
        self.0.lock().expect("no thread panics").extend(name.map(|matcher| matcher.value.clone()));
        Ok(())
    }
}

/// The names of the metrics that a query selects.
///
/// # Errors
/// What is wrong with the query.
///
/// # Panics
/// Never: the lock is not poisoned.
pub fn metrics_of(query: &str) -> Result<BTreeSet<String>, QueryError> {
    let asked = Asked::default();
    Engine::default().instant(&asked, query, 0)?;
    Ok(asked.0.into_inner().expect("no thread panics"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_names_its_metrics_or_its_mistake() {
        let names = metrics_of("sum(rate(a_total{x=\"1\"}[5m])) / on() b > 2").unwrap();
        assert_eq!(names, BTreeSet::from(["a_total".to_owned(), "b".to_owned()]));
        assert!(metrics_of("rate(a_total)").is_err());
        assert!(metrics_of("sum(a").is_err());
    }
}
