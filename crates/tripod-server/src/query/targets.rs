//! What is scraped, as Prometheus tells it: `/api/v1/targets`, `/api/v1/targets/metadata`, `/api/v1/scrape_pools`, and
//! `/api/v1/status/config`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::watch;
use tripod_promql::Engine;
use tripod_store::{Labels, Matcher};

use super::params::Params;
use super::{Failure, json_response, selectors, time};
use crate::prometheus_config::units::format_duration;
use crate::scrape::Scraping;
use crate::scrape::target::{Dropped, Target};
use crate::{PrometheusConfig, compression};

/// What the answers are about.
#[derive(Clone)]
pub(crate) struct Scraped {
    pub(crate) scraping: Arc<Scraping>,
    pub(crate) config: watch::Receiver<Arc<PrometheusConfig>>,
}

pub(crate) fn router(scraped: Scraped) -> Router {
    let answered = |run: fn(&Scraped, &Params) -> Result<Value, Failure>| {
        get(move |State(scraped): State<Scraped>, params: Params| async move { answer(run(&scraped, &params)) })
    };
    Router::new()
        .route("/api/v1/targets", answered(targets))
        .route("/api/v1/targets/metadata", answered(metadata))
        .route("/api/v1/scrape_pools", answered(|scraped, _| Ok(pools(scraped))))
        .route("/api/v1/status/config", answered(|scraped, _| Ok(config(scraped))))
        .layer(axum::middleware::from_fn(compression::compress))
        .with_state(scraped)
}

fn answer(result: Result<Value, Failure>) -> Response {
    match result {
        Ok(data) => json_response(StatusCode::OK, &json!({ "status": "success", "data": data })),
        Err(failure) => {
            let body = json!({ "status": "error", "errorType": "bad_data", "error": failure.reason() });
            json_response(failure.status(), &body)
        }
    }
}

fn targets(scraped: &Scraped, params: &Params) -> Result<Value, Failure> {
    let (active, dropped) = match params.get("state").map(str::to_ascii_lowercase).as_deref() {
        None | Some("any") => (true, true),
        Some("active") => (true, false),
        Some("dropped") => (false, true),
        Some(other) => {
            let reason = format!("invalid parameter \"state\": {other:?} must be active, dropped or any");
            return Err(Failure::Bad(reason));
        }
    };
    let wanted = params.get("scrapePool");
    let (mut active_targets, mut dropped_targets, mut counts) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (pool, view) in scraped.scraping.pools() {
        if wanted.is_some_and(|wanted| wanted != pool) {
            continue;
        }
        if active {
            active_targets.extend(view.active.iter().map(|target| shown(&pool, target)));
        }
        if dropped {
            let one = |Dropped { discovered }: &Dropped| json!({ "discoveredLabels": discovered, "scrapePool": pool });
            dropped_targets.extend(view.dropped.iter().map(one));
            counts.insert(pool, view.dropped_count);
        }
    }
    let counts = if dropped { json!(counts) } else { Value::Null };
    Ok(json!({ "activeTargets": active_targets, "droppedTargets": dropped_targets, "droppedTargetCounts": counts }))
}

fn shown(pool: &str, target: &Target) -> Value {
    let last = target.health().last;
    let health = last.as_ref().map_or("unknown", |last| if last.up { "up" } else { "down" });
    let at = last.as_ref().map_or(0, |last| {
        let since = last.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    // As Go writes a time that there is none of.
    let at = if at == 0 { "0001-01-01T00:00:00Z".to_owned() } else { time::format_rfc3339(at) };
    json!({
        "discoveredLabels": target.discovered,
        "labels": object(&target.labels),
        "scrapePool": pool,
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": last.as_ref().map_or("", |last| &last.error),
        "lastScrape": at,
        "lastScrapeDuration": last.as_ref().map_or(0.0, |last| last.took.as_secs_f64()),
        "health": health,
        "scrapeInterval": format_duration(target.interval),
        "scrapeTimeout": format_duration(target.timeout),
    })
}

fn object(labels: &Labels) -> Value {
    labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

fn metadata(scraped: &Scraped, params: &Params) -> Result<Value, Failure> {
    let limit = params.read("limit", |text| text.parse::<i64>().map_err(|_| "must be a whole number".to_owned()))?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let matchers = match params.get("match_target") {
        Some(text) => selectors::of_selector(&Engine::default(), text)?,
        None => Vec::new(),
    };
    let metric = params.get("metric");
    let fits =
        |target: &Target| matchers.iter().all(|matcher: &Matcher| matcher.matches(target.labels.get(&matcher.name)));
    let mut found = Vec::new();
    for target in scraped.scraping.pools().values().flat_map(|view| &view.active).filter(|target| fits(target)) {
        for (name, family) in target.families().iter() {
            if found.len() >= limit || metric.is_some_and(|metric| metric != name) {
                continue;
            }
            let about = &family.metadata;
            let mut one = json!({
                "target": object(&target.labels),
                "type": about.kind.as_str(),
                "help": about.help,
                "unit": about.unit,
            });
            if metric.is_none() {
                one["metric"] = json!(name);
            }
            found.push(one);
        }
    }
    if found.is_empty() {
        return Err(Failure::NotFound("specified metadata not found".to_owned()));
    }
    Ok(Value::Array(found))
}

fn pools(scraped: &Scraped) -> Value {
    json!({ "scrapePools": scraped.scraping.pools().into_keys().collect::<Vec<_>>() })
}

fn config(scraped: &Scraped) -> Value {
    json!({ "yaml": scraped.config.borrow().shown })
}
