//! The store's limits as senders and operators meet them: a disk that is full, too many series, what is kept, when senders are answered.

use std::path::Path;

use serde_json::Value;
use tripod_tests::grpc::{self, framed};
use tripod_tests::http::Answer;
use tripod_tests::programs::wait_for;
use tripod_tests::requests::{self, PROTOBUF, now, spans, trace_id};
use tripod_tests::server::{command, run};
use tripod_tests::{Tripod, records};

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const DAY: u64 = 24 * 3600 * 1_000_000_000;

/// Posts a trace of 100 spans.
fn post(server: &Tripod, number: u64, start: u64) -> Answer {
    server.post("traces", &[PROTOBUF], &requests::traces("store", spans(number, 100, start)))
}

fn must_take(server: &Tripod, number: u64, start: u64) {
    let answer = post(server, number, start);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn status(server: &Tripod) -> Value {
    server.get("/api/status/store", &[])
}

/// Writes all that is in memory as parts: a snapshot does.
fn write_parts(server: &Tripod, name: &str) {
    let answer = server.client().post(&format!("{}/api/admin/snapshot?name={name}", server.http), &[], &[]).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn has_trace(server: &Tripod, number: u64) -> bool {
    let url = format!("{}/api/traces/{}", server.http, trace_id(number));
    match server.client().get(&url).unwrap() {
        answer if answer.status == 404 => false,
        answer => {
            assert_eq!(answer.status, 200, "{}", answer.text());
            true
        }
    }
}

/// All that a full disk must and must not do, with a file that takes what is left.
fn a_full_disk(min_free: &str) {
    let data = tempfile::tempdir().unwrap();
    let Some(server) = Tripod::start_on_a_disk_of(96, data.path(), &["--min-free", min_free]) else { return };
    let start = now();
    must_take(&server, 0, start);
    write_parts(&server, "parts");
    must_take(&server, 1, start);

    let filler = server.seen(&data.path().join("filler"));
    fill(&filler);
    // The room that was left is measured at intervals, and the file may have left a page.
    let mut sent = 2;
    let refused = wait_for("a refusal", || {
        let answer = post(&server, sent, start);
        sent += 1;
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.retry_after.is_some(), "a sender is told to come back");
    let reason = refused.text();
    assert!(reason.contains(data.path().to_str().unwrap()), "{reason}");
    let body = requests::traces("store", spans(1_000_000, 100, start));
    let outcome = grpc::call(&server.otlp_grpc, EXPORT, &[GRPC], framed(false, &body)).unwrap();
    assert_eq!(outcome.code, Some(14), "UNAVAILABLE, after which SDKs try again: {}", outcome.message);

    // What is there can be asked, on disk and in memory.
    for taken in 0..sent - 1 {
        assert_eq!(records::trace(&server, &trace_id(taken)).len(), 100, "trace {taken}");
    }
    server.must_answer("the disk was full");

    std::fs::remove_file(&filler).unwrap();
    wait_for("room", || (post(&server, 1_000_001, start).status == 200).then_some(()));
    assert_eq!(status(&server)["full"], false);
    write_parts(&server, "again");
    for taken in (0..sent - 1).chain([1_000_001]) {
        assert_eq!(records::trace(&server, &trace_id(taken)).len(), 100, "trace {taken}");
    }
    // Refused is not kept.
    assert!(!has_trace(&server, 1_000_000));
}

/// A file as large as the file system has room for.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 4096] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
}

#[test]
fn below_the_reserve_ingest_is_refused_queries_are_answered_and_it_recovers_by_itself() {
    a_full_disk("16MiB");
}

#[test]
fn without_a_reserve_a_disk_that_takes_no_byte_more_is_the_same() {
    a_full_disk("0");
}

#[test]
fn a_reserve_that_is_not_there_is_told_with_how_much_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start_with(data.path(), &["--min-free", "1000000TiB"]);
    let answer = post(&server, 0, now());
    assert_eq!(answer.status, 503);
    let reason = answer.text();
    assert!(reason.contains("is full") && reason.contains("1099511627776000000 are needed"), "{reason}");
    assert_eq!(status(&server)["full"], true);
    assert!(server.stop(libc::SIGTERM).status.success());
    let server = Tripod::start(data.path());
    must_take(&server, 0, now());
    assert_eq!(status(&server)["full"], false);
}

/// A gauge with these values of its label.
fn gauge(server: &Tripod, name: &str, keys: std::ops::Range<u32>) -> Answer {
    let points: Vec<_> = keys.map(|key| (format!("k{key}"), 1.0, now())).collect();
    server.post("metrics", &[PROTOBUF], &requests::gauge("store", name, &points))
}

#[test]
fn past_the_series_limit_the_metric_with_the_most_is_named_and_known_series_go_on() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start_with(data.path(), &["--series-limit", "40"]);
    let known = gauge(&server, "quiet", 0..5);
    assert_eq!((known.status, known.text()), (200, String::new()));
    let some = gauge(&server, "noisy", 0..100);
    assert_eq!(some.status, 200, "what fits is kept: {}", some.text());
    let said = some.text();
    assert!(said.contains("there are 40 series, which is the limit") && said.contains("\"noisy\""), "{said}");

    let none = gauge(&server, "late", 0..1);
    assert_eq!(none.status, 200, "a partial success of nothing, which no sender tries again: {}", none.text());
    assert!(none.text().contains("35 of them are of the metric \"noisy\""), "{}", none.text());
    let again = gauge(&server, "quiet", 0..5);
    assert_eq!((again.status, again.text()), (200, String::new()), "series that are known go on");
    let count = |query: &str| server.get("/api/v1/query", &[("query", query)])["data"]["result"][0]["value"][1].clone();
    assert_eq!(count("count(quiet)"), "5");
    let series = status(&server)["series"]["series"].as_u64().unwrap();
    assert_eq!(series, 40);
    let metrics = server.client().get(&format!("{}/metrics", server.http)).unwrap().text();
    let rejected = r#"tripod_receiver_records_total{signal="metrics",outcome="rejected"} "#;
    let rejected = metrics.lines().find_map(|line| line.strip_prefix(rejected)?.parse::<u64>().ok());
    assert!(rejected.is_some_and(|rejected| rejected > 60), "{rejected:?}");
}

#[test]
fn what_is_kept_is_told_signal_by_signal() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let (old, new) = (now() - 3 * DAY, now());
    for (number, start) in [(0, old), (1, new)] {
        must_take(&server, number, start);
        let logs = requests::logs("store", requests::log_records(number, 10, start));
        assert_eq!(server.post("logs", &[PROTOBUF], &logs).status, 200);
    }
    write_parts(&server, "parts");
    assert!(has_trace(&server, 0) && has_trace(&server, 1));
    assert!(server.stop(libc::SIGTERM).status.success());

    let server = Tripod::start_with(data.path(), &["--keep", "spans=2d", "--keep", "logs=1w,1GiB"]);
    assert!(!has_trace(&server, 0), "older than two days");
    assert_eq!(records::trace(&server, &trace_id(1)).len(), 100);
    for number in 0..2 {
        assert_eq!(records::logs(&server, &[("trace_id", &trace_id(number))]).len(), 10, "logs are kept for a week");
    }
    assert_eq!(status(&server)["signals"][0]["evicted"], 100);
    assert!(server.stop(libc::SIGTERM).status.success());

    let server = Tripod::start_with(data.path(), &["--keep", "logs=1KiB"]);
    let found = wait_for("fewer logs", || {
        let found = records::logs(&server, &[]).len();
        (found < 20).then_some(found)
    });
    assert!(found <= 10, "the oldest day went first: {found} are left");
    assert_eq!(records::trace(&server, &trace_id(1)).len(), 100);
}

#[test]
fn however_soon_senders_are_answered_a_kill_loses_nothing() {
    for durability in ["sync", "interval:5s", "none"] {
        let data = tempfile::tempdir().unwrap();
        let server = Tripod::start_with(data.path(), &["--durability", durability]);
        (0..5).for_each(|number| must_take(&server, number, now()));
        server.kill_9();
        let server = Tripod::start(data.path());
        for number in 0..5 {
            assert_eq!(records::trace(&server, &trace_id(number)).len(), 100, "{durability}");
        }
    }
}

#[test]
fn a_limit_that_makes_no_sense_ends_it_with_what_is_allowed() {
    let data = tempfile::tempdir().unwrap();
    for (flag, value, allowed) in [
        ("--durability", "perhaps", "sync"),
        ("--durability", "interval:0", "interval"),
        ("--keep", "traces=7d", "spans, logs, samples"),
        ("--keep", "spans=7", "an age like 7d"),
        ("--series-limit", "0", "1.."),
        ("--min-free", "much", "--min-free"),
    ] {
        let ended = run(command(data.path(), &[flag, value]));
        assert_eq!(ended.status.code(), Some(2), "{flag} {value}: {}", ended.stderr);
        assert!(ended.stderr.contains(allowed), "{flag} {value}: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "nothing was begun");
}
