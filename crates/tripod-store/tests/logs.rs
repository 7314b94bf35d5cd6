//! Log records: kept, found, and the same after a restart.

mod common;

use common::{any_log, log, logs, open, span_id, trace_id};
use tripod_store::{AttributeMatch, Embedded, LogQuery, LogStore, Options, Store, Window};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{KeyValue, LogRecord};

fn found(store: &Embedded, query: &LogQuery) -> Vec<String> {
    store.find_logs(query).unwrap().iter().map(|log| log.record.body.to_string()).collect()
}

#[test]
fn records_are_found_newest_first_up_to_the_limit_whatever_order_they_came_in() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Embedded::open(Options { segment_bytes: 300, ..Options::new(dir.path()) }).unwrap();
    for time in [5, 1, 4, 2, 3] {
        let service = if time % 2 == 0 { "even" } else { "odd" };
        store.append_logs(&logs(service, [log(time, &format!("at {time}"))])).unwrap();
    }
    assert_eq!(found(&store, &any_log()), ["at 5", "at 4", "at 3", "at 2", "at 1"]);
    assert_eq!(found(&store, &LogQuery { limit: 2, ..any_log() }), ["at 5", "at 4"]);
    assert_eq!(found(&store, &LogQuery { limit: 0, ..any_log() }), [""; 0]);
    assert_eq!(found(&store, &LogQuery { service: Some("even".into()), ..any_log() }), ["at 4", "at 2"]);
    assert_eq!(found(&store, &LogQuery { service: Some("none".into()), ..any_log() }), [""; 0]);
    assert_eq!(found(&store, &LogQuery { window: Window { start: 2, end: 3 }, ..any_log() }), ["at 3", "at 2"]);
}

#[test]
fn a_record_without_a_time_of_its_own_counts_by_when_it_was_observed() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let observed = LogRecord { observed_time_unix_nano: 7, ..log(0, "observed") };
    store.append_logs(&logs("a", [log(5, "before"), observed, log(9, "after")])).unwrap();
    let records = store.find_logs(&any_log()).unwrap();
    assert_eq!(records.iter().map(|log| log.time).collect::<Vec<_>>(), [9, 7, 5]);
    assert_eq!(records[0].resource.service_name(), "a");
    assert_eq!(records[0].scope.name, "test");
}

#[test]
fn every_condition_narrows_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let in_trace =
        |time, span| LogRecord { trace_id: trace_id(1), span_id: span_id(span), ..log(time, &format!("span {span}")) };
    let warned = LogRecord { severity_number: SeverityNumber::WARN2, ..log(3, "Slow Query") };
    let failed = LogRecord {
        severity_number: SeverityNumber::ERROR,
        attributes: vec![KeyValue::new("table", "orders")],
        ..log(4, "query failed")
    };
    let other_trace = LogRecord { trace_id: trace_id(2), ..log(5, "elsewhere") };
    store.append_logs(&logs("a", [in_trace(2, 2), in_trace(1, 1), warned, failed, other_trace])).unwrap();

    assert_eq!(found(&store, &LogQuery { trace_id: Some(trace_id(1)), ..any_log() }), ["span 2", "span 1"]);
    assert_eq!(
        found(&store, &LogQuery { trace_id: Some(trace_id(1)), window: Window { start: 2, end: 9 }, ..any_log() }),
        ["span 2"]
    );
    assert_eq!(
        found(&store, &LogQuery { trace_id: Some(trace_id(1)), service: Some("b".into()), ..any_log() }),
        [""; 0]
    );
    assert_eq!(found(&store, &LogQuery { span_id: Some(span_id(1)), ..any_log() }), ["span 1"]);
    let severity = Some(SeverityNumber::WARN..=SeverityNumber::WARN4);
    assert_eq!(found(&store, &LogQuery { severity, ..any_log() }), ["Slow Query"]);
    let severity = Some(SeverityNumber::WARN..=SeverityNumber::FATAL4);
    assert_eq!(found(&store, &LogQuery { severity, ..any_log() }), ["query failed", "Slow Query"]);
    assert_eq!(found(&store, &LogQuery { text: vec!["QUERY".into(), "slow".into()], ..any_log() }), ["Slow Query"]);
    assert_eq!(found(&store, &LogQuery { text: vec!["orders".into()], ..any_log() }), ["query failed"]);
    let attributes = vec![AttributeMatch { key: "table".into(), value: "orders".into() }];
    assert_eq!(found(&store, &LogQuery { attributes, ..any_log() }), ["query failed"]);
    let attributes = vec![AttributeMatch { key: "service.name".into(), value: "a".into() }];
    assert_eq!(found(&store, &LogQuery { attributes, ..any_log() }).len(), 5);
}

#[test]
fn a_word_in_the_oldest_of_many_records_is_found_and_so_is_everything_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 100_000, ..Options::new(dir.path()) };
    let (store, _) = Embedded::open(options.clone()).unwrap();
    store.append_logs(&logs("a", [log(0, "the needle")])).unwrap();
    for part in 0..20 {
        store.append_logs(&logs("a", (1..=500).map(|at| log(part * 500 + at, "hay")))).unwrap();
    }
    let needle = LogQuery { text: vec!["needle".into()], ..any_log() };
    assert_eq!(found(&store, &needle), ["the needle"]);
    let status = store.status();
    assert_eq!(status.logs, 10_001);
    drop(store);
    let (store, _) = Embedded::open(options).unwrap();
    assert_eq!(found(&store, &needle), ["the needle"]);
    assert_eq!(store.status().logs, status.logs);
}

#[test]
fn the_volume_counts_every_record_of_the_query_once_with_and_without_reading_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Embedded::open(Options { segment_bytes: 300, ..Options::new(dir.path()) }).unwrap();
    for time in 10..20 {
        let severity_number = if time == 13 { SeverityNumber::ERROR2 } else { SeverityNumber::INFO };
        let record = LogRecord { severity_number, trace_id: trace_id(time % 2), ..log(time, &format!("at {time}")) };
        store.append_logs(&logs(if time < 15 { "a" } else { "b" }, [record])).unwrap();
    }
    store.append_logs(&logs("c", [log(19, "no level")])).unwrap();
    let counted = |query: &LogQuery, steps| {
        let volume = store.log_volume(query, steps).unwrap();
        let levels: Vec<_> = volume.levels.into_iter().collect();
        ((volume.window.start, volume.window.end), levels)
    };
    let (info, error) = ("INFO", "ERROR");
    let all = [("", vec![0, 0, 1]), (error, vec![1, 0, 0]), (info, vec![3, 3, 3])];
    assert_eq!(counted(&any_log(), 3), ((10, 19), all.to_vec()));
    assert_eq!(counted(&LogQuery { limit: 1, window: Window { start: 10, end: 19 }, ..any_log() }, 3).1, all);
    assert_eq!(counted(&LogQuery { text: vec!["AT".into()], ..any_log() }, 3).1, all[1..]);
    let of_a = LogQuery { service: Some("a".into()), ..any_log() };
    assert_eq!(counted(&of_a, 1), ((10, 14), vec![(error, vec![1]), (info, vec![4])]));
    let in_trace = LogQuery { trace_id: Some(trace_id(1)), ..of_a.clone() };
    assert_eq!(counted(&in_trace, 1), ((11, 13), vec![(error, vec![1]), (info, vec![1])]));
    let grave = LogQuery { severity: Some(SeverityNumber::WARN..=SeverityNumber::FATAL), ..any_log() };
    assert_eq!(counted(&grave, 1).1, [(error, vec![1])]);
    let window = Window { start: 18, end: 30 };
    assert_eq!(counted(&LogQuery { window, ..any_log() }, 1).1, [("", vec![1]), (info, vec![2])]);
    assert_eq!(counted(&LogQuery { service: Some("none".into()), ..any_log() }, 2), ((0, 0), vec![]));
}
