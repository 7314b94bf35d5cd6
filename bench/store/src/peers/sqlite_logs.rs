//! Log records in SQLite with FTS5: a row a record, the bodies' words in an index that keeps positions, so that it finds phrases.
//!
//! WAL with `synchronous=FULL`: a commit is on disk, as with Tripod.

use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::Value;
use tripod_wire::otlp::LogsData;
use tripod_wire::proto::Message;

use super::Peer;
use super::questions::ask_logs;
use super::sqlite_spans::{json_of, open};
use crate::feed::Load;

pub(super) struct Sqlite(Connection);

impl Sqlite {
    pub(super) fn open(dir: &Path) -> Self {
        let schema =
            "CREATE TABLE log (id INTEGER PRIMARY KEY, time INTEGER, severity INTEGER, service TEXT, trace_id BLOB,
                span_id BLOB, body TEXT, attributes TEXT);
            CREATE INDEX log_time ON log (time, severity);
            CREATE VIRTUAL TABLE words USING fts5(body, content='log', content_rowid='id');";
        Self(open(dir, schema))
    }
}

impl Peer for Sqlite {
    fn append(&mut self, requests: &[Vec<u8>]) -> u64 {
        let transaction = self.0.transaction().expect("SQLite begins");
        let mut records = 0;
        {
            let mut insert = transaction
                .prepare_cached(
                    "INSERT INTO log (time,severity,service,trace_id,span_id,body,attributes) VALUES (?,?,?,?,?,?,?)",
                )
                .expect("SQL");
            let mut words = transaction.prepare_cached("INSERT INTO words (rowid, body) VALUES (?,?)").expect("SQL");
            for request in requests {
                for group in LogsData::decode(request).expect("it was encoded here").resource_logs {
                    let service = group.resource.service_name();
                    for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                        let body = record.body.to_string();
                        let id = insert
                            .insert(params![
                                record.time_unix_nano as i64,
                                record.severity_number.0,
                                service,
                                record.trace_id.0.as_slice(),
                                record.span_id.0.as_slice(),
                                body,
                                json_of(&record.attributes),
                            ])
                            .expect("SQLite writes");
                        words.execute(params![id, body]).expect("SQLite writes");
                        records += 1;
                    }
                }
            }
        }
        transaction.commit().expect("SQLite commits");
        records
    }

    fn settle(&mut self) {
        self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("SQLite checkpoints");
    }

    fn ask(&mut self, load: &Load, times: usize) -> Vec<Value> {
        ask_logs(
            &mut self.0,
            load,
            times,
            |connection, phrase| {
                let mut select = connection
                    .prepare_cached(
                        "SELECT log.* FROM (SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT 100) AS found
                         JOIN log ON log.id = found.rowid",
                    )
                    .expect("SQL");
                let rows = select.query_map([format!("\"{phrase}\"")], |row| row.get::<_, String>("body"));
                rows.expect("SQLite answers").count()
            },
            |connection| {
                let mut select = connection
                    .prepare_cached("SELECT severity, time / 360000000000, count(*) FROM log GROUP BY 1, 2")
                    .expect("SQL");
                let counts = select.query_map([], |row| row.get::<_, i64>(2)).expect("SQLite answers");
                counts.map(|count| count.expect("a number") as u64).sum()
            },
        )
    }
}
