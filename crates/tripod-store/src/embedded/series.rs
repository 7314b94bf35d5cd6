//! Series in memory: label set → samples, exemplars, metadata.
//!
//! A series keeps what came with each segment of the log apart, in a chunk, so that dropping the oldest segment drops exactly
//! what would not come back after a restart. Sixteen bytes a float sample, about 60 an exemplar, a few hundred a series.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::postings::Postings;
use crate::{
    Exemplar, Labels, Matcher, Metadata, NativeHistogram, Samples, SelectedSeries, SeriesExemplars, SeriesWrite,
};

/// So many exemplars are kept of a series, the newest ones.
pub(crate) const EXEMPLARS_PER_SERIES: usize = 64;

/// What a series costs besides its labels and samples, roughly: its entries in maps and postings.
const SERIES_OVERHEAD: usize = 320;
const LABEL_OVERHEAD: usize = 64;

/// All series.
#[derive(Debug, Default)]
pub(crate) struct SeriesTable {
    registry: RwLock<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    by_labels: HashMap<Labels, Arc<Series>>,
    postings: Postings,
    next_id: u64,
    /// By family; with the segment that said so last.
    metadata: BTreeMap<Arc<str>, (Arc<Metadata>, u64)>,
    segments: BTreeMap<u64, Touched>,
    /// What comes with segments up to this one is not taken in any more.
    evicted_through: u64,
    memory: usize,
    counts: Counts,
}

/// What came with one segment.
#[derive(Debug, Default)]
struct Touched {
    /// The series that have a chunk of it.
    series: Vec<Arc<Series>>,
    /// Bytes that they grew by.
    memory: usize,
}

/// What a table holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) samples: u64,
    pub(crate) exemplars: u64,
    pub(crate) series: u64,
    pub(crate) memory: usize,
}

/// One series.
#[derive(Debug)]
pub(crate) struct Series {
    /// Its number, never used again.
    pub(crate) id: u64,
    /// What it is called.
    pub(crate) labels: Labels,
    /// Oldest segment first.
    chunks: Mutex<VecDeque<Chunk>>,
}

/// What came to a series with one segment.
#[derive(Debug, Default)]
struct Chunk {
    segment: u64,
    samples: Samples,
    histogram_bytes: usize,
    exemplars: VecDeque<Exemplar>,
}

impl SeriesTable {
    /// Takes in a batch that came with a segment, unless that has been evicted.
    pub(crate) fn append(&self, batch: &[SeriesWrite], segment: u64) {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        if segment <= registry.evicted_through {
            return;
        }
        let before = registry.memory;
        for write in batch {
            registry.append(write, segment);
        }
        let grown = registry.memory.saturating_sub(before);
        registry.segments.entry(segment).or_default().memory += grown;
    }

    /// Bytes that came with a segment.
    pub(crate) fn memory_of(&self, segment: u64) -> usize {
        self.read().segments.get(&segment).map_or(0, |touched| touched.memory)
    }

    /// Forgets what came with a segment; says how many samples and exemplars that were.
    pub(crate) fn evict(&self, segment: u64) -> u64 {
        self.registry.write().unwrap_or_else(PoisonError::into_inner).evict(segment)
    }

    pub(crate) fn counts(&self) -> Counts {
        let registry = self.read();
        Counts { series: registry.by_labels.len() as u64, memory: registry.memory, ..registry.counts }
    }

    pub(crate) fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SelectedSeries> {
        let matching = self.read().postings.select(matchers);
        let mut selected: Vec<_> = matching
            .into_iter()
            .map(|series| SelectedSeries { samples: series.samples(start, end), labels: series.labels.clone() })
            .filter(|selected| !selected.samples.floats.is_empty() || !selected.samples.histograms.is_empty())
            .collect();
        selected.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        selected
    }

    pub(crate) fn series(&self, sets: &[Vec<Matcher>], start: i64, end: i64) -> Vec<Labels> {
        let matching: BTreeMap<u64, Arc<Series>> = {
            let registry = self.read();
            let every = [Vec::new()];
            let sets = if sets.is_empty() { every.as_slice() } else { sets };
            sets.iter().flat_map(|set| registry.postings.select(set)).map(|series| (series.id, series)).collect()
        };
        let mut labels: Vec<_> =
            matching.into_values().filter(|series| series.has_samples(start, end)).map(|s| s.labels.clone()).collect();
        labels.sort_unstable();
        labels
    }

    pub(crate) fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesExemplars> {
        let matching = self.read().postings.select(matchers);
        let mut found: Vec<_> = matching
            .into_iter()
            .map(|series| SeriesExemplars { exemplars: series.exemplars(start, end), labels: series.labels.clone() })
            .filter(|found| !found.exemplars.is_empty())
            .collect();
        found.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    pub(crate) fn metadata(&self) -> BTreeMap<String, Metadata> {
        let registry = self.read();
        registry
            .metadata
            .iter()
            .map(|(family, (metadata, _))| (family.to_string(), metadata.as_ref().clone()))
            .collect()
    }

    pub(crate) fn last(&self, labels: &Labels) -> Option<(i64, f64)> {
        let series = self.read().by_labels.get(labels).cloned()?;
        let chunks = series.chunks();
        // Of equal times, the later segment's.
        chunks.iter().filter_map(|chunk| chunk.samples.floats.last().copied()).max_by_key(|(time, _)| *time)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn append(&mut self, write: &SeriesWrite, segment: u64) {
        if let Some((family, metadata)) = &write.metadata {
            self.describe(family, metadata, segment);
        }
        if write.samples.floats.is_empty() && write.samples.histograms.is_empty() && write.exemplars.is_empty() {
            return;
        }
        let series = match self.by_labels.get(&write.labels) {
            Some(series) => Arc::clone(series),
            None => self.create(&write.labels),
        };
        let mut chunks = series.chunks();
        let before = Weight::of(&chunks);
        let at = chunks.partition_point(|chunk| chunk.segment < segment);
        if chunks.get(at).is_none_or(|chunk| chunk.segment != segment) {
            chunks.insert(at, Chunk { segment, ..Chunk::default() });
            self.segments.entry(segment).or_default().series.push(Arc::clone(&series));
        }
        let chunk = &mut chunks[at];
        for (time, value) in &write.samples.floats {
            put(&mut chunk.samples.floats, *time, *value);
        }
        for (time, histogram) in &write.samples.histograms {
            chunk.histogram_bytes += histogram_bytes(histogram);
            if let Some(old) = put(&mut chunk.samples.histograms, *time, Arc::clone(histogram)) {
                chunk.histogram_bytes -= histogram_bytes(&old);
            }
        }
        for exemplar in &write.exemplars {
            put_exemplar(&mut chunks, at, exemplar);
        }
        let after = Weight::of(&chunks);
        drop(chunks);
        self.account(before, after);
    }

    fn describe(&mut self, family: &Arc<str>, metadata: &Arc<Metadata>, segment: u64) {
        if let Some((known, last)) = self.metadata.get_mut(family) {
            if known == metadata || segment < *last {
                *last = segment.max(*last);
                return;
            }
            self.memory -= metadata_bytes(family, known);
        }
        self.memory += metadata_bytes(family, metadata);
        self.metadata.insert(Arc::clone(family), (Arc::clone(metadata), segment));
    }

    fn create(&mut self, labels: &Labels) -> Arc<Series> {
        let labels = self.postings.share(labels);
        let series = Arc::new(Series { id: self.next_id, labels: labels.clone(), chunks: Mutex::default() });
        self.next_id += 1;
        self.memory += series_bytes(&labels);
        self.postings.insert(&series);
        self.by_labels.insert(labels, Arc::clone(&series));
        series
    }

    fn evict(&mut self, segment: u64) -> u64 {
        let counts = self.counts;
        self.evicted_through = self.evicted_through.max(segment);
        for series in self.segments.remove(&segment).unwrap_or_default().series {
            let mut chunks = series.chunks();
            let before = Weight::of(&chunks);
            chunks.retain(|chunk| chunk.segment != segment);
            let (after, gone) = (Weight::of(&chunks), chunks.is_empty());
            drop(chunks);
            self.account(before, after);
            if gone {
                self.memory -= series_bytes(&series.labels);
                self.postings.remove(&series);
                self.by_labels.remove(&series.labels);
            }
        }
        let memory = &mut self.memory;
        self.metadata.retain(|family, (metadata, last)| {
            let keep = *last > segment;
            if !keep {
                *memory -= metadata_bytes(family, metadata);
            }
            keep
        });
        counts.samples - self.counts.samples + counts.exemplars - self.counts.exemplars
    }

    fn account(&mut self, before: Weight, after: Weight) {
        self.memory = self.memory + after.bytes - before.bytes;
        self.counts.samples = self.counts.samples + after.samples - before.samples;
        self.counts.exemplars = self.counts.exemplars + after.exemplars - before.exemplars;
    }
}

fn series_bytes(labels: &Labels) -> usize {
    let text = |(name, value): (&str, &str)| name.len() + value.len() + LABEL_OVERHEAD;
    SERIES_OVERHEAD + labels.iter().map(text).sum::<usize>()
}

fn metadata_bytes(family: &str, metadata: &Metadata) -> usize {
    SERIES_OVERHEAD + family.len() + metadata.help.len() + metadata.unit.len()
}

/// What the chunks of a series hold.
#[derive(Debug, Clone, Copy)]
struct Weight {
    bytes: usize,
    samples: u64,
    exemplars: u64,
}

impl Weight {
    fn of(chunks: &VecDeque<Chunk>) -> Self {
        let mut weight = Self { bytes: chunks.capacity() * size_of::<Chunk>(), samples: 0, exemplars: 0 };
        for Chunk { samples, exemplars, histogram_bytes, .. } in chunks {
            weight.samples += (samples.floats.len() + samples.histograms.len()) as u64;
            weight.exemplars += exemplars.len() as u64;
            weight.bytes += samples.floats.capacity() * size_of::<(i64, f64)>()
                + exemplars.iter().map(exemplar_bytes).sum::<usize>()
                + histogram_bytes;
        }
        weight
    }
}

fn histogram_bytes(histogram: &NativeHistogram) -> usize {
    size_of::<NativeHistogram>() + 32 + 8 * (histogram.positive.1.len() + histogram.negative.1.len())
}

fn exemplar_bytes(exemplar: &Exemplar) -> usize {
    let text = |(name, value): (&str, &str)| name.len() + value.len() + LABEL_OVERHEAD;
    size_of::<Exemplar>() + exemplar.labels.iter().map(text).sum::<usize>()
}

/// Puts a value at its time, in place of the one that has the same, which is returned.
fn put<T>(list: &mut Vec<(i64, T)>, time: i64, value: T) -> Option<T> {
    let at = match list.last() {
        Some((last, _)) if *last >= time => list.partition_point(|(known, _)| *known < time),
        _ => list.len(),
    };
    if let Some((known, old)) = list.get_mut(at)
        && *known == time
    {
        return Some(std::mem::replace(old, value));
    }
    list.insert(at, (time, value));
    None
}

/// Adds an exemplar to the chunk at `at` and keeps the series within its bound. One that was sent before is not added again:
/// cumulative exporters repeat them.
fn put_exemplar(chunks: &mut VecDeque<Chunk>, at: usize, exemplar: &Exemplar) {
    if chunks.iter().any(|chunk| chunk.exemplars.iter().rev().any(|known| known == exemplar)) {
        return;
    }
    let list = &mut chunks[at].exemplars;
    let place = list.partition_point(|known| known.time <= exemplar.time);
    list.insert(place, exemplar.clone());
    if chunks.iter().map(|chunk| chunk.exemplars.len()).sum::<usize>() > EXEMPLARS_PER_SERIES {
        let oldest =
            chunks.iter_mut().filter(|chunk| !chunk.exemplars.is_empty()).min_by_key(|chunk| chunk.exemplars[0].time);
        oldest.and_then(|chunk| chunk.exemplars.pop_front());
    }
}

impl Series {
    fn chunks(&self) -> MutexGuard<'_, VecDeque<Chunk>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn samples(&self, start: i64, end: i64) -> Samples {
        let chunks = self.chunks();
        Samples {
            floats: merge(chunks.iter().map(|chunk| within(&chunk.samples.floats, start, end))),
            histograms: merge(chunks.iter().map(|chunk| within(&chunk.samples.histograms, start, end))),
        }
    }

    fn has_samples(&self, start: i64, end: i64) -> bool {
        self.chunks().iter().any(|chunk| {
            !within(&chunk.samples.floats, start, end).is_empty()
                || !within(&chunk.samples.histograms, start, end).is_empty()
        })
    }

    fn exemplars(&self, start: i64, end: i64) -> Vec<Exemplar> {
        let chunks = self.chunks();
        let all = chunks.iter().flat_map(|chunk| &chunk.exemplars);
        let mut found: Vec<_> = all.filter(|exemplar| (start..=end).contains(&exemplar.time)).cloned().collect();
        found.sort_by_key(|exemplar| exemplar.time);
        found
    }
}

fn within<T>(list: &[(i64, T)], start: i64, end: i64) -> &[(i64, T)] {
    let from = list.partition_point(|(time, _)| *time < start);
    let to = list.partition_point(|(time, _)| *time <= end);
    list.get(from..to).unwrap_or_default()
}

/// One list in order of time out of several; of equal times, the later list's value stays.
fn merge<'a, T: Clone + 'a>(lists: impl Iterator<Item = &'a [(i64, T)]>) -> Vec<(i64, T)> {
    let mut merged: Vec<(i64, T)> = Vec::new();
    let mut in_order = true;
    for list in lists {
        in_order &= match (merged.last(), list.first()) {
            (Some((last, _)), Some((first, _))) => last < first,
            _ => true,
        };
        merged.extend_from_slice(list);
    }
    if !in_order {
        merged.sort_by_key(|(time, _)| *time);
        merged.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
    }
    merged
}
