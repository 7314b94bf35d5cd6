//! `GET /api/status/store`: what the store holds and does, signal by signal, and what there is most of in it.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_store::{
    AttributeKey, DamagedPart, LogStore, SeriesStatistics, SignalStatus, SpanStore, StatisticsRow, Status,
};

use super::params::Params;
use super::{Context, answer, completion, snapshot};
use crate::own_metrics::Api;

const DEFAULT_ROWS: usize = 10;
const MAX_ROWS: usize = 1000;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/status/store", get(store))
}

async fn store(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let limit = params.count("limit", DEFAULT_ROWS, MAX_ROWS)?;
        let store = context.store.as_ref();
        let mut body = whole(&store.status());
        body["snapshot_bytes"] = snapshot::bytes(&context.snapshots).into();
        body["series"] = series(&store.series_statistics(limit)?);
        body["attributes"] = json!({
            "spans": most_values(SpanStore::attribute_keys(store)?, limit),
            "logs": most_values(LogStore::attribute_keys(store)?, limit),
        });
        Ok(body)
    };
    answer(context.run(Api::Status, query).await)
}

fn whole(of: &Status) -> Value {
    json!({
        "memory_bytes": of.memory_bytes,
        "disk_bytes": of.disk_bytes,
        "wal_bytes": of.wal_bytes,
        "full": of.full,
        "signals": of.signals.iter().map(signal).collect::<Value>(),
    })
}

fn signal(of: &SignalStatus) -> Value {
    let time = |time: Option<u64>| time.map(|time| time.to_string());
    json!({
        "signal": of.signal,
        "rows": of.rows,
        "memory_rows": of.memory_rows,
        "memory_bytes": of.memory_bytes,
        "index_bytes": of.index_bytes,
        "frozen": of.frozen,
        "parts": of.parts,
        "part_bytes": of.part_bytes,
        "bytes_per_row": bytes_per_row(of),
        "oldest_unix_nano": time(of.oldest),
        "newest_unix_nano": time(of.newest),
        "flushes": of.flushes,
        "merges": of.merges,
        "evicted": of.evicted,
        "failures": of.failures,
        "last_error": of.last_error,
        "damaged": of.damaged.iter().map(damaged).collect::<Value>(),
    })
}

fn damaged(of: &DamagedPart) -> Value {
    json!({
        "path": of.damage.path.display().to_string(),
        "offset": of.damage.offset,
        "reason": of.damage.reason,
        "rows": of.rows,
        "oldest_unix_nano": of.oldest.to_string(),
        "newest_unix_nano": of.newest.to_string(),
    })
}

/// Of those that are in parts; nothing without any.
fn bytes_per_row(of: &SignalStatus) -> Option<f64> {
    let rows = of.rows.saturating_sub(of.memory_rows);
    (rows > 0).then(|| (of.part_bytes as f64 / rows as f64 * 100.0).round() / 100.0)
}

fn series(of: &SeriesStatistics) -> Value {
    json!({
        "series": of.series,
        "label_pairs": of.label_pairs,
        "series_by_metric": rows(&of.series_by_metric),
        "values_by_label": rows(&of.values_by_label),
        "bytes_by_label": rows(&of.bytes_by_label),
        "series_by_label_pair": rows(&of.series_by_label_pair),
    })
}

fn rows(of: &[StatisticsRow]) -> Value {
    of.iter().map(|row| json!({ "name": row.name, "count": row.count })).collect()
}

/// The keys with the most values: those that make an index large.
fn most_values(mut keys: Vec<AttributeKey>, limit: usize) -> Value {
    // Sorted by key already, and that order stays among equals.
    keys.sort_by_key(|key| Reverse(key.values));
    keys.iter().take(limit).map(completion::key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_a_row_are_those_of_rows_that_are_in_parts() {
        let status = SignalStatus { rows: 7, memory_rows: 4, part_bytes: 100, ..SignalStatus::default() };
        assert_eq!(bytes_per_row(&status), Some(33.33));
        assert_eq!(bytes_per_row(&SignalStatus { rows: 4, ..status }), None);
    }

    #[test]
    fn keys_are_listed_by_how_many_values_they_have() {
        let key = |key: &str, values| AttributeKey { key: key.to_owned(), rows: 9, values };
        let listed = most_values(vec![key("a", 1), key("b", 3), key("c", 1)], 2);
        assert_eq!(listed, json!([{"key": "b", "rows": 9, "values": 3}, {"key": "a", "rows": 9, "values": 1}]));
    }
}
