//! Readers: who collects metrics, and what it has had already.
//!
//! Numbers are cumulative and never reset; a reader that wants deltas keeps what each series stood at when it last asked. So any number
//! of readers coexist, of either kind, and recording knows nothing of them.

use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::ptr;

use tripod_wire::otlp::Metric;
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData};

use super::aggregate::{Aggregate, Head, Times};
use super::cells::CellReader;
use super::series::{Series, SeriesMap};
use super::{exemplar, registry};
use crate::export::prometheus::Samples;

/// Series read before the cells are let go, so that a thread which needs cells does not wait long.
pub(crate) const SERIES_AT_ONCE: usize = 256;

/// Whether points tell what was counted since the start, or since they were last read: the specification's three preferences.
///
/// Up-down counters are cumulative whatever is preferred, as a change says little of what goes up and down. Gauges and summaries know
/// no difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// Since the start.
    #[default]
    Cumulative,
    /// Since the last collection: counters and histograms.
    Delta,
    /// Since the last collection, but for counters with callbacks: their totals come as they are.
    LowMemory,
}

impl Temporality {
    pub(crate) const ALLOWED: &'static str = "must be cumulative, delta or lowmemory";

    /// As the specification's variable names it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "cumulative" => Some(Self::Cumulative),
            "delta" => Some(Self::Delta),
            "lowmemory" => Some(Self::LowMemory),
            _ => None,
        }
    }

    fn is_delta(self, has_callbacks: bool) -> bool {
        match self {
            Self::Cumulative => false,
            Self::Delta => true,
            Self::LowMemory => !has_callbacks,
        }
    }
}

/// Collects all metrics of the process, as often as wanted, independent of every other reader and of what is exported.
///
/// ```
/// use tripod::metrics::{Reader, Temporality};
/// let jobs = tripod::counter("jobs_done_total").build();
/// let mut reader = Reader::new(Temporality::Delta);
/// jobs.add(2, &[]);
/// assert_eq!(reader.collect().iter().filter(|metric| metric.name == "jobs_done_total").count(), 1);
/// // Nothing new, no point.
/// assert_eq!(reader.collect().iter().filter(|metric| metric.name == "jobs_done_total").count(), 0);
/// ```
#[derive(Default)]
pub struct Reader {
    temporality: Temporality,
    /// By the address of the instrument's series, which live as long as the process.
    baselines: HashMap<usize, Baseline>,
    /// Exemplars of earlier rounds were collected already.
    round: u32,
}

/// What a reader has had of an instrument.
pub(crate) struct Baseline {
    taken: u64,
    /// A `Vec<A::State>`, in the order of the series.
    states: Box<dyn Any + Send>,
}

/// One collection by one reader.
pub(crate) struct Reading<'r> {
    temporality: Temporality,
    baselines: &'r mut HashMap<usize, Baseline>,
    rounds: Range<u32>,
}

impl Reader {
    /// A reader that has had nothing yet: its first collection tells everything since the start.
    pub fn new(temporality: Temporality) -> Self {
        Self { temporality, ..Self::default() }
    }

    /// All instruments and their points, as OTLP's messages, in order of their names. Asks the callbacks. With [`Temporality::Delta`]
    /// series to which nothing came since the last collection are left out, and metrics without any.
    pub fn collect(&mut self) -> Vec<Metric> {
        self.collect_scopes().into_iter().flat_map(|(_, metrics)| metrics).collect()
    }

    /// The same by scope.
    pub(crate) fn collect_scopes(&mut self) -> Vec<(u16, Vec<Metric>)> {
        registry::collect(&mut self.reading())
    }

    /// Begins a collection.
    pub(crate) fn reading(&mut self) -> Reading<'_> {
        let round = exemplar::next_round();
        let rounds = std::mem::replace(&mut self.round, round)..round;
        Reading { temporality: self.temporality, baselines: &mut self.baselines, rounds }
    }
}

/// What an instrument has to be read.
pub(crate) struct Source<'s, A: Aggregate> {
    pub(crate) shape: &'s A::Shape,
    pub(crate) series: &'static SeriesMap<A>,
    /// Whether a series is among the points.
    pub(crate) is_sent: &'s dyn Fn(&Series<A>) -> bool,
    pub(crate) has_callbacks: bool,
    /// Since when it counts, and now.
    pub(crate) times: Times,
}

impl Reading<'_> {
    /// The points of an instrument.
    pub(crate) fn data<A: Aggregate>(&mut self, source: &Source<'_, A>) -> MetricData {
        let Source { shape, times, .. } = *source;
        let series = source.series.all();
        let states = states(shape, &series);
        let all = series.iter().zip(&states).enumerate().filter(|(_, (series, _))| (source.is_sent)(series));
        let point = |series: &Series<A>, state: A::State, start: u64| {
            let (attributes, exemplars) = (series.labels.attributes(), series.numbers.exemplars(&self.rounds));
            A::point(shape, state, Head { attributes, times: Times { start, ..times }, exemplars })
        };
        if !(A::has_deltas(shape) && self.temporality.is_delta(source.has_callbacks)) {
            let points = all.map(|(_, (series, state))| point(series, state.clone(), times.start)).collect();
            return A::data(shape, points, AggregationTemporality::CUMULATIVE);
        }
        let address = ptr::from_ref(source.series).addr();
        let before = self.baselines.remove(&address);
        let start = before.as_ref().map_or(times.start, |before| before.taken);
        let known = before.and_then(|before| before.states.downcast::<Vec<A::State>>().ok()).unwrap_or_default();
        let points = all.filter_map(|(at, (series, now))| {
            let since = match known.get(at) {
                Some(before) => A::since(now, before)?,
                None => now.clone(),
            };
            Some(point(series, since, start))
        });
        let data = A::data(shape, points.collect(), AggregationTemporality::DELTA);
        self.baselines.insert(address, Baseline { taken: times.now, states: Box::new(states) });
        data
    }
}

/// What all series stand at.
fn states<A: Aggregate>(shape: &A::Shape, series: &[&'static Series<A>]) -> Vec<A::State> {
    let mut states = Vec::with_capacity(series.len());
    for some in series.chunks(SERIES_AT_ONCE) {
        let cells = CellReader::new();
        states.extend(some.iter().map(|series| series.numbers.state(shape, &cells)));
    }
    states
}

/// Writes the samples of an instrument for Prometheus: what its series stand at.
pub(crate) fn write<A: Aggregate>(
    shape: &A::Shape,
    series: &SeriesMap<A>,
    is_sent: impl Fn(&Series<A>) -> bool,
    samples: &mut Samples<'_>,
) {
    for some in series.all().chunks(SERIES_AT_ONCE) {
        let cells = CellReader::new();
        for series in some.iter().filter(|series| is_sent(series)) {
            samples.series(&series.labels);
            series.numbers.write(shape, &cells, samples);
        }
    }
}
