//! Samples as Prometheus sends them by remote write: 2,000 series a request, one sample each, some eight labels, every 15 s a scrape.
//! Prometheus writes the time that a scrape should have had where it is right by 2 ms, so only one in sixteen is late by some, which all
//! of a target's series share. Of a target's series a third are buckets of histograms, a third counters, the rest
//! gauges and constants; of all some four in ten do not change from one scrape to the next, as on real machines.

use tripod_wire::proto::{WireType, put_bytes, put_len_delimited, put_tag, put_varint};

use super::random::{log_normal, mix};
use super::{Origin, Source, random};

/// Series a request.
pub const BATCH: usize = 2_000;
/// Series a target.
pub const TARGET: usize = 500;
/// Milliseconds between two scrapes.
pub const INTERVAL: i64 = 15_000;
/// Upper bounds of the buckets, as labels.
const BOUNDS: [&str; 11] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"];
const ROUTES: [&str; 6] = ["/orders", "/orders/{id}", "/quotes/{symbol}", "/accounts/{id}", "/portfolio", "/health"];
const JOBS: [&str; 8] =
    ["gateway", "accounts", "orders", "risk", "matching", "market-data", "settlement", "notifications"];

/// How a series goes on.
#[derive(Clone, Copy)]
enum Kind {
    /// Never changes.
    Constant,
    /// Counts events, so many a scrape on average; below 0.1 mostly none.
    Counter(f64),
    /// Seconds of CPU with two decimals.
    Seconds(f64),
    /// Bytes: a walk by pages.
    Bytes,
    /// A small whole number that wanders.
    Level,
    /// A figure with one decimal.
    Tenths,
    /// All 53 bits.
    Ratio,
}

struct Series {
    /// `labels` of a `TimeSeries`, encoded.
    labels: Vec<u8>,
    kind: Kind,
    value: f64,
}

pub struct Samples {
    origin: Origin,
    series: Vec<Series>,
    scrape: i64,
    scrapes: i64,
    at: usize,
    plain: Vec<u8>,
    encoder: snap::raw::Encoder,
}

impl Samples {
    /// So many series (a multiple of a request's), each scraped so often. Compressed by snappy, as on the wire.
    pub fn new(origin: Origin, series: usize, scrapes: i64) -> Self {
        Self {
            series: (0..series.next_multiple_of(BATCH)).map(|at| make(origin.seed, at)).collect(),
            origin,
            scrape: 0,
            scrapes,
            at: 0,
            plain: Vec::new(),
            encoder: snap::raw::Encoder::new(),
        }
    }
}

impl Source for Samples {
    fn next(&mut self, out: &mut Vec<u8>) -> Option<u64> {
        if self.at == self.series.len() {
            (self.at, self.scrape) = (0, self.scrape + 1);
        }
        if self.scrape >= self.scrapes {
            return None;
        }
        self.plain.clear();
        let mut rng = random::of(self.origin.seed ^ 0x5a, self.scrape as u64 * 1_000_003 + self.at as u64);
        for (target, series) in self.series[self.at..self.at + BATCH].chunks_mut(TARGET).enumerate() {
            let target = (self.at / TARGET + target) as u64;
            // Targets are scraped at times of their own.
            let offset = (mix(target) % INTERVAL as u64) as i64;
            let jitter = if rng.u8(0..16) == 0 { rng.i64(3..30) } else { 0 };
            let time = (self.origin.start / 1_000_000) as i64 + self.scrape * INTERVAL + offset + jitter;
            for series in series {
                series.step(&mut rng);
                put_len_delimited(&mut self.plain, 1, |out| {
                    out.extend_from_slice(&series.labels);
                    put_len_delimited(out, 2, |out| {
                        put_tag(out, 1, WireType::Fixed64);
                        out.extend_from_slice(&series.value.to_le_bytes());
                        put_tag(out, 2, WireType::Varint);
                        put_varint(out, time as u64);
                    });
                });
            }
        }
        self.at += BATCH;
        out.resize(snap::raw::max_compress_len(self.plain.len()), 0);
        let len = self.encoder.compress(&self.plain, out).expect("there is room for the worst case");
        out.truncate(len);
        Some(BATCH as u64)
    }
}

impl Series {
    fn step(&mut self, rng: &mut fastrand::Rng) {
        match self.kind {
            Kind::Constant => {}
            Kind::Counter(rate) if rate < 1.0 => self.value += f64::from(u8::from(rng.f64() < rate)),
            Kind::Counter(rate) => self.value += (rate * (0.7 + 0.6 * rng.f64())).round(),
            Kind::Seconds(rate) => self.value = ((self.value + rate * rng.f64()) * 100.0).round() / 100.0,
            Kind::Bytes => self.value = (self.value + f64::from(rng.i32(-300..310)) * 4096.0).max(4096.0),
            Kind::Level => self.value = (self.value + f64::from(rng.i8(-1..=1)) * f64::from(rng.u8(0..3))).max(0.0),
            Kind::Tenths => self.value = (self.value * 10.0 + f64::from(rng.i8(-3..=3))).round() / 10.0,
            Kind::Ratio => self.value = rng.f64(),
        }
    }
}

/// The series of this number: its target, and what it is within it.
fn make(seed: u64, number: usize) -> Series {
    let (target, at) = (number / TARGET, number % TARGET);
    let mut rng = random::of(seed ^ 0xabc, number as u64);
    let job = JOBS[target % JOBS.len()];
    let mut labels = vec![
        ("job", job.to_owned()),
        ("instance", format!("{job}-{}.trading.svc:9090", target / JOBS.len())),
        ("cluster", "eu-central-1a".to_owned()),
        ("namespace", "trading".to_owned()),
        ("pod", format!("{job}-{:08x}-{}", mix(target as u64) as u32, target)),
    ];
    let mut name = |name: &str| labels.push(("__name__", name.to_owned()));
    let kind = match at {
        // Twelve histograms, of routes and methods, each with its sum and count.
        0..156 => {
            let (histogram, bucket) = (at / 13, at % 13);
            // Routes are used very differently; in half of them nothing happens.
            let rate = [40.0, 0.02, 8.0, 0.0, 0.3, 2.0][histogram % 6];
            name(match bucket {
                11 => "http_server_request_duration_seconds_sum",
                12 => "http_server_request_duration_seconds_count",
                _ => "http_server_request_duration_seconds_bucket",
            });
            labels.push(("route", ROUTES[histogram % 6].to_owned()));
            labels.push(("method", ["GET", "POST"][histogram / 6].to_owned()));
            if bucket < 11 {
                labels.push(("le", BOUNDS[bucket].to_owned()));
            }
            match bucket {
                _ if rate == 0.0 => Kind::Constant,
                11 => Kind::Seconds(rate * 0.02),
                12 => Kind::Counter(rate),
                below => Kind::Counter(rate * (below + 1) as f64 / 11.0),
            }
        }
        156..320 => {
            name(&format!("{}_total", ["rpc_requests", "kafka_messages", "db_queries", "cache_lookups"][at % 4]));
            labels.push(("operation", format!("op-{}", at / 4)));
            labels.push(("result", ["ok", "error"][at % 2].to_owned()));
            match at % 8 {
                0 | 1 => Kind::Counter(log_normal(&mut rng, 30.0, 1.5)),
                2 => Kind::Counter(log_normal(&mut rng, 3_000.0, 1.5)),
                3 | 4 => Kind::Counter(0.05),
                5 => Kind::Seconds(log_normal(&mut rng, 2.0, 1.0)),
                _ => Kind::Constant,
            }
        }
        320..400 => {
            name(&format!("{}_bytes", ["process_resident_memory", "node_filesystem_avail", "jemalloc_active"][at % 3]));
            labels.push(("device", format!("dev-{}", at / 3)));
            if at % 2 == 0 { Kind::Bytes } else { Kind::Constant }
        }
        400..460 => {
            name(["in_flight_requests", "queue_depth", "open_connections"][at % 3]);
            labels.push(("queue", format!("q-{}", at / 3)));
            if at % 4 == 0 { Kind::Constant } else { Kind::Level }
        }
        460..480 => {
            name("node_hwmon_temp_celsius");
            labels.push(("sensor", format!("temp{at}")));
            Kind::Tenths
        }
        480..490 => {
            name("book_imbalance_ratio");
            labels.push(("symbol", format!("SYM{at}")));
            Kind::Ratio
        }
        _ => {
            name("node_limit");
            labels.push(("limit", format!("limit-{at}")));
            Kind::Constant
        }
    };
    labels.sort();
    let mut encoded = Vec::new();
    for (key, value) in &labels {
        put_len_delimited(&mut encoded, 1, |out| {
            put_bytes(out, 1, key.as_bytes());
            put_bytes(out, 2, value.as_bytes());
        });
    }
    let value = match kind {
        Kind::Constant => [1.0, 0.0, 1_795_238_947.0, 1_048_576.0][number % 4],
        Kind::Counter(rate) => (rate * rng.f64() * 10_000.0).round(),
        Kind::Seconds(rate) => rate * 1_000.0,
        Kind::Bytes => f64::from(rng.u32(1_000..400_000)) * 4096.0,
        Kind::Level => f64::from(rng.u8(0..40)),
        Kind::Tenths => f64::from(rng.u16(300..700)) / 10.0,
        Kind::Ratio => 0.5,
    };
    Series { labels: encoded, kind, value }
}
