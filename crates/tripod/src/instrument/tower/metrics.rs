//! The metrics of HTTP servers, under either names.

use crate::instrument::MetricNames;
use crate::instrument::http::SIZES;
use crate::{Histogram, UpDownCounter, Value, labels};

/// The instruments.
#[derive(Clone)]
pub(super) enum Metrics {
    OpenTelemetry { duration: Histogram, active: UpDownCounter, request_size: Histogram, response_size: Histogram },
    Catalog { duration: Histogram, active: UpDownCounter },
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
    pub(super) seconds: f64,
    pub(super) status: Option<u16>,
    pub(super) error_type: Option<&'a str>,
    pub(super) request_bytes: Option<u64>,
    pub(super) response_bytes: u64,
}

impl Metrics {
    pub(super) fn new(names: MetricNames) -> Self {
        let duration = "Duration of HTTP server requests";
        let active = "Number of active HTTP server requests";
        let size = |name, description| {
            crate::histogram(name).unit("By").description(description).buckets(&SIZES).build()
        };
        match names {
            MetricNames::OpenTelemetry => Self::OpenTelemetry {
                duration: crate::histogram("http.server.request.duration").unit("s").description(duration).build(),
                active: crate::up_down_counter("http.server.active_requests")
                    .unit("{request}")
                    .description(active)
                    .build(),
                request_size: size("http.server.request.body.size", "Size of HTTP server request bodies"),
                response_size: size("http.server.response.body.size", "Size of HTTP server response bodies"),
            },
            MetricNames::Catalog => Self::Catalog {
                duration: crate::histogram("http_server_request_duration_seconds").unit("s").description(duration).build(),
                active: crate::up_down_counter("http_server_active_requests").description(active).build(),
            },
        }
    }

    /// One more under way, or one less.
    pub(super) fn active(&self, asked: &Asked<'_>, change: i64) {
        match self {
            Self::OpenTelemetry { active, .. } => {
                active.add(change, labels!(http.request.method = asked.method, url.scheme = asked.scheme));
            }
            Self::Catalog { active, .. } => {
                active.add(change, labels!(method = asked.method, route = asked.route.unwrap_or_default()));
            }
        }
    }

    /// A request is over.
    pub(super) fn ended(&self, asked: &Asked<'_>, ended: &Ended<'_>) {
        match self {
            Self::OpenTelemetry { duration, request_size, response_size, .. } => {
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
                duration.record(ended.seconds, labels);
                response_size.record(ended.response_bytes as f64, labels);
                if let Some(bytes) = ended.request_bytes {
                    request_size.record(bytes as f64, labels);
                }
            }
            Self::Catalog { duration, .. } => {
                // The catalogue's label is always there: what nobody was told is what the client, or the server, did.
                let status_code = match (ended.status, ended.error_type) {
                    (Some(status), _) => status,
                    (None, Some(crate::instrument::http::CANCELLED)) => 499,
                    (None, _) => 500,
                };
                let route = asked.route.unwrap_or_default();
                duration.record(ended.seconds, labels!(method = asked.method, route, status_code));
            }
        }
    }
}
