//! What a batch of 512 spans costs the thread that sends it by OTLP, by protocol and compression.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/grpc.rs"]
#[allow(dead_code)]
mod grpc;

use std::time::Duration;

use tripod::{Compression, OtlpProtocol};

const BATCHES: usize = 1000;
const SPANS: usize = 512;

/// Nanoseconds that the thread of the exporter has run.
fn exporter_nanos() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
    let is_exporter = |task: &std::path::PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "tripod-exporter")
    };
    let ran = |task: std::path::PathBuf| {
        let ran = std::fs::read_to_string(task.join("schedstat")).ok()?;
        ran.split_whitespace().next()?.parse::<u64>().ok()
    };
    tasks.filter(is_exporter).filter_map(ran).sum()
}

/// `cargo test --release -p tripod --all-features --test otlp_cost -- --ignored --nocapture`
#[ignore = "measures: on demand, with --release"]
#[test]
fn a_batch_costs_the_exporter_some_hundred_microseconds() {
    let _turn = common::turn();
    let (http, _requests) = common::http::receiver();
    let grpc = grpc::Receiver::start();
    for protocol in [OtlpProtocol::HttpProtobuf, OtlpProtocol::HttpJson, OtlpProtocol::Grpc] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let url = if protocol == OtlpProtocol::Grpc { grpc.url() } else { http.clone() };
            let builder = tripod::init().otlp_endpoint(&url).otlp_protocol(protocol).otlp_compression(compression);
            let builder = builder.metrics(false).logs(false).schedule_delay(Duration::from_secs(3600));
            let guard = builder.record_memory(64 << 20).shutdown_timeout(common::PATIENCE).start().unwrap();
            let begin = exporter_nanos();
            for _ in 0..BATCHES {
                for n in 0..SPANS {
                    tripod::span!("GET /orders", n, user = "ada", amount = 42.5, http.method = "GET").end();
                }
                assert!(guard.flush());
            }
            let each = (exporter_nanos() - begin) / BATCHES as u64;
            assert_eq!(guard.stats().exporters[0].spans.exported, (BATCHES * SPANS) as u64);
            println!("{protocol:?}, {compression:?}: {} µs a batch", each / 1000);
        }
    }
}
