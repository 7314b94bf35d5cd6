//! The store under measurement: how it is opened, fed, and waited for.

use std::path::Path;
use std::time::{Duration, Instant};

use tripod_store::{Appended, Embedded, LogStore, Options, Recovery, SeriesStore, SpanStore, StoreError};

use crate::process;

/// Opens it with the defaults.
pub fn open(dir: &Path) -> (Embedded, Recovery) {
    Embedded::open(Options::new(dir)).expect("the store opens")
}

/// Hands over a request of a signal; those of samples are compressed by snappy, as Prometheus sends them.
pub fn append(store: &Embedded, signal: &str, request: &[u8]) -> Result<Appended, StoreError> {
    match signal {
        "spans" => store.append_spans(request),
        "logs" => store.append_logs(request),
        _ => store.append_remote_write(request),
    }
}

/// Writes all that is in memory as parts, and waits until nothing is done in the background any more: flushes, merges.
pub fn settle(store: &Embedded) {
    store.settle().expect("the store writes and merges its parts");
    let begin = Instant::now();
    let mut quiet = 0;
    while quiet < 3 && begin.elapsed() < Duration::from_secs(600) {
        let before = process::own_cpu();
        std::thread::sleep(Duration::from_millis(500));
        quiet = if process::own_cpu() - before < 0.01 { quiet + 1 } else { 0 };
    }
}
