//! What the tests share: telemetry that is kept in memory, one test at a time, as it is one a process.
#![allow(dead_code, unreachable_pub)]

#[cfg(unix)]
pub mod forks;
pub mod http;
pub mod scripted;

use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tripod::{Builder, Guard, MemoryExporter, Stats};
use tripod_wire::otlp::{AnyValue, KeyValue, LogRecord, Metric, Span};

pub struct Telemetry {
    guard: Option<Guard>,
    memory: MemoryExporter,
    _turn: MutexGuard<'static, ()>,
}

/// For tests that start telemetry themselves: one at a time.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails rather than hangs: what is waited for takes a fraction of this.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Does something on a thread of its own, and fails if that hangs.
pub fn in_time<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (send, receive) = mpsc::channel();
    let thread = std::thread::spawn(move || send.send(work()));
    match receive.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().expect_err("it panicked")),
    }
}

/// Looks again and again until it is so.
pub fn wait_until(is_so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it does not come to be");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn telemetry() -> Telemetry {
    telemetry_with(|builder| builder)
}

pub fn telemetry_with(change: impl FnOnce(Builder) -> Builder) -> Telemetry {
    let turn = turn();
    let memory = MemoryExporter::default();
    let builder = tripod::init().service_name("test").exporter(memory.clone());
    let guard = change(builder).start().expect("telemetry starts");
    Telemetry { guard: Some(guard), memory, _turn: turn }
}

impl Telemetry {
    pub fn memory(&self) -> &MemoryExporter {
        &self.memory
    }

    pub fn flush(&self) {
        assert!(self.guard.as_ref().unwrap().flush(), "everything is delivered in time");
    }

    /// For more than is delivered in a flush's time.
    pub fn flush_all(&self) {
        wait_until(|| self.guard.as_ref().unwrap().flush());
    }

    pub fn stats(&self) -> Stats {
        self.guard.as_ref().unwrap().stats()
    }

    pub fn stop(&mut self) {
        self.guard.take();
    }

    pub fn spans(&self) -> Vec<Span> {
        self.flush();
        self.memory.spans()
    }

    pub fn span(&self, name: &str) -> Span {
        let found: Vec<Span> = self.spans().into_iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "one span of name {name}");
        found.into_iter().next().unwrap()
    }

    pub fn logs(&self) -> Vec<LogRecord> {
        self.flush();
        self.memory.logs()
    }

    pub fn metric(&self, name: &str) -> Metric {
        self.flush();
        self.memory.metrics().into_iter().find(|metric| metric.name == name).expect("the metric is collected")
    }
}

pub fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> &'a AnyValue {
    let found: Vec<_> = attributes.iter().filter(|attribute| attribute.key == key).collect();
    assert_eq!(found.len(), 1, "one attribute {key} in {attributes:?}");
    &found[0].value
}

/// Milliseconds since 1970.
pub fn now_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
