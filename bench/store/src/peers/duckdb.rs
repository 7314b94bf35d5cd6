//! Spans in Parquet files, written as Tripod would have to without a store of its own, and queried by DuckDB, there and after they have
//! been copied into a table of its own.
//!
//! A file of 200,000 spans is synced when it is whole; until then its spans are in memory alone.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeBinaryBuilder, Int32Builder, Int64Builder, MapBuilder, MapFieldNames, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};
use tripod_wire::otlp::{KeyValue, TracesData};
use tripod_wire::proto::Message;

use super::Peer;
use super::questions::{Question, spans};
use super::sqlite_spans::json_of;
use crate::arguments::Arguments;
use crate::feed::Load;

/// Spans a file.
const FILE: usize = 200_000;

pub(super) struct Parquet {
    dir: PathBuf,
    files: usize,
    columns: Columns,
}

struct Columns {
    trace: FixedSizeBinaryBuilder,
    span: FixedSizeBinaryBuilder,
    parent: FixedSizeBinaryBuilder,
    service: StringBuilder,
    name: StringBuilder,
    scope: StringBuilder,
    kind: Int32Builder,
    start: Int64Builder,
    duration: Int64Builder,
    status: Int32Builder,
    message: StringBuilder,
    resource: StringBuilder,
    attributes: MapBuilder<StringBuilder, StringBuilder>,
    events: StringBuilder,
    rows: usize,
}

impl Columns {
    fn new() -> Self {
        let names = MapFieldNames { entry: "entries".into(), key: "keys".into(), value: "values".into() };
        Self {
            trace: FixedSizeBinaryBuilder::new(16),
            span: FixedSizeBinaryBuilder::new(8),
            parent: FixedSizeBinaryBuilder::new(8),
            service: StringBuilder::new(),
            name: StringBuilder::new(),
            scope: StringBuilder::new(),
            kind: Int32Builder::new(),
            start: Int64Builder::new(),
            duration: Int64Builder::new(),
            status: Int32Builder::new(),
            message: StringBuilder::new(),
            resource: StringBuilder::new(),
            attributes: MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new()),
            events: StringBuilder::new(),
            rows: 0,
        }
    }

    fn put_attributes(&mut self, attributes: &[KeyValue]) {
        for pair in attributes {
            self.attributes.keys().append_value(&pair.key);
            self.attributes.values().append_value(pair.value.to_string());
        }
        self.attributes.append(true).expect("as many keys as values");
    }

    fn batch(mut self) -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("trace_id", Arc::new(self.trace.finish())),
            ("span_id", Arc::new(self.span.finish())),
            ("parent_id", Arc::new(self.parent.finish())),
            ("service", Arc::new(self.service.finish())),
            ("name", Arc::new(self.name.finish())),
            ("scope", Arc::new(self.scope.finish())),
            ("kind", Arc::new(self.kind.finish())),
            ("start", Arc::new(self.start.finish())),
            ("duration", Arc::new(self.duration.finish())),
            ("status", Arc::new(self.status.finish())),
            ("message", Arc::new(self.message.finish())),
            ("resource", Arc::new(self.resource.finish())),
            ("attributes", Arc::new(self.attributes.finish())),
            ("events", Arc::new(self.events.finish())),
        ];
        RecordBatch::try_from_iter(columns).expect("columns are as long as each other")
    }
}

impl Parquet {
    pub(super) fn open(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), files: 0, columns: Columns::new() }
    }

    fn close(&mut self) {
        if self.columns.rows == 0 {
            return;
        }
        let batch = std::mem::replace(&mut self.columns, Columns::new()).batch();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("a level")))
            .set_column_bloom_filter_enabled(ColumnPath::from("trace_id"), true)
            .build();
        let file = File::create(self.dir.join(format!("{:06}.parquet", self.files))).expect("a file");
        let mut writer =
            ArrowWriter::try_new(file.try_clone().expect("a file"), batch.schema(), Some(properties)).expect("Parquet");
        writer.write(&batch).expect("Parquet");
        writer.close().expect("Parquet");
        file.sync_data().expect("a sync");
        self.files += 1;
    }
}

impl Peer for Parquet {
    fn append(&mut self, requests: &[Vec<u8>]) -> u64 {
        let mut spans = 0;
        for request in requests {
            for group in TracesData::decode(request).expect("it was encoded here").resource_spans {
                let (service, resource) = (group.resource.service_name(), json_of(&group.resource.attributes));
                for scope in &group.scope_spans {
                    for span in &scope.spans {
                        let columns = &mut self.columns;
                        columns.trace.append_value(span.trace_id.0).expect("16 bytes");
                        columns.span.append_value(span.span_id.0).expect("8 bytes");
                        columns.parent.append_value(span.parent_span_id.0).expect("8 bytes");
                        columns.service.append_value(service);
                        columns.name.append_value(&span.name);
                        columns.scope.append_value(&scope.scope.name);
                        columns.kind.append_value(span.kind.0);
                        columns.start.append_value(span.start_time_unix_nano as i64);
                        columns.duration.append_value((span.end_time_unix_nano - span.start_time_unix_nano) as i64);
                        columns.status.append_value(span.status.code.0);
                        columns.message.append_value(&span.status.message);
                        columns.resource.append_value(&resource);
                        columns.put_attributes(&span.attributes);
                        let events: Vec<String> = span.events.iter().map(|event| json_of(&event.attributes)).collect();
                        columns.events.append_value(events.join("\n"));
                        columns.rows += 1;
                        spans += 1;
                    }
                }
            }
        }
        if self.columns.rows >= FILE {
            self.close();
        }
        spans
    }

    fn settle(&mut self) {
        self.close();
    }

    fn ask(&mut self, _: &Load, _: usize) -> Vec<Value> {
        // DuckDB does, see below.
        Vec::new()
    }
}

/// Has DuckDB copy the files into a table, and asks it of both.
pub fn run(arguments: &Arguments) -> Value {
    let (python, dir): (PathBuf, PathBuf) = (arguments.need("--python"), arguments.need("--dir"));
    let (load, times): (Load, usize) = (Load::of(arguments), arguments.need("--times"));
    let form = |question: &Question| match question {
        Question::Trace(id) => json!({ "trace": id.to_string() }),
        Question::Services => json!({}),
        Question::Find(service, key, value) => json!({ "service": service, "key": key, "value": value }),
    };
    let questions: Vec<Value> = spans(&load)
        .into_iter()
        .map(|(name, question)| json!({ "name": name, "runs": (0..times).map(|run| form(&question(run))).collect::<Vec<_>>() }))
        .collect();
    let mut script = Command::new(python);
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/duckdb_spans.py")).arg(&dir);
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
    serde_json::to_writer(script.stdin.take().expect("it has an input"), &questions).expect("Python reads");
    let output = script.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "DuckDB failed, see above");
    serde_json::from_slice(&output.stdout).expect("figures")
}
