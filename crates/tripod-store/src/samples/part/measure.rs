//! What codecs take and cost on series as services have them. Run it with
//! `cargo test --release -p tripod-store --lib measure -- --ignored --nocapture`.

use std::time::Duration;

use super::tests::Parts;
use super::{SeriesPart, SeriesWriter, ints, merge, small, values, verify};
use crate::engine::PartFile;
use crate::samples::{SAMPLES, Selector, SeriesRows};
use crate::{Labels, MatchOp, Matcher};

/// Starts to measure the time that this thread has a processor.
struct Clock(Duration);

impl Clock {
    fn start() -> Self {
        Self(Self::now())
    }

    fn now() -> Duration {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
    }

    fn elapsed(&self) -> Duration {
        Self::now().abs_diff(self.0)
    }
}

/// MB that the process has at most had in memory since this was asked last.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

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

/// Nanoseconds a sample. The clock ticks every few milliseconds, so it is asked seldom.
fn ns(samples: usize, mut work: impl FnMut()) -> f64 {
    let start = Clock::start();
    let mut rounds = 0;
    while start.elapsed().as_millis() < 60 {
        let some = 1 + 200_000 / samples;
        (0..some).for_each(|_| work());
        rounds += some;
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

/// How many of 100 series of a target are of each of [`KINDS`]; buckets come as whole histograms instead.
const MIX: [usize; 16] = [25, 6, 6, 2, 4, 4, 1, 3, 3, 1, 2, 0, 0, 0, 2, 5];
const BOUNDS: [&str; 12] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];

/// The series of one target: a mix of 64, and four histograms of fourteen.
fn target(number: usize, samples: usize) -> Vec<(Labels, Vec<f64>)> {
    let labels = |name: String, more: &[(&str, String)]| {
        let mut pairs = vec![
            ("__name__".to_owned(), name),
            ("instance".to_owned(), format!("10.0.{}.{}:9100", number / 200, number % 200)),
            ("job".to_owned(), format!("service-{}", number % 7)),
            ("zone".to_owned(), format!("eu-central-1{}", ["a", "b", "c"][number % 3])),
        ];
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Labels::new(pairs)
    };
    let mut all = Vec::new();
    for (kind, count) in MIX.iter().enumerate() {
        for at in 0..*count {
            let of = series(kind, samples, (number * 1000 + at) as u64);
            all.push((labels(format!("metric_{kind}_total"), &[("mode", format!("mode-{at}"))]), of));
        }
    }
    for route in 0..4 {
        let mut dice = Dice::new((number * 10 + route) as u64);
        let mut counts = [0.0; 12];
        let mut columns = vec![Vec::new(); 14];
        let mut sum = 0.0;
        for at in 0..samples {
            for _ in 0..dice.poisson([0.3, 3.0, 30.0, 75.0][route] * wave(at)) as usize {
                let seconds = (dice.normal() * 0.7 - 4.2).exp();
                sum += seconds;
                let bucket = BOUNDS.iter().position(|bound| bound.parse::<f64>().is_ok_and(|bound| seconds <= bound));
                counts[bucket.unwrap_or(11)] += 1.0;
            }
            let mut held = 0.0;
            for (column, count) in columns.iter_mut().zip(counts) {
                held += count;
                column.push(held);
            }
            columns[12].push(held);
            columns[13].push(sum);
        }
        for (at, column) in columns.into_iter().enumerate() {
            let route = ("route", format!("/api/v1/thing-{route}"));
            all.push(match at {
                12 => (labels("http_seconds_count".to_owned(), &[route]), column),
                13 => (labels("http_seconds_sum".to_owned(), &[route]), column),
                _ => (labels("http_seconds_bucket".to_owned(), &[route, ("le", BOUNDS[at].to_owned())]), column),
            });
        }
    }
    all
}

fn millis(what: &str, mut work: impl FnMut() -> u64) -> u64 {
    let start = Clock::start();
    let (mut rounds, mut count) = (0, 0);
    while start.elapsed().as_millis() < 200 {
        count = work();
        rounds += 1;
    }
    println!("{what}: {:.3} ms, {count}", start.elapsed().as_secs_f64() * 1e3 / f64::from(rounds));
    count
}

#[test]
#[ignore = "a measurement"]
fn measure_a_day_of_services() {
    const TARGETS: usize = 20;
    const SAMPLES_OF_A_PART: usize = 480;
    const PARTS: usize = 12;
    let mut model: Vec<(Labels, Vec<f64>, usize)> = Vec::new();
    let mut target_times = Vec::new();
    for number in 0..TARGETS {
        target_times.push(times(SAMPLES_OF_A_PART * PARTS, number as u64 + 7));
        let all = target(number, SAMPLES_OF_A_PART * PARTS);
        model.extend(all.into_iter().map(|(labels, values)| (labels, values, number)));
    }
    model.sort_by(|a, b| a.0.cmp(&b.0));
    let total = (model.len() * SAMPLES_OF_A_PART * PARTS) as f64;
    println!("{} series of {TARGETS} targets, {total} samples, a part each {SAMPLES_OF_A_PART} samples", model.len());
    let mut parts = Parts::new();
    let mut written = Duration::ZERO;
    let mut rows: Vec<(i64, f64)> = Vec::new();
    let inputs: Vec<(SeriesPart, PartFile)> = (0..PARTS)
        .map(|at| {
            let range = at * SAMPLES_OF_A_PART..(at + 1) * SAMPLES_OF_A_PART;
            let start = Clock::start();
            let part = parts.write(SAMPLES, |part| {
                let mut writer = SeriesWriter::new(part)?;
                for (labels, values, target) in &model {
                    rows.clear();
                    rows.extend(
                        target_times[*target][range.clone()].iter().copied().zip(values[range.clone()].iter().copied()),
                    );
                    let labels: Vec<_> = labels.iter().collect();
                    writer.push(&SeriesRows { labels: &labels, floats: &rows, histograms: &[] })?;
                }
                writer.finish([])
            });
            written += start.elapsed();
            part
        })
        .collect();
    let bytes: u64 = inputs.iter().map(|(_, file)| file.len()).sum();
    println!("written: {:.3} B a sample, {:.1} M samples/s", bytes as f64 / total, total / written.as_secs_f64() / 1e6);
    let by_four: Vec<(SeriesPart, PartFile)> = inputs.chunks(4).map(|inputs| merged(&mut parts, inputs)).collect();
    let day = merged(&mut parts, &by_four);
    let at_once = merged(&mut parts, &inputs);
    println!("all at once {} bytes, by four {}", at_once.1.len(), day.1.len());
    let again = Clock::start();
    let copied = merged(&mut parts, std::slice::from_ref(&day));
    println!("copied: {:.1} M samples/s", copied.1.meta.rows as f64 / again.elapsed().as_secs_f64() / 1e6);
    let range = (i64::MIN, i64::MAX);
    let noon = target_times[0][0] + 12 * 3_600_000;
    let found = millis("all samples", || select(&day, &[], range));
    assert_eq!(found as f64, total);
    millis("one metric, all targets, the day", || {
        select(&day, &[Matcher::equal("__name__", "http_seconds_bucket")], range)
    });
    let hour = (noon, noon + 3_600_000);
    millis("one metric, all targets, an hour", || {
        select(&day, &[Matcher::equal("__name__", "http_seconds_bucket")], hour)
    });
    verify(&day.0, &day.1).unwrap();
}

fn merged(parts: &mut Parts, inputs: &[(SeriesPart, PartFile)]) -> (SeriesPart, PartFile) {
    let start = Clock::start();
    let references: Vec<_> = inputs.iter().map(|(part, file)| (part, file)).collect();
    let merged = parts.write(SAMPLES, |part| merge(&references, part));
    let rows = merged.1.meta.rows as f64;
    println!(
        "{} parts merged: {:.3} B a sample, {:.1} M samples/s",
        inputs.len(),
        merged.1.len() as f64 / rows,
        rows / start.elapsed().as_secs_f64() / 1e6
    );
    merged
}

fn select(part: &(SeriesPart, PartFile), matchers: &[Matcher], (start, end): (i64, i64)) -> u64 {
    let mut count = 0;
    let each = &mut |rows: SeriesRows<'_>| {
        count += rows.floats.len() as u64;
        Ok(())
    };
    part.0.query(&part.1).select(&Selector::new(matchers), start, end, each).unwrap();
    count
}

#[test]
#[ignore = "a measurement"]
fn measure_a_million_series() {
    const METRICS: usize = 500;
    const PODS: usize = 2000;
    let mut parts = Parts::new();
    let all_times: Vec<Vec<i64>> = (0..PODS).map(|pod| times(40, pod as u64)).collect();
    let make = |parts: &mut Parts, later: i64| {
        parts.write(SAMPLES, |part| {
            let mut writer = SeriesWriter::new(part)?;
            let mut rows: Vec<(i64, f64)> = Vec::new();
            for metric in 0..METRICS {
                let values = series(metric % KINDS.len(), 40, metric as u64);
                for (pod, times) in all_times.iter().enumerate() {
                    rows.clear();
                    rows.extend(times.iter().zip(&values).map(|(time, value)| (*time + later, *value + pod as f64)));
                    let name = format!("service_metric_{metric:04}_total");
                    let pod_name = format!("shop-{:03}-7f9c{:08x}", pod / 10, (pod as u32).wrapping_mul(0x9e37_79b9));
                    let instance = format!("10.{}.{}.{}:8080", pod / 65_536, pod / 256 % 256, pod % 256);
                    let labels = [
                        ("__name__", name.as_str()),
                        ("a_pod_number", &format!("{pod:06}")),
                        ("instance", &instance),
                        ("job", ["shop", "cart", "pay"][pod / 10 % 3]),
                        ("namespace", "production"),
                        ("pod", &pod_name),
                        ("unique", &format!("{metric}-{pod}")),
                        ("zone", ["a", "b"][pod % 2]),
                    ];
                    writer.push(&SeriesRows { labels: &labels, floats: &rows, histograms: &[] })?;
                }
            }
            writer.finish([])
        })
    };
    let start = Clock::start();
    peak_mb();
    let part = make(&mut parts, 0);
    println!(
        "{} series with 8 labels, one of them unique, 40 samples each: {:.1} MB, written in {:.1} s; {} bytes in memory",
        part.0.series(),
        part.1.len() as f64 / 1e6,
        start.elapsed().as_secs_f64(),
        size_of::<SeriesPart>()
    );
    let footer = part.0.query(&part.1).footer;
    let blocks = part.0.query(&part.1).place_of_block(0).unwrap().offset;
    println!(
        "at most {} MB in memory; times and values {:.1} MB, series {:.1} MB, label pairs {:.1} MB",
        peak_mb(),
        blocks as f64 / 1e6,
        (part.0.query(&part.1).place_of_block(footer.series.div_ceil(128) - 1).unwrap().end() - blocks) as f64 / 1e6,
        (footer.table - part.0.query(&part.1).place_of_block(footer.series.div_ceil(128) - 1).unwrap().end()) as f64
            / 1e6,
    );
    let other = make(&mut parts, 40 * 15_000);
    peak_mb();
    let start = Clock::start();
    let both = merged(&mut parts, &[part, other]);
    println!("two of them merged in {:.1} s, at most {} MB in memory", start.elapsed().as_secs_f64(), peak_mb());
    let part = both;
    let all = (i64::MIN, i64::MAX);
    let regex = |name: &str, source: &str| Matcher {
        name: name.to_owned(),
        op: MatchOp::Regex(regex::Regex::new(&format!("^(?s:{source})$")).unwrap()),
        value: source.to_owned(),
    };
    let name = || Matcher::equal("__name__", "service_metric_0123_total");
    millis("open", || SeriesPart::open(&part.1).unwrap().series().into());
    millis("samples by name and pod (1 series)", || {
        select(&part, &[name(), Matcher::equal("a_pod_number", "001234")], all)
    });
    millis("samples by name (2,000 series)", || select(&part, &[name()], all));
    millis("samples by unique=~\"77-1.*\"", || select(&part, &[regex("unique", "77-1.*")], all));
    millis("samples by unique=~\".*-77[0-4]\" (a million values)", || {
        select(&part, &[regex("unique", ".*-77[0-4]")], all)
    });
    millis("samples by name and unique=~\".*-77[0-4]\"", || {
        select(&part, &[name(), regex("unique", ".*-77[0-4]")], all)
    });
    millis("names", || part.0.query(&part.1).label_names().unwrap().len() as u64);
    millis("values of __name__", || {
        let mut count = 0;
        let each = &mut |_: &str, _| {
            count += 1;
            Ok(())
        };
        part.0.query(&part.1).label_values("__name__", each).unwrap();
        count
    });
}
