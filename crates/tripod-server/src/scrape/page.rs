//! Reads a page off into a batch for the store.
//!
//! What a line's series is called in the store, relabelling done, is remembered under the bytes of the line ([`SeriesCache`]): a page
//! that says the same as the one before costs a look-up and a number a line. What was there before and no longer is gets a mark that
//! ends it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;

use tripod_store::{Exemplar, Labels, Metadata, MetricKind, NativeHistogram, Samples, SeriesWrite};
use tripod_wire::prometheus::escaping::{is_old_label, is_old_metric};
use tripod_wire::prometheus::exposition::{self, Entry, Histograms, Label, Series, Value};
use tripod_wire::prometheus::remote_write::MetricType;
use tripod_wire::prometheus::series::STALE_NAN;
use tripod_wire::{SpanId, TraceId, WireError};

use super::fetch::Format;
use super::target::{Family, Target, beyond};
use crate::prometheus_config::relabel::{LabelMap, relabel};
use crate::prometheus_config::scrape::ScrapeConfig;
use crate::receive::otlp_metrics::{native, store_kind};

/// Samples from further ahead, in milliseconds, are left out.
const AHEAD: i64 = 10 * 60 * 1000;
/// After so many scrapes the store is told again what a metric is: it forgets that with the oldest samples.
const TELL_AGAIN: u64 = 240;

/// What is known of a target's series.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    series: HashMap<Box<[u8]>, Cached, foldhash::fast::RandomState>,
    /// The number of the scrape.
    number: u64,
}

/// What is known of a series.
#[derive(Debug)]
struct Cached {
    /// What it is called in the store; none when relabelling drops it.
    labels: Option<Labels>,
    /// The number of the scrape in which it was seen last.
    seen: u64,
    /// Since which scrape the store has samples of it that need a mark to end; those with times of their own may need none.
    live: Option<u64>,
    histogram: bool,
    /// Of the exemplars that it had last.
    exemplars: Vec<u64>,
}

/// What a page had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) scraped: u64,
    /// What relabelling left of it.
    pub(super) kept: u64,
    /// Series that were not there in the scrape before.
    pub(super) added: u64,
}

/// Why a page is not taken.
#[derive(Debug)]
struct Fault(String);

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        Self(error.to_string())
    }
}

/// Reads a page that was asked for at `time`. Answers what it had and, when it can't be taken, why; `writes` has its samples, or the
/// marks that end what was there before.
pub(super) fn read(
    cache: &mut SeriesCache,
    config: &ScrapeConfig,
    target: &Target,
    page: (Format, &[u8]),
    time: i64,
    writes: &mut Vec<SeriesWrite>,
) -> (Counts, Option<String>) {
    cache.number += 1;
    let mut families = target.families();
    let number = cache.number;
    let mut reading =
        Reading { cache, config, target, time, counts: Counts::default(), writes, families: &mut families };
    let result = reading.page(page);
    let counts = reading.counts;
    let fault = match result {
        Ok(()) if config.limits.samples > 0 && counts.kept > config.limits.samples => {
            let (kept, limit) = (counts.kept, config.limits.samples);
            Some(format!("sample limit exceeded: the page has {kept} samples, the limit is {limit}"))
        }
        Ok(()) => None,
        Err(Fault(reason)) => Some(reason),
    };
    if fault.is_none() {
        cache.end_missing(time, writes);
        describe(&mut families, number, writes);
    } else {
        writes.clear();
        cache.forget_this_page();
        cache.end_all(time, writes);
    }
    (counts, fault)
}

impl SeriesCache {
    /// Ends series that this page did not have, and forgets them.
    fn end_missing(&mut self, time: i64, writes: &mut Vec<SeriesWrite>) {
        let (number, from) = (self.number, writes.len());
        self.series.retain(|_, cached| {
            if cached.seen == number {
                return true;
            }
            writes.extend(cached.end(time));
            false
        });
        if writes.len() == from {
            return;
        }
        // Two lines may have been relabelled to one series: it goes on as long as one of them is there.
        let (samples, marks) = writes.split_at(from);
        let alive: HashSet<&Labels> = samples.iter().map(|write| &write.labels).collect();
        let keep: Vec<bool> = marks.iter().map(|mark| !alive.contains(&mark.labels)).collect();
        let mut keep = keep.into_iter();
        let marks: Vec<SeriesWrite> = writes.drain(from..).filter(|_| keep.next().unwrap_or(false)).collect();
        writes.extend(marks);
    }

    /// What this page began has never come to the store.
    fn forget_this_page(&mut self) {
        for cached in self.series.values_mut().filter(|cached| cached.live == Some(self.number)) {
            cached.live = None;
        }
    }

    /// Ends all series that are there.
    pub(super) fn end_all(&mut self, time: i64, writes: &mut Vec<SeriesWrite>) {
        writes.extend(self.series.values_mut().filter_map(|cached| cached.end(time)));
    }
}

impl Cached {
    /// The mark that ends it, if it has not ended.
    fn end(&mut self, time: i64) -> Option<SeriesWrite> {
        let labels = self.labels.clone().filter(|_| self.live.is_some())?;
        self.live = None;
        let samples = if self.histogram {
            let mark = NativeHistogram { sum: STALE_NAN, ..NativeHistogram::default() };
            Samples { histograms: vec![(time, Arc::new(mark))], ..Samples::default() }
        } else {
            Samples { floats: vec![(time, STALE_NAN)], ..Samples::default() }
        };
        Some(SeriesWrite { labels, samples, exemplars: Vec::new(), metadata: None })
    }
}

/// A page while it is read.
struct Reading<'a> {
    cache: &'a mut SeriesCache,
    config: &'a ScrapeConfig,
    target: &'a Target,
    time: i64,
    counts: Counts,
    writes: &'a mut Vec<SeriesWrite>,
    families: &'a mut BTreeMap<String, Family>,
}

impl Reading<'_> {
    fn page(&mut self, (format, page): (Format, &[u8])) -> Result<(), Fault> {
        let histograms = Histograms { native: self.config.native_histograms, classic: self.config.classic_histograms };
        match format {
            Format::Text => exposition::text(page, |entry| self.entry(entry)),
            Format::OpenMetrics => exposition::open_metrics(page, |entry| self.entry(entry)),
            Format::Protobuf => exposition::protobuf(page, histograms, |entry| self.entry(entry)),
        }
    }

    fn entry(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        match entry {
            Entry::Kind { family, kind } => self.family(&family).kind = kind_of(kind),
            Entry::Help { family, help } => {
                let known = &mut self.family(&family).help;
                if *known != help {
                    *known = help.into_owned();
                }
            }
            Entry::Unit { family, unit } => {
                let known = &mut self.family(&family).unit;
                if known != unit {
                    unit.clone_into(known);
                }
            }
            Entry::Series(series) => self.series(series)?,
        }
        Ok(())
    }

    fn family(&mut self, name: &str) -> &mut Metadata {
        if !self.families.contains_key(name) {
            self.families.insert(name.to_owned(), Family::default());
        }
        let family = self.families.entry(name.to_owned()).or_default();
        family.seen = self.cache.number;
        &mut family.metadata
    }

    fn series(&mut self, series: Series<'_>) -> Result<(), Fault> {
        self.counts.scraped += 1;
        let number = self.cache.number;
        if !self.cache.series.contains_key(series.key) {
            let labels = self.labels(series.labels()?)?;
            self.counts.added += u64::from(labels.is_some());
            let cached = Cached { labels, seen: 0, live: None, histogram: false, exemplars: Vec::new() };
            self.cache.series.insert(series.key.into(), cached);
        }
        let Some(cached) = self.cache.series.get_mut(series.key) else { return Ok(()) };
        let time = series.time.filter(|_| self.config.honor_timestamps);
        let again = cached.seen == number && time.is_none();
        cached.seen = number;
        let Some(labels) = &cached.labels else { return Ok(()) };
        self.counts.kept += 1;
        // The same series twice in a page: the first one counts.
        let ahead = time.is_some_and(|time| time > self.time.saturating_add(AHEAD));
        let beyond = self.config.limits.samples > 0 && self.counts.kept > self.config.limits.samples;
        if again || ahead || beyond {
            return Ok(());
        }
        let needs_mark = time.is_none() || self.config.track_timestamps_staleness;
        cached.live = needs_mark.then(|| cached.live.unwrap_or(number));
        let exemplars = exemplars(series.exemplars, self.time, &mut cached.exemplars);
        let at = time.unwrap_or(self.time);
        let samples = match series.value {
            Value::Float(value) => Samples { floats: vec![(at, value)], ..Samples::default() },
            Value::Histogram(histogram) => {
                Samples { histograms: vec![(at, Arc::new(native(*histogram)))], ..Samples::default() }
            }
        };
        cached.histogram = samples.floats.is_empty();
        self.writes.push(SeriesWrite { labels: labels.clone(), samples, exemplars, metadata: None });
        Ok(())
    }

    /// What a series is called in the store; none when relabelling drops it.
    fn labels(&self, found: Vec<Label<'_>>) -> Result<Option<Labels>, Fault> {
        let own = found.into_iter().filter(|(_, value)| !value.is_empty());
        let own = own.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        let mut labels = with_target(own, &self.target.labels, self.config.honor_labels);
        if !relabel(&mut labels, &self.config.metric_relabel) {
            return Ok(None);
        }
        let name = labels.get("__name__").map_or("", String::as_str);
        if name.is_empty() {
            return Err(Fault("relabelling leaves a series without a name".to_owned()));
        }
        if self.config.legacy_names && !(is_old_metric(name) && labels.keys().all(|label| is_old_label(label))) {
            return Err(Fault(format!("{name:?} or a label of it has other than letters, digits and _")));
        }
        match beyond(&labels, &self.config.limits) {
            Some(reason) => Err(Fault(reason)),
            None => Ok(Some(Labels::new(labels))),
        }
    }
}

/// The labels of a series with those of its target. Of a name that both have the target's value counts, and the series' own goes to
/// `exported_…`; with `honor` the series' own counts.
fn with_target(own: LabelMap, target: &Labels, honor: bool) -> LabelMap {
    let mut labels = own;
    for (name, value) in target.iter() {
        if honor {
            labels.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        } else if let Some(own) = labels.insert(name.to_owned(), value.to_owned()) {
            let mut exported = format!("exported_{name}");
            while labels.contains_key(&exported) || !target.get(&exported).is_empty() {
                exported.insert_str(0, "exported_");
            }
            labels.insert(exported, own);
        }
    }
    labels
}

/// Exemplars that the scrape before did not have; `known` has which those were.
fn exemplars(found: Vec<exposition::Exemplar<'_>>, scraped: i64, known: &mut Vec<u64>) -> Vec<Exemplar> {
    if found.is_empty() {
        return Vec::new();
    }
    let hasher = foldhash::fast::FixedState::default();
    let hash = |one: &exposition::Exemplar<'_>| hasher.hash_one((&one.labels, one.value.to_bits(), one.time));
    let hashes: Vec<u64> = found.iter().map(hash).collect();
    let new = found.into_iter().zip(&hashes).filter(|(_, hash)| !known.contains(hash));
    let new = new.map(|(one, _)| {
        let (mut trace_id, mut span_id, mut labels) = (TraceId::NONE, SpanId::NONE, Vec::new());
        for (name, value) in one.labels {
            match (name.as_ref(), value.parse(), value.parse()) {
                ("trace_id" | "traceID" | "traceId", Ok(id), _) => trace_id = id,
                ("span_id" | "spanID" | "spanId", _, Ok(id)) => span_id = id,
                _ => labels.push((name.into_owned(), value.into_owned())),
            }
        }
        let time = one.time.unwrap_or(scraped);
        Exemplar { time, value: one.value, trace_id, span_id, labels: Labels::new(labels) }
    });
    let new = new.collect();
    *known = hashes;
    new
}

pub(crate) fn kind_of(kind: MetricType) -> MetricKind {
    match kind {
        MetricType::GAUGE_HISTOGRAM => MetricKind::Histogram,
        MetricType::UNKNOWN | MetricType::STATE_SET => MetricKind::Unknown,
        known => store_kind(known),
    }
}

/// Tells the store what metrics are that it does not know, or has been told long ago; forgets those that are gone.
fn describe(families: &mut BTreeMap<String, Family>, number: u64, writes: &mut Vec<SeriesWrite>) {
    families.retain(|_, family| family.seen == number);
    for (name, family) in families {
        let known = family.written.as_ref();
        if known.is_some_and(|(told, at)| *told == family.metadata && number < at + TELL_AGAIN) {
            continue;
        }
        family.written = Some((family.metadata.clone(), number));
        let metadata = Some((Arc::from(name.as_str()), Arc::new(family.metadata.clone())));
        let labels = Labels::new(std::iter::empty::<(&str, &str)>());
        writes.push(SeriesWrite { labels, samples: Samples::default(), exemplars: Vec::new(), metadata });
    }
}

#[cfg(test)]
mod tests;
