//! The crate `metrics`, version 0.24: its counters, gauges and histograms are Tripod's.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! tripod::bridge::metrics::init()?;
//!
//! metrics::describe_counter!("http_requests_total", metrics::Unit::Count, "Requests served");
//! metrics::counter!("http_requests_total", "method" => "GET").increment(1);
//! let latency = metrics::histogram!("http_request_duration_seconds"); // a handle that is kept costs as Tripod's bound ones
//! latency.record(0.125);
//! # Ok(())
//! # }
//! ```
//!
//! A macro's call looks the handle up, by the hash that `metrics` has computed with the key, in a map that the thread remembers: no lock
//! once the thread has met the key. A handle that is kept is a bound instrument of Tripod's behind one dynamic call.
//!
//! A description may come before the first handle of its name or after; of two, the first stays. Only the buckets of a histogram do not
//! change any more when it is said later that its unit is seconds.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::LocalKey;

use ::metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, SetRecorderError, SharedString,
    Unit, set_global_recorder,
};

use crate::Value;
use crate::bridge::slice::as_slice;
use crate::metrics::{BoundCounter, BoundGauge, BoundHistogram, InstrumentBuilder, registry};
use crate::sync::{Mutex, RwLock};

/// Handles that a thread remembers, at most: beyond that it forgets all and begins anew.
const MAX_REMEMBERED: usize = 4096;

/// Makes Tripod the recorder of the crate `metrics`. May be called before telemetry starts.
///
/// # Errors
/// When there is a recorder already.
pub fn init() -> Result<(), SetRecorderError<Recorder>> {
    set_global_recorder(Recorder::new())?;
    INSTALLED.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether [`init`] has made Tripod the recorder.
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Records what the crate `metrics` is told. [`init`] suffices, unless the program fans out to several recorders.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Recorder {}

impl Recorder {
    /// A recorder. All are the same: what is recorded goes to the telemetry that runs.
    pub fn new() -> Self {
        Self {}
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl ::metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        describe(&key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        describe(&key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        describe(&key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        look_up(&COUNTERS, key, || {
            let counter = build(key, crate::counter(key.name().to_owned()));
            let bound = with_labels(key, |labels| counter.bind(labels));
            Counter::from_arc(Arc::new(BridgedCounter { bound, absolute: Mutex::default() }))
        })
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        look_up(&GAUGES, key, || {
            let gauge = build(key, crate::gauge(key.name().to_owned()));
            Gauge::from_arc(Arc::new(BridgedGauge(with_labels(key, |labels| gauge.bind(labels)))))
        })
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        look_up(&HISTOGRAMS, key, || {
            let histogram = build(key, crate::histogram(key.name().to_owned()));
            Histogram::from_arc(Arc::new(BridgedHistogram(with_labels(key, |labels| histogram.bind(labels)))))
        })
    }
}

struct BridgedCounter {
    bound: BoundCounter,
    /// Held while the counter is moved to a total that is given.
    absolute: Mutex<()>,
}

impl CounterFn for BridgedCounter {
    fn increment(&self, value: u64) {
        self.bound.add(value);
    }

    /// Moves it forward to the given total; a counter never goes back.
    fn absolute(&self, value: u64) {
        let _moving = self.absolute.lock();
        let ahead = value.saturating_sub(self.bound.get() as u64);
        if ahead > 0 {
            self.bound.add(ahead);
        }
    }
}

struct BridgedGauge(BoundGauge);

impl GaugeFn for BridgedGauge {
    fn increment(&self, value: f64) {
        self.0.add(value);
    }

    fn decrement(&self, value: f64) {
        self.0.add(-value);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }
}

struct BridgedHistogram(BoundHistogram);

impl HistogramFn for BridgedHistogram {
    fn record(&self, value: f64) {
        self.0.record(value);
    }
}

/// What the instruments of a name are described as.
static DESCRIPTIONS: RwLock<BTreeMap<String, (&'static str, String)>> = RwLock::new(BTreeMap::new());

fn describe(key: &KeyName, unit: Option<Unit>, description: &SharedString) {
    let (unit, description) = (unit.map_or("", ucum), description.to_string());
    DESCRIPTIONS.write().entry(key.as_str().to_owned()).or_insert_with(|| (unit, description.clone()));
    // Who made the instrument meanwhile had not seen the description, or has.
    if let Some(instrument) = registry::find(key.as_str()) {
        instrument.describe(&description, unit);
    }
}

fn build<I>(key: &Key, builder: InstrumentBuilder<I>) -> I {
    // Held until the instrument is there, so that a description that comes meanwhile finds it.
    let descriptions = DESCRIPTIONS.read();
    let builder = match descriptions.get(key.name()) {
        Some((unit, description)) => builder.unit(*unit).description(description.clone()),
        None => builder,
    };
    builder.build()
}

/// The unit by UCUM, as OpenTelemetry writes it.
fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "{count}",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "{count}/s",
    }
}

fn with_labels<R>(key: &Key, work: impl FnOnce(&[(&str, Value<'_>)]) -> R) -> R {
    as_slice(key.labels().map(|label| (label.key(), Value::Str(label.value()))), work)
}

/// Handles by key: the hash is the key's own.
type Met<H> = RefCell<HashMap<Key, H, BuildHasherDefault<KeysOwn>>>;

thread_local! {
    static COUNTERS: Met<Counter> = RefCell::default();
    static GAUGES: Met<Gauge> = RefCell::default();
    static HISTOGRAMS: Met<Histogram> = RefCell::default();
}

/// The handle that the thread remembers, or one that is made now. Two threads may make one each: both record into one series.
fn look_up<H: Clone>(handles: &'static LocalKey<Met<H>>, key: &Key, make: impl FnOnce() -> H) -> H {
    // A thread that ends remembers nothing.
    let met = handles.try_with(|met| met.borrow().get(key).cloned()).ok().flatten();
    met.unwrap_or_else(|| {
        let handle = make();
        let _ = handles.try_with(|met| {
            let mut met = met.borrow_mut();
            if met.len() >= MAX_REMEMBERED {
                met.clear();
            }
            met.insert(key.to_retained(), handle.clone());
        });
        handle
    })
}

/// Passes on the hash that a [`Key`] computed when it was made: it hashes itself as that one number.
#[derive(Default)]
struct KeysOwn(u64);

impl Hasher for KeysOwn {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
