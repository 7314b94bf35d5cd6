//! Samples as the engine sees them, and what the store's contract asks of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::batch::Batch;
use super::limits::Limits;
use super::memory::Memory;
use super::part::{self, Cursor, Query, SeriesPart};
use super::query::{self, Memories};
use super::registry::Registry;
use super::{EXEMPLARS, Gathered, SAMPLES, Selector, codec, flush, nanos, scan};
use crate::engine::{Part, PartFile, PartSink, RecordKind, Signal, View};
use crate::{
    Appended, Exemplar, Labels, Matcher, Metadata, SeriesExemplars, SeriesStatistics, StoreError, VisitSeries,
};

/// So many times of columns a stream of samples keeps, of all parts together.
const KEPT_TIMES: usize = 1 << 20;

/// A memory table of fewer bytes is not worth a part of its own.
const RIPE_BYTES: usize = 16 << 20;

/// So many samples a series, on average, make chunks that longer ones would hardly beat.
const RIPE_SAMPLES: u64 = 512;

/// The samples' side of the engine, and what they answer.
#[derive(Debug)]
pub(crate) struct Samples {
    registry: Registry,
}

/// What there is of samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Samples; one that was replaced counts until parts are merged.
    pub(crate) samples: u64,
    /// Exemplars.
    pub(crate) exemplars: u64,
    /// Series that are written to.
    pub(crate) series: u64,
    /// Bytes of memory tables and of what is known of series.
    pub(crate) memory: usize,
}

impl Signal for Samples {
    const NAME: &'static str = "samples";

    type Batch = Batch;
    type Memory = Memory;
    type Part = SeriesPart;

    fn decode(&self, kind: RecordKind, payload: &[u8]) -> Result<Batch, StoreError> {
        Batch::decode(&self.registry, kind, payload)
    }

    fn takes(kind: RecordKind) -> bool {
        matches!(kind, RecordKind::Series | RecordKind::RemoteWrite)
    }

    fn appended(&self, batch: &Batch) -> Appended {
        let (histograms, exemplars) = (batch.histograms.len() as u64, batch.exemplars.len() as u64);
        Appended { histograms, exemplars, ..batch.appended.clone() }
    }

    fn logged(&self, batch: &Batch) -> Option<(RecordKind, Vec<u8>)> {
        let refused = batch.appended.rejected > 0;
        refused.then(|| (RecordKind::Series, codec::encode(&batch.kept(&self.registry))))
    }

    fn is_empty(&self, batch: &Batch) -> bool {
        batch.is_empty()
    }

    fn apply(&self, memory: &Memory, batch: Batch) {
        memory.apply(batch);
    }

    fn bytes(&self, memory: &Memory) -> usize {
        memory.bytes()
    }

    fn ripe(&self, memory: &Memory) -> bool {
        memory.bytes() >= RIPE_BYTES && memory.samples() >= memory.series() * RIPE_SAMPLES
    }

    fn rows(&self, memory: &Memory) -> u64 {
        memory.samples() + memory.exemplars() + memory.families()
    }

    fn write(&self, memory: &Memory, parts: &mut PartSink<'_>) -> Result<(), StoreError> {
        flush::write(&self.registry, memory, parts)
    }

    fn open(&self, file: &PartFile) -> Result<SeriesPart, StoreError> {
        SeriesPart::open(file)
    }

    fn merge(&self, parts: &[Arc<Part<Self>>], merged: &mut PartSink<'_>) -> Result<(), StoreError> {
        let Some(first) = parts.first() else { return Ok(()) };
        let inputs: Vec<_> = parts.iter().map(|part| (&part.inner, &part.file)).collect();
        let into = merged.create(&first.file.meta.kind, first.file.meta.day)?;
        let mut part = part::merge(&inputs, into)?;
        // A part of nothing but metadata has times and no rows.
        for input in parts {
            part.count(0, input.file.meta.min_time, input.file.meta.max_time);
        }
        merged.finish(part)
    }

    fn verify(&self, part: &Part<Self>) -> Result<(), StoreError> {
        part::verify(&part.inner, &part.file)
    }

    fn part_bytes(&self, part: &SeriesPart) -> usize {
        size_of_val(part)
    }

    fn opened(&self) {
        self.registry.restored();
    }

    fn changed(&self, _added: &[Arc<Part<Self>>], _removed: &[Arc<Part<Self>>]) {
        self.registry.forget(Instant::now());
    }
}

/// What the store's contract asks; each answer is about the rows of one view.
impl Samples {
    /// Samples with limits on what is taken in.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { registry: Registry::new(limits) }
    }

    /// See [`SeriesStore::scan`](crate::SeriesStore::scan).
    pub(crate) fn scan(
        &self,
        view: &View<Self>,
        matchers: &[Matcher],
        start: i64,
        end: i64,
        visit: &mut VisitSeries<'_>,
    ) -> Result<(), StoreError> {
        let selector = Selector::new(matchers);
        let queries: Vec<_> = parts(view, SAMPLES, start, end).collect();
        let each = KEPT_TIMES / queries.len().max(1);
        let cursors = queries.into_iter().map(|query| Cursor::new(query.keeping_times(each), &selector, start, end));
        let cursors = cursors.collect::<Result<Vec<_>, _>>()?;
        scan::scan(cursors, &self.memories(view, start, end), &selector, visit)
    }

    /// See [`SeriesStore::series`](crate::SeriesStore::series).
    pub(crate) fn series(
        &self,
        view: &View<Self>,
        sets: &[Vec<Matcher>],
        start: i64,
        end: i64,
    ) -> Result<Vec<Labels>, StoreError> {
        let every = [Vec::new()];
        let mut gathered = Gathered::<()>::default();
        for matchers in if sets.is_empty() { &every } else { sets } {
            self.gather_series(view, &Selector::new(matchers), start, end, &mut gathered)?;
        }
        Ok(gathered.into_sorted().into_iter().map(|(labels, ())| labels).collect())
    }

    fn gather_series(
        &self,
        view: &View<Self>,
        selector: &Selector,
        start: i64,
        end: i64,
        gathered: &mut Gathered<()>,
    ) -> Result<(), StoreError> {
        for mut part in parts(view, SAMPLES, start, end) {
            part.series(selector, start, end, &mut |labels| {
                gathered.series(labels);
                Ok(())
            })?;
        }
        self.memories(view, start, end).series(selector, gathered);
        Ok(())
    }

    /// See [`SeriesStore::label_names`](crate::SeriesStore::label_names).
    pub(crate) fn label_names(
        &self,
        view: &View<Self>,
        matchers: &[Matcher],
        start: i64,
        end: i64,
    ) -> Result<Vec<String>, StoreError> {
        let selector = Selector::new(matchers);
        let mut names = BTreeSet::new();
        for mut part in parts(view, SAMPLES, start, end) {
            if selector.matchers.is_empty() {
                names.extend(part.label_names()?.into_iter().map(|(name, _)| String::from(name)));
            } else {
                part.series(&selector, start, end, &mut |labels| {
                    labels.iter().for_each(|(name, _)| insert(&mut names, name));
                    Ok(())
                })?;
            }
        }
        self.memories(view, start, end).label_names(&selector, &mut names);
        Ok(names.into_iter().collect())
    }

    /// See [`SeriesStore::label_values`](crate::SeriesStore::label_values).
    pub(crate) fn label_values(
        &self,
        view: &View<Self>,
        name: &str,
        matchers: &[Matcher],
        start: i64,
        end: i64,
    ) -> Result<Vec<String>, StoreError> {
        let selector = Selector::new(matchers);
        let mut values = BTreeSet::new();
        for mut part in parts(view, SAMPLES, start, end) {
            if selector.matchers.is_empty() {
                part.label_values(name, &mut |value, _| {
                    insert(&mut values, value);
                    Ok(())
                })?;
            } else {
                part.series(&selector, start, end, &mut |labels| {
                    let of_name = labels.iter().filter(|(known, _)| *known == name);
                    of_name.for_each(|(_, value)| insert(&mut values, value));
                    Ok(())
                })?;
            }
        }
        self.memories(view, start, end).label_values(name, &selector, &mut values);
        Ok(values.into_iter().collect())
    }

    /// See [`SeriesStore::exemplars`](crate::SeriesStore::exemplars).
    pub(crate) fn exemplars(
        &self,
        view: &View<Self>,
        matchers: &[Matcher],
        start: i64,
        end: i64,
    ) -> Result<Vec<SeriesExemplars>, StoreError> {
        let selector = Selector::new(matchers);
        let mut gathered = Gathered::<Vec<Exemplar>>::default();
        for mut part in parts(view, EXEMPLARS, start, end) {
            part.exemplars(&selector, start, end, &mut |rows| {
                gathered.series(rows.labels).extend_from_slice(rows.exemplars);
                Ok(())
            })?;
        }
        self.memories(view, start, end).exemplars(&selector, &mut gathered);
        Ok(query::exemplars(gathered))
    }

    /// See [`SeriesStore::metadata`](crate::SeriesStore::metadata).
    #[expect(clippy::unused_self, reason = "all that is asked of samples is asked of the signal")]
    pub(crate) fn metadata(&self, view: &View<Self>) -> Result<BTreeMap<String, Metadata>, StoreError> {
        let mut metadata = BTreeMap::new();
        for part in parts(view, SAMPLES, i64::MIN, i64::MAX) {
            metadata.append(&mut part.metadata()?);
        }
        Memories::metadata(&view.memories, &mut metadata);
        Ok(metadata)
    }

    /// See [`SeriesStore::last`](crate::SeriesStore::last).
    pub(crate) fn last(&self, view: &View<Self>, labels: &Labels) -> Result<Option<(i64, f64)>, StoreError> {
        let in_memory = self.memories(view, i64::MIN, i64::MAX).last(labels);
        // Of equal times what arrived later is meant: memory tables after parts, parts by their sequence.
        let mut last = in_memory.map(|(time, value)| (time, u64::MAX, value));
        let matchers: Vec<_> = labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
        let selector = Selector::new(&matchers);
        let mut newest: Vec<_> = view.parts.iter().filter(|part| part.file.meta.kind == SAMPLES).collect();
        newest.sort_by_key(|part| std::cmp::Reverse(part.file.meta.max_time));
        for part in newest {
            let meta = &part.file.meta;
            if last.is_some_and(|(time, ..)| meta.max_time < nanos(time)) {
                break;
            }
            part.inner.query(&part.file).select(&selector, i64::MIN, i64::MAX, &mut |rows| {
                if let Some((time, value)) = rows.floats.last().copied()
                    && rows.labels.len() == labels.iter().len()
                    && last.is_none_or(|(known, sequence, _)| (known, sequence) < (time, meta.sequence))
                {
                    last = Some((time, meta.sequence, value));
                }
                Ok(())
            })?;
        }
        Ok(last.map(|(time, _, value)| (time, value)))
    }

    /// See [`SeriesStore::series_statistics`](crate::SeriesStore::series_statistics).
    pub(crate) fn statistics(&self, limit: usize) -> SeriesStatistics {
        self.registry.index().statistics(limit)
    }

    /// What there is.
    pub(crate) fn counts(&self, view: &View<Self>) -> Counts {
        let rows = |kind| {
            let parts = view.parts.iter().filter(move |part| part.file.meta.kind == kind);
            parts.map(|part| part.file.meta.rows).sum::<u64>()
        };
        Counts {
            samples: rows(SAMPLES) + view.memories.iter().map(|memory| memory.samples()).sum::<u64>(),
            exemplars: rows(EXEMPLARS) + view.memories.iter().map(|memory| memory.exemplars()).sum::<u64>(),
            series: self.registry.len(),
            memory: self.registry.memory() + view.memories.iter().map(|memory| memory.bytes()).sum::<usize>(),
        }
    }

    fn memories<'a>(&'a self, view: &'a View<Self>, start: i64, end: i64) -> Memories<'a> {
        Memories::new(&self.registry, &view.memories, start, end)
    }
}

/// Questions to the parts of a kind that may have something from `start` to `end`, the oldest first.
fn parts<'a>(view: &'a View<Samples>, kind: &'static str, start: i64, end: i64) -> impl Iterator<Item = Query<'a>> {
    let (start, end, possible) = (nanos(start), nanos(end), start <= end);
    let meets = move |part: &&Arc<Part<Samples>>| {
        let meta = &part.file.meta;
        possible && meta.kind == kind && meta.min_time <= end && meta.max_time >= start
    };
    view.parts.iter().filter(meets).map(|part| part.inner.query(&part.file))
}

fn insert(texts: &mut BTreeSet<String>, text: &str) {
    if !texts.contains(text) {
        texts.insert(text.to_owned());
    }
}
