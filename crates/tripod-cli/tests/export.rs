//! `tripod export` as a user calls it.

use std::path::Path;
use std::process::{Command, Output};

use tripod_store::{Embedded, Options, SpanStore, Store};
use tripod_wire::otlp::{ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

/// A store of so many spans, closed.
fn store(dir: &Path, spans: u64) {
    let (store, _) = Embedded::open(Options::new(dir)).unwrap();
    for number in 1..=spans {
        let span = Span {
            trace_id: TraceId(u128::from(number).to_be_bytes()),
            span_id: SpanId(number.to_be_bytes()),
            name: "work".to_owned(),
            start_time_unix_nano: number,
            end_time_unix_nano: number + 5,
            ..Span::default()
        };
        let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        store.append_spans(&TracesData { resource_spans }.encode_to_vec()).unwrap();
    }
    store.flush().unwrap();
}

fn tripod(arguments: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tripod")).args(arguments).arg("--data").arg(dir).output().unwrap()
}

#[test]
fn an_export_writes_a_whole_file_or_none() {
    let dir = tempfile::tempdir().unwrap();
    store(dir.path(), 10);
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("spans.parquet");
    let text = file.to_str().unwrap();
    let ran = tripod(&["export", "--signal", "spans", "--start", "0", "--out", text], dir.path());
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert!(
        String::from_utf8_lossy(&ran.stdout).starts_with("10 spans in "),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    let bytes = std::fs::read(&file).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));

    let missing = dir.path().join("missing");
    let ran =
        tripod(&["export", "--signal", "logs", "--out", out.path().join("logs.parquet").to_str().unwrap()], &missing);
    assert_eq!(ran.status.code(), Some(2));
    assert!(!missing.exists(), "an export makes no store");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}
