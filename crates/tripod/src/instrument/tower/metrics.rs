//! The metrics of HTTP servers, under either names.

use std::time::Duration;

use crate::instrument::MetricNames;
use crate::instrument::http::{CANCELLED, SIZES};
use crate::{Histogram, UpDownCounter, Value, catalog, labels};

/// The instruments.
#[derive(Clone)]
pub(super) enum Metrics {
    OpenTelemetry { duration: Histogram, active: UpDownCounter, request_size: Histogram, response_size: Histogram },
    Catalog(&'static catalog::http::Metrics),
}

/// What is known of a request from its start.
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    pub(super) scheme: &'static str,
    pub(super) version: &'static str,
    pub(super) route: Option<&'a str>,
}

/// What is known at its end.
pub(super) struct Ended<'a> {
    pub(super) took: Duration,
    pub(super) status: Option<u16>,
    pub(super) error_type: Option<&'a str>,
    pub(super) request_bytes: Option<u64>,
    pub(super) response_bytes: u64,
}

macro_rules! active_labels {
    ($asked:ident) => {
        labels!(http.request.method = $asked.method, url.scheme = $asked.scheme)
    };
}

impl Metrics {
    pub(super) fn new(names: MetricNames) -> Self {
        if names == MetricNames::Catalog {
            return Self::Catalog(catalog::http::Metrics::get());
        }
        let duration = crate::histogram("http.server.request.duration").unit("s");
        let active = crate::up_down_counter("http.server.active_requests").unit("{request}");
        let size = |name| crate::histogram(name).unit("By").buckets(&SIZES);
        Self::OpenTelemetry {
            duration: duration.description("Duration of HTTP server requests").build(),
            active: active.description("Number of active HTTP server requests").build(),
            request_size: size("http.server.request.body.size")
                .description("Size of HTTP server request bodies")
                .build(),
            response_size: size("http.server.response.body.size")
                .description("Size of HTTP server response bodies")
                .build(),
        }
    }

    /// A request begins.
    pub(super) fn began(&self, asked: &Asked<'_>) {
        match self {
            Self::OpenTelemetry { active, .. } => active.add(1, active_labels!(asked)),
            Self::Catalog(metrics) => metrics.began(asked.method, asked.route.unwrap_or_default()),
        }
    }

    /// It is over.
    pub(super) fn ended(&self, asked: &Asked<'_>, ended: &Ended<'_>) {
        match self {
            Self::OpenTelemetry { duration, active, request_size, response_size } => {
                active.add(-1, active_labels!(asked));
                let mut labels = [
                    ("http.request.method", Value::Str(asked.method)),
                    ("url.scheme", Value::Str(asked.scheme)),
                    ("network.protocol.version", Value::Str(asked.version)),
                    ("", Value::Empty),
                    ("", Value::Empty),
                    ("", Value::Empty),
                ];
                let mut count = 3;
                let mut add = |key, value| {
                    labels[count] = (key, value);
                    count += 1;
                };
                if let Some(status) = ended.status {
                    add("http.response.status_code", Value::Int(status.into()));
                }
                if let Some(route) = asked.route {
                    add("http.route", Value::Str(route));
                }
                if let Some(error_type) = ended.error_type {
                    add("error.type", Value::Str(error_type));
                }
                let labels = &labels[..count];
                duration.record(ended.took.as_secs_f64(), labels);
                response_size.record(ended.response_bytes as f64, labels);
                if let Some(bytes) = ended.request_bytes {
                    request_size.record(bytes as f64, labels);
                }
            }
            Self::Catalog(metrics) => {
                let status = match (ended.status, ended.error_type) {
                    (Some(status), _) => Value::Int(status.into()),
                    (None, Some(CANCELLED)) => Value::Str(CANCELLED),
                    // What a client makes of a connection that breaks.
                    (None, _) => Value::Int(500),
                };
                metrics.ended(asked.method, asked.route.unwrap_or_default(), status, ended.took);
            }
        }
    }
}
