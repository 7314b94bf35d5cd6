//! How soon a store is ready: empty, and after `kill -9` with as much in its write-ahead log as there ever is.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tripod_store::SpanStore;

use crate::arguments::Arguments;
use crate::feed;
use crate::{engine, process};

/// Takes requests until the log has been cut once and is as long as before again, and then kills itself.
pub fn fill(arguments: &Arguments) {
    let (dir, signal): (PathBuf, String) = (arguments.need("--dir"), arguments.need("--signal"));
    feed::widen(0);
    let (store, _) = engine::open(&dir);
    engine::settle(&store);
    let mut request = Vec::new();
    let (mut longest, mut cut) = (0, false);
    while feed::next(&mut request).is_some() {
        engine::append(&store, &signal, &request).expect("the store takes it");
        let log = process::disk_bytes(&dir.join("wal"));
        if cut && log * 100 >= longest * 95 {
            break;
        }
        cut |= log < longest / 2;
        longest = longest.max(log);
    }
    // SAFETY: ends this process, as `kill -9` would.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

/// Opens it and asks for the services.
pub fn run(arguments: &Arguments) -> Value {
    let dir: PathBuf = arguments.need("--dir");
    if dir.exists() {
        process::warm(&dir);
    }
    let wal_bytes = process::disk_bytes(&dir.join("wal"));
    let (begin, cpu) = (Instant::now(), process::own_cpu());
    let (store, recovery) = engine::open(&dir);
    let services = store.services().expect("the store answers").len();
    let (seconds, cpu) = (begin.elapsed().as_secs_f64(), process::own_cpu() - cpu);
    assert!(recovery.damaged.is_empty(), "{:?}", recovery.damaged);
    let (ready, _) = process::own_memory();
    engine::settle(&store);
    let (resident, _) = process::own_memory();
    json!({
        "seconds": seconds,
        "cpu": cpu,
        "wal_bytes": wal_bytes,
        "records": recovery.records,
        "services": services,
        "ready": ready,
        "resident": resident,
    })
}
