//! Bytes and nanoseconds a value of columns as programs write them, a block of 4,096 each. Prints, and asserts nothing of time:
//! `cargo test --release -p tripod-store --lib columns::measure -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use super::{Strings, fixed, floats, ints, strings};

const ROWS: usize = 4096;

/// Random numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }

    fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (1.0 - self.fraction(), self.fraction());
        median * (sigma * (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()).exp()
    }

    /// Below `count`, small ones more often.
    fn zipf(&mut self, count: u64) -> u64 {
        ((count as f64 + 1.0).powf(self.fraction()) as u64 - 1).min(count - 1)
    }
}

fn rows<T>(mut value: impl FnMut(usize) -> T) -> Vec<T> {
    (0..ROWS).map(&mut value).collect()
}

/// Starts of spans, a trace behind the other.
fn starts(random: &mut Random) -> Vec<u64> {
    let (mut starts, mut trace) = (Vec::new(), 1.795e18);
    while starts.len() < ROWS {
        trace += random.exponential(5e6);
        let mut offset = 0.0;
        for _ in 0..5 + random.next() % 11 {
            starts.push((trace + offset) as u64);
            offset += random.lognormal(3e5, 1.0);
        }
    }
    starts.truncate(ROWS);
    starts
}

fn report<T>(name: &str, encode: impl Fn(&mut Vec<u8>), decode: impl Fn(&[u8]) -> T) {
    const TIMES: u32 = 50;
    let mut bytes = Vec::new();
    let time = |run: &mut dyn FnMut()| {
        run();
        let start = Instant::now();
        (0..TIMES).for_each(|_| run());
        start.elapsed().as_nanos() as f64 / f64::from(TIMES) / ROWS as f64
    };
    let encoding = time(&mut || {
        bytes.clear();
        encode(&mut bytes);
    });
    let decoding = time(&mut || drop(black_box(decode(black_box(&bytes)))));
    let a_value = bytes.len() as f64 / ROWS as f64;
    println!("{name:<34} {a_value:>7.3} B {encoding:>7.1} ns to encode {decoding:>6.1} ns to decode");
}

fn report_ints(name: &str, values: &[u64]) {
    report(name, |out| ints::encode(values, out), |bytes| ints::decode(bytes, values.len()).unwrap());
}

fn report_strings(name: &str, value: impl FnMut(usize) -> String) {
    let mut values = Strings::default();
    rows(value).iter().for_each(|value| values.push(value.as_bytes()));
    report(name, |out| strings::encode(&values, out), |bytes| strings::decode(bytes, ROWS).unwrap());
}

#[test]
#[ignore = "prints figures"]
fn columns_of_spans_and_logs() {
    let random = &mut Random(1);
    let starts = starts(random);
    report_ints("start", &starts);
    report_ints("start, clock of microseconds", &starts.iter().map(|start| start / 1000 * 1000).collect::<Vec<_>>());
    report_ints("duration", &rows(|_| random.lognormal(2e6, 1.3) as u64));
    report_ints("duration, clock of microseconds", &rows(|_| random.lognormal(2e3, 1.3) as u64 * 1000));
    report_ints(
        "time of logs",
        &rows({
            let mut time = 1.795e18;
            move |_| {
                time += Random((time as u64) / 1000).exponential(1e6);
                time as u64
            }
        }),
    );
    report_ints("constant", &rows(|_| 7));
    report_ints("one in a hundred", &rows(|_| u64::from(random.fraction() < 0.01)));
    for count in [2, 10, 60, 300, 1000] {
        report_ints(&format!("codes of {count}"), &rows(|_| random.zipf(count)));
    }
    let shapes: Vec<Vec<u64>> = (0..8).map(|_| (0..10).map(|_| random.next() % 30).collect()).collect();
    let codes: Vec<u64> = (0..=ROWS / 10).flat_map(|_| shapes[random.zipf(8) as usize].clone()).take(ROWS).collect();
    report_ints("codes of traces of 8 shapes", &codes);
    report_ints(
        "status codes",
        &rows(|_| [200, 200, 200, 200, 200, 200, 201, 302, 404, 500][random.zipf(10) as usize]),
    );
    report_ints("sizes", &rows(|_| random.lognormal(4000.0, 1.5) as u64));
    report_ints("ports", &rows(|_| 32_768 + random.next() % 28_000));
    report_ints("numbers of users", &rows(|_| random.next() % 100_000));
    let ids = rows(|_| random.next().to_le_bytes());
    report("random ids", |out| fixed::encode(&ids, out), |bytes| fixed::decode::<8>(bytes, ROWS).unwrap());
    let mut level = 50.0;
    for (name, values) in [
        (
            "gauge, two places",
            rows(|_| {
                level += random.fraction() - 0.5;
                f64::round(level * 100.0) / 100.0
            }),
        ),
        ("prices", rows(|_| (random.lognormal(50.0, 1.0) * 100.0).round() / 100.0)),
        ("random floats", rows(|_| random.fraction())),
    ] {
        report(name, |out| floats::encode(&values, out), |bytes| floats::decode(bytes, ROWS).unwrap());
    }
    report_strings("methods", |_| ["GET", "POST", "PUT", "DELETE"][random.zipf(4) as usize].to_owned());
    report_strings("routes, 60", |_| format!("/api/v1/resource-{}/{{id}}", random.zipf(60)));
    report_strings("users, 100,000", |_| format!("user-{}", random.next() % 100_000));
    report_strings("16 hexadecimal digits", |_| format!("{:016x}", random.next()));
    report_strings("order, the same in a trace", |at| format!("{:016x}", Random(at as u64 / 10).next()));
    report_strings("UUIDs", |_| {
        let text = format!("{:016x}{:016x}", random.next(), random.next());
        format!("{}-{}-4{}-8{}-{}", &text[..8], &text[8..12], &text[12..15], &text[15..18], &text[18..30])
    });
    report_strings("ord-000000", |_| format!("ord-{:06}", random.next() % 1_000_000));
    report_strings("URLs", |_| {
        let shop = ["books", "music", "games"][random.zipf(3) as usize];
        format!("https://shop.example.com/{shop}/items/{}?page={}", random.next() % 100_000, random.next() % 9)
    });
    report_strings("addresses", |_| {
        format!(
            "10.{}.{}.{}:{}",
            random.next() % 4,
            random.next() % 256,
            random.next() % 256,
            32_768 + random.next() % 28_000
        )
    });
    report_strings("log lines", |at| match at % 3 {
        0 => format!("order {} accepted in {:.2} ms", random.next() % 1_000_000, random.lognormal(12.0, 0.8)),
        1 => format!("cache miss for key user:{}:cart, loading from database", random.next() % 100_000),
        _ => format!(
            "request {:016x} from 10.0.{}.{} done with status 200",
            random.next(),
            random.next() % 256,
            random.next() % 256
        ),
    });
}
