//! A day of counters, scraped every 15 seconds, as remote write requests: 1,000 series of one metric and 10,000 buckets of another,
//! each function of the seed and of its number.

use fastrand::Rng;
use tripod_wire::prometheus::remote_write::{Label, Sample, TimeSeries, WriteRequest};
use tripod_wire::proto::Message;

/// Milliseconds between two scrapes.
const INTERVAL: i64 = 15_000;
/// Scrapes of a day.
pub const SCRAPES: i64 = 5_760;
/// Scrapes a request: what Prometheus sends after a pause.
const AT_ONCE: i64 = 20;
/// Series a request.
const SERIES: usize = 500;
/// Groups of series, by the label `x`.
const GROUPS: usize = 10;
const BOUNDS: [&str; 10] = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "5", "+Inf"];

struct Series {
    labels: Vec<Label>,
    /// Grows by less than this a scrape.
    slope: u32,
    value: u64,
    rng: Rng,
}

/// Makes the requests.
pub struct Requests {
    series: Vec<Series>,
    start: i64,
    at: usize,
    scrape: i64,
}

impl Requests {
    /// A day from `start` on of so many counters, and of ten times as many buckets.
    pub fn new(start: i64, counters: usize) -> Self {
        let names = |at: usize| ((at % GROUPS).to_string(), format!("host-{:03}:9100", at / GROUPS));
        let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        let series = |labels: Vec<Label>, slope: u32, seed: usize| Series {
            labels,
            slope,
            value: 0,
            rng: Rng::with_seed(seed as u64),
        };
        let mut all = Vec::new();
        for at in 0..counters {
            let (x, instance) = names(at);
            let labels =
                vec![label("__name__", "m"), label("instance", &instance), label("job", "bench"), label("x", &x)];
            all.push(series(labels, 100, at));
        }
        for at in 0..counters {
            let (x, instance) = names(at);
            for (bound, le) in BOUNDS.iter().enumerate() {
                let labels =
                    [("__name__", "m_bucket"), ("instance", &instance), ("job", "bench"), ("le", *le), ("x", &x)];
                // A bucket has all of the smaller ones in it.
                let labels = labels.iter().map(|(name, value)| label(name, value)).collect();
                all.push(series(labels, 10 * (bound as u32 + 1), counters + at));
            }
        }
        Self { series: all, start, at: 0, scrape: 0 }
    }

    /// The next request, compressed, and how many samples it has.
    pub fn next(&mut self) -> Option<(Vec<u8>, usize)> {
        if self.at >= self.series.len() {
            (self.at, self.scrape) = (0, self.scrape + AT_ONCE);
        }
        if self.scrape >= SCRAPES {
            return None;
        }
        let end = self.series.len().min(self.at + SERIES);
        let (start, scrape) = (self.start, self.scrape);
        let timeseries: Vec<_> =
            self.series[self.at..end].iter_mut().map(|series| series.next(start, scrape)).collect();
        self.at = end;
        let samples = timeseries.len() * AT_ONCE as usize;
        let mut bytes = Vec::new();
        WriteRequest { timeseries, ..WriteRequest::default() }.encode(&mut bytes);
        Some((snap::raw::Encoder::new().compress_vec(&bytes).expect("it is small enough"), samples))
    }
}

impl Series {
    fn next(&mut self, start: i64, scrape: i64) -> TimeSeries {
        let samples = (scrape..scrape + AT_ONCE).map(|scrape| {
            // Buckets of one histogram draw the same numbers.
            self.value += u64::from(self.rng.u32(..) >> 16) * u64::from(self.slope) >> 16;
            Sample { timestamp: start + scrape * INTERVAL, value: self.value as f64 }
        });
        let samples = samples.collect();
        TimeSeries { labels: self.labels.clone(), samples, ..TimeSeries::default() }
    }
}
