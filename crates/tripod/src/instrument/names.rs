//! Under which names instrumentations record their metrics.

use std::sync::atomic::{AtomicU8, Ordering};

/// Whose names and labels the metrics of instrumented libraries have. Spans always follow the semantic conventions.
///
/// It is one or the other, never both: Prometheus would know `http.server.request.duration` and `http_server_request_duration_seconds`
/// by one name, and count each request twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricNames {
    /// OpenTelemetry's semantic conventions: `http.server.request.duration` by `http.request.method`, `http.route` and so on.
    #[default]
    OpenTelemetry,
    /// The catalogue's: `http_server_request_duration_seconds` by `method`, `route` and `status_code`; see [`crate::catalog`].
    Catalog,
}

impl MetricNames {
    pub(crate) const ALLOWED: &str = "must be opentelemetry or catalog";

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "opentelemetry" => Some(Self::OpenTelemetry),
            "catalog" => Some(Self::Catalog),
            _ => None,
        }
    }
}

static CHOSEN: AtomicU8 = AtomicU8::new(MetricNames::OpenTelemetry as u8);

/// Chooses the names for the whole process, as [`crate::Builder::metric_names`] does when telemetry is started. Layers and clients that
/// exist already keep theirs.
pub fn set_metric_names(names: MetricNames) {
    CHOSEN.store(names as u8, Ordering::Relaxed);
}

/// Whose names are used by what is made now.
#[allow(dead_code, reason = "asked by the instrumentations, which are features")]
pub(crate) fn metric_names() -> MetricNames {
    if CHOSEN.load(Ordering::Relaxed) == MetricNames::Catalog as u8 {
        MetricNames::Catalog
    } else {
        MetricNames::OpenTelemetry
    }
}
