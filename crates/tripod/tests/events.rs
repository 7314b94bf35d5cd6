//! Events: what is recorded is counted, kept, written and handed on, or counted as what it was lost for.
#![cfg(feature = "events")]

mod common;

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use common::{attribute, telemetry, wait_until};
use tripod::events::{
    Collector, CollectorConfig, Direction, Event, EventKind, Failure, Measure, Metric, Performance, Recorded,
    RecordedEvent, read,
};
use tripod::labels;
use tripod_wire::otlp::AnyValue;

/// Looks only when it is told to.
fn patient() -> CollectorConfig {
    CollectorConfig::new().flush_interval(Duration::from_secs(3600))
}

fn fetch(millis: u64, provider: &str) -> Performance<'_> {
    Performance { operation: "fetch", duration: Duration::from_millis(millis), provider }
}

fn timeout(provider: &str) -> Failure<'_> {
    Failure { error_type: "Timeout", message: &"took too long", provider, operation: "fetch" }
}

fn numbered(value: u64) -> Metric<'static> {
    Metric { name: "number", value: value as f64, labels: &[] }
}

fn numbers(events: impl IntoIterator<Item = Recorded>) -> Vec<u64> {
    let number = |event: Recorded| match event.event {
        RecordedEvent::Metric { value, .. } => value as u64,
        other => panic!("no number: {other:?}"),
    };
    events.into_iter().map(number).collect()
}

#[test]
fn windows_hold_counts_rates_distributions_and_errors() {
    let collector = patient().start().unwrap();
    for millis in 1..=100 {
        collector.record(fetch(millis, "finnhub"));
    }
    (0..25).for_each(|_| collector.record(timeout("finnhub")));
    collector.record(Metric { name: "cpu_usage", value: 75.5, labels: labels!(host = "server1") });
    let aggregated = collector.aggregated();
    let lengths: Vec<u64> = aggregated.windows.iter().map(|window| window.length.as_secs()).collect();
    assert_eq!(lengths, [60, 300, 3600]);
    for window in &aggregated.windows {
        let fetched = window.series(EventKind::Performance, "fetch", "finnhub").unwrap();
        let values = fetched.values.as_ref().unwrap();
        assert_eq!((fetched.count, values.min, values.max), (100, 0.001, 0.1));
        assert!((values.mean - 0.0505).abs() < 1e-12 && (values.quantile(0.9) / 0.09 - 1.0).abs() < 0.02, "{values:?}");
        let failed = window.series(EventKind::Failure, "Timeout", "finnhub").unwrap();
        assert!(failed.count == 25 && failed.values.is_none());
        assert_eq!(window.series(EventKind::Metric, "cpu_usage", "").unwrap().values.as_ref().unwrap().mean, 75.5);
        let rate = window.error_rate("finnhub").unwrap();
        assert_eq!((rate.rate(), rate.rate_of("Timeout"), rate.attempts), (0.2, 0.2, 125));
    }
    let shown = aggregated.to_string();
    for part in [
        "last 60s",
        "fetch of finnhub: 100 events",
        "mean 50.5 ms",
        "errors      of finnhub: 25 of 125 (20.00 %): 25 Timeout",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
    let json: serde_json::Value = serde_json::from_str(&aggregated.to_json()).unwrap();
    assert_eq!(json["windows"][2]["error_rates"][0]["failures_by_type"]["Timeout"], 25);
    assert_eq!(json["windows"][0]["series"].as_array().unwrap().len(), 3);
}

#[test]
fn every_event_of_many_threads_is_kept_dropped_or_filtered() {
    const THREADS: u64 = 8;
    const EACH: u64 = 20_000;
    let collector = CollectorConfig::new()
        .max_events(1000)
        .flush_interval(Duration::from_millis(5))
        .without_providers(["noise*"])
        .start()
        .unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for at in 0..EACH {
                    collector.record(fetch(at % 10, if at % 4 == 0 { "noise1" } else { "finnhub" }));
                }
            });
        }
    });
    assert!(collector.flush());
    let stats = collector.stats();
    assert_eq!((stats.created, stats.filtered, stats.waiting), (THREADS * EACH, THREADS * EACH / 4, 0), "{stats:?}");
    assert_eq!(stats.kept + stats.dropped + stats.filtered, stats.created);
    let aggregated = collector.aggregated();
    let counted: u64 = aggregated.windows[2].series.iter().map(|series| series.count).sum();
    assert_eq!(counted, stats.kept, "what is kept is in the windows");
}

#[test]
fn the_oldest_are_dropped_first_and_counted() {
    let collector = patient().max_events(10).start().unwrap();
    (0..25).for_each(|number| collector.record(numbered(number)));
    assert_eq!(numbers(collector.recent(100)), (15..25).collect::<Vec<_>>());
    assert_eq!(numbers(collector.recent(3)), [22, 23, 24]);
    let stats = collector.stats();
    assert_eq!((stats.created, stats.dropped, stats.waiting, stats.kept), (25, 15, 10, 0));
    assert!(collector.flush());
    (25..30).for_each(|number| collector.record(numbered(number)));
    let stats = collector.stats();
    assert_eq!((stats.created, stats.dropped, stats.kept), (30, 15, 10), "what was looked at is not lost when it goes");
}

#[test]
fn events_of_several_threads_are_kept_in_the_order_in_which_they_came() {
    let collector = patient().start().unwrap();
    for number in 0..50 {
        let collector = collector.clone();
        thread::spawn(move || collector.record(numbered(number))).join().unwrap();
    }
    assert_eq!(numbers(collector.recent(100)), (0..50).collect::<Vec<_>>());
}

#[test]
fn an_event_names_the_span_during_which_it_was_recorded() {
    let telemetry = telemetry();
    let collector = patient().start().unwrap();
    {
        let _span = tripod::span!("request");
        collector.record(fetch(5, "finnhub"));
    }
    collector.record(fetch(6, "finnhub"));
    let span = telemetry.span("request");
    let recent = collector.recent(2);
    assert_eq!((recent[0].trace_id, recent[0].span_id), (Some(span.trace_id), Some(span.span_id)));
    assert_eq!((recent[1].trace_id, recent[1].span_id), (None, None));
    let age = SystemTime::now().duration_since(recent[0].time).unwrap_or_default();
    assert!(age < common::PATIENCE && recent[0].time <= recent[1].time);
}

#[test]
fn events_become_log_records_where_that_is_asked_for() {
    let telemetry = telemetry();
    let collector = patient().forward_as_logs(true).start().unwrap();
    {
        let _span = tripod::span!("request");
        collector.record(fetch(5, "finnhub"));
        collector.record(timeout("finnhub"));
        collector.record(Metric { name: "cpu_usage", value: 75.5, labels: labels!(host = "server1") });
    }
    assert!(collector.flush());
    let (span, logs) = (telemetry.span("request"), telemetry.logs());
    let names: Vec<&str> = logs.iter().map(|log| &*log.event_name).collect();
    assert_eq!(names, ["tripod.event.performance", "exception", "tripod.event.metric"]);
    assert!(logs.iter().all(|log| log.trace_id == span.trace_id && log.span_id == span.span_id));
    assert!(logs.iter().all(|log| (span.start_time_unix_nano..=span.end_time_unix_nano).contains(&log.time_unix_nano)));
    let text = |value: &str| AnyValue::String(value.to_owned());
    assert_eq!(logs[0].body, text("fetch of finnhub took 5.00 ms"));
    assert_eq!(*attribute(&logs[0].attributes, "tripod.event.duration"), AnyValue::Double(0.005));
    assert_eq!(*attribute(&logs[1].attributes, "exception.type"), text("Timeout"));
    assert_eq!(logs[1].severity_text, "ERROR");
    assert_eq!(*attribute(&logs[2].attributes, "host"), text("server1"));
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made/for/it/events.jsonl");
    {
        let collector = patient().persist(&file).batch_size(7).start().unwrap();
        for number in 0..100 {
            collector.record(numbered(number));
        }
        let error = "x".parse::<u16>().unwrap_err();
        collector.record(Failure { provider: "p\"1\n", operation: "parse", ..Failure::of(&error) });
        assert!(collector.flush());
        assert_eq!(read(&file).unwrap().count(), 101, "after a flush it is there");
        collector.record(fetch(250, "finnhub"));
        // Dropped: closed.
    }
    let events: Vec<Recorded> = read(&file).unwrap().map(Result::unwrap).collect();
    assert_eq!(numbers(events[..100].to_vec()), (0..100).collect::<Vec<_>>());
    let RecordedEvent::Failure { error_type, message, provider, .. } = &events[100].event else { panic!() };
    let expected = ("ParseIntError", "invalid digit found in string", "p\"1\n");
    assert_eq!((&**error_type, &**message, &**provider), expected);
    let duration = Duration::from_millis(250);
    let performance = RecordedEvent::Performance { operation: "fetch".into(), duration, provider: "finnhub".into() };
    assert_eq!((&events[101].event, events.len()), (&performance, 102));
}

#[test]
fn a_full_file_is_set_aside_and_a_later_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    for run in 0..2 {
        let collector = patient().persist(&file).batch_size(5).max_file_bytes(1000).keep_files(3).start().unwrap();
        (0..100).for_each(|number| collector.record(numbered(run * 100 + number)));
        assert!(collector.close());
        assert_eq!(collector.stats().persisted, 100);
    }
    let mut files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(files.iter().all(|file| fs::metadata(file).unwrap().len() <= 1000));
    let kept: Vec<u64> = files.iter().flat_map(|file| numbers(read(file).unwrap().map(Result::unwrap))).collect();
    assert_eq!(kept, (200 - kept.len() as u64..200).collect::<Vec<_>>(), "the last ones, in order");
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = patient().persist(file.path().join("events.jsonl")).start().unwrap_err();
    assert!(error.to_string().contains("events.jsonl"), "{error}");
}

#[test]
fn filters_leave_out_what_they_say() {
    let collector = patient()
        .kinds([EventKind::Performance, EventKind::Failure])
        .providers(["fin*", "yahoo"])
        .filter(|event| !matches!(event, Event::Performance(fast) if fast.duration < Duration::from_millis(10)))
        .start()
        .unwrap();
    for provider in ["finnhub", "yahoo", "other"] {
        collector.record(fetch(5, provider));
        collector.record(fetch(50, provider));
        collector.record(timeout(provider));
    }
    collector.record(numbered(1));
    let stats = collector.stats();
    assert_eq!((stats.created, stats.filtered, collector.recent(100).len()), (10, 6, 4));
}

#[test]
fn a_threshold_calls_back_and_one_that_panics_is_counted() {
    let collector = CollectorConfig::new().start().unwrap();
    let crossings = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&crossings);
    collector.on_threshold(Measure::ErrorRate).above(0.3).call(|_| panic!("a fault of the program's")).unwrap();
    let own = collector.clone();
    let watch = collector
        .on_threshold(Measure::ErrorRate)
        .provider("fin*")
        .over(Duration::from_secs(300))
        .above(0.05)
        .at_least(20)
        .call(move |crossing| {
            // What it calls must not wait for the thread that it runs on.
            assert!(!own.flush() && !own.aggregated().windows.is_empty());
            own.record(numbered(1));
            seen.lock().unwrap().push(crossing.clone());
        })
        .unwrap();
    (0..10).for_each(|_| collector.record(timeout("finnhub")));
    collector.record(timeout("yahoo"));
    assert!(collector.flush());
    assert!(crossings.lock().unwrap().is_empty(), "ten are too few");
    (0..10).for_each(|_| collector.record(fetch(1, "finnhub")));
    // Without a flush: it looks once a second.
    wait_until(|| !crossings.lock().unwrap().is_empty());
    let crossing = crossings.lock().unwrap().remove(0);
    assert_eq!((&*crossing.provider, crossing.direction, crossing.value), ("finnhub", Direction::Raised, 0.5));
    assert_eq!((crossing.threshold, crossing.events, crossing.window), (0.05, 20, Duration::from_secs(300)));
    assert_eq!(collector.stats().callback_panics, 2, "of finnhub and of yahoo");
    assert_eq!(numbers(collector.recent(1)), [1]);
    watch.stop();
}

#[test]
fn what_is_recorded_while_an_event_is_recorded_counts_too() {
    struct Records<'a>(&'a Collector);
    impl fmt::Display for Records<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.record(numbered(1));
            f.write_str("shown")
        }
    }
    let collector = patient().filter(|_| true).start().unwrap();
    let failure = Failure { message: &Records(&collector), ..timeout("finnhub") };
    collector.record(failure);
    assert_eq!((collector.stats().created, collector.recent(2).len()), (2, 2));
}

#[test]
fn what_is_recorded_after_the_end_is_dropped_and_the_windows_can_still_be_read() {
    let collector = patient().start().unwrap();
    collector.record(numbered(1));
    assert!(collector.close() && collector.close());
    collector.record(numbered(2));
    let stats = collector.stats();
    assert_eq!((stats.created, stats.kept, stats.dropped), (2, 1, 1));
    assert_eq!(collector.aggregated().windows[0].series.len(), 1);
    assert!(!collector.flush(), "there is nobody who could");
}

#[test]
fn two_collectors_have_each_their_own() {
    let (one, two) = (patient().start().unwrap(), patient().start().unwrap());
    one.record(numbered(1));
    two.record(numbered(2));
    one.record(numbered(3));
    assert_eq!((numbers(one.recent(9)), numbers(two.recent(9))), (vec![1, 3], vec![2]));
}

#[test]
fn reading_while_threads_record_neither_hangs_nor_loses() {
    let collector = CollectorConfig::new().flush_interval(Duration::from_millis(1)).start().unwrap();
    let (stop, recorded) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    collector.record(fetch(1, "finnhub"));
                    recorded.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..20 {
            collector.aggregated();
            collector.recent(10);
            let stats = collector.stats();
            assert_eq!(stats.created, stats.kept + stats.dropped + stats.waiting);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(collector.flush());
    assert_eq!(collector.stats().created, recorded.load(Ordering::Relaxed));
}

#[cfg(unix)]
mod processes {
    use std::io::{Read, Write};

    use super::*;
    use common::forks::{fork, join};

    #[test]
    fn a_forked_child_has_events_and_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.jsonl");
        let collector = patient().persist(&file).start().unwrap();
        (0..3).for_each(|number| collector.record(numbered(number)));
        let child = fork(|| {
            assert!(collector.recent(9).is_empty(), "what waited is the parent's");
            collector.record(numbered(100));
            let grandchild = fork(|| {
                collector.record(numbered(200));
                assert!(collector.close());
            });
            collector.record(numbered(101));
            assert!(collector.close());
            assert_eq!((collector.stats().created, collector.stats().persisted), (2, 2));
            join(grandchild);
        });
        join(child);
        collector.record(numbered(3));
        assert!(collector.close());
        assert_eq!(numbers(read(&file).unwrap().map(Result::unwrap)), [0, 1, 2, 3]);
        let of_child = folder.path().join(format!("events-{child}.jsonl"));
        assert_eq!(numbers(read(of_child).unwrap().map(Result::unwrap)), [100, 101]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_process_that_is_killed_loses_at_most_what_was_not_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events.jsonl");
        let (mut told, mut tell) = std::io::pipe().unwrap();
        let child = fork(|| {
            let collector = patient().persist(&file).max_events(1_000_000).start().unwrap();
            for number in 0_u64.. {
                collector.record(numbered(number));
                if number % 1000 == 999 {
                    assert!(collector.flush());
                    tell.write_all(&number.to_le_bytes()).unwrap();
                }
            }
        });
        drop(tell);
        let mut flushed = [0; 8];
        for _ in 0..20 {
            told.read_exact(&mut flushed).unwrap();
        }
        // SAFETY: the child is ours, and is waited for below.
        unsafe {
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
        let kept = numbers(read(&file).unwrap().map(|event| event.expect("every line is whole")));
        assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>(), "none is missing in between");
        assert!(kept.len() as u64 > u64::from_le_bytes(flushed), "what was flushed is there");
        let collector = patient().persist(&file).start().unwrap();
        collector.record(numbered(kept.len() as u64));
        assert!(collector.close());
        assert_eq!(read(&file).unwrap().map(Result::unwrap).count(), kept.len() + 1, "a later run goes on");
    }

    #[test]
    fn a_child_that_records_in_many_threads_has_ids_and_counts_that_add_up() {
        let collector = patient().start().unwrap();
        collector.record(numbered(0));
        join(fork(|| {
            thread::scope(|scope| {
                for thread in 0..4 {
                    let collector = &collector;
                    scope.spawn(move || (0..100).for_each(|at| collector.record(numbered(thread * 100 + at))));
                }
            });
            assert!(collector.flush());
            let found: HashSet<u64> = numbers(collector.recent(1000)).into_iter().collect();
            assert_eq!((found.len(), collector.stats().kept), (400, 400));
        }));
    }
}
