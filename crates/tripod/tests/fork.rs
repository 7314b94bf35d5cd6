//! A forked child: it hangs on nothing, sends nothing of its parent's, and has telemetry of its own.
#![cfg(unix)]

mod common;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use common::forks::{fork, join};
use common::http::{receiver, span_names};
use common::{PATIENCE, turn};
use tripod::{Batch, ExportError, Exported, Exporter, Signal};
use tripod_wire::otlp::metrics::{MetricData, NumberDataPoint, NumberValue};
use tripod_wire::otlp::{AnyValue, MetricsData, Resource, Span, TracesData};
use tripod_wire::proto::Message;

/// Appends what it gets to a file that has the process's number as its name.
#[derive(Clone)]
struct ToFile {
    folder: PathBuf,
    forked: bool,
    /// Of the first process, nothing is kept.
    children_only: bool,
}

impl ToFile {
    fn new(folder: &tempfile::TempDir) -> Self {
        Self { folder: folder.path().to_owned(), forked: false, children_only: false }
    }
}

impl Exporter for ToFile {
    fn name(&self) -> &'static str {
        "file"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        if self.forked || !self.children_only {
            let path = self.folder.join(std::process::id().to_string());
            let mut file = OpenOptions::new().create(true).append(true).open(path).expect("a file to write to");
            let mut record = vec![batch.signal as u8, u8::from(self.forked)];
            record.extend_from_slice(&(batch.body.len() as u32).to_le_bytes());
            record.extend_from_slice(&batch.body);
            file.write_all(&record).expect("room on disk");
        }
        Ok(Exported::default())
    }

    fn after_fork(&mut self) {
        self.forked = true;
    }
}

/// What a process has sent.
#[derive(Default)]
struct Sent {
    spans: Vec<Span>,
    resources: Vec<Resource>,
    metrics: Option<MetricsData>,
    forked: bool,
}

fn sent_by(folder: &tempfile::TempDir, process: i32) -> Sent {
    let bytes = fs::read(folder.path().join(process.to_string())).unwrap_or_default();
    let (mut sent, mut rest) = (Sent::default(), bytes.as_slice());
    while let [signal, forked, a, b, c, d, after @ ..] = rest {
        let (body, next) = after.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
        sent.forked = *forked == 1;
        if *signal == Signal::Traces as u8 {
            for resource in TracesData::decode(body).unwrap().resource_spans {
                sent.resources.push(resource.resource);
                sent.spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        } else if *signal == Signal::Metrics as u8 {
            sent.metrics = Some(MetricsData::decode(body).unwrap());
        }
        rest = next;
    }
    sent
}

impl Sent {
    fn names(&self) -> Vec<&str> {
        self.spans.iter().map(|span| span.name.as_str()).collect()
    }

    fn point(&self, name: &str) -> NumberDataPoint {
        let metrics = self.metrics.as_ref().expect("metrics were sent").resource_metrics.iter();
        let metric = metrics.flat_map(|resource| &resource.scope_metrics).flat_map(|scope| &scope.metrics);
        match &metric.clone().find(|metric| metric.name == name).expect("the metric was sent").data {
            MetricData::Sum { data_points, .. } | MetricData::Gauge { data_points } => data_points[0].clone(),
            other => panic!("a sum or a gauge: {other:?}"),
        }
    }

    fn attribute(&self, key: &str) -> AnyValue {
        self.resources[0].get(key).expect("the resource has it").clone()
    }
}

fn nanos_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn a_child_sends_its_own_records_and_none_of_its_parents() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3600);
    let guard = tripod::init().exporter(ToFile::new(&folder)).schedule_delay(hour).start().unwrap();
    let counter = tripod::counter("fork_counted").build();
    let bound = counter.bind(&[]);
    let gauge = tripod::gauge("fork_level").build();
    bound.add(5);
    gauge.set(7.0, &[]);
    tripod::span!("recorded before").end();
    let moved = tripod::async_span!("moved");
    let open = tripod::span!("open");
    let forked_at = nanos_now();
    let children = [(); 2].map(|()| {
        fork(|| {
            tripod::span!("of the child").end();
            bound.add(2);
            std::thread::spawn(|| tripod::span!("of the child's thread").end()).join().unwrap();
            tripod::current().set_attribute("by", "the child");
            assert!(guard.flush());
        })
    });
    children.into_iter().for_each(join);
    bound.add(1);
    let open_id = open.context().span_id;
    drop((open, moved));
    assert!(guard.flush());

    let parent = sent_by(&folder, std::process::id() as i32);
    assert_eq!(parent.names(), ["recorded before", "open", "moved"]);
    assert_eq!(parent.point("fork_counted").value, NumberValue::Int(6));
    assert!(!parent.forked && parent.spans[1].attributes.is_empty());
    let children = children.map(|child| (child, sent_by(&folder, child)));
    for (pid, child) in &children {
        assert_eq!(child.names(), ["of the child", "of the child's thread"]);
        assert_eq!(child.spans[0].parent_span_id, open_id, "what was current still is");
        assert_eq!(child.spans[0].trace_id, parent.spans[1].trace_id);
        assert_eq!(child.attribute("process.pid"), AnyValue::Int(i64::from(*pid)));
        assert_ne!(child.attribute("service.instance.id"), parent.attribute("service.instance.id"));
        assert!(child.forked, "its exporter was told");
        let counted = child.point("fork_counted");
        assert_eq!(counted.value, NumberValue::Int(2), "it counts from zero");
        assert!(counted.start_time_unix_nano >= forked_at);
        assert_eq!(child.point("fork_level").value.as_f64(), 7.0, "a level is inherited with what it tells of");
    }
    let [(_, first), (_, second)] = &children;
    assert_ne!(first.attribute("service.instance.id"), second.attribute("service.instance.id"));
    assert_ne!(first.spans[0].span_id, second.spans[0].span_id, "each makes ids of its own");
    assert_ne!(first.spans[1].trace_id, second.spans[1].trace_id);
}

#[test]
fn a_child_that_only_counts_reports_it_and_one_that_does_nothing_sends_nothing() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let guard = tripod::init().exporter(ToFile::new(&folder)).start().unwrap();
    let counter = tripod::counter("fork_only_counted").build();
    counter.add(100, &[]);
    let counts = fork(|| {
        counter.add(3, &[]);
        assert_eq!(counter.get(&[]), 3.0);
        assert!(guard.flush());
    });
    let idle = fork(|| {
        assert_eq!(counter.get(&[]), 0.0);
        assert!(guard.flush());
    });
    join(counts);
    join(idle);
    assert_eq!(sent_by(&folder, counts).point("fork_only_counted").value, NumberValue::Int(3));
    assert!(!folder.path().join(idle.to_string()).exists());
    assert_eq!(counter.get(&[]), 100.0);
}

#[test]
fn a_child_stops_its_own_telemetry_and_can_start_another() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut guard = Some(tripod::init().exporter(ToFile::new(&folder)).start().unwrap());
    let child = fork(|| {
        tripod::span!("first").end();
        drop(guard.take());
        tripod::span!("while there is none").end();
        let again = tripod::init().service_name("child").exporter(ToFile::new(&folder)).start().unwrap();
        tripod::span!("second").end();
        assert!(again.shutdown());
    });
    join(child);
    assert_eq!(sent_by(&folder, child).names(), ["first", "second"]);
    tripod::span!("of the parent").end();
    assert!(guard.unwrap().shutdown());
    assert_eq!(sent_by(&folder, std::process::id() as i32).names(), ["of the parent"]);
}

#[test]
fn a_child_of_a_child_is_a_process_like_any_other() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let guard = tripod::init().exporter(ToFile::new(&folder)).start().unwrap();
    let (path, name) = (folder.path().join("grandchild"), "of the grandchild");
    let child = fork(|| {
        tripod::span!("of the child").end();
        let grandchild = fork(|| {
            tripod::span!(name).end();
            assert!(guard.flush());
        });
        fs::write(&path, grandchild.to_string()).unwrap();
        join(grandchild);
        assert!(guard.flush());
    });
    join(child);
    let grandchild: i32 = fs::read_to_string(&path).unwrap().parse().unwrap();
    assert_eq!(sent_by(&folder, grandchild).names(), [name]);
    assert_eq!(sent_by(&folder, child).names(), ["of the child"]);
}

#[test]
fn forking_while_threads_record_never_hangs() {
    const FORKS: usize = if cfg!(debug_assertions) { 200 } else { 1000 };
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let exporter = ToFile { children_only: true, ..ToFile::new(&folder) };
    // Whatever else the machine does, it is a hang that fails here.
    let builder = tripod::init().exporter(exporter).shutdown_timeout(PATIENCE);
    let guard = builder.schedule_delay(Duration::from_millis(1)).start().unwrap();
    let counter = tripod::counter("fork_while_recording").build();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (done, counter, guard) = (&done, &counter, &guard);
            scope.spawn(move || {
                for n in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let _span = tripod::span!("work", n);
                    tripod::info!("at work", thread);
                    // New labels, scopes, instruments, threads: whatever takes a lock.
                    counter.add(1, tripod::labels!(thread, n = n % 500));
                    tripod::telemetry(&format!("scope {}", n % 50)).counter(format!("c{}", n % 50)).build().inc(&[]);
                    if n % 100 == 0 {
                        std::thread::spawn(|| tripod::span!("short").end()).join().unwrap();
                        guard.flush();
                    }
                }
            });
        }
        // However this ends, the threads have to.
        let result = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..FORKS {
                let child = fork(|| {
                    tripod::span!("of the child").end();
                    counter.add(1, tripod::labels!(child = "yes", at = nanos_now() as i64));
                    tripod::telemetry("child").counter("child_total").build().inc(&[]);
                    assert!(guard.flush());
                });
                join(child);
                assert_eq!(sent_by(&folder, child).names(), ["of the child"]);
            }
        }));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn commands_are_spawned_as_ever() {
    use std::os::unix::process::CommandExt;
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let guard = tripod::init().exporter(ToFile::new(&folder)).start().unwrap();
    let _span = tripod::span!("around");
    for forks in [false, true] {
        let mut command = Command::new("sh");
        command.args(["-c", "echo spawned"]);
        if forks {
            // SAFETY: it does nothing; a closure makes the library fork.
            unsafe { command.pre_exec(|| Ok(())) };
        }
        let output = command.output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"spawned\n".as_slice()));
    }
    tripod::span!("after").end();
    assert!(guard.flush());
    assert_eq!(sent_by(&folder, std::process::id() as i32).names(), ["after"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Sends slowly, and says when it is at it.
struct Busy {
    sending: Arc<AtomicBool>,
}

impl Exporter for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        self.sending.store(true, Ordering::SeqCst);
        std::thread::sleep(PATIENCE);
        Ok(Exported::default())
    }
}

#[test]
fn an_exporter_that_hangs_delays_no_fork_and_is_missing_in_the_child() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let sending = Arc::new(AtomicBool::new(false));
    let busy = Busy { sending: Arc::clone(&sending) };
    let builder = tripod::init().exporter(busy).exporter(ToFile::new(&folder)).metrics(false);
    let guard = builder.shutdown_timeout(Duration::from_millis(500)).schedule_delay(Duration::from_millis(1));
    let guard = guard.start().unwrap();
    tripod::span!("of the parent").end();
    while !sending.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let child = fork(|| {
        tripod::span!("of the child").end();
        assert!(guard.flush());
        let names: Vec<_> = guard.stats().exporters.iter().map(|exporter| exporter.name).collect();
        assert_eq!(names, ["file"]);
    });
    join(child);
    assert_eq!(sent_by(&folder, child).names(), ["of the child"]);
}

#[test]
fn parent_and_child_send_on_connections_of_their_own() {
    let _turn = turn();
    let (url, connections) = receiver();
    let guard = tripod::init().otlp_endpoint(&url).metrics(false).start().unwrap();
    tripod::span!("before").end();
    assert!(guard.flush());
    join(fork(|| {
        tripod::span!("of the child").end();
        assert!(guard.flush());
    }));
    tripod::span!("after").end();
    assert!(guard.flush());
    let connections: Vec<Vec<String>> = connections.lock().unwrap().iter().map(|bodies| span_names(bodies)).collect();
    assert_eq!(connections, [vec!["before", "after"], vec!["of the child"]]);
}

/// Is away in the first process and its children, until it is told.
#[derive(Clone)]
struct Away;

impl Exporter for Away {
    fn name(&self) -> &'static str {
        "file"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Traces
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        Err(ExportError::Retry { after: None, reason: "away".to_owned() })
    }
}

/// Waits for a condition of the file system, in whichever process.
fn wait_for(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < PATIENCE, "it comes to pass");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn has_batch(spool: &std::path::Path, folder: &str) -> bool {
    let files = fs::read_dir(spool.join(folder)).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().contains(".traces."))
}

#[test]
fn a_child_has_a_spool_of_its_own_and_does_not_keep_that_of_a_parent_that_died() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (spool, may_end) = (folder.path().join("spool"), folder.path().join("end"));
    let parent = fork(|| {
        let builder = tripod::init().exporter(Away).spool(&spool, 1 << 20).queue_memory(64 << 10).metrics(false);
        let _guard = builder.schedule_delay(Duration::from_millis(1)).start().unwrap();
        // More than half of the queue, so that it is moved to the disk.
        let filler = "x".repeat(40_000);
        tripod::span!("of the parent", filler = &filler).end();
        wait_for(|| has_batch(&spool, "file-0-0"));
        fork(|| {
            tripod::span!("of the child", filler = &filler).end();
            // The folder may be gone before this is seen.
            wait_for(|| may_end.exists() || !spool.exists());
        });
        wait_for(|| has_batch(&spool, "file-0-1"));
        // Killed, as far as the spool can tell.
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(0) };
    });
    join(parent);
    let guard = tripod::init().exporter(ToFile::new(&folder)).spool(&spool, 1 << 20).metrics(false).start().unwrap();
    assert!(guard.flush());
    assert_eq!(
        sent_by(&folder, std::process::id() as i32).names(),
        ["of the parent"],
        "what the dead left, and no more"
    );
    fs::write(may_end, "").unwrap();
}

#[test]
fn a_child_samples_the_system_itself() {
    let _turn = turn();
    let _sampling = tripod::catalog::system::start(Duration::from_millis(300)).unwrap();
    let seen = || {
        let mut page = Vec::new();
        tripod::metrics::render_prometheus(tripod::metrics::PrometheusFormat::Text, &mut page);
        String::from_utf8(page).unwrap().contains("system_memory_usage_bytes")
    };
    common::wait_until(seen);
    join(fork(|| {
        assert!(!seen(), "what the parent saw is not the child's");
        common::wait_until(seen);
    }));
    assert!(seen());
}
