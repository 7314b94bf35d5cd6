//! An instrument's inside: what the code says it is, and the stream that the views make of that.
//!
//! Views become known when telemetry is started, instruments are often made before. So what a view changes hangs on one pointer, which
//! a call follows and which starting swaps: to the same series under another name, or to new series where labels or buckets change.
//! Series that were made before stay where they are, as handles hold them, and are joined with the new ones when they are read.
//! Streams are few and never freed: one more for each start that changes the views.

use std::collections::HashSet;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use std::time::SystemTime;

use tripod_wire::otlp::Metric;
use tripod_wire::otlp::metrics::MetricData;

use super::aggregate::{Aggregate, Times};
use super::cardinality::Cardinality;
use super::filter::Filter;
use super::kind::Identity;
use super::merge;
use super::observable::{Round, SeriesId};
use super::reader::{self, Reading, Source};
use super::registry::NotStraight;
use super::series::{Series, SeriesMap};
use super::view::{Resolved, Views};
use crate::Value;
use crate::export::prometheus::{Family, Samples};
use crate::sync::{Mutex, MutexGuard, fork};

/// An instrument.
pub(crate) struct Core<A: Aggregate> {
    identity: Identity,
    /// What it is described as, and its unit. Where the first to make it left them open, they may come later.
    described: Mutex<Described>,
    /// As the code says it.
    shape: A::Shape,
    start: u64,
    stream: AtomicPtr<Stream<A>>,
    /// Streams before, if they have series of their own.
    past: Mutex<Vec<&'static Stream<A>>>,
    /// Series that a callback has reported at some time.
    observed: Mutex<HashSet<SeriesId>>,
}

/// What people read of an instrument.
#[derive(Clone)]
struct Described {
    description: String,
    unit: String,
}

/// How an instrument is kept and sent.
pub(crate) struct Stream<A: Aggregate> {
    name: String,
    description: String,
    dropped: bool,
    /// What its series are told when they are made and recorded into.
    pub(crate) shape: A::Shape,
    filter: Option<Filter>,
    series: &'static SeriesMap<A>,
}

impl<A: Aggregate> Stream<A> {
    fn leak(wanted: Resolved, shape: A::Shape, series: &'static SeriesMap<A>) -> *mut Self {
        let Resolved { name, description, filter, dropped, .. } = wanted;
        Box::into_raw(Box::new(Self { name, description, dropped, shape, filter, series }))
    }

    /// The series of a label set, made when it is new.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `label_set::hash`")]
    pub(crate) fn series(&self, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        match &self.filter {
            None => self.series.get(&self.shape, labels),
            Some(filter) => filter.apply(labels, |labels| self.series.get(&self.shape, labels)),
        }
    }
}

impl<A: Aggregate> Core<A> {
    pub(crate) fn new(identity: Identity, shape: A::Shape, views: &Views) -> Self {
        let wanted = views.resolve(&identity);
        let stream_shape = Self::shape_by(&wanted, &shape);
        let series = Box::leak(Box::new(SeriesMap::new(wanted.limit)));
        let stream = AtomicPtr::new(Stream::leak(wanted, stream_shape, series));
        let described =
            Mutex::new(Described { description: identity.description.clone(), unit: identity.unit.clone() });
        let (start, past, observed) = (unix_nanos_now(), Mutex::default(), Mutex::default());
        Self { identity, described, shape, start, stream, past, observed }
    }

    fn shape_by(wanted: &Resolved, shape: &A::Shape) -> A::Shape {
        wanted.aggregation.as_ref().and_then(A::shape).unwrap_or_else(|| shape.clone())
    }

    /// How it is kept now.
    #[inline]
    pub(crate) fn stream(&self) -> &'static Stream<A> {
        // SAFETY: the pointer comes from `Stream::leak`, and streams are never freed. Acquire: what it points to is seen in full.
        unsafe { &*self.stream.load(Ordering::Acquire) }
    }

    /// As it is sent: a view's description comes first.
    fn described(&self, stream: &Stream<A>) -> Described {
        let known = lock(&self.described).clone();
        let description = if stream.description.is_empty() { known.description } else { stream.description.clone() };
        Described { description, unit: known.unit }
    }

    /// The series of a label set, made when it is new.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `label_set::hash`")]
    pub(crate) fn series(&self, labels: &[(&str, Value<'_>)]) -> &'static Series<A> {
        self.stream().series(labels)
    }

    /// Takes what a callback reports.
    pub(crate) fn observe(&self, round: &Round, value: f64, labels: &[(&str, Value<'_>)]) {
        let stream = self.stream();
        let series = stream.series(labels);
        let id = ptr::from_ref(series) as SeriesId;
        // Label sets that are one series since a view left labels out are added up.
        let folds = A::IS_SUM && stream.filter.is_some();
        series.numbers.observe(if folds { value + round.reported(id).unwrap_or(0.0) } else { value });
        round.report(id, value, folds);
        lock(&self.observed).insert(id);
    }

    /// The points of one stream: all but those that callbacks report no more.
    fn read(&self, stream: &Stream<A>, round: &Round, reading: &mut Reading<'_>) -> MetricData {
        let observed = lock(&self.observed).clone();
        let source = Source {
            shape: &stream.shape,
            series: stream.series,
            is_sent: &|series| is_sent(series, &observed, round),
            has_callbacks: !observed.is_empty(),
            times: Times { start: self.start.max(fork::forked_at()), now: unix_nanos_now() },
        };
        reading.data(&source)
    }
}

fn is_sent<A>(series: &Series<A>, observed: &HashSet<SeriesId>, round: &Round) -> bool {
    let id = ptr::from_ref(series) as SeriesId;
    observed.is_empty() || !observed.contains(&id) || round.reported(id).is_some()
}

/// What the registry does with an instrument, whatever it measures.
impl<A: Aggregate> super::registry::Instrument for Core<A> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn describe(&self, description: &str, unit: &str) -> bool {
        let mut known = lock(&self.described);
        let Described { description: known_description, unit: known_unit } = &mut *known;
        [(known_description, description), (known_unit, unit)].into_iter().all(|(known, wanted)| {
            if known.is_empty() {
                wanted.clone_into(known);
            }
            wanted.is_empty() || known == wanted
        })
    }

    fn apply(&self, views: &Views) {
        let wanted = views.resolve(&self.identity);
        let shape = Self::shape_by(&wanted, &self.shape);
        let mut past = lock(&self.past);
        let now = self.stream();
        let kept_alike = |stream: &Stream<A>| stream.filter == wanted.filter && stream.shape == shape;
        let series = if kept_alike(now) {
            now.series
        } else {
            let known = past.iter().position(|stream| kept_alike(stream)).map(|at| past.remove(at).series);
            past.push(now);
            known.unwrap_or_else(|| Box::leak(Box::new(SeriesMap::new(wanted.limit))))
        };
        series.set_limit(wanted.limit);
        let sent_alike =
            (&now.name, &now.description, now.dropped) == (&wanted.name, &wanted.description, wanted.dropped);
        if !(sent_alike && ptr::eq(now.series, series)) {
            self.stream.store(Stream::leak(wanted, shape, series), Ordering::Release);
        }
    }

    fn overflowed(&self) -> u64 {
        self.stream().series.overflowed()
    }

    fn cardinality(&self) -> Cardinality {
        let stream = self.stream();
        Cardinality {
            instrument: self.identity.name.clone(),
            series: stream.series.count(),
            limit: stream.series.limit(),
            overflowed: stream.series.overflowed(),
            undeclared: stream.filter.as_ref().map_or(0, Filter::undeclared),
            labels: stream.series.distinct_values(),
        }
    }

    fn metric(&self, round: &Round, reading: &mut Reading<'_>) -> Option<Metric> {
        let stream = self.stream();
        if stream.dropped {
            return None;
        }
        let mut data = self.read(stream, round, reading);
        let past = lock(&self.past).clone();
        for before in past.into_iter().filter(|before| !before.dropped) {
            let bounds = A::bounds(&stream.shape);
            merge::fold(&mut data, self.read(before, round, reading), stream.filter.as_ref(), bounds);
        }
        let Described { description, unit } = self.described(stream);
        Some(Metric { name: stream.name.clone(), description, unit, data, metadata: Vec::new() })
    }

    fn family(&self) -> Option<Family> {
        let stream = self.stream();
        let kind = A::kind(&stream.shape);
        let own = || {
            let Described { description: help, unit } = self.described(stream);
            Family { name: stream.name.clone(), help, unit, kind }
        };
        (!stream.dropped).then(own)
    }

    fn write(&self, round: &Round, samples: &mut Samples<'_>) -> Result<(), NotStraight> {
        // Series from before a view changed labels or buckets are joined as points.
        if lock(&self.past).iter().any(|before| !before.dropped) {
            return Err(NotStraight);
        }
        let (stream, observed) = (self.stream(), lock(&self.observed).clone());
        samples.since(self.start.max(fork::forked_at()));
        reader::write(&stream.shape, stream.series, |series| is_sent(series, &observed, round), samples);
        Ok(())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

fn unix_nanos_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}
