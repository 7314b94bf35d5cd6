//! From PromQL to the store: the store as a source of series, and the selectors of a query.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use tripod_promql::{
    Engine, Histogram, Labels, METRIC_NAME, QueryError, Selection, SeriesRef, SeriesSource, SourceError, Visit,
};
use tripod_store::{MatchOp, Matcher, NativeHistogram, Store, Window};

use super::{Failure, incomplete};

/// A store, asked by the engine.
pub(crate) struct StoreSource<'a> {
    store: &'a dyn Store,
    /// What answers lack.
    warnings: Mutex<BTreeSet<String>>,
}

impl<'a> StoreSource<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        Self { store, warnings: Mutex::default() }
    }

    /// What the answers lacked, for who asked.
    pub(crate) fn warnings(self) -> impl Iterator<Item = String> {
        self.warnings.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter()
    }
}

impl SeriesSource for StoreSource<'_> {
    fn select(&self, wanted: &Selection<'_>, visit: &mut Visit<'_>) -> Result<(), SourceError> {
        let matchers = wanted.matchers.iter().map(to_store).collect::<Result<Vec<_>, _>>()?;
        let mut histograms: Vec<(i64, Arc<Histogram>)> = Vec::new();
        let scanned = self.store.scan(&matchers, wanted.start_ms, wanted.end_ms, &mut |series| {
            histograms.clear();
            histograms.extend(series.histograms.iter().map(|(time, one)| (*time, Arc::new(histogram(one)))));
            let labels = Labels::from_shared(series.labels.shared());
            visit(SeriesRef { labels: &labels, floats: series.floats, histograms: &histograms })
        });
        let nanos = |millis: i64| u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000);
        let window = Window { start: nanos(wanted.start_ms), end: nanos(wanted.end_ms) };
        let missing = incomplete::warnings(self.store, "samples", window);
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(missing);
        scanned.map_err(|error| SourceError(error.to_string()))
    }

    fn similar_names(&self, name: &str) -> Vec<String> {
        // Nothing to offer is no reason to fail.
        let names = self.store.label_values(METRIC_NAME, &[], i64::MIN, i64::MAX).unwrap_or_default();
        tripod_promql::similar_names(name, names.iter().map(String::as_str))
    }
}

fn histogram(native: &NativeHistogram) -> Histogram {
    Histogram {
        schema: native.schema,
        zero_threshold: native.zero_threshold,
        zero_count: native.zero_count,
        count: native.count,
        sum: native.sum,
        positive: native.positive.clone(),
        negative: native.negative.clone(),
        custom_values: Arc::clone(&native.custom_values),
        reset_hint: match native.reset_hint {
            tripod_store::ResetHint::Unknown => tripod_promql::ResetHint::Unknown,
            tripod_store::ResetHint::Reset => tripod_promql::ResetHint::Reset,
            tripod_store::ResetHint::NotReset => tripod_promql::ResetHint::NotReset,
            tripod_store::ResetHint::Gauge => tripod_promql::ResetHint::Gauge,
        },
    }
}

fn to_store(matcher: &tripod_promql::Matcher) -> Result<Matcher, SourceError> {
    let regex = || Regex::new(&format!("^(?s:{})$", matcher.value)).map_err(|error| SourceError(error.to_string()));
    let op = match matcher.op {
        tripod_promql::MatchOp::Equal => MatchOp::Equal,
        tripod_promql::MatchOp::NotEqual => MatchOp::NotEqual,
        tripod_promql::MatchOp::Regex => MatchOp::Regex(regex()?),
        tripod_promql::MatchOp::NotRegex => MatchOp::NotRegex(regex()?),
    };
    Ok(Matcher { name: matcher.name.clone(), op, value: matcher.value.clone() })
}

/// A source without series that writes down what it is asked for.
#[derive(Default)]
struct Recorder(Mutex<Vec<Vec<tripod_promql::Matcher>>>);

impl SeriesSource for Recorder {
    fn select(&self, wanted: &Selection<'_>, _: &mut Visit<'_>) -> Result<(), SourceError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(wanted.matchers.to_vec());
        Ok(())
    }
}

/// The matchers of every selector in a query.
pub(crate) fn of_query(engine: &Engine, query: &str) -> Result<Vec<Vec<Matcher>>, Failure> {
    let recorder = Recorder::default();
    engine.instant(&recorder, query, 0)?;
    let sets = recorder.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    sets.iter()
        .map(|set| set.iter().map(to_store).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()
        .map_err(QueryError::from)
        .map_err(Failure::from)
}

/// The matchers of a `match[]` parameter, which must be one selector and nothing else.
pub(super) fn of_selector(engine: &Engine, text: &str) -> Result<Vec<Matcher>, Failure> {
    let not_plain = || {
        Failure::Bad(format!("invalid parameter \"match[]\": {text:?} must be a series selector like up{{job=\"a\"}}"))
    };
    // What is no query at all gets the parser's own words.
    Engine::check(text).map_err(|error| Failure::Bad(format!("invalid parameter \"match[]\": {error}")))?;
    if !is_plain_selector(text) {
        return Err(not_plain());
    }
    of_query(engine, text)?.pop().ok_or_else(not_plain)
}

/// Whether a query is a name, matchers in braces, or both, with nothing around them.
fn is_plain_selector(text: &str) -> bool {
    let rest =
        text.trim().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '.').trim_start();
    let Some(inner) = rest.strip_prefix('{') else { return rest.is_empty() };
    let mut quote = None;
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, '}') => return inner[at + 1..].is_empty(),
            (None, '"' | '\'' | '`') => quote = Some(c),
            (Some('"' | '\''), '\\') => {
                chars.next();
            }
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sets: &[Vec<Matcher>]) -> Vec<String> {
        sets.iter()
            .map(|set| set.iter().find(|m| m.name == "__name__").map_or(String::new(), |m| m.value.clone()))
            .collect()
    }

    #[test]
    fn every_selector_of_a_query_is_found() {
        let query = r#"histogram_quantile(0.9, sum by (le) (rate(a_bucket{x=~"y.*"}[5m]))) / on() b and c offset 5m"#;
        let mut found = names(&of_query(&Engine::default(), query).unwrap());
        found.sort();
        assert_eq!(found, ["a_bucket", "b", "c"]);
    }

    #[test]
    fn a_selector_is_only_a_selector() {
        let engine = Engine::default();
        for text in ["up", r#"up{a="}"}"#, r#"{__name__=~"a.*"}"#, r#" up { a = "b" } "#] {
            assert!(of_selector(&engine, text).is_ok(), "{text}");
        }
        for text in ["sum(up)", "up + 1", "up[5m]", "up offset 5m", "1", "", "{", r#"up{a="b""#, "{}"] {
            assert!(of_selector(&engine, text).is_err(), "{text}");
        }
    }
}
