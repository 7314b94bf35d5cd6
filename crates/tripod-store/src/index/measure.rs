//! Bytes and nanoseconds of indexes, of a part of 10 million rows. Prints, and asserts nothing of time:
//! `cargo test --release -p tripod-store --lib index::measure -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use roaring::RoaringBitmap;

use super::filter::FilterBuilder;
use super::postings::{Builder, Postings};
use super::rows::Rows;
use super::tests::Memory;
use super::{filter, hash, rows};

fn time<T>(what: &str, times: u64, mut run: impl FnMut(u64) -> T) {
    let start = Instant::now();
    (0..times).for_each(|at| drop(black_box(run(at))));
    println!("{what:<52} {:>9.1} ns", start.elapsed().as_nanos() as f64 / times as f64);
}

fn mix(number: u64) -> u64 {
    hash::id(&number.to_le_bytes())
}

#[test]
#[ignore = "prints figures"]
fn rows_of_a_million_traces() {
    const TRACES: u64 = 1_000_000;
    let mut builder = rows::Builder::default();
    time("row pushed", TRACES, |trace| builder.push(mix(trace), (trace * 10) as u32));
    let start = Instant::now();
    let mut bytes = Vec::new();
    builder
        .finish(&[], 0, &mut |more| {
            bytes.extend_from_slice(more);
            Ok(())
        })
        .unwrap();
    let section = Memory::new(bytes);
    println!(
        "{TRACES} entries, {:.2} B each, built in {:?}",
        section.bytes.len() as f64 / TRACES as f64,
        start.elapsed()
    );
    let rows = Rows::open(&section).unwrap();
    time("a trace that is there", 500_000, |at| rows.find(&section, mix(at * 2)).unwrap());
    time("a trace that is not", 500_000, |at| rows.find(&section, mix(at + TRACES)).unwrap());
    let wrong = (0..TRACES).filter(|at| !rows.find(&section, mix(at + TRACES)).unwrap().is_empty()).count();
    println!("{wrong} of {TRACES} that are not there have a row");
}

#[test]
#[ignore = "prints figures"]
fn filters_of_a_block() {
    const HASHES: u64 = 8192;
    let mut bytes = Vec::new();
    time("filter of 8,192 hashes built", 200, |round| {
        let mut builder = FilterBuilder::default();
        (0..HASHES).for_each(|number| builder.insert(mix(round * HASHES + number)));
        bytes = builder.finish();
    });
    println!("{:.2} bits a hash", bytes.len() as f64 * 8.0 / HASHES as f64);
    time("probe", 10_000_000, |number| filter::contains(&bytes, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let wrong = (0..1_000_000).filter(|number| filter::contains(&bytes, mix(number + (1 << 40)))).count();
    println!("{:.2} % of what is not there is said to be", wrong as f64 / 10_000.0);
    time("hash of a pair of 10 and 16 bytes", 10_000_000, |_| {
        hash::pair(black_box("request.id"), black_box("5b8efff798038103"))
    });
}

#[test]
#[ignore = "prints figures"]
fn postings_of_a_part() {
    const BLOCKS: u32 = 2442;
    let mut builder = Builder::default();
    let mut sets = std::collections::HashMap::<String, RoaringBitmap>::new();
    let keys = [
        ("service.name", 12),
        ("http.route", 200),
        ("http.response.status_code", 8),
        ("k8s.pod.name", 60),
        ("customer", 1000),
        ("user.id", 100_000),
    ];
    let start = Instant::now();
    let mut pairs = 0u64;
    for block in 0..BLOCKS {
        for (at, (key, values)) in keys.iter().enumerate() {
            // Values as they come: few often, most rarely.
            for number in 0..400u64.min(*values) {
                let random = mix(u64::from(block) << 32 | (at as u64) << 16 | number);
                let value = ((*values as f64 + 1.0).powf(random as f64 / u64::MAX as f64) as u64 - 1).min(values - 1);
                let value = format!("value-{value:05}");
                pairs += 1;
                if builder.add(block, key, &value, 10) {
                    sets.entry(format!("{key}={value}")).or_default().insert(block);
                }
            }
        }
    }
    println!(
        "{pairs} pairs of {BLOCKS} blocks, {:.0} ns each with making them up",
        start.elapsed().as_nanos() as f64 / pairs as f64
    );
    let mut bytes = Vec::new();
    builder
        .finish(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    let roaring: usize = sets
        .values_mut()
        .map(|set| {
            set.optimize();
            set.serialized_size()
        })
        .sum();
    println!("{} values, {} B in all; their sets alone as roaring bitmaps {roaring} B", sets.len(), bytes.len());
    let section = Memory::new(bytes);
    let postings = Postings::open(&section).unwrap();
    println!("{} B in memory", postings.memory());
    time("value that is there", 100_000, |at| {
        postings.blocks(&section, "customer", &format!("value-{:05}", at % 900)).unwrap()
    });
}
