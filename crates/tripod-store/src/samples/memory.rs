//! A memory table: the samples of each series in a chunk that grows by two or three bytes a sample.
//!
//! Series are spread over shards by their number, so that a query locks out a writer from few of them at a time. A sample that
//! is not newer than the last of its series is appended like any other, and the chunk is marked: it is put in order when it is
//! read. Series without samples take nothing where no series of nearby number has some.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::batch::{Batch, REFUSED};
use super::gather::in_order;
use super::part::small::{self, SmallChunk};
use super::registry::Generation;
use super::{EXEMPLARS_PER_SERIES, day};
use crate::{Exemplar, Metadata, NativeHistogram};

const SHARDS: usize = 64;
/// Series a page of slots.
const PAGE: usize = 128;
/// What an allocation costs besides its bytes, roughly.
const ALLOCATION: usize = 16;

#[derive(Debug)]
pub(crate) struct Memory {
    shards: Box<[RwLock<Shard>]>,
    metadata: RwLock<BTreeMap<Arc<str>, Arc<Metadata>>>,
    bytes: AtomicUsize,
    samples: AtomicU64,
    /// Series with floats.
    series: AtomicU64,
    exemplars: AtomicU64,
    earliest: AtomicI64,
    latest: AtomicI64,
    /// The oldest generation of the batches in it.
    generation: Mutex<Option<Generation>>,
}

#[derive(Debug, Default)]
struct Shard {
    pages: Vec<Option<Box<[Slot]>>>,
    /// Series with something in them.
    present: RoaringBitmap,
    /// What few series have.
    extras: HashMap<u32, Extras, RandomState>,
}

/// The floats of a series.
#[derive(Debug, Default, Clone)]
struct Slot {
    chunk: SmallChunk,
    /// Whether each sample is newer than the one before.
    shuffled: bool,
}

/// What a series has besides floats.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// In order of time.
    pub(super) histograms: Vec<(i64, Arc<NativeHistogram>)>,
    /// In order of time, the newest ones.
    pub(super) exemplars: Vec<Exemplar>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            shards: std::iter::repeat_with(RwLock::default).take(SHARDS).collect(),
            metadata: RwLock::default(),
            bytes: AtomicUsize::new(0),
            samples: AtomicU64::new(0),
            series: AtomicU64::new(0),
            exemplars: AtomicU64::new(0),
            earliest: AtomicI64::new(i64::MAX),
            latest: AtomicI64::new(i64::MIN),
            generation: Mutex::default(),
        }
    }
}

impl Memory {
    /// Takes a batch in.
    pub(super) fn apply(&self, batch: Batch) {
        let mut delta = Delta::default();
        self.add_floats(&batch, &mut delta);
        let series = |run: u32| batch.runs[run as usize].series;
        for (run, time, histogram) in &batch.histograms {
            self.write_shard(series(*run)).0.add_histogram(series(*run), *time, Arc::clone(histogram), &mut delta);
        }
        for (run, exemplar) in &batch.exemplars {
            self.write_shard(series(*run)).0.add_exemplar(series(*run), exemplar.clone(), &mut delta);
        }
        if !batch.metadata.is_empty() {
            let mut metadata = self.metadata.write().unwrap_or_else(PoisonError::into_inner);
            for (family, described) in batch.metadata {
                delta.bytes += (family.len() + described.help.len() + described.unit.len() + 128) as isize;
                if let Some(known) = metadata.insert(Arc::clone(&family), described) {
                    delta.bytes -= (family.len() + known.help.len() + known.unit.len() + 128) as isize;
                }
            }
        }
        self.hold(batch.generation);
        self.count(&delta);
    }

    fn add_floats(&self, batch: &Batch, delta: &mut Delta) {
        let mut floats = batch.floats.as_slice();
        let mut locked: Option<(usize, RwLockWriteGuard<'_, Shard>)> = None;
        for run in &batch.runs {
            let (of_run, rest) = floats.split_at(run.floats as usize);
            floats = rest;
            if run.series == REFUSED || of_run.is_empty() {
                continue;
            }
            let (at, _) = place(run.series);
            let shard = match &mut locked {
                Some((shard, guard)) if *shard == at => guard,
                _ => {
                    // The one before is unlocked first.
                    locked = None;
                    &mut locked.insert((at, self.write_shard(run.series).0)).1
                }
            };
            shard.add_floats(run.series, of_run, delta);
        }
    }

    /// Keeps numbers of series what they are as long as this table is there.
    fn hold(&self, generation: Generation) {
        let mut held = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|held| **held > *generation) {
            *held = Some(generation);
        }
    }

    fn count(&self, delta: &Delta) {
        // One thread applies at a time.
        let bytes = self.bytes.load(Ordering::Relaxed).saturating_add_signed(delta.bytes);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.samples.fetch_add(delta.samples, Ordering::Relaxed);
        self.series.fetch_add(delta.series, Ordering::Relaxed);
        let exemplars = self.exemplars.load(Ordering::Relaxed).saturating_add_signed(delta.exemplars);
        self.exemplars.store(exemplars, Ordering::Relaxed);
        self.earliest.fetch_min(delta.earliest, Ordering::Relaxed);
        self.latest.fetch_max(delta.latest, Ordering::Relaxed);
    }

    fn write_shard(&self, series: u32) -> (RwLockWriteGuard<'_, Shard>, usize) {
        let (at, _) = place(series);
        (self.shards[at].write().unwrap_or_else(PoisonError::into_inner), at)
    }

    fn read_shard(&self, series: u32) -> RwLockReadGuard<'_, Shard> {
        self.shards[place(series).0].read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Samples in it; one that was replaced out of order counts twice.
    pub(super) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// Series that it has floats of.
    pub(super) fn series(&self) -> u64 {
        self.series.load(Ordering::Relaxed)
    }

    /// Exemplars in it.
    pub(super) fn exemplars(&self) -> u64 {
        self.exemplars.load(Ordering::Relaxed)
    }

    /// Metric families that were described.
    pub(super) fn families(&self) -> u64 {
        self.metadata.read().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// The day of all that is in it, if it is one.
    pub(super) fn one_day(&self) -> Option<u64> {
        let (first, last) = (self.earliest.load(Ordering::Relaxed), self.latest.load(Ordering::Relaxed));
        (first <= last && day(first) == day(last)).then(|| day(first))
    }

    /// Whether it has floats of a series.
    pub(super) fn has_floats(&self, series: u32) -> bool {
        self.read_shard(series).slot(series).is_some_and(|slot| slot.chunk.len() > 0)
    }

    /// Whether something of it may lie from `start` to `end`.
    pub(super) fn meets(&self, start: i64, end: i64) -> bool {
        self.earliest.load(Ordering::Relaxed) <= end && self.latest.load(Ordering::Relaxed) >= start
    }

    /// The series that it has something of.
    pub(super) fn present(&self) -> RoaringBitmap {
        let shards = self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner));
        shards.fold(RoaringBitmap::new(), |all, shard| all | &shard.present)
    }

    /// The metric families that were described.
    pub(super) fn metadata(&self) -> BTreeMap<Arc<str>, Arc<Metadata>> {
        self.metadata.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Appends the floats of a series from `start` to `end` to `floats`, in order of time.
    pub(super) fn floats(&self, series: u32, start: i64, end: i64, floats: &mut Vec<(i64, f64)>) {
        let shard = self.read_shard(series);
        let Some(slot) = shard.slot(series) else { return };
        let before = floats.len();
        // What memory has written it reads without error.
        let all = small::iter(slot.chunk.bytes()).filter_map(Result::ok);
        floats.extend(all.filter(|(time, _)| (start..=end).contains(time)));
        if slot.shuffled && floats.len() > before + 1 {
            let mut sorted = floats.split_off(before);
            in_order(&mut sorted);
            floats.append(&mut sorted);
        }
    }

    /// Calls `with` for what a series has besides floats.
    pub(super) fn extras<T>(&self, series: u32, with: impl FnOnce(&Extras) -> T) -> Option<T> {
        self.read_shard(series).extras.get(&series).map(with)
    }

    /// Whether a series has a sample from `start` to `end`.
    pub(super) fn has_samples(&self, series: u32, start: i64, end: i64) -> bool {
        let shard = self.read_shard(series);
        let floats = shard.slot(series).map_or(&[][..], |slot| slot.chunk.bytes());
        let histograms = shard.extras.get(&series).map_or(&[][..], |extras| &extras.histograms);
        small::iter(floats).flatten().any(|(time, _)| (start..=end).contains(&time))
            || histograms.iter().any(|(time, _)| (start..=end).contains(time))
    }

    /// The newest float of a series.
    pub(super) fn last(&self, series: u32) -> Option<(i64, f64)> {
        let shard = self.read_shard(series);
        let slot = shard.slot(series)?;
        if !slot.shuffled {
            return slot.chunk.last();
        }
        // Of equal times the last one is meant, which `max_by_key` returns.
        small::iter(slot.chunk.bytes()).flatten().max_by_key(|(time, _)| *time)
    }
}

/// What changed with a batch.
#[derive(Debug)]
struct Delta {
    bytes: isize,
    samples: u64,
    series: u64,
    exemplars: i64,
    earliest: i64,
    latest: i64,
}

impl Default for Delta {
    fn default() -> Self {
        Self { bytes: 0, samples: 0, series: 0, exemplars: 0, earliest: i64::MAX, latest: i64::MIN }
    }
}

impl Delta {
    fn saw(&mut self, time: i64) {
        self.earliest = self.earliest.min(time);
        self.latest = self.latest.max(time);
    }
}

/// The shard of a series, and its page there.
fn place(series: u32) -> (usize, usize) {
    let page = series as usize / PAGE;
    (page % SHARDS, page / SHARDS)
}

impl Shard {
    fn slot(&self, series: u32) -> Option<&Slot> {
        let page = self.pages.get(place(series).1)?.as_ref()?;
        page.get(series as usize % PAGE)
    }

    #[inline]
    fn add_floats(&mut self, series: u32, floats: &[(i64, f64)], delta: &mut Delta) {
        let page = place(series).1;
        if self.pages.get(page).is_none_or(Option::is_none) {
            self.add_page(page, delta);
        }
        let Some(Some(slots)) = self.pages.get_mut(page) else { return };
        let slot = &mut slots[series as usize % PAGE];
        let before = slot.chunk.memory();
        if slot.chunk.len() == 0 {
            self.present.insert(series);
            delta.series += 1;
        }
        for (time, value) in floats {
            delta.saw(*time);
            match slot.chunk.last() {
                Some((last, known)) if last == *time && known.to_bits() == value.to_bits() => continue,
                Some((last, _)) if last >= *time => slot.shuffled = true,
                _ => {}
            }
            slot.chunk.push(*time, *value);
            delta.samples += 1;
        }
        let after = slot.chunk.memory();
        if after != before {
            delta.bytes += (after - before + if before == 0 { ALLOCATION } else { 0 }) as isize;
        }
    }

    #[cold]
    fn add_page(&mut self, page: usize, delta: &mut Delta) {
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page] = Some(vec![Slot::default(); PAGE].into());
        delta.bytes += (PAGE * size_of::<Slot>() + ALLOCATION) as isize;
    }

    fn add_histogram(&mut self, series: u32, time: i64, histogram: Arc<NativeHistogram>, delta: &mut Delta) {
        delta.saw(time);
        let list = &mut self.extras(series, delta).histograms;
        let at = list.partition_point(|(known, _)| *known < time);
        delta.bytes += histogram_bytes(&histogram);
        match list.get_mut(at) {
            Some((known, old)) if *known == time => {
                delta.bytes -= histogram_bytes(old);
                *old = histogram;
            }
            _ => {
                list.insert(at, (time, histogram));
                delta.samples += 1;
            }
        }
    }

    /// One that was sent before is not added again: cumulative exporters repeat them.
    fn add_exemplar(&mut self, series: u32, exemplar: Exemplar, delta: &mut Delta) {
        let list = &mut self.extras(series, delta).exemplars;
        let end = list.partition_point(|known| known.time <= exemplar.time);
        let same_time = list[..end].iter().rev().take_while(|known| known.time == exemplar.time);
        if same_time.into_iter().any(|known| same(known, &exemplar)) {
            return;
        }
        delta.saw(exemplar.time);
        delta.bytes += exemplar_bytes(&exemplar);
        delta.exemplars += 1;
        list.insert(end, exemplar);
        if list.len() > EXEMPLARS_PER_SERIES {
            delta.bytes -= exemplar_bytes(&list.remove(0));
            delta.exemplars -= 1;
        }
    }

    fn extras(&mut self, series: u32, delta: &mut Delta) -> &mut Extras {
        self.present.insert(series);
        self.extras.entry(series).or_insert_with(|| {
            delta.bytes += (size_of::<Extras>() + 4 * ALLOCATION) as isize;
            Extras::default()
        })
    }
}

/// Whether two exemplars are one that was sent twice; a NaN is the same as itself.
pub(super) fn same(one: &Exemplar, other: &Exemplar) -> bool {
    let bits = |exemplar: &Exemplar| (exemplar.time, exemplar.value.to_bits(), exemplar.trace_id, exemplar.span_id);
    bits(one) == bits(other) && one.labels == other.labels
}

fn histogram_bytes(histogram: &NativeHistogram) -> isize {
    let numbers = histogram.positive.1.len() + histogram.negative.1.len() + histogram.custom_values.len();
    (size_of::<NativeHistogram>() + 4 * ALLOCATION + 8 * numbers) as isize
}

fn exemplar_bytes(exemplar: &Exemplar) -> isize {
    let text = |(name, value): (&str, &str)| name.len() + value.len() + 4 * ALLOCATION;
    (size_of::<Exemplar>() + exemplar.labels.iter().map(text).sum::<usize>()) as isize
}
