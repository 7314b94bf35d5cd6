//! The metrics of database clients: by OpenTelemetry's names, or by the catalogue's.

use std::sync::OnceLock;
use std::time::Duration;

use super::client::List;
use super::operation::What;
use crate::catalog::{db, redis};
use crate::instrument::MetricNames;
use crate::instrument::names::metric_names;
use crate::{Histogram, histogram, labels};

/// What the conventions advise for every duration of a database.
pub(super) const SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
const ROWS: [f64; 13] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

/// How operations are measured.
pub(crate) enum OperationMetrics {
    OpenTelemetry(&'static Operations),
    CatalogDb(&'static db::Metrics),
    CatalogRedis(&'static redis::Metrics),
}

pub(crate) struct Operations {
    duration: Histogram,
    returned_rows: Histogram,
}

impl Operations {
    fn get() -> &'static Self {
        static OPERATIONS: OnceLock<Operations> = OnceLock::new();
        OPERATIONS.get_or_init(|| Self {
            duration: histogram("db.client.operation.duration")
                .unit("s")
                .description("Duration of database client operations.")
                .buckets(&SECONDS)
                .build(),
            returned_rows: histogram("db.client.response.returned_rows")
                .unit("{row}")
                .description("The actual number of records returned by the database operation.")
                .buckets(&ROWS)
                .build(),
        })
    }
}

/// How an operation ended, as metrics tell it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Status {
    Success,
    Error,
    Cancelled,
}

impl OperationMetrics {
    pub(super) fn new(system: &str) -> Self {
        match metric_names() {
            MetricNames::OpenTelemetry => Self::OpenTelemetry(Operations::get()),
            MetricNames::Catalog if system == "redis" => Self::CatalogRedis(redis::Metrics::get()),
            MetricNames::Catalog => Self::CatalogDb(db::Metrics::get()),
        }
    }

    /// An operation is over. The labels are those of the conventions.
    pub(super) fn record(&self, what: &What, took: Duration, rows: Option<u64>, status: Status, labels: &List<'_>) {
        let took = took.as_secs_f64();
        match self {
            Self::OpenTelemetry(metrics) => {
                metrics.duration.record(took, labels.as_slice());
                if let Some(rows) = rows {
                    metrics.returned_rows.record(rows as f64, labels.as_slice());
                }
            }
            Self::CatalogDb(metrics) => {
                let mut buffer = [0; 32];
                let query_type = lower(what.operation(), &mut buffer);
                let status = match status {
                    Status::Success => "success",
                    Status::Error => "error",
                    Status::Cancelled => "cancelled",
                };
                metrics.query_duration.record(took, labels!(query_type));
                metrics.queries.inc(labels!(query_type, status));
            }
            Self::CatalogRedis(metrics) => {
                let mut buffer = [0; 32];
                let command = lower(what.operation(), &mut buffer);
                metrics.command_duration.record(took, labels!(command));
            }
        }
    }
}

/// An operation's name as the catalogue has it; `other` where there is none.
fn lower<'a>(operation: &str, buffer: &'a mut [u8; 32]) -> &'a str {
    let bytes = operation.as_bytes();
    let Some(room) = buffer.get_mut(..bytes.len()).filter(|room| !room.is_empty()) else { return "other" };
    room.copy_from_slice(bytes);
    room.make_ascii_lowercase();
    std::str::from_utf8(room).unwrap_or("other")
}
