//! What the book's examples recorded, for their own assertions. Each runs in a process of its own.

use tripod::metrics::{PrometheusFormat, render_prometheus};
use tripod::otlp::{LogRecord, Span};
use tripod::{Guard, MemoryExporter};

/// Telemetry that is kept in memory.
pub struct Seen {
    guard: Guard,
    memory: MemoryExporter,
}

/// Starts it.
///
/// # Panics
/// When telemetry runs already.
pub fn seen() -> Seen {
    let memory = MemoryExporter::default();
    let guard = tripod::init().service_name("book").exporter(memory.clone()).start().expect("it starts");
    Seen { guard, memory }
}

impl Seen {
    /// All there is so far.
    ///
    /// # Panics
    /// When it is not delivered in time.
    pub fn memory(&self) -> &MemoryExporter {
        assert!(self.guard.flush(), "delivered in time");
        &self.memory
    }

    /// The traces as an indented outline, without durations.
    pub fn outline(&self) -> String {
        self.memory().outline()
    }

    /// The span of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn span(&self, name: &str) -> Span {
        self.memory().span(name).unwrap_or_else(|| panic!("no span {name:?} in\n{}", self.memory.outline()))
    }

    /// The log records.
    pub fn logs(&self) -> Vec<LogRecord> {
        self.memory().logs()
    }

    /// The messages of the log records.
    pub fn messages(&self) -> Vec<String> {
        self.logs().into_iter().map(|record| record.body.to_string()).collect()
    }
}

/// The page that Prometheus would get, without its comments.
///
/// # Panics
/// Never: pages are UTF-8.
pub fn page() -> String {
    let mut page = Vec::new();
    render_prometheus(PrometheusFormat::Text, &mut page);
    let page = String::from_utf8(page).expect("UTF-8");
    page.lines().filter(|line| !line.starts_with('#')).fold(String::new(), |all, line| all + line + "\n")
}

/// Runs a future to its end.
///
/// # Panics
/// When there is no runtime to be had.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
