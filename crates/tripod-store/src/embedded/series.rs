//! Samples and exemplars of the embedded store.

use std::collections::BTreeMap;

use super::Embedded;
use crate::engine::RecordKind;
use crate::samples::codec;
use crate::{
    Appended, Labels, Matcher, Metadata, SeriesExemplars, SeriesStatistics, SeriesStore, SeriesWrite, StoreError,
    VisitSeries,
};

impl SeriesStore for Embedded {
    fn append_series(&self, batch: &[SeriesWrite]) -> Result<Appended, StoreError> {
        self.engine.append(&self.samples, RecordKind::Series, &codec::encode(batch))
    }

    fn append_remote_write(&self, request: &[u8]) -> Result<Appended, StoreError> {
        self.engine.append(&self.samples, RecordKind::RemoteWrite, request)
    }

    fn scan(&self, matchers: &[Matcher], start: i64, end: i64, visit: &mut VisitSeries<'_>) -> Result<(), StoreError> {
        self.samples.signal.scan(&self.samples.view(), matchers, start, end, visit)
    }

    fn series(&self, sets: &[Vec<Matcher>], start: i64, end: i64) -> Result<Vec<Labels>, StoreError> {
        self.samples.signal.series(&self.samples.view(), sets, start, end)
    }

    fn label_names(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError> {
        self.samples.signal.label_names(&self.samples.view(), matchers, start, end)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError> {
        self.samples.signal.label_values(&self.samples.view(), name, matchers, start, end)
    }

    fn series_statistics(&self, limit: usize) -> Result<SeriesStatistics, StoreError> {
        Ok(self.samples.signal.statistics(limit))
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<SeriesExemplars>, StoreError> {
        self.samples.signal.exemplars(&self.samples.view(), matchers, start, end)
    }

    fn metadata(&self) -> Result<BTreeMap<String, Metadata>, StoreError> {
        self.samples.signal.metadata(&self.samples.view())
    }

    fn last(&self, labels: &Labels) -> Result<Option<(i64, f64)>, StoreError> {
        self.samples.signal.last(&self.samples.view(), labels)
    }
}
