//! `GET` and `POST /api/rules/preview`: what an alert would have done, and how it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;
use serde_json::{Value, json};
use tripod_promql::{Cancel, Engine};

use super::alert_history::{alert, recent, seconds};
use super::params::Params;
use super::prometheus::get_or_post;
use super::{Context, Failure, time};
use crate::rules::own::{self, OwnRule};
use crate::rules::preview::{Course, PreviewError, preview};

/// Steps without a `step`, at most.
const STEPS: i64 = 500;
/// What an alert without a name is called.
const UNNAMED: &str = "Unnamed";

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/rules/preview", asked())
}

fn asked() -> MethodRouter<Arc<Context>> {
    get_or_post(|context, params, cancel| {
        let answer = read(context, params, cancel)?;
        serde_json::to_vec(&answer).map_err(|error| Failure::Internal(error.to_string()))
    })
}

impl From<PreviewError> for Failure {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Query(error) => error.into(),
            other => Self::Unprocessable(other.to_string()),
        }
    }
}

fn read(context: &Context, params: &Params, cancel: &Cancel) -> Result<Value, Failure> {
    let group = rule(params)?.group(params.get("name").unwrap_or(UNNAMED))?;
    let (start, end) = recent(params)?;
    let interval = group.interval.unwrap_or_else(|| context.rules.defaults().interval).as_millis() as i64;
    let step =
        params.read("step", time::parse_prometheus_duration)?.unwrap_or_else(|| default_step(end - start, interval));
    if step <= 0 {
        return Err(Failure::Bad("invalid parameter \"step\": it must be above 0".to_owned()));
    }
    let engine = Engine { cancel: Some(cancel.clone()), ..context.engine.clone() };
    let (course, surroundings) = (Course { start, end, step }, context.rules.surroundings());
    let yaml = own::yaml(std::slice::from_ref(&group));
    let found = preview(context.store.as_ref(), engine, group, &surroundings, course, cancel)?;
    let timelines = || found.alerts.values();
    Ok(json!({
        "start": seconds(start),
        "end": seconds(end),
        "step": seconds(step),
        "alerts": found.alerts.iter().map(|(labels, timeline)| alert(labels, timeline, start)).collect::<Value>(),
        "fired": timelines().map(|timeline| timeline.fired(start)).sum::<usize>(),
        "firing_seconds": seconds(timelines().map(|timeline| timeline.firing_millis(end)).sum()),
        "notifications": found.notifications,
        "warnings": found.warnings,
        "yaml": yaml,
    }))
}

/// A step of whole seconds that a rule would have, or a longer one where the past is long.
fn default_step(span: i64, interval: i64) -> i64 {
    let least = (span / STEPS).max(1000);
    interval.max((least + 999) / 1000 * 1000)
}

fn rule(params: &Params) -> Result<OwnRule, Failure> {
    let text = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let texts = |name: &str| {
        let read = |text: &str| {
            let not = |error| format!("not a JSON object of texts: {error}");
            serde_json::from_str::<BTreeMap<String, String>>(text).map_err(not)
        };
        params.read(name, read).map(Option::unwrap_or_default)
    };
    Ok(OwnRule {
        expr: params.required("expr")?.to_owned(),
        hold: text("for"),
        keep_firing_for: text("keep_firing_for"),
        interval: text("interval"),
        labels: texts("labels")?,
        annotations: texts("annotations")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_the_interval_unless_the_past_is_long() {
        assert_eq!(default_step(3_600_000, 15_000), 15_000);
        assert_eq!(default_step(86_400_000, 15_000), 173_000);
        assert_eq!(default_step(5, 100), 1000);
    }
}
