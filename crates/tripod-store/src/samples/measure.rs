//! What remote write costs by stages, and what a series takes: `cargo test --profile demo -p tripod-store --lib samples::measure
//! -- --ignored --nocapture`. Figures are printed; what is asserted is that nothing was lost.

use std::sync::Arc;
use std::time::Instant;

use tripod_wire::prometheus::remote_write as wire;
use tripod_wire::proto::Message;

use super::batch::Batch;
use super::memory::Memory;
use super::registry::Registry;
use super::{Limits, Samples};
use crate::disk::RealDisk;
use crate::engine::testing::Harness;
use crate::engine::{Options, RecordKind};

/// Series of a cluster, ten labels each, a request for each 2,000.
fn requests(series: usize, round: i64) -> Vec<Vec<u8>> {
    let one = |at: usize| {
        let labels = [
            ("__name__", format!("http_server_request_duration_seconds_{}", at % 50)),
            ("cluster", "eu-west-1-prod".to_owned()),
            ("container", format!("service-{}", at / 50 % 100)),
            ("endpoint", "metrics".to_owned()),
            ("instance", format!("10.0.{}.{}:9090", at / 12_800 % 256, at / 50 % 256)),
            ("job", format!("service-{}", at / 50 % 100)),
            ("method", ["GET", "PUT", "POST", "DELETE"][at % 4].to_owned()),
            ("namespace", format!("team-{}", at / 50 % 20)),
            ("pod", format!("service-{}-7d9f8b6c5-{:05x}", at / 50 % 100, at / 50)),
            ("status", ["200", "404", "500"][at % 3].to_owned()),
        ];
        wire::TimeSeries {
            labels: labels.into_iter().map(|(name, value)| wire::Label { name: name.into(), value }).collect(),
            samples: vec![wire::Sample {
                timestamp: 1_795_238_940_000 + round * 15_000 + (at % 700) as i64,
                value: (round * (at % 97) as i64) as f64,
            }],
            ..wire::TimeSeries::default()
        }
    };
    let all: Vec<_> = (0..series).map(one).collect();
    all.chunks(2000)
        .map(|some| wire::WriteRequest { timeseries: some.to_vec(), metadata: Vec::new() }.encode_to_vec())
        .map(|request| snap::raw::Encoder::new().compress_vec(&request).unwrap())
        .collect()
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).and_then(|line| line.split_whitespace().nth(1));
    line.and_then(|kilobytes| kilobytes.parse::<usize>().ok()).unwrap_or_default() * 1024
}

#[test]
fn a_series_of_ten_labels_takes_less_than_half_a_kibibyte() {
    let (registry, memory, series) = (Registry::new(Limits::default()), Memory::default(), 20_000);
    for round in 0..2 {
        for request in requests(series, round) {
            memory.apply(Batch::decode(&registry, RecordKind::RemoteWrite, &request).unwrap());
        }
    }
    let all = memory.present();
    assert_eq!(registry.sorted(&all).len(), series);
    let (known, samples) = (registry.memory() / series, memory.bytes() / series);
    println!("{known} bytes for what is known of a series, {samples} for two samples");
    assert!(known + samples <= 512, "{known} and {samples} bytes a series");
}

#[test]
fn a_memory_table_has_several_scrapes_of_a_million_series() {
    let (registry, memory, series) = (Registry::new(Limits::default()), Memory::default(), 10_000);
    for round in 0..4 {
        for request in requests(series, round) {
            memory.apply(Batch::decode(&registry, RecordKind::RemoteWrite, &request).unwrap());
        }
    }
    let of_a_million = memory.bytes() * (1_000_000 / series);
    assert!(of_a_million < Options::new("").samples_table_bytes(), "{of_a_million} bytes");
}

#[test]
#[ignore = "a measurement"]
fn stages() {
    for series in [100_000, 1_000_000] {
        let registry = Registry::new(Limits::default());
        let memory = Memory::default();
        let before = resident();
        let (mut decode, mut apply, mut first) = (0.0, 0.0, 0.0);
        let rounds = 10;
        for round in 0..rounds {
            for request in requests(series, round) {
                let start = Instant::now();
                let batch = Batch::decode(&registry, RecordKind::RemoteWrite, &request).unwrap();
                let decoded = Instant::now();
                memory.apply(batch);
                if round == 0 {
                    first += start.elapsed().as_secs_f64();
                } else {
                    decode += (decoded - start).as_secs_f64();
                    apply += decoded.elapsed().as_secs_f64();
                }
            }
        }
        let samples = (series * (rounds as usize - 1)) as f64;
        println!(
            "{series} series: new {:.0} ns a series, decode {:.0} ns, apply {:.0} ns a sample; {} + {} B a series, resident {}",
            first * 1e9 / series as f64,
            decode * 1e9 / samples,
            apply * 1e9 / samples,
            registry.memory() / series,
            memory.bytes() / series,
            (resident() - before) / series,
        );
        assert_eq!(memory.samples(), (series * rounds as usize) as u64);
        let start = Instant::now();
        let sorted = registry.sorted(&memory.present());
        println!("  sort {:.0} ns a series", start.elapsed().as_secs_f64() * 1e9 / series as f64);
        assert_eq!(sorted.len(), series);
    }
}

#[test]
#[ignore = "a measurement"]
fn whole() {
    for (series, rounds) in [(100_000, 100), (1_000_000, 10)] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Harness::open(Arc::new(RealDisk), dir.path(), Samples::new(Limits::default()));
        let (mut spent, mut flushing, mut bytes) = (0.0, 0.0, 0);
        for round in 0..rounds {
            for request in requests(series, round) {
                bytes += request.len();
                let start = Instant::now();
                store.append(RecordKind::RemoteWrite, &request).unwrap();
                spent += start.elapsed().as_secs_f64();
            }
        }
        let start = Instant::now();
        store.flush();
        flushing += start.elapsed().as_secs_f64();
        let samples = (series as i64 * rounds) as f64;
        let view = store.view();
        let disk: u64 = view.parts.iter().map(|part| part.file.meta.bytes).sum();
        println!(
            "{series} series, {samples} samples: {:.0} ns a sample with its flushes ({:.0} of them the last), {:.0} B a sample in, {:.2} B on disk in {} parts",
            (spent + flushing) * 1e9 / samples,
            flushing * 1e9 / samples,
            bytes as f64 / samples,
            disk as f64 / samples,
            view.parts.len(),
        );
        assert_eq!(store.table.signal.counts(&view).samples, samples as u64);
        store = store.reopen(Samples::new(Limits::default()));
        assert_eq!(store.table.signal.counts(&store.view()).samples, samples as u64);
    }
}
