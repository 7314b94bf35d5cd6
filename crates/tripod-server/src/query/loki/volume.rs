//! How much there is: what Grafana asks before it runs a query, and to rank streams.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::select::{self, Next, Order};
use super::{Answer, Request, grid, success};
use crate::query::logql::Lines;
use crate::query::logql::entry::Origin;
use crate::query::logql::parse::read_matchers;
use crate::query::{Context, Failure};

fn selected(request: &Request) -> Result<Lines, Failure> {
    let text = request.params.required("query")?;
    Ok(Lines { matchers: read_matchers(text)?, stages: Vec::new() })
}

/// Streams, entries and bytes of a selector.
pub(super) fn stats(context: &Context, request: &Request) -> Answer {
    let lines = selected(request)?;
    let (mut streams, mut entries, mut bytes) = (BTreeSet::new(), 0_u64, 0_u64);
    select::each(context, &lines, request.window()?, Order::NewestFirst, &mut |entry| {
        let labels = entry.labels().iter().filter(|label| label.origin == Origin::Stream);
        streams.insert(labels.map(|label| label.value.to_string()).collect::<Vec<_>>());
        entries += 1;
        bytes += entry.line.len() as u64;
        Ok(Next::More)
    })?;
    Ok(json!({ "streams": streams.len(), "chunks": streams.len(), "entries": entries, "bytes": bytes }))
}

type Key = Vec<(String, String)>;
/// Bytes by the beginning of a step.
type Parts = BTreeMap<i64, u64>;

/// By which labels volumes are told apart: those asked for, else those that the selector names.
fn targets(request: &Request, lines: &Lines) -> Vec<String> {
    match request.params.get("targetLabels") {
        Some(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        None => lines.matchers.iter().map(|matcher| matcher.name.clone()).collect(),
    }
}

/// Bytes by labels; in parts of time when `step` is given.
fn counted(context: &Context, request: &Request, steps: Option<i64>) -> Result<Vec<(Key, Parts)>, Failure> {
    let lines = selected(request)?;
    let targets = targets(request, &lines);
    let window = request.window()?;
    let mut volumes: BTreeMap<Key, Parts> = BTreeMap::new();
    select::each(context, &lines, window, Order::NewestFirst, &mut |entry| {
        let value = |name: &String| (name.clone(), entry.stream_label(name).to_owned());
        let key = targets.iter().map(value).filter(|(_, value)| !value.is_empty()).collect();
        let millis = (entry.time / 1_000_000) as i64;
        let at = steps.map_or(0, |step| millis.div_euclid(step) * step);
        *volumes.entry(key).or_default().entry(at).or_default() += entry.line.len() as u64;
        Ok(Next::More)
    })?;
    let mut volumes: Vec<_> = volumes.into_iter().collect();
    volumes.sort_by_key(|(_, parts)| std::cmp::Reverse(parts.values().sum::<u64>()));
    volumes.truncate(request.limit()?);
    Ok(volumes)
}

fn metric(key: Key) -> Value {
    Value::Object(key.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
}

pub(super) fn volume(context: &Context, request: &Request) -> Answer {
    let end = request.window()?.end / 1_000_000_000;
    let rows = counted(context, request, None)?
        .into_iter()
        .map(|(key, parts)| json!({ "metric": metric(key), "value": [end, parts.values().sum::<u64>().to_string()] }));
    Ok(success(json!({ "resultType": "vector", "result": rows.collect::<Value>(), "stats": {} })))
}

pub(super) fn volume_range(context: &Context, request: &Request) -> Answer {
    let step = grid(request, request.window()?)?.step;
    let rows = counted(context, request, Some(step))?.into_iter().map(|(key, parts)| {
        let values = parts.into_iter().map(|(time, bytes)| json!([time as f64 / 1000.0, bytes.to_string()]));
        json!({ "metric": metric(key), "values": values.collect::<Value>() })
    });
    Ok(success(json!({ "resultType": "matrix", "result": rows.collect::<Value>(), "stats": {} })))
}
