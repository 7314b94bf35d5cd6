//! Log records: `/api/logs` and what belongs to it, over the same [`conditions`].
//!
//! - `/api/logs` lists records, `/api/logs/volume` counts them over time.
//! - [`facets`] counts values of fields, [`patterns`] lines that are alike; both by column, without putting records together.
//! - [`context`] is what stands around a record, [`tail`] what comes as it arrives.

mod conditions;
mod context;
mod facets;
mod patterns;
mod record;
mod tail;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{LogOrder, LogVolume, Looked, SummaryLimits};

pub(super) use self::conditions::level;
use self::conditions::{UNSPECIFIED, conditions};
pub(super) use self::record::log;
pub(super) use self::tail::Tails;
use super::params::Params;
use super::{Context, Failure, answer, incomplete};
use crate::own_metrics::Api;

const DEFAULT_LOGS: usize = 100;
const MAX_LOGS: usize = 10_000;
const MAX_STEPS: usize = 1000;
/// Rows that facets and patterns look at unless told.
const DEFAULT_ROWS: usize = 1_000_000;
const MAX_ROWS: usize = 20_000_000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/logs", get(logs))
        .route("/api/logs/volume", get(volume))
        .route("/api/logs/facets", get(facets::facets))
        .route("/api/logs/patterns", get(patterns::patterns))
        .route("/api/logs/context", get(context::context))
        .route("/api/logs/tail", get(tail::tail))
}

async fn logs(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let store = context.store.as_ref();
        let limit = params.count("limit", DEFAULT_LOGS, MAX_LOGS)?;
        let mut conditions = conditions(store, &params, params.window()?, limit)?;
        conditions.order = params.read("direction", order)?.unwrap_or_default();
        let found = store.find_logs(&conditions)?;
        let mut answer = json!({ "logs": found.iter().map(log).collect::<Value>() });
        incomplete::add_to(&mut answer, store, "logs", conditions.window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

fn order(text: &str) -> Result<LogOrder, String> {
    match text.to_ascii_lowercase().as_str() {
        "backward" => Ok(LogOrder::NewestFirst),
        "forward" => Ok(LogOrder::OldestFirst),
        _ => Err(format!("{text:?} is neither forward nor backward")),
    }
}

async fn volume(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let store = context.store.as_ref();
        let steps = params.count("steps", 60, MAX_STEPS)?;
        let window = params.window()?;
        let counted = store.log_volume(&conditions(store, &params, window, usize::MAX)?, steps)?;
        let mut answer = volume_json(&counted, steps);
        incomplete::add_to(&mut answer, store, "logs", window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

fn volume_json(counted: &LogVolume, steps: usize) -> Value {
    let name = |level: &'static str| if level.is_empty() { UNSPECIFIED } else { level };
    let levels: BTreeMap<&str, &Vec<u64>> =
        counted.levels.iter().map(|(level, counts)| (name(level), counts)).collect();
    json!({
        "start_unix_nano": counted.window.start.to_string(),
        "end_unix_nano": counted.window.end.to_string(),
        "steps": steps,
        "levels": levels,
    })
}

/// How much a summary looks at.
fn summary_limits(params: &Params, entries: (usize, usize), each: usize) -> Result<SummaryLimits, Failure> {
    let rows = params.count("rows", DEFAULT_ROWS, MAX_ROWS)? as u64;
    Ok(SummaryLimits { rows, entries: params.count("limit", entries.0, entries.1)?, each })
}

/// What a summary was made of.
fn looked_json(looked: Looked) -> serde_json::Map<String, Value> {
    let Looked { records, scanned, of } = looked;
    let pairs: [(&str, Value); 4] = [
        ("records", records.into()),
        ("scanned", scanned.into()),
        ("of", of.into()),
        ("complete", looked.is_all().into()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
