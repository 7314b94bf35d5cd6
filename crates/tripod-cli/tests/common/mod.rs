//! A store to run commands on.

use std::path::Path;
use std::process::{Command, Output};

use tripod_store::{Embedded, Options, SpanStore, Store};
use tripod_wire::otlp::{ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

/// A store that got so many spans more.
pub(crate) fn store(dir: &Path, spans: u64) -> Embedded {
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
    store
}

/// Runs the command on a directory.
pub(crate) fn tripod(arguments: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tripod")).args(arguments).arg("--data").arg(dir).output().unwrap()
}
