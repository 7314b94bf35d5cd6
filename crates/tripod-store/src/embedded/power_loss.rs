//! The whole store, with its threads, on a disk that loses power: what was acknowledged of each signal is there, once.

use std::sync::Arc;

use proptest::prelude::*;
use tripod_wire::otlp::{LogRecord, LogsData, ResourceLogs, ResourceSpans, ScopeLogs, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::Embedded;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::{Labels, LogQuery, LogStore, Options, SeriesStore, SeriesWrite, SpanStore, StoreError, Window};

/// Spans a trace.
const SPANS: u64 = 3;

fn open(disk: &SimulatedDisk) -> Result<Embedded, StoreError> {
    let options = Options {
        memory_limit: 9 * 4000,
        segment_bytes: 2000,
        wal_bytes: 10_000,
        merge_share: 1.0,
        min_free_bytes: 0,
        ..Options::new("/data")
    };
    let (store, recovery) = Embedded::open_on(Arc::new(disk.clone()), options)?;
    assert_eq!(recovery.damaged, [], "nothing that a crash leaves is damage");
    Ok(store)
}

fn trace_id(number: u64) -> TraceId {
    TraceId((u128::from(number) + 1).to_be_bytes())
}

fn spans(number: u64) -> Vec<u8> {
    let span = |at: u64| Span {
        trace_id: trace_id(number),
        span_id: SpanId((at + 1).to_be_bytes()),
        name: format!("operation {number}"),
        start_time_unix_nano: number * 1000 + at,
        end_time_unix_nano: number * 1000 + at + 10,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..SPANS).map(span).collect(), ..ScopeSpans::default() }];
    TracesData { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }.encode_to_vec()
}

fn logs(number: u64) -> Vec<u8> {
    let body = format!("record {number}").as_str().into();
    let log_records = vec![LogRecord { time_unix_nano: number + 1, body, ..LogRecord::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    LogsData { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }.encode_to_vec()
}

fn series(number: u64) -> SeriesWrite {
    SeriesWrite {
        labels: Labels::new([("__name__", "total".to_owned()), ("of", (number % 5).to_string())]),
        samples: crate::Samples { floats: vec![(number as i64 + 1, number as f64)], ..crate::Samples::default() },
        exemplars: Vec::new(),
        metadata: None,
    }
}

/// Appends until the power goes or `count` is reached: the numbers acknowledged, by signal.
fn run(disk: &SimulatedDisk, count: u64, acknowledged: &mut [Vec<u64>; 3], random: &mut Random) {
    let Ok(store) = open(disk) else { return };
    for number in 0..count {
        let outcome = match random.below(30) {
            0 => store.settle(),
            at => {
                let signal = (at % 3) as usize;
                let appended = match signal {
                    0 => store.append_spans(&spans(number)),
                    1 => store.append_logs(&logs(number)),
                    _ => store.append_series(&[series(number)]),
                };
                appended.map(|_| acknowledged[signal].push(number))
            }
        };
        if outcome.is_err() {
            return;
        }
    }
}

fn check(store: &Embedded, [spans, logs, samples]: &[Vec<u64>; 3]) {
    for number in spans {
        let trace = store.trace(trace_id(*number)).unwrap();
        let found = trace.map_or(0, |trace| trace.spans.len() as u64);
        assert_eq!(found, SPANS, "spans of trace {number}");
    }
    let any = LogQuery::within(Window::ALL, usize::MAX);
    let mut times: Vec<u64> = store.find_logs(&any).unwrap().iter().map(|log| log.time).collect();
    let found = times.len();
    times.sort_unstable();
    times.dedup();
    assert_eq!(times.len(), found, "each record once");
    assert!(logs.iter().all(|number| times.binary_search(&(number + 1)).is_ok()), "records are lost");
    let selected = store.select(&[], i64::MIN, i64::MAX).unwrap();
    for number in samples {
        let wanted = series(*number);
        let of = selected.iter().find(|series| series.labels == wanted.labels);
        assert!(of.is_some_and(|series| series.samples.floats.contains(&wanted.samples.floats[0])), "sample {number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_of_each_signal_survives_a_loss_of_power(
        seed in any::<u64>(), cut in 20u64..1500, loss in any::<u64>(),
    ) {
        let disk = SimulatedDisk::default();
        disk.cut_at(cut);
        let mut acknowledged = <[Vec<u64>; 3]>::default();
        run(&disk, 400, &mut acknowledged, &mut Random::new(seed));
        let disk = disk.power_cycle(&mut Random::new(loss));
        let store = open(&disk).unwrap();
        check(&store, &acknowledged);
        store.settle().unwrap();
        check(&store, &acknowledged);
        let verified = store.engine.tables().flat_map(|table| table.verify()).count();
        prop_assert_eq!(verified, 0);
        drop(store);
        check(&open(&disk.power_cycle(&mut Random::new(loss))).unwrap(), &acknowledged);
    }
}
