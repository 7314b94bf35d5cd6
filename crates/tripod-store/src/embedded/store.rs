//! The embedded store behind the traits: what each question asks of which part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use tripod_wire::TraceId;

use super::fetch::Fetcher;
use super::wal::frame::Kind;
use super::{Embedded, find_logs, log_volume, request, stats, summaries, traces};
use crate::samples::{self, codec};
use crate::{
    Appended, Labels, LogQuery, LogStore, LogVolume, Matcher, Metadata, Operation, SelectedSeries, SeriesExemplars,
    SeriesStatistics, SeriesStore, SeriesWrite, ServiceStats, SpanStore, Status, Store, StoreError, StoredLog, Trace,
    TraceQuery, TraceSummaries, Window,
};

impl SpanStore for Embedded {
    fn append_spans(&self, request: &[u8]) -> Result<Appended, StoreError> {
        let batch = request::spans(request)?;
        if !batch.records.is_empty() {
            let place = self.wal.append(Kind::Spans, request)?;
            match self.segment(&place.segment) {
                Some(segment) => segment.insert_spans(&batch, place.offset),
                None => self.count_evicted(batch.records.len() as u64),
            }
            self.retain();
        }
        Ok(batch.appended())
    }

    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StoreError> {
        traces::trace(&self.segments(), id, &mut Fetcher::default())
    }

    fn find_traces(&self, query: &TraceQuery) -> Result<Vec<Trace>, StoreError> {
        traces::find(&self.segments(), query)
    }

    fn summarize_traces(&self, query: &TraceQuery) -> Result<TraceSummaries, StoreError> {
        summaries::find(&self.segments(), query)
    }

    fn services(&self) -> Result<Vec<String>, StoreError> {
        let mut names = BTreeSet::new();
        for segment in self.segments() {
            let rows = segment.spans();
            names.extend(rows.services().map(|(symbol, _)| rows.symbols.get(symbol).to_string()));
        }
        Ok(names.into_iter().collect())
    }

    fn operations(&self, service: &str) -> Result<Vec<Operation>, StoreError> {
        let mut operations = BTreeSet::new();
        for segment in self.segments() {
            let rows = segment.spans();
            operations.extend(rows.operations(service).map(|(name, kind)| Operation { name: name.to_owned(), kind }));
        }
        Ok(operations.into_iter().collect())
    }

    fn service_stats(&self, window: Window, steps: usize) -> Result<Vec<ServiceStats>, StoreError> {
        Ok(stats::stats(&self.segments(), window, steps))
    }
}

impl LogStore for Embedded {
    fn append_logs(&self, request: &[u8]) -> Result<Appended, StoreError> {
        let batch = request::logs(request)?;
        if !batch.records.is_empty() {
            let place = self.wal.append(Kind::Logs, request)?;
            match self.segment(&place.segment) {
                Some(segment) => segment.insert_logs(&batch, place.offset),
                None => self.count_evicted(batch.records.len() as u64),
            }
            self.retain();
        }
        Ok(batch.appended())
    }

    fn find_logs(&self, query: &LogQuery) -> Result<Vec<StoredLog>, StoreError> {
        find_logs::find(&self.segments(), query)
    }

    fn log_volume(&self, query: &LogQuery, steps: usize) -> Result<LogVolume, StoreError> {
        log_volume::count(&self.segments(), query, steps.max(1))
    }
}

/// Of two values that are written at the same time to one series and one time, either may stay, and after a restart the other:
/// writers of one series should not compete.
impl SeriesStore for Embedded {
    fn append_series(&self, batch: &[SeriesWrite]) -> Result<Appended, StoreError> {
        let accepted = batch.iter().map(SeriesWrite::sample_count).sum();
        if !batch.is_empty() {
            let place = self.wal.append(Kind::Series, &codec::encode(batch))?;
            match self.segment(&place.segment) {
                Some(_) => self.series.append(batch, place.segment.id),
                None => self.count_evicted(accepted),
            }
            self.retain();
        }
        Ok(Appended { accepted, ..Appended::default() })
    }

    fn append_remote_write(&self, request: &[u8]) -> Result<Appended, StoreError> {
        let (writes, mut appended) = samples::remote_write_as_series(request)?;
        appended.accepted = self.append_series(&writes)?.accepted;
        Ok(appended)
    }

    fn label_names(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError> {
        let series = self.series.series(&[matchers.to_vec()], start, end);
        let names: BTreeSet<_> =
            series.iter().flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned())).collect();
        Ok(names.into_iter().collect())
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError> {
        let series = self.series.series(&[matchers.to_vec()], start, end);
        let values: BTreeSet<_> = series.iter().map(|labels| labels.get(name).to_owned()).collect();
        Ok(values.into_iter().filter(|value| !value.is_empty()).collect())
    }

    fn series_statistics(&self, limit: usize) -> Result<SeriesStatistics, StoreError> {
        Ok(samples::statistics_of(&self.series.series(&[], i64::MIN, i64::MAX), limit))
    }

    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<SelectedSeries>, StoreError> {
        Ok(self.series.select(matchers, start, end))
    }

    fn series(&self, sets: &[Vec<Matcher>], start: i64, end: i64) -> Result<Vec<Labels>, StoreError> {
        Ok(self.series.series(sets, start, end))
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<SeriesExemplars>, StoreError> {
        Ok(self.series.exemplars(matchers, start, end))
    }

    fn metadata(&self) -> Result<BTreeMap<String, Metadata>, StoreError> {
        Ok(self.series.metadata())
    }

    fn last(&self, labels: &Labels) -> Result<Option<(i64, f64)>, StoreError> {
        Ok(self.series.last(labels))
    }
}

impl Store for Embedded {
    /// Nothing to do: what was acknowledged is on disk, and what is being appended is acknowledged when it is.
    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn status(&self) -> Status {
        let segments = self.segments();
        let series = self.series.counts();
        Status {
            spans: segments.iter().map(|segment| segment.spans().len() as u64).sum(),
            logs: segments.iter().map(|segment| segment.logs().len() as u64).sum(),
            samples: series.samples,
            series: series.series,
            exemplars: series.exemplars,
            memory_bytes: (segments.iter().map(|segment| segment.usage().memory).sum::<usize>() + series.memory) as u64,
            disk_bytes: segments.iter().map(|segment| segment.file.len()).sum(),
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }
}
