//! Thresholds: a callback when a series' value crosses a bound, and when it is well again.
//!
//! The collector compares, once a second and at each flush, so recording costs nothing more. A bound of its own for the way back
//! (hysteresis) and a time that the value has to stay beyond keep a value that trembles from calling at each tremble. Callbacks run on
//! the collector's thread, under no lock; one that panics is counted and said.

pub(crate) mod bound;
mod measure;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tripod_wire::otlp::{AnyValue, KeyValue, Metric};

use bound::{Bound, Level, wrong};
pub use measure::Measure;
use measure::{History, Snapshot};

use super::say::say_once;
use super::{registry, view};
use crate::context::suppress;
use crate::sync::{Mutex, RwLock};
use crate::{Error, Value, resource};

/// How often values are compared.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// A threshold about to be watched; made by [`on_threshold`].
#[must_use = "nothing is watched before `call`"]
pub struct Threshold {
    metric: String,
    labels: Vec<KeyValue>,
    measure: Measure,
    window: Duration,
    bound: Bound,
}

/// Whether a threshold was crossed for the worse or for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The value went beyond the threshold.
    Raised,
    /// The value came back, or its series is not reported any more.
    Cleared,
}

/// A series' value that crossed a threshold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Crossing {
    /// The metric's name, as its code has it.
    pub metric: String,
    /// The series' labels.
    pub labels: Vec<KeyValue>,
    /// What was measured: the last there was, when the series is gone.
    pub value: f64,
    /// The threshold beyond which it is bad.
    pub threshold: f64,
    /// For the worse or for the better.
    pub direction: Direction,
}

/// Has a callback called when the value of one of the metric's series crosses a threshold. The name is the one in the code; `*` and
/// `?` stand for any characters and any one. The metric may be made later.
///
/// ```
/// use std::time::Duration;
/// use tripod::metrics::{self, Direction, Measure};
/// let watch = metrics::on_threshold("queue_depth")
///     .labels(tripod::labels!(name = "mail"))
///     .above(100.0)
///     .clears_below(80.0)
///     .for_at_least(Duration::from_secs(5))
///     .call(|crossing| match crossing.direction {
///         Direction::Raised => eprintln!("{} mails wait", crossing.value),
///         Direction::Cleared => eprintln!("the mails are on their way"),
///     })?;
/// metrics::on_threshold("http_request_duration_seconds").measure(Measure::Quantile(0.99)).above(0.5).call(|slow| eprintln!("{slow:?}"))?;
/// watch.stop();
/// # Ok::<(), tripod::Error>(())
/// ```
pub fn on_threshold(metric: &str) -> Threshold {
    Threshold {
        metric: metric.to_owned(),
        labels: Vec::new(),
        measure: Measure::Value,
        window: Duration::from_secs(60),
        bound: Bound::default(),
    }
}

impl Threshold {
    /// Watches only series that have these labels, among others.
    pub fn labels(mut self, labels: &[(&str, Value<'_>)]) -> Self {
        self.labels = labels.iter().map(|(key, value)| KeyValue::new(*key, resource::owned(*value))).collect();
        self
    }

    /// What of a series is compared; [`Measure::Value`] without this.
    pub fn measure(mut self, measure: Measure) -> Self {
        self.measure = measure;
        self
    }

    /// Over how long rates, means and quantiles are taken, to an eighth of it; a minute without this.
    pub fn over(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Raised when the value is above this.
    pub fn above(mut self, bound: f64) -> Self {
        self.bound.above(bound);
        self
    }

    /// Raised when the value is below this.
    pub fn below(mut self, bound: f64) -> Self {
        self.bound.below(bound);
        self
    }

    /// With [`Threshold::above`]: cleared only when the value is below this; otherwise when it is above no more.
    pub fn clears_below(mut self, bound: f64) -> Self {
        self.bound.clears(bound);
        self
    }

    /// With [`Threshold::below`]: cleared only when the value is above this; otherwise when it is below no more.
    pub fn clears_above(self, bound: f64) -> Self {
        self.clears_below(bound)
    }

    /// Raised only when the value has been beyond for so long each time that it was looked at.
    pub fn for_at_least(mut self, lasting: Duration) -> Self {
        self.bound.lasting(lasting);
        self
    }

    /// Watches from now on, whenever telemetry runs, until [`Watch::stop`].
    ///
    /// The callback runs on the collector's thread: it is to be short. It may make instruments, record and write logs.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no bound, or the one to clear at lies beyond it, or a quantile is not between 0 and 1.
    pub fn call(self, callback: impl Fn(&Crossing) + Send + Sync + 'static) -> Result<Watch, Error> {
        self.check()?;
        let (states, stopped) = (Mutex::new(States::default()), AtomicBool::new(false));
        let watched = Arc::new(Watched { threshold: self, states, stopped, callback: Box::new(callback) });
        WATCHED.write().push(Arc::clone(&watched));
        Ok(Watch { watched })
    }

    fn check(&self) -> Result<(), Error> {
        let name = format!("metrics::on_threshold({:?})", self.metric);
        self.bound.check(&name)?;
        match self.measure {
            Measure::Quantile(q) if !(0.0..=1.0).contains(&q) => {
                Err(wrong(&name, format!("quantile {q}"), "from 0 to 1".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// A threshold that is watched. Dropping this leaves it so.
pub struct Watch {
    watched: Arc<Watched>,
}

impl Watch {
    /// Watches no more. A call under way is finished.
    pub fn stop(self) {
        self.watched.stopped.store(true, Ordering::Relaxed);
        WATCHED.write().retain(|other| !Arc::ptr_eq(other, &self.watched));
    }
}

/// How often callbacks of thresholds have panicked in this process.
pub fn threshold_panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

static WATCHED: RwLock<Vec<Arc<Watched>>> = RwLock::new(Vec::new());
static PANICS: AtomicU64 = AtomicU64::new(0);

struct Watched {
    threshold: Threshold,
    states: Mutex<States>,
    stopped: AtomicBool,
    callback: Box<dyn Fn(&Crossing) + Send + Sync>,
}

/// What is known of the series of one threshold.
#[derive(Default)]
struct States {
    series: HashMap<(String, String), State>,
    looked: Option<Instant>,
}

/// What is known of one series.
#[derive(Default)]
struct State {
    history: History,
    level: Level,
    last: f64,
    labels: Vec<KeyValue>,
}

/// Whether there is anything to compare.
pub(crate) fn any() -> bool {
    !WATCHED.read().is_empty()
}

/// Compares all watched values, and calls back.
pub(crate) fn check(now: Instant) {
    let watched = WATCHED.read().clone();
    if watched.is_empty() {
        return;
    }
    let is_watched = |name: &str| watched.iter().any(|watched| watched.threshold.selects(name));
    let metrics = registry::read_some(&is_watched);
    for watched in watched {
        let crossings = watched.states.lock().look(&watched.threshold, &metrics, now);
        for crossing in crossings {
            // The user's code: if it panics, the others are still called.
            let called = catch_unwind(AssertUnwindSafe(|| {
                if !watched.stopped.load(Ordering::Relaxed) {
                    suppress::lifted(|| (watched.callback)(&crossing));
                }
            }));
            if called.is_err() {
                PANICS.fetch_add(1, Ordering::Relaxed);
                say_once(&format_args!("the callback of a threshold of {} panicked", crossing.metric));
            }
        }
    }
}

impl Threshold {
    fn selects(&self, name: &str) -> bool {
        view::selects_name(&self.metric, name)
    }

    fn has_labels(&self, labels: &[KeyValue]) -> bool {
        self.labels.iter().all(|wanted| labels.contains(wanted))
    }
}

impl States {
    /// Takes a look at all series of a threshold, and tells which have crossed it.
    fn look(&mut self, rule: &Threshold, metrics: &[(String, Metric)], now: Instant) -> Vec<Crossing> {
        let (mut crossings, mut seen) = (Vec::new(), HashMap::new());
        for (name, metric) in metrics.iter().filter(|(name, _)| rule.selects(name)) {
            for (labels, snapshot) in Snapshot::of(metric) {
                if !rule.has_labels(labels) {
                    continue;
                }
                let key = (name.clone(), format!("{labels:?}"));
                let mut state = self.series.remove(&key).unwrap_or_else(|| State::new(labels, self.looked));
                let change = state.look(rule, snapshot, now);
                crossings.extend(change.map(|direction| state.crossing(name, rule, direction)));
                seen.insert(key, state);
            }
        }
        // What is left was not reported this time.
        for ((name, _), state) in self.series.drain().filter(|(_, state)| state.level.raised) {
            crossings.push(state.crossing(&name, rule, Direction::Cleared));
        }
        (self.series, self.looked) = (seen, Some(now));
        crossings
    }
}

impl State {
    /// A series that was not there at the last look stood at zero then.
    fn new(labels: &[KeyValue], looked: Option<Instant>) -> Self {
        Self { history: History::since(looked), labels: labels.to_vec(), ..Self::default() }
    }

    fn look(&mut self, rule: &Threshold, snapshot: Snapshot, now: Instant) -> Option<Direction> {
        let value = self.history.measure(rule.measure, snapshot, now, rule.window).filter(|value| !value.is_nan())?;
        self.last = value;
        rule.bound.look(&mut self.level, value, now)
    }

    fn crossing(&self, metric: &str, rule: &Threshold, direction: Direction) -> Crossing {
        let (labels, threshold) = (self.labels.clone(), rule.bound.value());
        Crossing { metric: metric.to_owned(), labels, value: self.last, threshold, direction }
    }
}

impl Crossing {
    /// The value of a label as text, for example to say which queue it is.
    pub fn label(&self, key: &str) -> Option<String> {
        self.labels.iter().find(|label| label.key == key).map(|label| match &label.value {
            AnyValue::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use tripod_wire::otlp::metrics::{MetricData, NumberDataPoint, NumberValue};

    use super::*;

    fn gauge(value: f64, disk: &str) -> NumberDataPoint {
        let attributes = vec![KeyValue::new("disk", disk)];
        NumberDataPoint { attributes, value: NumberValue::Double(value), ..Default::default() }
    }

    fn metric(data_points: Vec<NumberDataPoint>) -> Vec<(String, Metric)> {
        vec![("level".to_owned(), Metric { data: MetricData::Gauge { data_points }, ..Default::default() })]
    }

    fn rule(threshold: Threshold) -> Threshold {
        threshold.check().unwrap();
        threshold
    }

    /// What a threshold says to values that come a second apart.
    fn directions(rule: &Threshold, values: &[f64]) -> Vec<(usize, Direction)> {
        let (mut states, start) = (States::default(), Instant::now());
        let look = |(at, value): (usize, &f64)| {
            let now = start + Duration::from_secs(at as u64);
            let crossings = states.look(rule, &metric(vec![gauge(*value, "a")]), now);
            crossings.into_iter().map(move |crossing| (at, crossing.direction))
        };
        values.iter().enumerate().flat_map(look).collect::<Vec<_>>()
    }

    use Direction::{Cleared, Raised};

    #[test]
    fn between_the_two_bounds_nothing_changes() {
        let rule = rule(on_threshold("level").above(100.0).clears_below(80.0));
        let values = [100.0, 101.0, 99.0, 101.0, 80.0, 79.0, 90.0, f64::NAN, 200.0];
        assert_eq!(directions(&rule, &values), [(1, Raised), (5, Cleared), (8, Raised)]);
    }

    #[test]
    fn below_works_as_above_and_without_a_second_bound_the_first_clears() {
        let rule = rule(on_threshold("level").below(10.0));
        assert_eq!(directions(&rule, &[10.0, 9.0, 10.0, 9.0]), [(1, Raised), (2, Cleared), (3, Raised)]);
    }

    #[test]
    fn a_value_has_to_stay_beyond_for_as_long_as_is_asked() {
        let rule = rule(on_threshold("level").above(1.0).for_at_least(Duration::from_secs(2)));
        assert_eq!(directions(&rule, &[2.0, 2.0, 0.0, 2.0, 2.0, 2.0, 2.0]), [(5, Raised)]);
    }

    #[test]
    fn each_series_is_on_its_own_and_one_that_is_gone_is_cleared() {
        let rule = rule(on_threshold("lev*").above(1.0).labels(crate::labels!(disk = "b")));
        let (mut states, now) = (States::default(), Instant::now());
        let crossings = states.look(&rule, &metric(vec![gauge(5.0, "a"), gauge(6.0, "b")]), now);
        assert_eq!((crossings.len(), crossings[0].value, crossings[0].label("disk").as_deref()), (1, 6.0, Some("b")));
        let crossings = states.look(&rule, &metric(vec![gauge(5.0, "a")]), now);
        assert_eq!((crossings.len(), crossings[0].value, crossings[0].direction), (1, 6.0, Cleared));
        assert!(states.look(&rule, &metric(Vec::new()), now).is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_an_error_that_says_what_would() {
        let none = |_: &Crossing| ();
        let cases = [
            (on_threshold("a").call(none), "no bound"),
            (on_threshold("a").above(1.0).clears_below(2.0).call(none), "cleared at 2"),
            (on_threshold("a").below(1.0).clears_above(0.5).call(none), "cleared at 0.5"),
            (on_threshold("a").above(1.0).measure(Measure::Quantile(99.0)).call(none), "quantile 99"),
        ];
        for (result, part) in cases {
            let Err(error) = result else { panic!("{part} is accepted") };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
