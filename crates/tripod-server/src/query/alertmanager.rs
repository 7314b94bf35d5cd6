//! Alertmanager's API v2, as `amtool` and Grafana's data source call it: silences, and the alerts that fire.
//!
//! The alerts are those of our own rules; none are taken from others. Errors are JSON texts, as there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use regex::Regex;
use serde_json::{Value, json};
use tripod_store::Matcher;

use super::params::{Params, Segment, body, segment};
use super::prometheus::now;
use super::{Context, Failure, json_response, time};
use crate::rules::alert;
use crate::rules::silences::{Silence, SilenceError, SilenceRequest, fit, read_filter};

/// Who is told, as far as Alertmanager has names for it.
const RECEIVER: &str = "tripod";
/// The longest silence, as JSON.
const MAX_SILENCE: usize = 256 << 10;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v2/status", get(status))
        .route("/api/v2/receivers", get(receivers))
        .route("/api/v2/silences", get(silences).post(set_silence))
        .route("/api/v2/silence/{id}", get(silence).delete(expire))
        .route("/api/v2/alerts", get(alerts).post(no_alerts))
        .route("/api/v2/alerts/groups", get(groups))
}

fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(failure) => json_response(failure.status(), &failure.reason()),
    }
}

impl From<SilenceError> for Failure {
    fn from(error: SilenceError) -> Self {
        let reason = error.to_string();
        match error {
            SilenceError::Wrong(_) | SilenceError::Full => Self::Bad(reason),
            SilenceError::NotFound(_) => Self::NotFound(reason),
            SilenceError::Io { .. } => Self::Internal(reason),
        }
    }
}

async fn status(State(context): State<Arc<Context>>) -> Response {
    let started = time::now().saturating_sub(context.started.elapsed().as_nanos() as u64);
    answer(Ok(json!({
        "cluster": { "status": "disabled", "name": "", "peers": [] },
        "config": { "original": format!("route: {{receiver: {RECEIVER}}}\nreceivers: [{{name: {RECEIVER}}}]\n") },
        "uptime": time::format_rfc3339(started),
        "versionInfo": {
            "version": env!("CARGO_PKG_VERSION"),
            "branch": "", "buildDate": "", "buildUser": "", "goVersion": "", "revision": "",
        },
    })))
}

async fn receivers() -> Response {
    answer(Ok(json!([{ "name": RECEIVER }])))
}

async fn silences(State(context): State<Arc<Context>>, params: Params) -> Response {
    let list = || {
        let (filter, now) = (filter(&params)?, now());
        let fits = |silence: &Silence| {
            let of = |one: &Matcher| (one.name.clone(), one.value.clone());
            fit(&filter, &silence.matchers.iter().map(of).collect())
        };
        Ok(context.rules.silences.list(now).iter().filter(|one| fits(one)).map(|one| one.json(now)).collect())
    };
    answer(list())
}

async fn silence(State(context): State<Arc<Context>>, id: Segment) -> Response {
    let find = || {
        let (id, now) = (segment(id)?, now());
        let found = context.rules.silences.list(now).into_iter().find(|one| one.id == id);
        found.map(|one| one.json(now)).ok_or_else(|| Failure::NotFound(format!("there is no silence {id}")))
    };
    answer(find())
}

async fn set_silence(State(context): State<Arc<Context>>, request: Request) -> Response {
    let set = async {
        let bytes = body(request, MAX_SILENCE).await?;
        let request: SilenceRequest = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::Bad(format!("the body is not a silence in JSON: {error}")))?;
        let id = context.write(move |context| Ok(context.rules.silences.set(request, now())?)).await?;
        Ok(json!({ "silenceID": id }))
    };
    answer(set.await)
}

async fn expire(State(context): State<Arc<Context>>, id: Segment) -> Response {
    let expire = async {
        let id = segment(id)?;
        context.write(move |context| Ok(context.rules.silences.expire(&id, now())?)).await?;
        Ok(json!({}))
    };
    answer(expire.await)
}

async fn no_alerts() -> Response {
    let reason = "alerts are made by rules here; to send alerts to others, give --alertmanager";
    json_response(StatusCode::METHOD_NOT_ALLOWED, &reason)
}

async fn alerts(State(context): State<Arc<Context>>, params: Params) -> Response {
    answer(list(&context, &params).map(|alerts| alerts.into_iter().map(|(_, json)| json).collect()))
}

async fn groups(State(context): State<Arc<Context>>, params: Params) -> Response {
    let grouped = list(&context, &params).map(|alerts| {
        let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        alerts.into_iter().for_each(|(name, json)| groups.entry(name).or_default().push(json));
        let group = |(name, alerts)| json!({ "labels": { "alertname": name }, "receiver": { "name": RECEIVER }, "alerts": alerts });
        groups.into_iter().map(group).collect()
    });
    answer(grouped)
}

/// Firing alerts and their names, by labels.
fn list(context: &Context, params: &Params) -> Result<Vec<(String, Value)>, Failure> {
    let filter = filter(params)?;
    let flag = |name: &str| {
        let read = |text: &str| text.parse::<bool>().map_err(|_| format!("{text:?} must be true or false"));
        Ok::<bool, Failure>(params.read(name, read)?.unwrap_or(true))
    };
    let (active, silenced) = (flag("active")?, flag("silenced")?);
    if params.read("receiver", anchored)?.is_some_and(|receiver| !receiver.is_match(RECEIVER)) {
        return Ok(Vec::new());
    }
    let rules = &context.rules;
    let (surroundings, now, mut found) = (rules.surroundings(), now(), Vec::new());
    let groups = rules.groups();
    for (group, rule) in groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule))) {
        let status = rule.status();
        for alert in status.alerts.iter().filter(|alert| alert.state == alert::State::Firing) {
            let Some(message) = rules.notifier.message(&rule.config.expr, alert, &surroundings) else { continue };
            let silenced_by = rules.silences.of(&message.labels, now);
            let wanted = if silenced_by.is_empty() { active } else { silenced };
            if wanted && fit(&filter, &message.labels) {
                let mut json = message.json();
                json["fingerprint"] = message.fingerprint().into();
                json["receivers"] = json!([{ "name": RECEIVER }]);
                json["status"] = json!({
                    "state": if silenced_by.is_empty() { "active" } else { "suppressed" },
                    "silencedBy": silenced_by, "inhibitedBy": [], "mutedBy": [],
                });
                let evaluated = status.evaluated_at.unwrap_or(now);
                json["updatedAt"] = rfc3339(evaluated).into();
                json["endsAt"] =
                    rfc3339(message.ends_at.max(evaluated.saturating_add(group.interval.saturating_mul(4)))).into();
                let name = message.name().to_owned();
                found.push((message.labels, name, json));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found.into_iter().map(|(_, name, json)| (name, json)).collect())
}

fn filter(params: &Params) -> Result<Vec<Matcher>, Failure> {
    let mut matchers = Vec::new();
    for text in params.all("filter") {
        let read =
            read_filter(text).map_err(|reason| Failure::Bad(format!("invalid parameter \"filter\": {reason}")))?;
        matchers.extend(read);
    }
    Ok(matchers)
}

fn anchored(text: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{text})$")).map_err(|error| error.to_string())
}

fn rfc3339(millis: i64) -> String {
    time::format_rfc3339(u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000))
}
