//! Rules and alerts under Prometheus' API: `/api/v1/rules`, `/api/v1/alerts`, `/api/v1/alertmanagers`; and the page that links in alerts
//! lead to in Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::Matcher;

use super::params::Params;
use super::prometheus::now;
use super::{Context, Failure, json_response, selectors, time};
use crate::rules::alert::Alert;
use crate::rules::group::{Group, Health, Rule};
use crate::rules::notify::Kind;
use crate::rules::template::query_escape;
use crate::rules::{RuleKind, group_token};

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/rules", get(rules))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/alertmanagers", get(alertmanagers))
        .route("/graph", get(graph))
}

fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(data) => json_response(StatusCode::OK, &json!({ "status": "success", "data": data })),
        Err(failure) => {
            let kind = if failure.status() == StatusCode::BAD_REQUEST { "bad_data" } else { "internal" };
            json_response(failure.status(), &json!({ "status": "error", "errorType": kind, "error": failure.reason() }))
        }
    }
}

/// Which rules are asked for.
struct Filter {
    recording: bool,
    alerting: bool,
    alerts: bool,
    rules: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// Sets of matchers, one of which has to fit a rule's labels.
    matchers: Vec<Vec<Matcher>>,
}

impl Filter {
    fn read(context: &Context, params: &Params) -> Result<Self, Failure> {
        let kind = params.get("type").unwrap_or_default();
        if !matches!(kind, "" | "alert" | "record") {
            return Err(Failure::Bad(format!("invalid parameter \"type\": {kind:?} must be alert or record")));
        }
        let all = |name: &str| params.all(name).map(str::to_owned).collect();
        let flag = |text: &str| text.parse::<bool>().map_err(|_| format!("{text:?} must be true or false"));
        let matchers = params.all("match[]").map(|text| selectors::of_selector(&context.engine, text));
        Ok(Self {
            recording: kind != "alert",
            alerting: kind != "record",
            alerts: !params.read("exclude_alerts", flag)?.unwrap_or(false),
            rules: all("rule_name[]"),
            groups: all("rule_group[]"),
            files: all("file[]"),
            matchers: matchers.collect::<Result<_, _>>()?,
        })
    }

    fn takes_group(&self, group: &Group) -> bool {
        let among = |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
        among(&self.groups, &group.config.name) && among(&self.files, &group.file)
    }

    fn takes_rule(&self, rule: &Rule) -> bool {
        let kind = if rule.is_alerting() { self.alerting } else { self.recording };
        let named = self.rules.is_empty() || self.rules.contains(&rule.config.name);
        let fits = |set: &Vec<Matcher>| {
            set.iter().all(|matcher| matcher.matches(rule.config.labels.get(&matcher.name).map_or("", String::as_str)))
        };
        kind && named && (self.matchers.is_empty() || self.matchers.iter().any(fits))
    }
}

async fn rules(State(context): State<Arc<Context>>, params: Params) -> Response {
    answer(list(&context, &params))
}

fn list(context: &Context, params: &Params) -> Result<Value, Failure> {
    let filter = Filter::read(context, params)?;
    let whole = |text: &str| match text.parse::<usize>() {
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err(format!("{text:?} must be a whole number above 0")),
    };
    let limit = params.read("group_limit", whole)?;
    let token = params.get("group_next_token");
    if token.is_some() && limit.is_none() {
        return Err(Failure::Bad("group_limit needs to be given with group_next_token".to_owned()));
    }
    let filtered = !(filter.rules.is_empty() && filter.matchers.is_empty() && filter.recording && filter.alerting);
    let mut groups = context.rules.groups();
    groups.retain(|group| filter.takes_group(group));
    if let Some(token) = token {
        let at = groups.iter().position(|group| group_token(group) == token);
        groups.drain(
            ..at.ok_or_else(|| {
                Failure::Bad("invalid parameter \"group_next_token\": there is no such group".to_owned())
            })?,
        );
    }
    let next = limit.and_then(|limit| groups.get(limit)).map(|group| group_token(group));
    groups.truncate(limit.unwrap_or(usize::MAX));
    let shown = groups.iter().filter_map(|group| {
        let rules: Vec<Value> = group
            .rules
            .iter()
            .filter(|rule| filter.takes_rule(rule))
            .map(|one| rule(context, one, filter.alerts))
            .collect();
        (!rules.is_empty() || !filtered).then(|| group_json(group, &rules))
    });
    let mut data = json!({ "groups": shown.collect::<Vec<_>>() });
    if let Some(next) = next {
        data["groupNextToken"] = next.into();
    }
    Ok(data)
}

fn group_json(group: &Group, rules: &[Value]) -> Value {
    let state = group.state();
    json!({
        "name": group.config.name,
        "file": group.file,
        "interval": seconds(group.interval),
        "limit": group.config.limit,
        "rules": rules,
        "evaluationTime": state.took.as_secs_f64(),
        "lastEvaluation": moment(state.evaluated_at),
    })
}

fn rule(context: &Context, rule: &Rule, with_alerts: bool) -> Value {
    let status = rule.status();
    let (health, error) = match &status.health {
        Health::Unknown => ("unknown", ""),
        Health::Ok => ("ok", ""),
        Health::Failed(reason) => ("err", reason.as_str()),
    };
    let mut json = json!({
        "name": rule.config.name,
        "query": rule.config.expr,
        "health": health,
        "evaluationTime": status.took.as_secs_f64(),
        "lastEvaluation": moment(status.evaluated_at),
        "type": "recording",
    });
    if !error.is_empty() {
        json["lastError"] = error.into();
    }
    match &rule.config.kind {
        RuleKind::Recording if rule.config.labels.is_empty() => {}
        RuleKind::Recording => json["labels"] = json!(rule.config.labels),
        RuleKind::Alerting { hold, keep_firing, annotations } => {
            let shown = status.alerts.iter().filter(|_| with_alerts);
            let alerts: Vec<Value> = shown.map(|one| alert(context, one)).collect();
            json["type"] = "alerting".into();
            json["state"] = status.state.name().into();
            json["duration"] = hold.as_secs_f64().into();
            json["keepFiringFor"] = keep_firing.as_secs_f64().into();
            json["labels"] = json!(rule.config.labels);
            json["annotations"] = json!(annotations);
            json["alerts"] = alerts.into();
        }
    }
    json
}

/// An alert as Prometheus gives it, and the ids of the silences that fit it, where there are any.
fn alert(context: &Context, alert: &Alert) -> Value {
    let labels: BTreeMap<&str, &str> = alert.labels.iter().collect();
    let mut json = json!({
        "labels": labels,
        "annotations": alert.all_annotations(),
        "state": alert.state.name(),
        "activeAt": moment(Some(alert.active_at)),
        "value": scientific(alert.value),
    });
    if let Some(since) = alert.keep_firing_since {
        json["keepFiringSince"] = moment(Some(since)).into();
    }
    let silenced_by = silenced_by(context, alert);
    if !silenced_by.is_empty() {
        json["silencedBy"] = silenced_by.into();
    }
    json
}

fn silenced_by(context: &Context, alert: &Alert) -> Vec<String> {
    let rules = &context.rules;
    let labels = rules.notifier.labels(alert, &rules.surroundings());
    labels.map_or(Vec::new(), |labels| rules.silences.of(&labels, now()))
}

async fn alerts(State(context): State<Arc<Context>>) -> Response {
    let groups = context.rules.groups();
    let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.is_alerting());
    let alerts: Vec<Value> = rules.flat_map(|rule| rule.status().alerts).map(|one| alert(&context, &one)).collect();
    answer(Ok(json!({ "alerts": alerts })))
}

async fn alertmanagers(State(context): State<Arc<Context>>) -> Response {
    let notifier = &context.rules.notifier;
    let managers = notifier.destinations().into_iter().filter(|one| one.kind == Kind::Alertmanager);
    let active: Vec<Value> = managers.map(|one| json!({ "url": one.shown() })).collect();
    let dropped: Vec<Value> = notifier.dropped_managers().into_iter().map(|url| json!({ "url": url })).collect();
    answer(Ok(json!({ "activeAlertmanagers": active, "droppedAlertmanagers": dropped })))
}

/// Prometheus' page of an expression is this server's page of a query.
async fn graph(params: Params) -> Response {
    let query = params.get("g0.expr").unwrap_or_default();
    Redirect::to(&format!("/metric?q={}", query_escape(query))).into_response()
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// A moment as Go writes it; none is the first moment that Go has.
fn moment(millis: Option<i64>) -> String {
    match millis {
        Some(millis) => time::format_rfc3339(u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)),
        None => "0001-01-01T00:00:00Z".to_owned(),
    }
}

/// `1.5e+00`, as the value of an alert is written.
fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return tripod_promql::format_float(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_an_alert_is_written_with_an_exponent() {
        let shown: Vec<String> = [1.0, 0.05, -1234.5, f64::INFINITY].into_iter().map(scientific).collect();
        assert_eq!(shown, ["1e+00", "5e-02", "-1.2345e+03", "+Inf"]);
    }
}
