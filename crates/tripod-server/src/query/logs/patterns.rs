//! `GET /api/logs/patterns`: lines that differ in numbers, ids and names only, with how many there are, when, and which.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tripod_store::LogPattern;

use super::conditions::{UNSPECIFIED, conditions};
use super::record::LogId;
use super::{MAX_STEPS, looked_json, summary_limits};
use crate::own_metrics::Api;
use crate::query::params::Params;
use crate::query::{Context, answer, incomplete};

/// Patterns that are answered: unless told, and at most.
const PATTERNS: (usize, usize) = (100, 1_000);
/// Of an example so many characters are shown.
const EXAMPLE: usize = 2_000;

pub(super) async fn patterns(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let store = context.store.as_ref();
        let steps = params.count("steps", 30, MAX_STEPS)?;
        let limits = summary_limits(&params, PATTERNS, params.count("samples", 3, 20)?)?;
        let conditions = conditions(store, &params, params.window()?, usize::MAX)?;
        let found = store.log_patterns(&conditions, steps, limits)?;
        let mut answer = looked_json(found.looked);
        let patterns = found.patterns.iter().map(|one| pattern(one, found.looked.records)).collect();
        for (key, value) in [
            ("start_unix_nano", Value::from(found.window.start.to_string())),
            ("end_unix_nano", Value::from(found.window.end.to_string())),
            ("steps", Value::from(steps)),
            ("patterns", patterns),
            ("others", Value::from(found.others)),
        ] {
            answer.insert(key.to_owned(), value);
        }
        let mut answer = Value::Object(answer);
        incomplete::add_to(&mut answer, store, "logs", conditions.window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

fn pattern(one: &LogPattern, records: u64) -> Value {
    let name = |level: &'static str| if level.is_empty() { UNSPECIFIED } else { level };
    let levels: BTreeMap<&str, u64> = one.levels.iter().map(|(level, count)| (name(level), *count)).collect();
    let example = one.samples.first().map(|log| log.record.body.to_string()).unwrap_or_default();
    json!({
        "pattern": one.pattern,
        "count": one.count,
        "share": one.count as f64 / records.max(1) as f64,
        "levels": levels,
        "volume": one.volume,
        "samples": one.samples.iter().map(|log| LogId::of(log).text()).collect::<Vec<_>>(),
        "example": example.chars().take(EXAMPLE).collect::<String>(),
    })
}
