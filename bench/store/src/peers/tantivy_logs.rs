//! Log records in tantivy: bodies with positions, time and severity as fast fields, the rest stored.
//!
//! It has no log of its own: what was not committed is lost in a crash. A commit every 100,000 records is what makes it fast.

use std::path::Path;

use serde_json::Value;
use tantivy::collector::TopDocs;
use tantivy::query::{PhraseQuery, Query};
use tantivy::schema::{FAST, Field, INDEXED, STORED, STRING, Schema, TEXT};
use tantivy::{Index, IndexWriter, Order, TantivyDocument, Term};
use tripod_wire::otlp::LogsData;
use tripod_wire::proto::Message;

use super::Peer;
use super::questions::ask_logs;
use super::sqlite_spans::json_of;
use crate::feed::Load;

/// Records between two commits.
const COMMIT: u64 = 100_000;

pub(super) struct Tantivy {
    index: Index,
    writer: Option<IndexWriter>,
    fields: Fields,
    uncommitted: u64,
}

#[derive(Clone, Copy)]
struct Fields {
    time: Field,
    severity: Field,
    service: Field,
    trace: Field,
    body: Field,
    attributes: Field,
}

impl Tantivy {
    pub(super) fn open(dir: &Path) -> Self {
        let mut schema = Schema::builder();
        let fields = Fields {
            time: schema.add_u64_field("time", FAST | INDEXED | STORED),
            severity: schema.add_u64_field("severity", FAST | INDEXED | STORED),
            service: schema.add_text_field("service", STRING | STORED),
            trace: schema.add_bytes_field("trace", INDEXED | STORED),
            body: schema.add_text_field("body", TEXT | STORED),
            attributes: schema.add_text_field("attributes", STORED),
        };
        let index = Index::create_in_dir(dir, schema.build()).expect("tantivy opens");
        let writer = index.writer_with_num_threads(1, 256 << 20).expect("tantivy writes");
        Self { index, writer: Some(writer), fields, uncommitted: 0 }
    }

    fn commit(&mut self) {
        self.writer.as_mut().expect("it still writes").commit().expect("tantivy commits");
        self.uncommitted = 0;
    }
}

impl Peer for Tantivy {
    fn append(&mut self, requests: &[Vec<u8>]) -> u64 {
        let (fields, mut records) = (self.fields, 0);
        let writer = self.writer.as_ref().expect("it still writes");
        for request in requests {
            for group in LogsData::decode(request).expect("it was encoded here").resource_logs {
                let service = group.resource.service_name();
                for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                    let mut document = TantivyDocument::default();
                    document.add_u64(fields.time, record.time_unix_nano);
                    document.add_u64(fields.severity, record.severity_number.0 as u64);
                    document.add_text(fields.service, service);
                    if record.trace_id.0 != [0; 16] {
                        document.add_bytes(fields.trace, &record.trace_id.0);
                    }
                    document.add_text(fields.body, record.body.to_string());
                    document.add_text(fields.attributes, json_of(&record.attributes));
                    writer.add_document(document).expect("tantivy takes it");
                    records += 1;
                }
            }
        }
        self.uncommitted += records;
        if self.uncommitted >= COMMIT {
            self.commit();
        }
        records
    }

    fn settle(&mut self) {
        self.commit();
        self.writer.take().expect("it still writes").wait_merging_threads().expect("tantivy merges");
        // What merges have replaced.
        let mut writer: IndexWriter = self.index.writer_with_num_threads(1, 64 << 20).expect("tantivy writes");
        writer.commit().expect("tantivy commits");
        writer.garbage_collect_files().wait().expect("tantivy deletes");
    }

    fn ask(&mut self, load: &Load, times: usize) -> Vec<Value> {
        let searcher = self.index.reader().expect("tantivy reads").searcher();
        let fields = self.fields;
        ask_logs(
            &mut (),
            load,
            times,
            |(), phrase| {
                let terms = phrase.split(' ').map(|word| Term::from_field_text(fields.body, word)).collect();
                let query: Box<dyn Query> = Box::new(PhraseQuery::new(terms));
                let newest = TopDocs::with_limit(100).order_by_fast_field::<u64>("time", Order::Desc);
                let found = searcher.search(&query, &newest).expect("tantivy answers");
                for (_, address) in &found {
                    std::hint::black_box(searcher.doc::<TantivyDocument>(*address).expect("it is stored"));
                }
                found.len()
            },
            |()| {
                let mut counts = std::collections::HashMap::<(u64, u64), u64>::new();
                for segment in searcher.segment_readers() {
                    let time = segment.fast_fields().u64("time").expect("a fast field");
                    let severity = segment.fast_fields().u64("severity").expect("a fast field");
                    for document in 0..segment.max_doc() {
                        let (time, severity) = (time.first(document), severity.first(document));
                        *counts.entry((time.unwrap_or(0) / 360_000_000_000, severity.unwrap_or(0))).or_default() += 1;
                    }
                }
                counts.values().sum()
            },
        )
    }
}
