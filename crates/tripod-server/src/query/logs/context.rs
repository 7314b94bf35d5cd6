//! `GET /api/logs/context`: the records around one, of the same stream, service or trace.
//!
//! Records of one time have the order of their fingerprints, so that what stands around a record is the same each time, wherever the
//! records lie.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tripod_store::{AttributeMatch, LogOrder, LogQuery, Store, StoredLog, Window};

use super::log;
use super::record::LogId;
use crate::own_metrics::Api;
use crate::query::params::Params;
use crate::query::{Context, Failure, answer, incomplete};

const DEFAULT_AROUND: usize = 20;
const MAX_AROUND: usize = 500;
/// Records of one time that are told apart.
const MAX_AT_ONCE: usize = 10_000;
/// Attributes of a resource that make a stream; no more of them are compared.
const MAX_ATTRIBUTES: usize = 64;

pub(super) async fn context(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let store = context.store.as_ref();
        let id = LogId::parse(params.required("id")?)
            .map_err(|reason| Failure::Bad(format!("invalid parameter \"id\": {reason}")))?;
        let before = params.count("before", DEFAULT_AROUND, MAX_AROUND)?;
        let after = params.count("after", DEFAULT_AROUND, MAX_AROUND)?;
        let of = params.read("of", Of::read)?.unwrap_or(Of::Stream);
        let at = Window { start: id.time, end: id.time };
        let of_time = store.find_logs(&LogQuery::within(at, MAX_AT_ONCE))?;
        let record = of_time
            .into_iter()
            .find(|log| log.fingerprint() == id.fingerprint)
            .ok_or_else(|| Failure::NotFound(format!("there is no log record {:?} any more", id.text())))?;
        let (logs, position, has_older, has_newer) = around(store, &of.query(&record)?, id, before, after)?;
        let mut answer = json!({
            "logs": logs.iter().map(log).collect::<Value>(),
            "position": position,
            "has_older": has_older,
            "has_newer": has_newer,
        });
        let shown = |log: Option<&StoredLog>| log.map_or(id.time, |log| log.time);
        let window = Window { start: shown(logs.last()), end: shown(logs.first()) };
        incomplete::add_to(&mut answer, store, "logs", window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

/// What a record has in common with those around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// All attributes of its resource.
    Stream,
    Service,
    Trace,
    All,
}

impl Of {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "stream" => Ok(Self::Stream),
            "service" => Ok(Self::Service),
            "trace" => Ok(Self::Trace),
            "all" => Ok(Self::All),
            _ => Err(format!("{text:?} is not one of stream, service, trace, all")),
        }
    }

    fn query(self, record: &StoredLog) -> Result<LogQuery, Failure> {
        let mut query = LogQuery::within(Window::ALL, 0);
        match self {
            Self::Stream => {
                query.service = Some(record.resource.service_name().to_owned());
                let attributes = record.resource.attributes.iter().take(MAX_ATTRIBUTES);
                query.attributes = attributes
                    .map(|one| AttributeMatch { key: one.key.clone(), value: one.value.to_string() })
                    .collect();
            }
            Self::Service => query.service = Some(record.resource.service_name().to_owned()),
            Self::Trace if record.record.trace_id.is_valid() => query.trace_id = Some(record.record.trace_id),
            Self::Trace => return Err(Failure::Bad("the record is of no trace".to_owned())),
            Self::All => {}
        }
        Ok(query)
    }
}

/// The records around one, newest first, the place of the one among them, and whether there are older and newer ones.
fn around(
    store: &dyn Store,
    query: &LogQuery,
    id: LogId,
    before: usize,
    after: usize,
) -> Result<(Vec<StoredLog>, usize, bool, bool), Failure> {
    let mut same = at(store, query, id.time)?;
    let newer = same.split_off(same.partition_point(|log| LogId::of(log) <= id));
    let record: Vec<StoredLog> = same.pop().into_iter().collect();
    let later = id.time.checked_add(1).map(|start| Window { start, end: u64::MAX });
    let newer = following(store, query, newer, later, LogOrder::OldestFirst, after + 1)?;
    let earlier = id.time.checked_sub(1).map(|end| Window { start: 0, end });
    same.reverse();
    let older = following(store, query, same, earlier, LogOrder::NewestFirst, before + 1)?;
    let (has_newer, has_older) = (newer.len() > after, older.len() > before);
    let mut logs: Vec<StoredLog> = newer.into_iter().take(after).collect();
    logs.reverse();
    let position = logs.len();
    logs.extend(record);
    logs.extend(older.into_iter().take(before));
    Ok((logs, position, has_older, has_newer))
}

/// All records of a time, in order.
fn at(store: &dyn Store, query: &LogQuery, time: u64) -> Result<Vec<StoredLog>, Failure> {
    let window = Window { start: time, end: time };
    let mut found = store.find_logs(&LogQuery { window, limit: MAX_AT_ONCE, ..query.clone() })?;
    found.sort_by_cached_key(LogId::of);
    Ok(found)
}

/// The first `count` records: those given, then those of the window. Of the last time that is reached all are looked at, since
/// which of them come first the store does not know.
fn following(
    store: &dyn Store,
    query: &LogQuery,
    mut found: Vec<StoredLog>,
    window: Option<Window>,
    order: LogOrder,
    count: usize,
) -> Result<Vec<StoredLog>, Failure> {
    if let Some(window) = window
        && found.len() < count
    {
        let limit = count - found.len();
        let mut more = store.find_logs(&LogQuery { window, order, limit, ..query.clone() })?;
        if more.len() == limit
            && let Some(last) = more.last().map(|log| log.time)
        {
            more.retain(|log| log.time != last);
            more.extend(at(store, query, last)?);
        }
        more.sort_by_cached_key(LogId::of);
        if order == LogOrder::NewestFirst {
            more.reverse();
        }
        found.extend(more);
    }
    found.truncate(count);
    Ok(found)
}
