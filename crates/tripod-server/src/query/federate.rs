//! `GET /federate?match[]=…`: the newest sample of each series, as an exposition that a Prometheus above scrapes.
//!
//! As Prometheus has it: every metric is `untyped`, samples carry their own time and no exemplars, and what has been marked stale or is
//! older than the lookback is left out. Text can't hold native histograms: they are left out, too.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tripod_promql::{Cancel, is_stale};
use tripod_store::{Labels, SeriesView};
use tripod_wire::prometheus::escaping::Escaping;
use tripod_wire::prometheus::text::{Exposition, Family, FamilyKind, Format, Sample};

use super::params::Params;
use super::prometheus::now;
use super::prometheus_series::matcher_sets;
use super::{Context, Failure};
use crate::own_metrics::Api;

const NAME: &str = "__name__";

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/federate", get(federate))
}

async fn federate(State(context): State<Arc<Context>>, headers: HeaderMap, params: Params) -> Response {
    let escaping = escaping(&headers);
    let query = move |context: &Context, cancel: &Cancel| {
        let sets = matcher_sets(context, &params)?;
        if sets.is_empty() {
            return Err(Failure::Bad("no match[] parameter provided".to_owned()));
        }
        let end = now();
        let start = end.saturating_sub(i64::try_from(context.engine.lookback.as_millis()).unwrap_or(i64::MAX));
        let mut newest: Vec<(Labels, i64, f64)> = Vec::new();
        for matchers in sets {
            context.store.scan(&matchers, start + 1, end, &mut |series| {
                newest.extend(newest_of(&series));
                if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        // The metric's name first: its samples stand together.
        newest.sort_by(|(a, ..), (b, ..)| (a.name(), a).cmp(&(b.name(), b)));
        newest.dedup_by(|(a, ..), (b, ..)| a == b);
        Ok(page(&newest, escaping))
    };
    match context.run_cancellable(Api::Metrics, query).await {
        Ok(page) => (StatusCode::OK, [(CONTENT_TYPE, Format::Text.content_type())], page).into_response(),
        Err(failure) => (failure.status(), format!("{}\n", failure.reason())).into_response(),
    }
}

/// How the scraper wants names that are not of the old alphabet.
fn escaping(headers: &HeaderMap) -> Escaping {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = accept.split([';', ',']).find_map(|part| part.trim().strip_prefix("escaping="));
    named.and_then(Escaping::from_name).unwrap_or(Escaping::Underscores)
}

/// The newest sample of a series, when it is a number and the series goes on.
fn newest_of(series: &SeriesView<'_>) -> Option<(Labels, i64, f64)> {
    let (time, value) = *series.floats.last()?;
    let behind = series.histograms.last().is_some_and(|(histogram, _)| *histogram > time);
    (!behind && !is_stale(value)).then(|| (series.labels.clone(), time, value))
}

fn page(newest: &[(Labels, i64, f64)], escaping: Escaping) -> String {
    let mut page = Exposition::new(Format::Text);
    for of_name in newest.chunk_by(|(a, ..), (b, ..)| a.name() == b.name()) {
        let name = escaping.escape(of_name[0].0.name());
        let mut family = page.family(&Family { name: &name, kind: FamilyKind::Unknown, help: "", unit: "" });
        for (labels, time, value) in of_name {
            let names: Vec<_> = labels.iter().map(|(name, value)| (escaping.escape_label(name), value)).collect();
            let labels: Vec<(&str, &str)> =
                names.iter().filter(|(name, _)| name != NAME).map(|(name, value)| (name.as_ref(), *value)).collect();
            family.sample(&Sample { labels: &labels, value: *value, timestamp_ms: Some(*time), ..Sample::default() });
        }
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use tripod_promql::STALE_NAN;

    use super::*;

    #[test]
    fn names_are_escaped_as_the_scraper_asks_and_samples_keep_their_time() {
        let labels = Labels::new([(NAME, "http.requests"), ("http.method", "GET \"x\"")]);
        let newest = [(labels, 1_500, 2.5), (Labels::new([(NAME, "up")]), 1_000, f64::NAN)];
        let text = page(&newest, Escaping::Underscores);
        let expected = "# TYPE http_requests untyped\nhttp_requests{http_method=\"GET \\\"x\\\"\"} 2.5 1500\n# TYPE up untyped\nup NaN 1000\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_series_that_ended_is_left_out() {
        let labels = Labels::new([(NAME, "up")]);
        let newest = |floats: &[(i64, f64)]| newest_of(&SeriesView { labels: &labels, floats, histograms: &[] });
        assert!(newest(&[(1, 1.0), (2, 3.0)]).is_some_and(|(_, time, _)| time == 2));
        assert!(newest(&[(1, 1.0), (2, STALE_NAN)]).is_none() && newest(&[]).is_none());
    }
}
