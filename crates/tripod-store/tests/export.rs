//! What is exported to Parquet is what the store answers.
#![cfg(feature = "parquet")]

use std::io::{self, Write};
use std::path::Path;

use tripod_store::{
    Embedded, ExportSignal, Labels, LogStore, Options, Samples, SeriesStore, SeriesWrite, SpanStore, StoreError,
    Window, export,
};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{
    InstrumentationScope, KeyValue, LogRecord, LogsData, Resource, ResourceLogs, ResourceSpans, ScopeLogs, ScopeSpans,
    Span, TracesData,
};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_795_238_947 * SECOND;
/// More than are asked for at once.
const TRACES: u64 = 1200;
const RECORDS: u64 = 6000;

fn resource() -> Resource {
    Resource { attributes: vec![KeyValue::new("service.name", "checkout")], ..Resource::default() }
}

fn fill(store: &Embedded) {
    let span = |trace: u64, number: u64| Span {
        trace_id: TraceId(u128::from(trace + 1).to_be_bytes()),
        span_id: SpanId((trace * 10 + number + 1).to_be_bytes()),
        parent_span_id: if number == 0 { SpanId::NONE } else { SpanId((trace * 10 + 1).to_be_bytes()) },
        name: "work".to_owned(),
        start_time_unix_nano: START + trace * SECOND / 7 + number,
        end_time_unix_nano: START + trace * SECOND / 7 + 1000 + number,
        attributes: vec![KeyValue::new("number", i64::try_from(number).unwrap())],
        ..Span::default()
    };
    let spans = (0..TRACES).flat_map(|trace| (0..5).map(move |number| span(trace, number))).collect();
    let scope_spans = vec![ScopeSpans { spans, scope: InstrumentationScope::default(), ..ScopeSpans::default() }];
    let request = TracesData {
        resource_spans: vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }],
    };
    assert_eq!(store.append_spans(&request.encode_to_vec()).unwrap().accepted, TRACES * 5);

    let record = |number: u64| LogRecord {
        time_unix_nano: START + number / 3,
        severity_number: SeverityNumber::INFO,
        body: format!("line {number}").as_str().into(),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: (0..RECORDS).map(record).collect(), ..ScopeLogs::default() }];
    let request =
        LogsData { resource_logs: vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }] };
    assert_eq!(store.append_logs(&request.encode_to_vec()).unwrap().accepted, RECORDS);

    let write = |labels: &[(&str, &str)], values: &[f64]| SeriesWrite {
        labels: Labels::new(labels.iter().copied()),
        samples: Samples {
            floats: values
                .iter()
                .enumerate()
                .map(|(at, value)| ((START / 1_000_000) as i64 + at as i64, *value))
                .collect(),
            histograms: Vec::new(),
        },
        exemplars: Vec::new(),
        metadata: None,
    };
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let batch = [
        write(&[("__name__", "level"), ("key", "a")], &[1.0, 2.5, stale]),
        write(&[("__name__", "level"), ("key", "a"), ("zone", "z")], &[4.0]),
        write(&[("__name__", "other")], &[8.0]),
    ];
    store.append_series(&batch).unwrap();
}

fn written(store: &Embedded, signal: ExportSignal, window: Window) -> (u64, Vec<u8>) {
    let mut file = Vec::new();
    let rows = export(store, signal, window, &mut file).unwrap();
    (rows, file)
}

fn open(dir: &Path) -> Embedded {
    let (store, _) = Embedded::open(Options::new(dir)).unwrap();
    fill(&store);
    store
}

#[test]
fn everything_is_exported_once_whatever_is_asked_for_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let folder = std::env::var_os("TRIPOD_EXPORT_TO");
    for (signal, expected) in
        [(ExportSignal::Spans, TRACES * 5), (ExportSignal::Logs, RECORDS), (ExportSignal::Samples, 5)]
    {
        let (rows, file) = written(&store, signal, Window::ALL);
        assert_eq!(rows, expected, "{signal:?}");
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
        if let Some(folder) = &folder {
            std::fs::write(Path::new(folder).join(format!("{}.parquet", signal.as_str())), file).unwrap();
        }
    }
}

#[test]
fn a_window_cuts_traces_where_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // The first trace's last two spans, and the second trace's first three.
    let window = Window { start: START + 3, end: START + SECOND / 7 + 2 };
    assert_eq!(written(&store, ExportSignal::Spans, window).0, 5);
    assert_eq!(written(&store, ExportSignal::Logs, Window { start: START + 1, end: START + 2 }).0, 6);
    let millisecond = START + 1_000_000;
    assert_eq!(written(&store, ExportSignal::Samples, Window { start: millisecond, end: millisecond + 999_999 }).0, 1);
    assert_eq!(written(&store, ExportSignal::Samples, Window { start: millisecond + 1, end: millisecond + 2 }).0, 0);
}

#[test]
fn an_output_that_is_full_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let error = export(&open(dir.path()), ExportSignal::Spans, Window::ALL, Full).unwrap_err();
    assert!(matches!(&error, StoreError::Export(source) if source.kind() == io::ErrorKind::StorageFull), "{error:?}");
}
