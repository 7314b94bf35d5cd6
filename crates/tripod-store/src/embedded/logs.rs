//! Log records of the embedded store.

use super::Embedded;
use crate::engine::RecordKind;
use crate::{
    Appended, AttributeKey, AttributeValue, LogFacets, LogField, LogPatterns, LogQuery, LogStore, LogVolume,
    StoreError, StoredLog, SummaryLimits, logs,
};

impl LogStore for Embedded {
    fn append_logs(&self, request: &[u8]) -> Result<Appended, StoreError> {
        self.engine.append(&self.logs, RecordKind::Logs, request)
    }

    fn find_logs(&self, query: &LogQuery) -> Result<Vec<StoredLog>, StoreError> {
        self.logs.ask(self.ground(), |_, view| logs::find(view, query))
    }

    fn log_volume(&self, query: &LogQuery, steps: usize) -> Result<LogVolume, StoreError> {
        self.logs.ask(self.ground(), |_, view| logs::volume(view, query, steps.max(1)))
    }

    fn log_facets(&self, query: &LogQuery, keys: &[LogField], limits: SummaryLimits) -> Result<LogFacets, StoreError> {
        self.logs.ask(self.ground(), |_, view| logs::facets(view, query, keys, limits))
    }

    fn log_patterns(&self, query: &LogQuery, steps: usize, limits: SummaryLimits) -> Result<LogPatterns, StoreError> {
        self.logs.ask(self.ground(), |_, view| logs::patterns(view, query, steps.max(1), limits))
    }

    fn attribute_keys(&self) -> Result<Vec<AttributeKey>, StoreError> {
        Ok(logs::attribute_keys(&self.logs.view()))
    }

    fn attribute_values(&self, key: &str, prefix: &str, limit: usize) -> Result<Vec<AttributeValue>, StoreError> {
        self.logs.ask(self.ground(), |_, view| logs::attribute_values(view, key, prefix, limit))
    }
}
