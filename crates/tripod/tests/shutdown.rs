//! Stopping and flushing, wherever they are called: they end, by the deadline at the latest.

mod common;

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{PATIENCE, in_time, turn};
use tripod::{Batch, Builder, ExportError, Exported, Exporter, Guard, MemoryExporter};

/// Telemetry that sends nothing before it is told to.
fn start(memory: &MemoryExporter) -> Guard {
    builder(memory).start().unwrap()
}

fn builder(memory: &MemoryExporter) -> Builder {
    tripod::init().exporter(memory.clone()).schedule_delay(Duration::from_secs(3600))
}

fn names(memory: &MemoryExporter) -> Vec<String> {
    memory.spans().into_iter().map(|span| span.name).collect()
}

/// What happens to the guard in each place.
const ENDS: [fn(Guard); 3] = [|guard| assert!(guard.flush()), |guard| assert!(guard.shutdown()), |guard| drop(guard)];

#[test]
fn within_a_runtime_of_one_thread_or_of_many() {
    let _turn = turn();
    for many in [false, true] {
        for end in ENDS {
            let memory = MemoryExporter::default();
            let guard = start(&memory);
            in_time(move || {
                let runtime = if many {
                    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()
                } else {
                    tokio::runtime::Builder::new_current_thread().build()
                };
                runtime.unwrap().block_on(async {
                    let task = async move {
                        tripod::span!("in a task").end();
                        end(guard);
                    };
                    tokio::spawn(task).await.unwrap();
                });
            });
            assert_eq!(names(&memory), ["in a task"]);
        }
    }
}

#[test]
fn in_the_destructor_of_a_task_that_is_dropped_with_its_runtime() {
    let _turn = turn();
    for many in [false, true] {
        let memory = MemoryExporter::default();
        let guard = start(&memory);
        in_time(move || {
            let runtime = if many {
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap()
            } else {
                tokio::runtime::Builder::new_current_thread().build().unwrap()
            };
            runtime.spawn(async move {
                let _guard = guard;
                tripod::span!("before it waits").end();
                std::future::pending::<()>().await;
            });
            runtime.block_on(tokio::task::yield_now());
            drop(runtime);
        });
        assert!(names(&memory).len() <= 1);
        // It has stopped, so it can be started.
        drop(start(&memory));
    }
}

#[test]
fn from_several_threads_at_once() {
    let _turn = turn();
    for _ in 0..20 {
        let memory = MemoryExporter::default();
        let guard = Arc::new(Mutex::new(Some(start(&memory))));
        let shared = Arc::new(start_again_error());
        in_time(move || {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let (guard, shared) = (Arc::clone(&guard), Arc::clone(&shared));
                    scope.spawn(move || {
                        tripod::span!("work").end();
                        shared.fetch_add(1, Ordering::Relaxed);
                        drop(guard.lock().unwrap().take());
                    });
                }
            });
            assert_eq!(shared.load(Ordering::Relaxed), 4);
        });
    }
}

/// While one runs there is no second.
fn start_again_error() -> AtomicU64 {
    assert!(matches!(tripod::init().exporter(MemoryExporter::default()).start(), Err(tripod::Error::AlreadyStarted)));
    AtomicU64::new(0)
}

#[test]
fn flushes_from_several_threads_all_see_their_records_delivered() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let guard = start(&memory);
    let kept = memory.clone();
    in_time(move || {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (guard, kept) = (&guard, &kept);
                scope.spawn(move || {
                    for n in 0..20 {
                        let name = format!("{thread} {n}");
                        tripod::span!(name.clone()).end();
                        assert!(guard.flush());
                        assert!(names(kept).contains(&name));
                    }
                });
            }
        });
    });
    assert_eq!(names(&memory).len(), 80);
}

type Shared = Arc<Mutex<Option<Guard>>>;

/// Does something with the guard while it exports.
struct Meddles {
    guard: Shared,
    with: fn(&Shared) -> bool,
    answer: Arc<Mutex<Option<bool>>>,
}

impl Exporter for Meddles {
    fn name(&self) -> &'static str {
        "meddles"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        *self.answer.lock().unwrap() = Some((self.with)(&self.guard));
        Ok(Exported::default())
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "it hangs");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Longer than the test waits: what waits for it fails.
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn within_an_exporter_which_waits_for_the_others_but_not_for_itself() {
    let _turn = turn();
    let meddling: [fn(&Shared) -> bool; 3] = [
        |guard| guard.lock().unwrap().as_ref().unwrap().flush(),
        |guard| guard.lock().unwrap().take().unwrap().shutdown(),
        |guard| guard.lock().unwrap().take().is_none(),
    ];
    for with in meddling {
        let (memory, guard, answer) = (MemoryExporter::default(), Shared::default(), Arc::default());
        let meddles = Meddles { guard: Arc::clone(&guard), with, answer: Arc::clone(&answer) };
        let builder = tripod::init().metrics(false).shutdown_timeout(NEVER).schedule_delay(Duration::from_millis(1));
        *guard.lock().unwrap() = Some(builder.exporter(meddles).exporter(memory.clone()).start().unwrap());
        tripod::span!("work").end();
        wait_until(|| answer.lock().unwrap().is_some());
        assert_eq!(*answer.lock().unwrap(), Some(false), "its own batch was still being sent");
        let guard = guard.lock().unwrap().take();
        in_time(|| drop(guard));
        assert_eq!(names(&memory), ["work"]);
    }
}

#[test]
fn within_a_callback_of_a_metric() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let guard = Shared::default();
    let answer: Arc<Mutex<Vec<bool>>> = Arc::default();
    let interval = Duration::from_millis(10);
    *guard.lock().unwrap() = Some(builder(&memory).metric_interval(interval).shutdown_timeout(NEVER).start().unwrap());
    let (shared, answers) = (Arc::clone(&guard), Arc::clone(&answer));
    tripod::gauge("shutdown_in_a_callback").build().observe(move |gauge| {
        gauge.observe(1.0, &[]);
        // Not while the test holds it.
        if let Ok(mut guard) = shared.try_lock() {
            let flushed = guard.as_ref().map(Guard::flush);
            let stopped = guard.take().map(Guard::shutdown);
            answers.lock().unwrap().extend(flushed.into_iter().chain(stopped));
        }
    });
    wait_until(|| answer.lock().unwrap().len() == 2);
    assert_eq!(*answer.lock().unwrap(), [false, false], "the collector is at work itself");
    drop(start(&memory));
}

/// Records while it is shown.
struct Talkative<'a>(&'a Guard);

impl fmt::Display for Talkative<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _span = tripod::span!("while shown");
        tripod::error!("while shown");
        tripod::counter("shown_total").build().inc(tripod::labels!(new = format!("{:?}", Instant::now())));
        assert!(self.0.flush());
        f.write_str("shown")
    }
}

#[test]
fn within_a_display_that_is_being_recorded() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let guard = start(&memory);
    in_time(move || {
        let talkative = Talkative(&guard);
        let _span = tripod::span!("shows", attribute = %talkative);
        tripod::info!("{talkative}", field = %talkative);
        tripod::current().add_event("shows", tripod::labels!(attribute = %talkative));
        tripod::counter("shown_total").build().inc(tripod::labels!(new = %talkative));
    });
    assert!(memory.logs().iter().any(|log| log.body.to_string() == "shown"));
    assert!(names(&memory).contains(&"shows".to_owned()));
}

/// Stops telemetry, and starts and stops it once more, when it is dropped.
struct AtTheEnd(Option<Guard>, MemoryExporter);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        tripod::span!("at the end").end();
        assert!(self.0.take().unwrap().shutdown());
        let again = start(&self.1);
        tripod::span!("after the end").end();
        assert!(again.shutdown());
    }
}

#[test]
fn while_panicking() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let end = AtTheEnd(Some(start(&memory)), memory.clone());
    in_time(|| {
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _end = end;
            let _span = tripod::span!("panics");
            panic!("as it should");
        }));
        assert!(panicked.is_err());
    });
    assert_eq!(names(&memory), ["panics", "at the end", "after the end"]);
}

#[test]
fn in_the_destructor_of_a_thread_local() {
    thread_local! {
        static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    let _turn = turn();
    // Before the thread's part of the engine, and after it: they go in some order.
    for records_first in [false, true] {
        let memory = MemoryExporter::default();
        let end = AtTheEnd(Some(start(&memory)), memory.clone());
        in_time(move || {
            let work = move || {
                if records_first {
                    tripod::span!("first").end();
                }
                AT_THE_END.with_borrow_mut(|at_the_end| *at_the_end = Some(end));
                tripod::span!("last").end();
            };
            std::thread::spawn(work).join().unwrap();
        });
        assert!(names(&memory).contains(&"last".to_owned()));
        drop(start(&memory));
    }
}

/// Never answers.
struct Hangs(Arc<AtomicBool>);

impl Exporter for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        self.0.store(true, Ordering::SeqCst);
        std::thread::sleep(NEVER);
        Ok(Exported::default())
    }
}

#[test]
fn an_exporter_that_hangs_costs_the_deadline_and_its_own_records() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let timeout = Duration::from_millis(200);
    let hangs = Hangs(Arc::default());
    let guard = builder(&memory).exporter(hangs).metrics(false).shutdown_timeout(timeout).start().unwrap();
    tripod::span!("work").end();
    let guard = in_time(move || {
        let start = Instant::now();
        assert!(!guard.flush());
        assert!(start.elapsed() >= timeout);
        guard
    });
    assert_eq!(names(&memory), ["work"]);
    tripod::span!("more").end();
    assert!(!in_time(move || guard.shutdown()));
    assert_eq!(names(&memory), ["work", "more"]);
}

#[test]
fn a_callback_that_hangs_costs_the_deadline_and_what_is_queued_is_sent() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let timeout = Duration::from_millis(400);
    let hanging = Arc::new(AtomicBool::new(false));
    let guard = builder(&memory).shutdown_timeout(timeout).metric_interval(Duration::from_millis(20));
    let guard = guard.schedule_delay(Duration::from_millis(1)).start().unwrap();
    tripod::span!("work").end();
    assert!(guard.flush());
    let (hangs, release) = (Arc::clone(&hanging), Arc::new(AtomicBool::new(false)));
    let released = Arc::clone(&release);
    tripod::gauge("hangs_in_a_callback").build().observe(move |_| {
        hangs.store(true, Ordering::SeqCst);
        while !released.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    wait_until(|| hanging.load(Ordering::SeqCst));
    let guard = in_time(move || {
        assert!(!guard.flush());
        guard
    });
    assert!(!in_time(move || guard.shutdown()));
    release.store(true, Ordering::SeqCst);
    drop(start(&memory));
}

#[test]
fn a_deadline_beyond_all_clocks_is_none() {
    let _turn = turn();
    let memory = MemoryExporter::default();
    let long = builder(&memory).shutdown_timeout(Duration::MAX).metric_interval(Duration::MAX);
    let guard = long.schedule_delay(Duration::MAX).start().unwrap();
    tripod::span!("work").end();
    assert!(in_time(move || guard.flush() && guard.shutdown()));
    assert_eq!(names(&memory), ["work"]);
}

#[cfg(target_os = "linux")]
fn threads_and_kilobytes() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let number = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (number("Threads:"), number("VmRSS:"))
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_restarts_leave_neither_threads_nor_memory_behind() {
    let _turn = turn();
    let (ask, asked) = std::sync::mpsc::channel::<std::sync::mpsc::Sender<()>>();
    // A thread that outlives every engine.
    let lasting = std::thread::spawn(move || {
        for done in asked {
            (0..2000).for_each(|n| tripod::span!("of the lasting thread", n).end());
            done.send(()).unwrap();
        }
    });
    let round = || {
        let memory = MemoryExporter::default();
        let guard = builder(&memory).metrics(false).start().unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        ask.send(send).unwrap();
        receive.recv().unwrap();
        assert!(guard.shutdown());
        assert_eq!(memory.spans().len(), 2000);
    };
    (0..10).for_each(|_| round());
    let (threads, kilobytes) = threads_and_kilobytes();
    (0..100).for_each(|_| round());
    wait_until(|| threads_and_kilobytes().0 <= threads);
    let (_, later) = threads_and_kilobytes();
    // A lane is 64 KiB at least: were they kept, it would be several times that.
    assert!(later < kilobytes + 6000, "{kilobytes} KiB grew to {later} KiB");
    drop(ask);
    lasting.join().unwrap();
}
