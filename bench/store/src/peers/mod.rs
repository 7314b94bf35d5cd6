//! What one would pick instead: the same requests, the same questions.
//!
//! Each peer takes the requests in a process of its own on the first core, as Tripod's store does. How durable a peer is when it has
//! taken them is said with its figures.

mod duckdb;
mod questions;
pub mod servers;
mod sqlite_logs;
mod sqlite_spans;
mod tantivy_logs;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::feed::{self, Load};
use crate::process;

pub use duckdb::run as duckdb;

/// Something that takes requests and answers questions about them.
trait Peer {
    /// Takes a group of requests, as durable as it can be.
    fn append(&mut self, requests: &[Vec<u8>]) -> u64;

    /// Makes all of it small, as it would by itself some time.
    fn settle(&mut self);

    /// Times the questions.
    fn ask(&mut self, load: &Load, times: usize) -> Vec<Value>;
}

/// Requests that share a sync: as many as Tripod's store has senders.
const GROUP: usize = crate::ingest::SENDERS;

/// A peer that is a library.
pub fn run(arguments: &Arguments) -> Value {
    let (name, dir): (String, PathBuf) = (arguments.need("--peer"), arguments.need("--dir"));
    let mut peer: Box<dyn Peer> = match name.as_str() {
        "sqlite-spans" => Box::new(sqlite_spans::Sqlite::open(&dir)),
        "sqlite-logs" => Box::new(sqlite_logs::Sqlite::open(&dir)),
        "tantivy-logs" => Box::new(tantivy_logs::Tantivy::open(&dir)),
        "parquet-spans" => Box::new(duckdb::Parquet::open(&dir)),
        other => panic!("no peer is called {other}"),
    };
    feed::widen(0);
    let (begin, cpu) = (Instant::now(), process::own_cpu());
    let mut accepted = 0;
    let mut group = Vec::new();
    loop {
        let mut request = Vec::new();
        let more = feed::next(&mut request).is_some();
        if more {
            group.push(request);
        }
        if group.len() == GROUP || !more {
            accepted += peer.append(&group);
            group.clear();
        }
        if !more {
            break;
        }
    }
    let (seconds, cpu_acknowledged) = (begin.elapsed().as_secs_f64(), process::own_cpu() - cpu);
    peer.settle();
    let (cpu, (_, peak)) = (process::own_cpu() - cpu, process::own_memory());
    let disk_bytes = process::disk_bytes(&dir);
    let queries = peer.ask(&Load::of(arguments), arguments.need("--times"));
    json!({
        "accepted": accepted,
        "seconds": seconds,
        "cpu_acknowledged": cpu_acknowledged,
        "cpu": cpu,
        "disk_bytes": disk_bytes,
        "peak": peak,
        "queries": queries,
    })
}
