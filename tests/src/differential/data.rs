//! Series of every kind, as the bytes of remote write requests: counters that begin again, gauges, gaps, markers of staleness,
//! infinities, classic and native histograms, a series that changes from numbers to histograms, names beyond the old alphabet.

use fastrand::Rng;
use tripod_wire::prometheus::remote_write::{
    BucketSpan, Histogram, Label, ResetHint, Sample, TimeSeries, WriteRequest,
};
use tripod_wire::proto::Message;

/// Milliseconds between two samples of a series.
pub const STEP: i64 = 15_000;
/// Samples of a series that has no gaps.
const COUNT: i64 = 160;
/// Scrapes a request.
const AT_ONCE: i64 = 20;
/// Marks the end of a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// Upper bounds of the classic buckets.
const BOUNDS: [&str; 6] = ["0.1", "0.5", "1", "2.5", "10", "+Inf"];

/// The series.
#[derive(Debug)]
pub struct Data {
    /// When the first scrape was, milliseconds since the Unix epoch.
    pub start: i64,
    series: Vec<TimeSeries>,
}

impl Data {
    /// Series from a time on.
    pub fn new(rng: &mut Rng, start: i64) -> Self {
        let mut data = Self { start, series: Vec::new() };
        for job in ["api", "web", "db"] {
            for instance in ["a", "b"] {
                let target = [("job", job), ("instance", instance)];
                data.target(rng, &target);
                for code in ["200", "404", "500"] {
                    let labels = [("__name__", "requests_total"), ("code", code)];
                    data.floats(rng, &[&target[..], &labels].concat(), counter);
                }
            }
        }
        for (room, level) in [("hall", "1"), ("cellar", "0"), ("attic", "2"), ("büro", "1")] {
            for sensor in ["1", "2"] {
                let labels = [("__name__", "temp_celsius"), ("room", room), ("sensor", sensor)];
                data.floats(rng, &[&labels[..], &[("level", level)]].concat(), gauge);
            }
            data.floats(rng, &[("__name__", "door_open"), ("room", room)], |rng, _| rng.i64(0..2) as f64);
        }
        data.floats(rng, &[("__name__", "odd"), ("kind", "infinite")], |rng, _| match rng.u8(0..6) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2 => f64::NAN,
            _ => rng.f64() - 0.5,
        });
        data.floats(rng, &[("__name__", "odd"), ("kind", "large")], |rng, _| (rng.f64() - 0.5) * f64::MAX);
        data.floats(rng, &[("__name__", "http.server.duration"), ("service.name", "shop")], gauge);
        data
    }

    /// What every target has.
    fn target(&mut self, rng: &mut Rng, target: &[(&str, &str)]) {
        let version = if rng.bool() { "1.0" } else { "2.0" };
        let info = [("__name__", "target_info"), ("version", version)];
        self.floats(rng, &[target, &info].concat(), |_, _| 1.0);
        self.floats(rng, &[target, &[("__name__", "up")]].concat(), |rng, _| f64::from(rng.u8(0..8).min(1)));
        // Buckets grow together, or the sums over them would not.
        let seed = rng.u64(..);
        for (at, le) in BOUNDS.iter().enumerate() {
            let labels = [("__name__", "latency_seconds_bucket"), ("le", *le)];
            let mut observed = 0.0;
            let mut steps = Rng::with_seed(seed);
            self.floats(&mut Rng::with_seed(seed), &[target, &labels].concat(), |_, _| {
                observed += BOUNDS.iter().take(at + 1).map(|_| f64::from(steps.u32(0..5))).sum::<f64>();
                BOUNDS.iter().skip(at + 1).for_each(|_| _ = steps.u32(0..5));
                observed
            });
        }
        self.histograms(rng, &[target, &[("__name__", "size_bytes")]].concat(), false, 0);
        self.histograms(rng, &[target, &[("__name__", "depth")]].concat(), true, 0);
        let mixed = [target, &[("__name__", "mixed")]].concat();
        self.floats(rng, &mixed, counter);
        let half = (COUNT / 2) as usize;
        if let Some(series) = self.series.last_mut() {
            series.samples.retain(|sample| sample.timestamp < self.start + COUNT / 2 * STEP);
        }
        self.histograms(rng, &mixed, false, half);
    }

    fn floats(&mut self, rng: &mut Rng, labels: &[(&str, &str)], mut next: impl FnMut(&mut Rng, f64) -> f64) {
        let mut times = Times::new(rng, self.start);
        let mut value = rng.u32(0..1000).into();
        let mut samples = Vec::new();
        for at in 0..COUNT {
            value = next(rng, value);
            if let Some((timestamp, ends)) = times.at(rng, at) {
                samples.push(Sample { value: if ends { STALE } else { value }, timestamp });
            }
        }
        self.series.push(TimeSeries { labels: sorted(labels), samples, ..TimeSeries::default() });
    }

    fn histograms(&mut self, rng: &mut Rng, labels: &[(&str, &str)], gauge: bool, from: usize) {
        let mut times = Times::new(rng, self.start);
        let schema = rng.i32(-1..4);
        // No bucket begins within that of zero.
        let (zero_threshold, first) = (if rng.bool() { 0.001 } else { 1e-9 }, rng.i32(-3..4));
        let (mut counts, mut negative, mut zeros) = ([0_i64; 5], [0_i64; 2], 0_u64);
        let mut histograms = Vec::new();
        for at in 0..COUNT {
            if gauge || rng.u8(0..50) == 0 {
                (counts, negative, zeros) = Default::default();
            }
            counts.iter_mut().for_each(|count| *count += rng.i64(0..4));
            negative.iter_mut().for_each(|count| *count += rng.i64(0..2));
            zeros += rng.u64(0..2);
            let Some((timestamp, ends)) = times.at(rng, at).filter(|_| at as usize >= from) else { continue };
            let count = zeros + (counts.iter().sum::<i64>() + negative.iter().sum::<i64>()) as u64;
            histograms.push(Histogram {
                count_int: Some(if ends { 0 } else { count }),
                sum: if ends { STALE } else { count as f64 * 1.5 },
                schema,
                zero_threshold,
                zero_count_int: Some(if ends { 0 } else { zeros }),
                positive_spans: spans(ends, &[(first, 3), (2, 2)]),
                positive_deltas: deltas(ends, &counts),
                negative_spans: spans(ends, &[(first, 2)]),
                negative_deltas: deltas(ends, &negative),
                reset_hint: if gauge { ResetHint::GAUGE } else { ResetHint::UNKNOWN },
                timestamp,
                ..Histogram::default()
            });
        }
        self.series.push(TimeSeries { labels: sorted(labels), histograms, ..TimeSeries::default() });
    }

    /// When the last scrape was.
    pub fn end(&self) -> i64 {
        self.start + COUNT * STEP
    }

    /// Remote write requests, compressed, in order of time.
    pub fn requests(&self) -> Vec<Vec<u8>> {
        let within = |from: i64, time: i64| (from..from + AT_ONCE * STEP).contains(&time);
        let starts = (0..=COUNT / AT_ONCE).map(|part| self.start + part * AT_ONCE * STEP);
        let request = |from: i64| {
            let series = self.series.iter().map(|series| TimeSeries {
                labels: series.labels.clone(),
                samples: series.samples.iter().filter(|it| within(from, it.timestamp)).copied().collect(),
                histograms: series.histograms.iter().filter(|it| within(from, it.timestamp)).cloned().collect(),
                ..TimeSeries::default()
            });
            let timeseries = series.filter(|series| !series.samples.is_empty() || !series.histograms.is_empty());
            let mut bytes = Vec::new();
            WriteRequest { timeseries: timeseries.collect(), ..WriteRequest::default() }.encode(&mut bytes);
            snap::raw::Encoder::new().compress_vec(&bytes).expect("it is small enough")
        };
        starts.map(request).collect()
    }
}

/// When a series has samples: a little late, with gaps, and some of them after the mark of an end.
struct Times {
    start: i64,
    delay: i64,
    gaps: bool,
    pause: i64,
}

impl Times {
    fn new(rng: &mut Rng, start: i64) -> Self {
        Self { start, delay: rng.i64(0..3) * 1000, gaps: rng.u8(0..3) == 0, pause: 0 }
    }

    /// The time of a sample, if there is one, and whether it is the mark of an end.
    fn at(&mut self, rng: &mut Rng, at: i64) -> Option<(i64, bool)> {
        if self.pause > 0 {
            self.pause -= 1;
            return None;
        }
        let ends = self.gaps && rng.u8(0..30) == 0;
        if ends || self.gaps && rng.u8(0..20) == 0 {
            self.pause = rng.i64(1..30);
        }
        Some((self.start + at * STEP + self.delay, ends))
    }
}

fn counter(rng: &mut Rng, value: f64) -> f64 {
    match rng.u8(0..40) {
        0 => f64::from(rng.u8(0..3)),
        1..10 => value,
        _ => value + f64::from(rng.u8(0..50)),
    }
}

fn gauge(rng: &mut Rng, value: f64) -> f64 {
    (value / 10.0 + rng.f64() * 20.0 - 10.0).clamp(-200.0, 200.0)
}

fn sorted(labels: &[(&str, &str)]) -> Vec<Label> {
    let mut labels: Vec<_> =
        labels.iter().map(|(n, v)| Label { name: (*n).to_owned(), value: (*v).to_owned() }).collect();
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels
}

fn spans(ends: bool, spans: &[(i32, u32)]) -> Vec<BucketSpan> {
    let spans = spans.iter().map(|(offset, length)| BucketSpan { offset: *offset, length: *length });
    spans.filter(|_| !ends).collect()
}

fn deltas(ends: bool, counts: &[i64]) -> Vec<i64> {
    let before = std::iter::once(&0).chain(counts);
    counts.iter().zip(before).map(|(count, before)| count - before).filter(|_| !ends).collect()
}
