//! Thresholds on windows: a callback when what a window says crosses a bound, and when it is well again.
//!
//! The collector's thread looks once a second and at each flush, so recording costs nothing more. Callbacks run on that thread, under no
//! lock; one that panics is counted and said.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::aggregated::{ErrorRate, SeriesStats};
use super::collector::{Collector, Run, Shared};
use super::event::EventKind;
use super::windows::Windows;
use crate::Error;
use crate::clock::stamp;
use crate::metrics::Direction;
use crate::metrics::threshold::bound::{Bound, Level, wrong};
use crate::pattern::Pattern;
use crate::say::say;
use crate::sync::Mutex;

/// What of a window is compared with a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// Which share of a provider's attempts failed, from 0 to 1; see [`ErrorRate`].
    ErrorRate,
    /// How many events there are.
    Count,
    /// How many events there are a second.
    Rate,
    /// The mean of a metric's values, or of durations in seconds.
    Mean,
    /// The greatest of them.
    Max,
    /// A quantile of them, from 0 to 1.
    Quantile(f64),
}

/// A threshold about to be watched; made by [`Collector::on_threshold`].
#[must_use = "nothing is watched before `call`"]
pub struct Threshold<'a> {
    collector: &'a Collector,
    rule: Rule,
}

/// What is watched.
struct Rule {
    measure: Measure,
    kind: Option<EventKind>,
    name: Pattern,
    provider: Pattern,
    window: Option<Duration>,
    at_least: u64,
    bound: Bound,
}

/// A value of a window that crossed a threshold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Crossing {
    /// The type of the events; `None` of an error rate, which is of several.
    pub kind: Option<EventKind>,
    /// The operation, the error's type or the metric's name; empty of an error rate.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// How long the window is.
    pub window: Duration,
    /// What was measured: the last there was, when there are no events any more.
    pub value: f64,
    /// Of how many events.
    pub events: u64,
    /// The threshold beyond which it is bad.
    pub threshold: f64,
    /// For the worse or for the better.
    pub direction: Direction,
}

impl Collector {
    /// Has a callback called when what a window says crosses a threshold: of each provider that has an error rate, of each series
    /// that has another measure.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tripod::events::{CollectorConfig, Measure};
    /// let collector = CollectorConfig::new().start()?;
    /// let watch = collector
    ///     .on_threshold(Measure::ErrorRate)
    ///     .over(Duration::from_secs(300))
    ///     .above(0.05)
    ///     .clears_below(0.02)
    ///     .at_least(20)
    ///     .call(|crossing| eprintln!("{}: {:.1} % of {} failed", crossing.provider, crossing.value * 100.0, crossing.events))?;
    /// collector.on_threshold(Measure::Quantile(0.99)).name("api_call").above(0.5).call(|slow| eprintln!("{slow:?}"))?;
    /// watch.stop();
    /// # Ok::<(), tripod::Error>(())
    /// ```
    pub fn on_threshold(&self, measure: Measure) -> Threshold<'_> {
        let any = || Pattern::new("*");
        let bound = Bound::default();
        let rule = Rule { measure, kind: None, name: any(), provider: any(), window: None, at_least: 1, bound };
        Threshold { collector: self, rule }
    }
}

impl Threshold<'_> {
    /// Watches only events of this type. An error rate has none.
    pub fn kind(mut self, kind: EventKind) -> Self {
        self.rule.kind = Some(kind);
        self
    }

    /// Watches only operations, types of errors and metrics whose name matches the pattern; `*` is any text and `?` one character. An
    /// error rate has no name.
    pub fn name(mut self, pattern: &str) -> Self {
        self.rule.name = Pattern::new(pattern);
        self
    }

    /// Watches only providers that match the pattern.
    pub fn provider(mut self, pattern: &str) -> Self {
        self.rule.provider = Pattern::new(pattern);
        self
    }

    /// The window, one of [`CollectorConfig::windows`](super::CollectorConfig::windows); the first of them without this.
    pub fn over(mut self, window: Duration) -> Self {
        self.rule.window = Some(window);
        self
    }

    /// Raised when the value is above this.
    pub fn above(mut self, bound: f64) -> Self {
        self.rule.bound.above(bound);
        self
    }

    /// Raised when the value is below this.
    pub fn below(mut self, bound: f64) -> Self {
        self.rule.bound.below(bound);
        self
    }

    /// With [`Threshold::above`]: cleared only when the value is below this; otherwise when it is above no more.
    pub fn clears_below(mut self, bound: f64) -> Self {
        self.rule.bound.clears(bound);
        self
    }

    /// With [`Threshold::below`]: cleared only when the value is above this; otherwise when it is below no more.
    pub fn clears_above(self, bound: f64) -> Self {
        self.clears_below(bound)
    }

    /// Nothing changes while the window has fewer events: a value of few says little. One without this.
    pub fn at_least(mut self, events: u64) -> Self {
        self.rule.at_least = events.max(1);
        self
    }

    /// Raised only when the value has been beyond for so long each time that it was looked at.
    pub fn for_at_least(mut self, lasting: Duration) -> Self {
        self.rule.bound.lasting(lasting);
        self
    }

    /// Watches from now on, until [`Watch::stop`] or until the collector is closed.
    ///
    /// The callback runs on the collector's thread: while it runs, nothing is taken. It may record events and write logs.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no bound, or the one to clear at lies beyond it, or there is no such window or quantile.
    pub fn call(self, callback: impl Fn(&Crossing) + Send + Sync + 'static) -> Result<Watch, Error> {
        let Self { collector, mut rule } = self;
        let shared = collector.shared();
        let lengths = &shared.config.shape.lengths;
        let window = rule.window.or(lengths.first().copied());
        rule.window = window.filter(|window| lengths.contains(window));
        let name = format!("Collector::on_threshold({:?})", rule.measure);
        if rule.window.is_none() {
            return Err(wrong(
                &name,
                format!("over {:?}", window.unwrap_or_default()),
                format!("one of the windows, {lengths:?}"),
            ));
        }
        rule.bound.check(&name)?;
        if let Measure::Quantile(q) = rule.measure
            && !(0.0..=1.0).contains(&q)
        {
            return Err(wrong(&name, format!("quantile {q}"), "from 0 to 1".to_owned()));
        }
        let (levels, stopped) = (Mutex::new(HashMap::new()), AtomicBool::new(false));
        let watched = Arc::new(Watched { rule, levels, stopped, callback: Box::new(callback) });
        shared.thresholds.lock().push(Arc::clone(&watched));
        // It may sleep longer than until the first look.
        shared.run().wake();
        Ok(Watch { shared: Arc::clone(shared), watched })
    }
}

/// A threshold that is watched. Dropping this leaves it so.
pub struct Watch {
    shared: Arc<Shared>,
    watched: Arc<Watched>,
}

impl Watch {
    /// Watches no more. A call under way is finished.
    pub fn stop(self) {
        self.watched.stopped.store(true, Ordering::Relaxed);
        self.shared.thresholds.lock().retain(|other| !Arc::ptr_eq(other, &self.watched));
    }
}

/// A threshold, and where each value stands.
pub(super) struct Watched {
    rule: Rule,
    levels: Mutex<HashMap<Subject, Standing>>,
    stopped: AtomicBool,
    callback: Box<dyn Fn(&Crossing) + Send + Sync>,
}

/// Whose value it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    kind: Option<EventKind>,
    name: String,
    provider: String,
}

#[derive(Default)]
struct Standing {
    level: Level,
    value: f64,
    events: u64,
}

/// What a window says of one subject.
struct Reading {
    subject: Subject,
    events: u64,
    value: f64,
}

/// Looks at all thresholds, and calls back.
pub(super) fn check(shared: &Shared, run: &Run, now: Instant) {
    let watched = shared.thresholds.lock().clone();
    for watched in watched {
        let readings = watched.rule.read(&run.windows, run.at(stamp()));
        for crossing in watched.look(readings, now) {
            // The user's code: if it panics, the others are still called.
            let called = catch_unwind(AssertUnwindSafe(|| {
                if !watched.stopped.load(Ordering::Relaxed) {
                    (watched.callback)(&crossing);
                }
            }));
            if called.is_err() && shared.counts.callback_panics.first() {
                say(format_args!("the callback of a threshold of {:?} panicked", watched.rule.measure));
            }
        }
    }
}

impl Watched {
    /// In a forked child, where the windows begin anew.
    pub(super) fn forget(&self) {
        self.levels.lock().clear();
    }

    fn look(&self, readings: Vec<Reading>, now: Instant) -> Vec<Crossing> {
        let mut levels = self.levels.lock();
        let (mut crossings, mut seen) = (Vec::new(), HashMap::new());
        for Reading { subject, events, value } in readings {
            let mut standing = levels.remove(&subject).unwrap_or_default();
            if events >= self.rule.at_least && !value.is_nan() {
                (standing.value, standing.events) = (value, events);
                let change = self.rule.bound.look(&mut standing.level, value, now);
                crossings.extend(change.map(|direction| self.rule.crossing(&subject, &standing, direction)));
            }
            seen.insert(subject, standing);
        }
        // What is left has no events any more.
        for (subject, standing) in levels.drain().filter(|(_, standing)| standing.level.raised) {
            crossings.push(self.rule.crossing(&subject, &standing, Direction::Cleared));
        }
        *levels = seen;
        crossings
    }
}

impl Rule {
    fn crossing(&self, subject: &Subject, standing: &Standing, direction: Direction) -> Crossing {
        let Subject { kind, name, provider } = subject.clone();
        let Standing { value, events, .. } = *standing;
        let window = self.window.unwrap_or_default();
        Crossing { kind, name, provider, window, value, events, threshold: self.bound.value(), direction }
    }

    fn read(&self, windows: &Mutex<Windows>, now: u64) -> Vec<Reading> {
        let Some(window) = self.window.and_then(|window| windows.lock().window_of(window)) else { return Vec::new() };
        if self.measure == Measure::ErrorRate {
            let rates = windows.lock().error_rates(window, now);
            return rates.into_iter().filter(|rate| self.provider.matches(&rate.provider)).map(of_rate).collect();
        }
        let (mut readings, mut place) = (Vec::new(), 0);
        // One after the other, so that who records never finds the lock taken for long.
        while place < windows.lock().len() {
            let series = windows.lock().series_if(place, window, now, |kind, name, provider| {
                self.kind.is_none_or(|own| own == kind) && self.name.matches(name) && self.provider.matches(provider)
            });
            readings.extend(series.and_then(|series| self.of_series(series)));
            place += 1;
        }
        readings
    }

    fn of_series(&self, series: SeriesStats) -> Option<Reading> {
        let values = series.values.as_ref();
        let value = match self.measure {
            Measure::Count => Some(series.count as f64),
            Measure::Rate => Some(series.rate),
            Measure::Mean => values.map(|values| values.mean),
            Measure::Max => values.map(|values| values.max),
            Measure::Quantile(quantile) => values.map(|values| values.quantile(quantile)),
            Measure::ErrorRate => None,
        }?;
        let subject = Subject { kind: Some(series.kind), name: series.name, provider: series.provider };
        Some(Reading { subject, events: series.count, value })
    }
}

fn of_rate(rate: ErrorRate) -> Reading {
    let value = rate.rate();
    let subject = Subject { kind: None, name: String::new(), provider: rate.provider };
    Reading { subject, events: rate.attempts, value }
}

#[cfg(test)]
mod tests {
    use super::super::config::CollectorConfig;
    use super::super::windows::Key;
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn watched(threshold: Threshold<'_>) -> Watched {
        let Threshold { mut rule, .. } = threshold;
        rule.window.get_or_insert(Duration::from_secs(60));
        rule.bound.check("a test").unwrap();
        Watched { rule, levels: Mutex::default(), stopped: AtomicBool::new(false), callback: Box::new(|_| ()) }
    }

    /// What a threshold says to events that come second after second: successes and failures.
    fn directions(watched: &Watched, seconds: &[(u64, u64)]) -> Vec<(usize, Direction, u64)> {
        let windows = Mutex::new(Windows::new(CollectorConfig::new().shape));
        let start = Instant::now();
        let mut crossings = Vec::new();
        for (at, (successes, failures)) in seconds.iter().enumerate() {
            let now = at as u64 * SECOND;
            for (kind, name, events) in
                [(EventKind::Performance, "fetch", successes), (EventKind::Failure, "Timeout", failures)]
            {
                let key = Key { kind, name, provider: "p1" };
                (0..*events).for_each(|_| windows.lock().record(key, now, Some(0.1)));
            }
            let readings = watched.rule.read(&windows, now);
            let looked = watched.look(readings, start + Duration::from_secs(at as u64));
            crossings.extend(looked.into_iter().map(|crossing| (at, crossing.direction, crossing.events)));
        }
        crossings
    }

    use Direction::{Cleared, Raised};

    #[test]
    fn an_error_rate_is_raised_with_enough_events_and_cleared_below_the_second_bound() {
        let collector = CollectorConfig::new().start().unwrap();
        let watched = watched(collector.on_threshold(Measure::ErrorRate).above(0.05).clears_below(0.02).at_least(20));
        // 1 of 1, 2 of 20, 2 of 50 (between the bounds), 2 of 150.
        let seconds = [(0, 1), (18, 1), (30, 0), (100, 0)];
        assert_eq!(directions(&watched, &seconds), [(1, Raised, 20), (3, Cleared, 150)]);
    }

    #[test]
    fn what_has_no_events_any_more_is_cleared() {
        let collector = CollectorConfig::new().start().unwrap();
        let watched = watched(collector.on_threshold(Measure::ErrorRate).above(0.5));
        let seconds: Vec<(u64, u64)> = std::iter::once((0, 3)).chain(std::iter::repeat_n((0, 0), 70)).collect();
        let found = directions(&watched, &seconds);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0], (0, Raised, 3));
        assert!(found[1].1 == Cleared && (53..=60).contains(&found[1].0), "{found:?}");
    }

    #[test]
    fn other_measures_are_of_each_series_that_is_selected() {
        let collector = CollectorConfig::new().start().unwrap();
        let count = |threshold: Threshold<'_>| directions(&watched(threshold.above(0.09)), &[(3, 2)]).len();
        assert_eq!(count(collector.on_threshold(Measure::Count)), 2);
        assert_eq!(count(collector.on_threshold(Measure::Count).kind(EventKind::Failure)), 1);
        assert_eq!(count(collector.on_threshold(Measure::Count).name("Time*")), 1);
        assert_eq!(count(collector.on_threshold(Measure::Count).provider("p2")), 0);
        assert_eq!(count(collector.on_threshold(Measure::Rate)), 2);
        assert_eq!(count(collector.on_threshold(Measure::Quantile(0.9)).kind(EventKind::Performance)), 1);
        assert_eq!(count(collector.on_threshold(Measure::Mean).kind(EventKind::Performance)), 1);
        assert_eq!(count(collector.on_threshold(Measure::Max).kind(EventKind::Performance)), 1);
    }

    #[test]
    fn what_makes_no_sense_is_an_error_that_says_what_would() {
        let collector = CollectorConfig::new().start().unwrap();
        let on = |measure| collector.on_threshold(measure);
        let none = |_: &Crossing| ();
        let cases = [
            (on(Measure::Rate).call(none), "no bound"),
            (on(Measure::Rate).above(1.0).clears_below(2.0).call(none), "cleared at 2"),
            (on(Measure::Rate).above(1.0).over(Duration::from_secs(7)).call(none), "over 7s"),
            (on(Measure::Quantile(99.0)).above(1.0).call(none), "quantile 99"),
        ];
        for (result, part) in cases {
            let Err(error) = result else { panic!("{part} is accepted") };
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
