//! A destination that is away for a while: callers notice nothing, the spool keeps what memory can't hold, and all of it arrives
//! once the destination is back, in this run or in the next.

mod common;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::telemetry_with;
use tripod::{Batch, Builder, DropReason, Error, ExportError, Exported, Exporter, Filter, Output, Records};
use tripod_wire::otlp::trace::TracesData;
use tripod_wire::proto::Message;

/// A receiver that is away until it is told to be back; what it takes is kept.
#[derive(Clone, Default)]
struct Receiver {
    back: Arc<AtomicBool>,
    names: Arc<Mutex<Vec<String>>>,
}

impl Exporter for Receiver {
    fn name(&self) -> &'static str {
        "receiver"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        if !self.back.load(Ordering::Relaxed) {
            return Err(ExportError::Retry { after: None, reason: "connection refused".to_owned() });
        }
        let request = TracesData::decode(&batch.body).expect("OTLP");
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.names.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans).map(|span| span.name));
        Ok(Exported::default())
    }
}

impl Receiver {
    /// Names of the spans that arrived, each of which must have come once.
    fn names(&self) -> HashSet<String> {
        let names = self.names.lock().unwrap();
        let once: HashSet<String> = names.iter().cloned().collect();
        assert_eq!(once.len(), names.len(), "nothing arrives twice");
        once
    }
}

const SPANS: usize = 20_000;

fn with_spool<'a>(receiver: &'a Receiver, folder: &'a Path, max_bytes: u64) -> impl FnOnce(Builder) -> Builder + 'a {
    move |builder| {
        let builder = builder.metrics(false).logs(false).schedule_delay(Duration::from_millis(20));
        let builder = builder.record_memory(64 << 20).queue_memory(400_000).shutdown_timeout(Duration::from_secs(20));
        builder.exporter(receiver.clone()).spool(folder, max_bytes)
    }
}

fn make_spans(prefix: &str, count: usize) {
    for n in 0..count {
        tripod::span!(format!("{prefix} {n}")).end();
    }
}

/// Spans on disk, by the names of the files: number, signal, records.
fn on_disk(folder: &Path) -> usize {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().flatten();
    let records = |name: &str| name.split(".traces.").nth(1).and_then(|records| records.parse::<usize>().ok());
    files.filter_map(|file| records(file.file_name().to_str()?)).sum()
}

#[test]
fn what_memory_cannot_hold_goes_to_disk_and_arrives_when_the_receiver_is_back() {
    let (receiver, folder) = (Receiver::default(), tempfile::tempdir().unwrap());
    let telemetry = telemetry_with(with_spool(&receiver, folder.path(), 1 << 30));
    for part in 0..20 {
        make_spans(&format!("during the outage {part}"), SPANS / 20);
        // Half of the queue stays in memory: at most these, as each takes 80 bytes and more.
        while on_disk(folder.path()) + 200_000 / 80 < (part + 1) * SPANS / 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    receiver.back.store(true, Ordering::Relaxed);
    telemetry.flush();
    assert_eq!((receiver.names().len(), on_disk(folder.path())), (SPANS, 0));
    let stats = telemetry.stats().exporters.into_iter().find(|exporter| exporter.name == "receiver").unwrap();
    assert_eq!((stats.spans.offered, stats.spans.exported), (SPANS as u64, SPANS as u64));
    assert_eq!((stats.spans.queued, stats.spans.dropped()), (0, 0));
}

/// Takes every other batch, and asks for the rest to come again.
struct EveryOther(Receiver, bool);

impl Exporter for EveryOther {
    fn name(&self) -> &'static str {
        "every-other"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        self.1 = !self.1;
        if !self.1 {
            return Err(ExportError::Retry { after: None, reason: "busy".to_owned() });
        }
        assert!(batch.records <= 250, "as small as the output wants");
        self.0.export(batch)
    }
}

#[test]
fn what_comes_from_disk_is_filtered_and_divided_and_nothing_of_it_is_sent_twice() {
    let (receiver, folder) = (Receiver::default(), tempfile::tempdir().unwrap());
    let output = || {
        let output = Output::new(EveryOther(receiver.clone(), false)).queue_memory(600_000).max_batch(250);
        output.filter(Filter::new().drop(Records::spans().name("* ?7")))
    };
    let telemetry = telemetry_with(|builder| {
        let builder =
            builder.metrics(false).logs(false).record_memory(64 << 20).schedule_delay(Duration::from_millis(5));
        builder.shutdown_timeout(Duration::from_secs(60)).exporter(output()).spool(folder.path(), 1 << 30)
    });
    make_spans("span", 5000);
    while on_disk(folder.path()) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    receiver.back.store(true, Ordering::Relaxed);
    telemetry.flush();
    let arrived = receiver.names();
    assert_eq!((arrived.len(), on_disk(folder.path())), (5000 - 9, 0));
    assert!(arrived.contains("span 7") && !arrived.contains("span 17") && arrived.contains("span 117"));
    let stats = telemetry.stats().exporters.into_iter().find(|exporter| exporter.name == "every-other").unwrap();
    let spans = &stats.spans;
    assert_eq!((spans.offered, spans.exported, spans.filtered), (5000, 5000 - 9, 9));
    assert_eq!((spans.queued, spans.dropped()), (0, 0));
}

#[test]
fn what_is_left_at_the_end_is_sent_by_the_next_run() {
    let (receiver, folder) = (Receiver::default(), tempfile::tempdir().unwrap());
    let short = |builder: Builder| builder.shutdown_timeout(Duration::from_millis(500));
    let mut telemetry = telemetry_with(|builder| short(with_spool(&receiver, folder.path(), 1 << 30)(builder)));
    make_spans("first run", 1000);
    telemetry.stop();
    drop(telemetry);
    assert_eq!((receiver.names().len(), on_disk(folder.path())), (0, 1000));
    receiver.back.store(true, Ordering::Relaxed);
    let telemetry = telemetry_with(with_spool(&receiver, folder.path(), 1 << 30));
    make_spans("second run", 10);
    telemetry.flush();
    assert_eq!(receiver.names().len(), 1010);
}

#[test]
fn a_damaged_file_costs_its_batch_and_nothing_else() {
    let (receiver, folder) = (Receiver::default(), tempfile::tempdir().unwrap());
    let short = |builder: Builder| builder.shutdown_timeout(Duration::from_millis(500));
    let mut telemetry = telemetry_with(|builder| short(with_spool(&receiver, folder.path(), 1 << 30)(builder)));
    make_spans("first run", 5000);
    telemetry.stop();
    drop(telemetry);
    let left = on_disk(folder.path());
    let folders = std::fs::read_dir(folder.path()).unwrap().map(|folder| folder.unwrap().path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
    let damaged = files.filter(|file| file.to_str().unwrap().contains(".traces.")).min().unwrap();
    let lost: u64 = damaged.extension().unwrap().to_str().unwrap().parse().unwrap();
    let half = std::fs::metadata(&damaged).unwrap().len() / 2;
    std::fs::File::options().write(true).open(&damaged).unwrap().set_len(half).unwrap();

    receiver.back.store(true, Ordering::Relaxed);
    let telemetry = telemetry_with(with_spool(&receiver, folder.path(), 1 << 30));
    telemetry.flush();
    let stats = telemetry.stats().exporters.into_iter().find(|exporter| exporter.name == "receiver").unwrap();
    assert_eq!((stats.spans.offered, stats.spans.exported), (left as u64, left as u64 - lost));
    assert_eq!(stats.spans.dropped_by_reason[DropReason::Failed as usize], lost);
    assert_eq!((receiver.names().len() as u64, on_disk(folder.path())), (left as u64 - lost, 0));
}

#[test]
fn a_full_spool_drops_the_oldest_and_counts_them() {
    let (receiver, folder) = (Receiver::default(), tempfile::tempdir().unwrap());
    let telemetry = telemetry_with(with_spool(&receiver, folder.path(), 300_000));
    make_spans("during the outage", SPANS);
    let of_receiver = || telemetry.stats().exporters.into_iter().find(|e| e.name == "receiver").unwrap().spans;
    while of_receiver().offered < SPANS as u64 || on_disk(folder.path()) == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    receiver.back.store(true, Ordering::Relaxed);
    telemetry.flush();
    let spans = of_receiver();
    let lost = spans.dropped_by_reason[DropReason::QueueFull as usize];
    assert!(lost > 0, "{SPANS} spans do not fit");
    assert_eq!((spans.exported + lost, spans.dropped()), (SPANS as u64, lost));
    let arrived = receiver.names();
    assert_eq!(arrived.len() as u64, spans.exported);
    assert!(arrived.contains(&format!("during the outage {}", SPANS - 1)), "the newest are kept");
}

/// Half of the test below, in a process of its own: a limit on files is the process's.
#[cfg(unix)]
#[ignore = "another test runs it"]
#[test]
fn child_with_a_full_disk() {
    let (receiver, folder) = (Receiver::default(), tempfile::tempdir().unwrap());
    let telemetry = telemetry_with(with_spool(&receiver, folder.path(), 1 << 30));
    let size_limit = |bytes: libc::rlim_t| {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: a signal without a handler, and a limit that lives until the call returns.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
        }
    };
    // No file can have a batch: writing fails in the middle, as on a disk that is full.
    size_limit(1000);
    make_spans("during the outage", SPANS);
    let of_receiver = || telemetry.stats().exporters.into_iter().find(|e| e.name == "receiver").unwrap().spans;
    while of_receiver().offered < SPANS as u64 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let full = of_receiver();
    let lost = full.dropped_by_reason[DropReason::QueueFull as usize];
    assert!(lost > 0 && on_disk(folder.path()) == 0, "what neither memory nor disk can hold is counted");
    size_limit(libc::RLIM_INFINITY);
    receiver.back.store(true, Ordering::Relaxed);
    telemetry.flush();
    let spans = of_receiver();
    assert_eq!((spans.exported, spans.dropped(), spans.queued), (SPANS as u64 - lost, lost, 0));
    assert_eq!(receiver.names().len() as u64, spans.exported);
    assert!(receiver.names().contains(&format!("during the outage {}", SPANS - 1)), "the newest are kept");
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_what_memory_can_hold_and_the_rest_is_counted() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let child = child.args(["--exact", "child_with_a_full_disk", "--ignored", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut other = telemetry_with(|builder| builder);
    other.stop();
    let error = tripod::init().exporter(Receiver::default()).spool(file.path(), 1 << 20).start().err().unwrap();
    assert!(matches!(&error, Error::Spool { folder, .. } if folder == file.path()), "{error}");
    assert!(error.to_string().contains(&file.path().display().to_string()));
}
