//! A request as columns: which series, how many samples of each, times and values.

use std::sync::Arc;

use super::limits::Refusal;
use super::registry::{Generation, Registry};
use super::{codec, remote_write};
use crate::engine::RecordKind;
use crate::{Appended, Exemplar, Labels, Metadata, NativeHistogram, Samples, SeriesWrite, StoreError};

/// So many series have their labels looked up under one lock.
const STEP: usize = 256;

/// The number of a series that is not taken in.
pub(super) const REFUSED: u32 = u32::MAX;

/// A request, taken apart.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Series in the order of the request.
    pub(super) runs: Vec<Run>,
    /// Their samples, run by run.
    pub(super) floats: Vec<(i64, f64)>,
    /// The place of the run, time, histogram.
    pub(super) histograms: Vec<(u32, i64, Arc<NativeHistogram>)>,
    /// The place of the run, and the exemplar.
    pub(super) exemplars: Vec<(u32, Exemplar)>,
    pub(super) metadata: Vec<(Arc<str>, Arc<Metadata>)>,
    pub(super) appended: Appended,
    /// What `appended` gives the reason of.
    pub(super) refusal: Option<Refusal>,
    /// So that the numbers stay those of their series.
    pub(super) generation: Generation,
}

/// Samples of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) series: u32,
    pub(super) floats: u32,
}

/// Where a run begins in the columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) floats: usize,
    pub(super) histograms: usize,
    exemplars: usize,
}

impl Batch {
    /// Takes a record of the log apart, or what will be one.
    pub(super) fn decode(registry: &Registry, kind: RecordKind, payload: &[u8]) -> Result<Self, StoreError> {
        let mut batch = Self::new(registry);
        if kind == RecordKind::RemoteWrite {
            registry.buffers.with(|buffer| {
                remote_write::decode(registry, remote_write::decompress(payload, buffer)?, &mut batch)
            })?;
        } else {
            let writes = codec::decode(payload).map_err(|reason| StoreError::Internal(reason.to_owned()))?;
            writes.iter().for_each(|write| batch.add(registry, write));
        }
        match batch.refusal.take().and_then(Refusal::into_error) {
            Some(error) if batch.is_empty() => Err(error),
            _ => Ok(batch),
        }
    }

    fn new(registry: &Registry) -> Self {
        Self {
            runs: Vec::new(),
            floats: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
            metadata: Vec::new(),
            appended: Appended::default(),
            refusal: None,
            generation: registry.hold(),
        }
    }

    /// What is kept of it, series by series.
    pub(super) fn kept(&self, registry: &Registry) -> Vec<SeriesWrite> {
        let empty = |metadata| SeriesWrite {
            labels: Labels::from_sorted(&[]),
            samples: Samples::default(),
            exemplars: Vec::new(),
            metadata,
        };
        let mut writes: Vec<SeriesWrite> = self.runs.iter().map(|_| empty(None)).collect();
        let mut floats = self.floats.as_slice();
        for (writes, runs) in writes.chunks_mut(STEP).zip(self.runs.chunks(STEP)) {
            let (index, mut labels) = (registry.index(), Vec::new());
            for (write, run) in writes.iter_mut().zip(runs) {
                let (own, rest) = floats.split_at(run.floats as usize);
                floats = rest;
                if run.series != REFUSED {
                    index.labels_of(run.series, &mut labels);
                    write.labels = Labels::new(labels.iter().copied());
                    write.samples.floats = own.to_vec();
                }
            }
        }
        for (run, time, histogram) in &self.histograms {
            writes[*run as usize].samples.histograms.push((*time, Arc::clone(histogram)));
        }
        for (run, exemplar) in &self.exemplars {
            writes[*run as usize].exemplars.push(exemplar.clone());
        }
        writes.retain(|write| write.sample_count() > 0 || !write.exemplars.is_empty());
        writes.extend(self.metadata.iter().map(|described| empty(Some(described.clone()))));
        writes
    }

    /// Whether there is nothing in it to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.appended.accepted == 0 && self.exemplars.is_empty() && self.metadata.is_empty()
    }

    fn add(&mut self, registry: &Registry, write: &SeriesWrite) {
        self.metadata.extend(write.metadata.clone());
        if write.sample_count() == 0 && write.exemplars.is_empty() {
            return;
        }
        let run = self.runs.len() as u32;
        let before = self.mark();
        self.floats.extend_from_slice(&write.samples.floats);
        let histograms = write.samples.histograms.iter();
        self.histograms.extend(histograms.map(|(time, histogram)| (run, *time, Arc::clone(histogram))));
        self.exemplars.extend(write.exemplars.iter().map(|exemplar| (run, exemplar.clone())));
        let newest = self.times(before).max().unwrap_or(i64::MIN);
        let mut labels: Vec<(&str, &str)> = write.labels.iter().collect();
        match registry.resolve(&mut labels, None, *self.generation, newest) {
            Ok(found) => {
                self.runs.push(Run { series: found.series, floats: (self.floats.len() - before.floats) as u32 });
                self.appended.accepted += write.sample_count();
                self.refuse_older(before, registry.oldest(found));
            }
            Err(refusal) => {
                self.floats.truncate(before.floats);
                self.histograms.truncate(before.histograms);
                self.exemplars.truncate(before.exemplars);
                self.refuse(write.sample_count(), || registry.explain(refusal));
            }
        }
    }

    /// Where the next run begins.
    pub(super) fn mark(&self) -> Mark {
        Mark { floats: self.floats.len(), histograms: self.histograms.len(), exemplars: self.exemplars.len() }
    }

    /// Times of the samples since a mark.
    pub(super) fn times(&self, since: Mark) -> impl Iterator<Item = i64> {
        let floats = self.floats[since.floats..].iter().map(|(time, _)| *time);
        floats.chain(self.histograms[since.histograms..].iter().map(|(_, time, _)| *time))
    }

    /// Takes the samples of the last run out that are from before a time.
    #[inline]
    pub(super) fn refuse_older(&mut self, since: Mark, oldest: i64) {
        if oldest > i64::MIN && self.times(since).any(|time| time < oldest) {
            self.take_out_older(since, oldest);
        }
    }

    #[cold]
    fn take_out_older(&mut self, since: Mark, oldest: i64) {
        let before = self.times(since).count();
        let floats: Vec<_> = self.floats.drain(since.floats..).filter(|(time, _)| *time >= oldest).collect();
        self.floats.extend(floats);
        let histograms: Vec<_> =
            self.histograms.drain(since.histograms..).filter(|(_, time, _)| *time >= oldest).collect();
        self.histograms.extend(histograms);
        if let Some(run) = self.runs.last_mut() {
            run.floats = (self.floats.len() - since.floats) as u32;
        }
        let refused = (before - self.times(since).count()) as u64;
        self.appended.accepted -= refused;
        let too_old = "a sample is older than the newest one of its series by more than the out-of-order window";
        self.refuse(refused, || Refusal::Invalid(too_old.to_owned()));
    }

    /// Counts samples of a series that is not taken in.
    pub(super) fn refuse(&mut self, samples: u64, refusal: impl FnOnce() -> Refusal) {
        self.appended.rejected += samples;
        if self.appended.reason.is_none() {
            let refusal = refusal();
            self.appended.reason = Some(refusal.reason());
            self.refusal = Some(refusal);
        }
    }
}
