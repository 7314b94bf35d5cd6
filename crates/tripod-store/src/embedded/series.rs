//! Samples and exemplars of the embedded store.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

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
        let mut last: Option<Labels> = None;
        self.samples.ask(self.ground(), |samples, view| {
            // Series come sorted: who asks again goes on behind what was visited.
            let behind = last.clone();
            samples.scan(view, matchers, start, end, &mut |series| {
                if behind.as_ref().is_some_and(|behind| series.labels <= behind) {
                    return ControlFlow::Continue(());
                }
                last = Some(series.labels.clone());
                visit(series)
            })
        })
    }

    fn series(&self, sets: &[Vec<Matcher>], start: i64, end: i64) -> Result<Vec<Labels>, StoreError> {
        self.samples.ask(self.ground(), |samples, view| samples.series(view, sets, start, end))
    }

    fn label_names(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError> {
        self.samples.ask(self.ground(), |samples, view| samples.label_names(view, matchers, start, end))
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<String>, StoreError> {
        self.samples.ask(self.ground(), |samples, view| samples.label_values(view, name, matchers, start, end))
    }

    fn series_statistics(&self, limit: usize) -> Result<SeriesStatistics, StoreError> {
        Ok(self.samples.signal.statistics(limit))
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<Vec<SeriesExemplars>, StoreError> {
        self.samples.ask(self.ground(), |samples, view| samples.exemplars(view, matchers, start, end))
    }

    fn metadata(&self) -> Result<BTreeMap<String, Metadata>, StoreError> {
        self.samples.ask(self.ground(), crate::samples::Samples::metadata)
    }

    fn last(&self, labels: &Labels) -> Result<Option<(i64, f64)>, StoreError> {
        self.samples.ask(self.ground(), |samples, view| samples.last(view, labels))
    }
}
