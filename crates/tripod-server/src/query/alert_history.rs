//! `GET /api/alerts/history`: which alerts were pending and firing when, with values and traces.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_promql::{Cancel, Labels};

use super::params::Params;
use super::prometheus::{millis, now};
use super::{Context, Failure, answer};
use crate::own_metrics::Api;
use crate::rules::history::{Past, Span};
use crate::rules::timeline::{Stretch, Timeline};

/// Without a start.
const DEFAULT_SPAN: i64 = 24 * 3600 * 1000;
/// Transitions of one answer, without a limit and at most.
const DEFAULT_LIMIT: usize = 500;
const MAX_LIMIT: usize = 10_000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/alerts/history", get(history))
}

async fn history(
    axum::extract::State(context): axum::extract::State<Arc<Context>>,
    params: Params,
) -> axum::response::Response {
    let query = move |context: &Context, cancel: &Cancel| read(context, &params, cancel);
    answer(context.run_cancellable(Api::Metrics, query).await)
}

/// `start` and `end` in milliseconds; without them the last day.
pub(super) fn recent(params: &Params) -> Result<(i64, i64), Failure> {
    let end = params.read("end", millis)?.unwrap_or_else(now);
    let start = params.read("start", millis)?.unwrap_or(end.saturating_sub(DEFAULT_SPAN));
    if start >= end {
        return Err(Failure::Bad("end must be after start".to_owned()));
    }
    Ok((start, end))
}

fn read(context: &Context, params: &Params, cancel: &Cancel) -> Result<Value, Failure> {
    let (start, end) = recent(params)?;
    let span = Span { start, end, rule: params.get("rule"), limit: params.count("limit", DEFAULT_LIMIT, MAX_LIMIT)? };
    let groups = context.rules.groups();
    let engine = tripod_promql::Engine { cancel: Some(cancel.clone()), ..context.engine.clone() };
    let history = Past { store: &context.store, engine, groups: &groups, cancel }.history(&span)?;
    let alerts = history.alerts.iter().map(|one| alert(&one.labels, &one.timeline, start));
    let transitions = history.transitions.iter().map(|one| {
        let transition = &one.transition;
        json!({
            "alert": one.alert,
            "at": seconds(transition.at),
            "from": transition.from.name(),
            "to": transition.to.name(),
            "value": number(transition.value),
            "traces": one.traces,
        })
    });
    Ok(json!({
        "start": seconds(start),
        "end": seconds(end),
        "alerts": alerts.collect::<Value>(),
        "transitions": transitions.collect::<Value>(),
        "complete": history.complete,
    }))
}

/// An alert's labels and how its states followed one another from `start` on.
pub(super) fn alert(labels: &Labels, timeline: &Timeline, start: i64) -> Value {
    let stretch = |one: &Stretch| {
        json!({
            "state": one.state.name(),
            "start": seconds(one.start.max(start)),
            "end": one.end.map(seconds),
            "value": number(one.value),
        })
    };
    json!({
        "labels": labels.iter().collect::<BTreeMap<_, _>>(),
        "stretches": timeline.0.iter().map(stretch).collect::<Value>(),
    })
}

/// As text, as Prometheus' API has numbers: JSON knows no infinity.
fn number(value: Option<f64>) -> Option<String> {
    value.map(tripod_promql::format_float)
}

pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
