//! Sliding windows over the events: how many, how fast, how they are spread, and how many failed.
//!
//! A *series* is the events of one type, name and provider; each has a ring for each window. How many series there may be is bounded:
//! what comes beyond counts in one series for each type, under [`OVERFLOW`]. A series without an event in any window makes room.
//!
//! Cost: an event is counted in each window, some tens of nanoseconds, on the collector's thread. Memory: a series has eight sketches
//! for each window, each as many buckets as its values reach over; in the steady state nothing is allocated.

mod ring;
mod tally;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::time::Duration;

use self::ring::Ring;
use self::tally::Tally;
use super::aggregated::{Aggregated, Distribution, ErrorRate, FailuresOf, SeriesStats, WindowStats};
use super::event::EventKind;
use crate::metrics::exponential::{Limits, sketch_limits};

/// The name and the provider of what is not told apart any more.
pub const OVERFLOW: &str = "(other)";

/// What windows there are, and what is asked of them.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) lengths: Vec<Duration>,
    pub(super) quantiles: Vec<f64>,
    pub(super) relative_error: f64,
    pub(super) max_series: usize,
}

/// All series.
pub(super) struct Windows {
    shape: Shape,
    limits: Limits,
    series: Vec<Series>,
    /// By hash: a series whose hash is taken stands under the next that is free.
    places: HashMap<u64, usize, foldhash::fast::FixedState>,
    hasher: foldhash::fast::RandomState,
    /// When series were last looked through for idle ones, nanoseconds since the start.
    swept: Option<u64>,
    /// Events that counted under [`OVERFLOW`].
    overflowed: u64,
}

#[derive(Debug)]
struct Series {
    kind: EventKind,
    name: Box<str>,
    provider: Box<str>,
    /// By window.
    rings: Box<[Ring]>,
}

/// Which series are meant.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) kind: EventKind,
    pub(super) name: &'a str,
    pub(super) provider: &'a str,
}

impl Windows {
    pub(super) fn new(shape: Shape) -> Self {
        Self {
            limits: sketch_limits(shape.relative_error),
            shape,
            series: Vec::new(),
            places: HashMap::default(),
            hasher: foldhash::fast::RandomState::default(),
            swept: None,
            overflowed: 0,
        }
    }

    /// Counts an event of a time, in nanoseconds since the start.
    pub(super) fn record(&mut self, key: Key<'_>, at: u64, value: Option<f64>) {
        let place = self.place_of(key, at);
        for ring in &mut self.series[place].rings {
            ring.record(self.limits, at, value);
        }
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed
    }

    fn place_of(&mut self, key: Key<'_>, now: u64) -> usize {
        match self.find(key) {
            Ok(place) => return place,
            Err(hash) if self.has_room(now) => return self.add(key, hash),
            Err(_) => {}
        }
        self.overflowed += 1;
        let key = Key { name: OVERFLOW, provider: OVERFLOW, ..key };
        self.find(key).unwrap_or_else(|hash| self.add(key, hash))
    }

    /// A series' place, or the hash that is free for it.
    fn find(&self, key: Key<'_>) -> Result<usize, u64> {
        let mut hash = self.hasher.hash_one((key.kind, key.name, key.provider));
        while let Some(place) = self.places.get(&hash) {
            if self.series[*place].is(key) {
                return Ok(*place);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }

    fn add(&mut self, key: Key<'_>, hash: u64) -> usize {
        let rings = self.shape.lengths.iter().map(|length| Ring::new(nanos(*length))).collect();
        self.series.push(Series { kind: key.kind, name: key.name.into(), provider: key.provider.into(), rings });
        self.places.insert(hash, self.series.len() - 1);
        self.series.len() - 1
    }

    /// Whether there is room for another series, once those that are idle have made some.
    fn has_room(&mut self, now: u64) -> bool {
        if self.series.len() < self.shape.max_series {
            return true;
        }
        let longest = self.shape.lengths.iter().copied().max().map_or(0, nanos);
        if self.swept.is_some_and(|swept| now.saturating_sub(swept) < longest / ring::PARTS) {
            return false;
        }
        self.swept = Some(now);
        self.series.retain(|series| series.rings.iter().any(|ring| ring.events(now) > 0));
        self.places.clear();
        for place in 0..self.series.len() {
            let Series { kind, name, provider, .. } = &self.series[place];
            if let Err(hash) = self.find(Key { kind: *kind, name, provider }) {
                self.places.insert(hash, place);
            }
        }
        self.series.len() < self.shape.max_series
    }

    /// How many series there are.
    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    /// Which of the windows has this length.
    pub(super) fn window_of(&self, length: Duration) -> Option<usize> {
        self.shape.lengths.iter().position(|own| *own == length)
    }

    /// Seconds that a window reaches back now; a second at least, so that a rate is none of a moment.
    pub(super) fn reach(&self, window: usize, now: u64) -> Duration {
        Duration::from_nanos(ring::reach(nanos(self.shape.lengths[window]), now)).max(Duration::from_secs(1))
    }

    /// What a series has in a window, `None` when nothing.
    pub(super) fn series(&self, place: usize, window: usize, now: u64) -> Option<SeriesStats> {
        self.series_if(place, window, now, |_, _, _| true)
    }

    /// The same, if type, name and provider are wanted.
    pub(super) fn series_if(
        &self,
        place: usize,
        window: usize,
        now: u64,
        is_wanted: impl FnOnce(EventKind, &str, &str) -> bool,
    ) -> Option<SeriesStats> {
        let series = self.series.get(place).filter(|series| is_wanted(series.kind, &series.name, &series.provider))?;
        let mut all = Tally::new(self.limits);
        series.rings[window].add_to(self.limits, now, &mut all);
        (all.events > 0).then(|| SeriesStats {
            kind: series.kind,
            name: series.name.to_string(),
            provider: series.provider.to_string(),
            count: all.events,
            rate: all.events as f64 / self.reach(window, now).as_secs_f64(),
            values: self.distribution(&all),
        })
    }

    fn distribution(&self, all: &Tally) -> Option<Distribution> {
        let (mean, (min, max)) = all.mean().zip(all.values.extremes)?;
        let value = |quantile: &f64| Some((*quantile, all.values.quantile(*quantile)?));
        let quantiles = self.shape.quantiles.iter().filter_map(value).collect();
        Some(Distribution { mean, min, max, quantiles, counted: all.values.clone() })
    }

    /// What failed in a window, by provider.
    pub(super) fn error_rates(&self, window: usize, now: u64) -> Vec<ErrorRate> {
        let mut rates: HashMap<&str, ErrorRate> = HashMap::new();
        for series in self.series.iter().filter(|series| series.kind != EventKind::Metric) {
            let events = series.rings[window].events(now);
            if events == 0 {
                continue;
            }
            let rate = rates.entry(&series.provider).or_insert_with(|| ErrorRate {
                provider: series.provider.to_string(),
                attempts: 0,
                failures: 0,
                by_type: Vec::new(),
            });
            rate.attempts += events;
            if series.kind == EventKind::Failure {
                rate.failures += events;
                rate.by_type.push(FailuresOf { error_type: series.name.to_string(), failures: events });
            }
        }
        let mut rates: Vec<ErrorRate> = rates.into_values().collect();
        rates.iter_mut().for_each(|rate| rate.by_type.sort_by(|a, b| a.error_type.cmp(&b.error_type)));
        rates.sort_by(|a, b| a.provider.cmp(&b.provider));
        rates
    }

    /// The windows without their series yet.
    pub(super) fn summary(&self, now: u64) -> Aggregated {
        let window = |(at, length): (usize, &Duration)| WindowStats {
            length: *length,
            reach: Duration::from_nanos(ring::reach(nanos(*length), now)),
            series: Vec::new(),
            error_rates: self.error_rates(at, now),
        };
        Aggregated { windows: self.shape.lengths.iter().enumerate().map(window).collect() }
    }
}

impl Series {
    fn is(&self, key: Key<'_>) -> bool {
        self.kind == key.kind && *self.name == *key.name && *self.provider == *key.provider
    }
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
