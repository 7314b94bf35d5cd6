//! Takes requests from a pipe into the store: how fast, for how much CPU, memory and disk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::{engine, feed, process};

/// Who sends at once: as the connections of a collector, so that a group of requests can share a sync.
pub const SENDERS: usize = 8;

/// The process that is measured: everything in it counts.
pub fn run(arguments: &Arguments) -> Value {
    let (dir, signal): (PathBuf, String) = (arguments.need("--dir"), arguments.need("--signal"));
    feed::widen(0);
    let (store, _) = engine::open(&dir);
    let (resident, _) = process::own_memory();
    let (accepted, rejected, bytes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let (begin, cpu) = (Instant::now(), process::own_cpu());
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut request = Vec::new();
                while let Some(records) = feed::next(&mut request) {
                    let appended = engine::append(&store, &signal, &request).expect("the store takes it");
                    assert_eq!(appended.accepted + appended.rejected, records, "{:?}", appended.reason);
                    accepted.fetch_add(appended.accepted, Ordering::Relaxed);
                    rejected.fetch_add(appended.rejected, Ordering::Relaxed);
                    bytes.fetch_add(request.len() as u64, Ordering::Relaxed);
                }
            });
        }
    });
    let (seconds, cpu_acknowledged) = (begin.elapsed().as_secs_f64(), process::own_cpu() - cpu);
    let (grown, _) = process::own_memory();
    engine::settle(&store);
    let (_, peak) = process::own_memory();
    json!({
        "accepted": accepted.into_inner(),
        "rejected": rejected.into_inner(),
        "request_bytes": bytes.into_inner(),
        "seconds": seconds,
        "cpu_acknowledged": cpu_acknowledged,
        "cpu": process::own_cpu() - cpu,
        "disk_bytes": process::disk_bytes(&dir),
        "log_bytes": process::disk_bytes(&dir.join("wal")),
        "resident_before": resident,
        "resident": grown,
        "peak": peak,
    })
}
