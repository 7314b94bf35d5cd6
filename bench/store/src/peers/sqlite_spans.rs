//! Spans in SQLite: a row a span, attributes as JSON, indexes on the trace and on service and start.
//!
//! WAL with `synchronous=FULL`: a commit is on disk, as with Tripod. An index on every attribute would make it an order slower, and an
//! index on one would answer for that one only, so there is none.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::{Map, Value};
use tripod_wire::otlp::{AnyValue, KeyValue, TracesData};
use tripod_wire::proto::Message;

use super::Peer;
use super::questions::{Question, ask_spans};
use crate::feed::Load;

pub(super) struct Sqlite {
    connection: Connection,
    resources: HashMap<String, i64>,
}

/// A database that is as durable as Tripod's log.
pub(super) fn open(dir: &Path, schema: &str) -> Connection {
    let connection = Connection::open(dir.join("data.sqlite")).expect("SQLite opens");
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-262144; PRAGMA mmap_size=8589934592; {schema}"
        ))
        .expect("the schema is right");
    connection
}

/// Attributes as a JSON object.
pub(super) fn json_of(attributes: &[KeyValue]) -> String {
    let value = |value: &AnyValue| match value {
        AnyValue::Int(number) => Value::from(*number),
        AnyValue::Double(number) => Value::from(*number),
        AnyValue::Bool(truth) => Value::from(*truth),
        other => Value::from(other.to_string()),
    };
    let pairs = attributes.iter().map(|pair| (pair.key.clone(), value(&pair.value)));
    Value::Object(pairs.collect::<Map<String, Value>>()).to_string()
}

impl Sqlite {
    pub(super) fn open(dir: &Path) -> Self {
        let schema = "CREATE TABLE resource (id INTEGER PRIMARY KEY, service TEXT, attributes TEXT);
            CREATE TABLE span (trace_id BLOB, span_id BLOB, parent_id BLOB, service TEXT, name TEXT, kind INTEGER, start INTEGER,
                duration INTEGER, status INTEGER, message TEXT, resource INTEGER, scope TEXT, attributes TEXT, events TEXT);
            CREATE INDEX span_trace ON span (trace_id);
            CREATE INDEX span_service ON span (service, start);";
        Self { connection: open(dir, schema), resources: HashMap::new() }
    }

    /// Reads the spans of a trace: how many.
    fn trace(&self, id: &[u8]) -> usize {
        let mut select = self.connection.prepare_cached("SELECT * FROM span WHERE trace_id = ?").expect("SQL");
        let mut rows = select.query([id]).expect("SQLite answers");
        let mut spans = 0;
        while let Some(row) = rows.next().expect("SQLite answers") {
            std::hint::black_box(row.get::<_, String>("attributes").expect("text"));
            spans += 1;
        }
        spans
    }
}

impl Peer for Sqlite {
    fn append(&mut self, requests: &[Vec<u8>]) -> u64 {
        let transaction = self.connection.transaction().expect("SQLite begins");
        let mut spans = 0;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO span VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)").expect("SQL");
            for request in requests {
                for group in TracesData::decode(request).expect("it was encoded here").resource_spans {
                    let (service, attributes) = (group.resource.service_name(), json_of(&group.resource.attributes));
                    let known = self.resources.len() as i64;
                    let resource = *self.resources.entry(attributes).or_insert_with_key(|attributes| {
                        transaction
                            .execute("INSERT INTO resource VALUES (?,?,?)", params![known, service, attributes])
                            .expect("SQLite writes");
                        known
                    });
                    for scope in &group.scope_spans {
                        for span in &scope.spans {
                            let events: Vec<String> =
                                span.events.iter().map(|event| json_of(&event.attributes)).collect();
                            insert
                                .execute(params![
                                    span.trace_id.0.as_slice(),
                                    span.span_id.0.as_slice(),
                                    span.parent_span_id.0.as_slice(),
                                    service,
                                    span.name,
                                    span.kind.0,
                                    span.start_time_unix_nano as i64,
                                    (span.end_time_unix_nano - span.start_time_unix_nano) as i64,
                                    span.status.code.0,
                                    span.status.message,
                                    resource,
                                    scope.scope.name,
                                    json_of(&span.attributes),
                                    (!events.is_empty()).then(|| events.join("\n")),
                                ])
                                .expect("SQLite writes");
                            spans += 1;
                        }
                    }
                }
            }
        }
        transaction.commit().expect("SQLite commits");
        spans
    }

    fn settle(&mut self) {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("SQLite checkpoints");
    }

    fn ask(&mut self, load: &Load, times: usize) -> Vec<Value> {
        ask_spans(load, times, |question| match question {
            Question::Trace(id) => self.trace(&id.0),
            Question::Services => {
                let mut select = self.connection.prepare_cached("SELECT DISTINCT service FROM resource").expect("SQL");
                select.query_map([], |row| row.get::<_, String>(0)).expect("SQLite answers").count()
            }
            Question::Find(service, key, value) => {
                let mut select = self
                    .connection
                    .prepare_cached(&format!(
                        "SELECT DISTINCT trace_id FROM span WHERE service = ? AND CAST(attributes ->> '$.\"{key}\"' AS TEXT) = ?
                         ORDER BY start DESC LIMIT 20"
                    ))
                    .expect("SQL");
                let ids = select.query_map(params![service, value], |row| row.get(0)).expect("SQLite answers");
                let ids: Vec<Vec<u8>> = ids.map(|id| id.expect("a trace's id")).collect();
                ids.iter().filter(|id| self.trace(id) > 0).count()
            }
        })
    }
}
