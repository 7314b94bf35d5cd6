//! What codecs take and cost on series as services have them. Run it with
//! `cargo test --release -p tripod-store --lib measure -- --ignored --nocapture`.

use std::time::Instant;

use super::{ints, small, values};

/// Numbers that look random and are the same each time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normally distributed.
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }
}

/// How busy a service is at a time: a day's wave.
fn wave(at: usize) -> f64 {
    1.0 + 0.6 * (at as f64 / 5760.0 * std::f64::consts::TAU).sin()
}

/// The times of a scrape every 15 s that comes a few milliseconds early or late.
pub(super) fn times(count: usize, seed: u64) -> Vec<i64> {
    let mut dice = Dice::new(seed);
    (0..count as i64).map(|at| 1_763_700_000_000 + at * 15_000 + (dice.normal() * 3.0) as i64).collect()
}

/// Kinds of series.
pub(super) const KINDS: [&str; 16] = [
    "constant",
    "requests, 0.2/s",
    "requests, 5/s",
    "requests, 300/s",
    "bytes sent",
    "cpu seconds, 2 digits",
    "cpu fraction, all digits",
    "memory bytes, pages",
    "heap bytes",
    "temperature, 1 digit",
    "goroutines",
    "bucket, rare",
    "bucket, busy",
    "histogram sum, all digits",
    "requests with gaps",
    "queue length",
];

pub(super) fn series(kind: usize, count: usize, seed: u64) -> Vec<f64> {
    let mut dice = Dice::new(seed * 31 + kind as u64 + 1);
    let mut sum = (dice.unit() * 1e5).floor();
    let mut level = 100.0 + dice.unit() * 100.0;
    (0..count)
        .map(|at| {
            let mut count = |mean: f64| {
                sum += dice.poisson(mean * wave(at));
                sum
            };
            match kind {
                0 => 1.0,
                1 => count(3.0),
                2 => count(75.0),
                3 => count(4500.0),
                4 => {
                    let sent = dice.poisson(75.0 * wave(at)) * (800.0 + 150.0 * dice.normal());
                    sum += sent.round().max(0.0);
                    sum
                }
                5 => {
                    sum += (dice.unit() * 300.0 * wave(at)).round();
                    sum / 100.0
                }
                6 => (0.2 * wave(at) + 0.03 * dice.normal()).abs(),
                7 => {
                    level += if dice.unit() < 0.3 { (dice.normal() * 20.0).round() } else { 0.0 };
                    (level.abs() + 50_000.0).floor() * 4096.0
                }
                8 => {
                    level += dice.unit() * 400_000.0;
                    if level > 6e7 {
                        level = 3e7;
                    }
                    level.round()
                }
                9 => {
                    level += (dice.normal() * 1.2).round();
                    (level + 150.0).round() / 10.0
                }
                10 => {
                    level += (dice.normal() * 3.0).round() - (level - 120.0) * 0.05;
                    level.round()
                }
                11 => count(0.05),
                12 => count(20.0),
                13 => {
                    sum += dice.poisson(75.0 * wave(at)) * 0.01 * (1.0 + 0.2 * dice.normal()).abs();
                    sum
                }
                14 => {
                    if at % 400 == 300 {
                        f64::from_bits(small::STALE)
                    } else {
                        count(75.0)
                    }
                }
                _ => dice.poisson(0.7 * wave(at)),
            }
        })
        .collect()
}

fn ns(samples: usize, work: impl FnMut()) -> f64 {
    let mut work = work;
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed().as_millis() < 30 {
        work();
        rounds += 1;
    }
    start.elapsed().as_nanos() as f64 / (rounds * samples) as f64
}

#[test]
#[ignore = "a measurement"]
fn measure_codecs() {
    for len in [120, 480, 2000, 8000] {
        println!("\n{len} samples: bytes a sample, ns a sample to encode, to decode");
        let mut numbers = Vec::new();
        let times = times(len, 1);
        let mut bytes = Vec::new();
        ints::encode(&times, &mut bytes);
        println!("{:26} {:6.3}", "times", bytes.len() as f64 / len as f64);
        for (kind, name) in KINDS.iter().enumerate() {
            let series = series(kind, len, 1);
            let mut bytes = Vec::new();
            let encode = ns(len, || {
                bytes.clear();
                values::encode(&series, &mut bytes);
            });
            let mut scratch = values::Scratch::default();
            let mut out = Vec::new();
            let decode = ns(len, || values::decode(&bytes, len, &mut scratch, &mut out).unwrap());
            let samples: Vec<_> = times.iter().copied().zip(series.iter().copied()).collect();
            let mut chunk = Box::default();
            let small_encode = ns(len, || chunk = small::encode(&samples));
            let small_decode = ns(len, || {
                numbers.clear();
                numbers.extend(small::iter(&chunk).flatten());
            });
            println!(
                "{name:26} {:6.3} {encode:6.1} {decode:6.2}  kind {:2} packing {:2}   in memory, with times: {:5.2} {small_encode:5.1} {small_decode:5.1}",
                bytes.len() as f64 / len as f64,
                bytes[0],
                bytes.get(2).map_or(0, |b| b % 4),
                chunk.len() as f64 / len as f64,
            );
        }
    }
}
