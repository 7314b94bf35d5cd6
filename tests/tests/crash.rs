//! What was acknowledged survives `kill -9` at any moment.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tripod_tests::requests::{self, PROTOBUF, now, trace_id};
use tripod_tests::{Tripod, records};

/// Spans of a trace, traces of a batch, batches in all: 200,000 spans.
const SPANS: u64 = 100;
const TRACES: u64 = 10;
const BATCHES: u64 = 200;
/// Connections that post at the same time.
const CONNECTIONS: u64 = 4;

/// What is posted, and what of it was acknowledged.
#[derive(Default)]
struct Load {
    next: AtomicU64,
    acknowledged: Mutex<Vec<u64>>,
    /// Batches whose connection broke: they may be there or not.
    in_doubt: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    fn count(&self) -> u64 {
        self.acknowledged.lock().unwrap().len() as u64
    }

    /// Posts batches over several connections while `while_posting` runs, until all are posted or the server is gone.
    fn post(&self, server: &Tripod, start: u64, while_posting: impl FnOnce()) {
        self.stop.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| self.post_on_one_connection(server, start));
            }
            while_posting();
        });
    }

    fn post_on_one_connection(&self, server: &Tripod, start: u64) {
        while !self.stop.load(Ordering::SeqCst) {
            let batch = self.next.fetch_add(1, Ordering::SeqCst);
            if batch >= BATCHES {
                return;
            }
            if !post_batch(server, batch, start) {
                self.in_doubt.fetch_add(1, Ordering::SeqCst);
                return;
            }
            self.acknowledged.lock().unwrap().push(batch);
        }
    }

    /// Panics unless all that was acknowledged is there; several askers, as there is much to ask.
    fn must_be_there(&self, server: &Tripod, start: u64) {
        let batches = self.acknowledged.lock().unwrap().clone();
        std::thread::scope(|scope| {
            for part in batches.chunks(batches.len().div_ceil(CONNECTIONS as usize).max(1)) {
                scope.spawn(move || part.iter().for_each(|batch| batch_must_be_there(server, *batch, start)));
            }
        });
    }
}

/// Spans, logs and samples of a batch; whether all were acknowledged.
fn post_batch(server: &Tripod, batch: u64, start: u64) -> bool {
    let traces = batch * TRACES..(batch + 1) * TRACES;
    let spans = traces.clone().flat_map(|trace| requests::spans(trace, SPANS, start)).collect();
    let logs = requests::log_records(batch * TRACES, SPANS, start);
    let samples: Vec<_> = traces.map(|trace| (trace.to_string(), trace as f64 + 0.5, start)).collect();
    let bodies = [
        ("traces", requests::traces("crash", spans)),
        ("logs", requests::logs("crash", logs)),
        ("metrics", requests::gauge("crash", "crash.sample", &samples)),
    ];
    bodies.iter().all(|(signal, body)| {
        let url = format!("http://{}/v1/{signal}", server.otlp_http);
        loop {
            match server.client().post(&url, &[PROTOBUF], body) {
                Ok(answer) if answer.status == 200 => {
                    assert!(answer.body.is_empty(), "nothing of it was rejected: {:?}", answer.text());
                    return true;
                }
                // Too much at once: a sender comes back.
                Ok(answer) if answer.status == 429 => std::thread::sleep(Duration::from_millis(20)),
                Ok(answer) => panic!("{signal}: {} {}", answer.status, answer.text()),
                Err(_) => return false,
            }
        }
    })
}

fn batch_must_be_there(server: &Tripod, batch: u64, start: u64) {
    for trace in batch * TRACES..(batch + 1) * TRACES {
        let spans = records::trace(server, &trace_id(trace));
        assert_eq!(spans.len() as u64, SPANS, "spans of trace {trace} of batch {batch}");
        for (number, span) in spans.iter().enumerate() {
            let expected =
                (start + number as u64, format!("step {}", number % 7), serde_json::json!(number.to_string()));
            assert_eq!((span.start_unix_nano, span.name.clone(), span.attributes["number"].clone()), expected);
        }
    }
    let logs = records::logs(server, &[("trace_id", &trace_id(batch * TRACES))]);
    let bodies: Vec<_> = logs.iter().map(|log| log.body.clone()).collect();
    let sent: Vec<_> = (0..SPANS).map(|number| serde_json::json!(format!("line {number}"))).collect();
    assert_eq!(bodies, sent, "logs of batch {batch}");
}

fn samples_must_be_there(server: &Tripod, load: &Load, start: u64) {
    let time = (start / 1_000_000_000).to_string();
    let answer = server.get("/api/v1/query", &[("query", "last_over_time(crash_sample[10m])"), ("time", &time)]);
    let rows = answer["data"]["result"].as_array().unwrap();
    let value = |trace: u64| rows.iter().find(|row| row["metric"]["key"] == trace.to_string().as_str());
    for batch in load.acknowledged.lock().unwrap().iter() {
        for trace in batch * TRACES..(batch + 1) * TRACES {
            let row = value(trace).unwrap_or_else(|| panic!("sample {trace} of batch {batch} is lost"));
            assert_eq!(row["value"][1], format!("{trace}.5").as_str());
        }
    }
}

#[test]
fn every_acknowledged_record_is_there_after_kill_9_in_the_middle_and_after() {
    let data = tempfile::tempdir().unwrap();
    // A whole second, a minute ago: samples of that time are found at it.
    let start = (now() / 1_000_000_000 - 60) * 1_000_000_000;
    let load = Load::default();
    let begin = Instant::now();

    for (round, share) in [BATCHES / 4, BATCHES / 2, BATCHES * 3 / 4].into_iter().enumerate() {
        let server = Tripod::start(data.path());
        if round > 0 {
            println!("ready again after {:.0?} with {} batches", server.ready_after, load.count());
            load.must_be_there(&server, start);
        }
        let id = libc::pid_t::try_from(server.id()).unwrap();
        load.post(&server, start, || {
            while load.count() < share {
                std::thread::sleep(Duration::from_millis(1));
            }
            // SAFETY: `kill` has no preconditions; the child is ours and not yet waited for, so the id is its.
            unsafe { libc::kill(id, libc::SIGKILL) };
            load.stop.store(true, Ordering::SeqCst);
        });
    }

    let server = Tripod::start(data.path());
    load.post(&server, start, || ());
    println!(
        "{} spans and their logs and samples acknowledged after {:.1?}",
        load.count() * TRACES * SPANS,
        begin.elapsed()
    );
    server.kill_9();

    let server = Tripod::start(data.path());
    println!("ready after {:.0?} with {} batches", server.ready_after, load.count());
    load.must_be_there(&server, start);
    samples_must_be_there(&server, &load, start);
    let lost_at_most = load.in_doubt.load(Ordering::SeqCst);
    assert_eq!(load.count() + lost_at_most, BATCHES, "all were posted, but for those in doubt");
    println!("all there, {lost_at_most} batches in doubt, {:.1?} in all", begin.elapsed());
}

#[test]
fn all_200_000_spans_are_there_after_kill_9_right_after_the_last_answer() {
    let data = tempfile::tempdir().unwrap();
    let start = (now() / 1_000_000_000 - 60) * 1_000_000_000;
    let load = Load::default();
    let server = Tripod::start(data.path());
    let begin = Instant::now();
    load.post(&server, start, || ());
    println!("200,000 spans, 20,000 logs and 2,000 samples acknowledged in {:.1?}", begin.elapsed());
    server.kill_9();

    let server = Tripod::start(data.path());
    println!("ready after {:.0?}", server.ready_after);
    assert_eq!(load.count(), BATCHES);
    load.must_be_there(&server, start);
    samples_must_be_there(&server, &load, start);
    assert_eq!(server.get("/api/status", &[])["store"]["spans"], BATCHES * TRACES * SPANS);
}

#[test]
fn a_torn_write_at_the_end_of_the_log_costs_nothing_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let start = now();
    let server = Tripod::start(data.path());
    assert!(post_batch(&server, 0, start));
    server.kill_9();
    for file in files(data.path()) {
        use std::io::Write as _;
        let name = file.display().to_string();
        if name.contains("wal") || name.contains("segment") {
            std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(&[0x17; 1000]).unwrap();
            println!("garbage appended to {name}");
        }
    }
    let server = Tripod::start(data.path());
    batch_must_be_there(&server, 0, start);
    assert!(post_batch(&server, 1, start), "and it goes on");
    batch_must_be_there(&server, 1, start);
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
