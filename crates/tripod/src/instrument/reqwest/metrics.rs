//! The metrics of HTTP clients. The catalogue has none of them, so they have OpenTelemetry's names whatever is chosen.

use std::time::Duration;

use crate::instrument::http::SIZES;
use crate::{Histogram, UpDownCounter, Value};

/// The instruments.
#[derive(Clone)]
pub(super) struct Metrics {
    duration: Histogram,
    active: UpDownCounter,
    request_size: Histogram,
    response_size: Histogram,
}

/// What is known of a request from its start.
pub(super) struct Asked<'a> {
    pub(super) method: &'static str,
    pub(super) address: &'a str,
    pub(super) port: Option<u16>,
    pub(super) template: Option<&'a str>,
}

/// What is known at its end.
pub(super) struct Ended<'a> {
    pub(super) took: Duration,
    pub(super) status: Option<u16>,
    pub(super) version: Option<&'static str>,
    pub(super) error_type: Option<&'a str>,
    pub(super) request_bytes: Option<u64>,
    pub(super) response_bytes: u64,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let duration = crate::histogram("http.client.request.duration").unit("s");
        let active = crate::up_down_counter("http.client.active_requests").unit("{request}");
        let size = |name| crate::histogram(name).unit("By").buckets(&SIZES);
        Self {
            duration: duration.description("Duration of HTTP client requests").build(),
            active: active.description("Number of active HTTP requests").build(),
            request_size: size("http.client.request.body.size")
                .description("Size of HTTP client request bodies")
                .build(),
            response_size: size("http.client.response.body.size")
                .description("Size of HTTP client response bodies")
                .build(),
        }
    }

    /// A request begins.
    pub(super) fn began(&self, asked: &Asked<'_>) {
        with_labels(asked, None, |labels| self.active.add(1, labels));
    }

    /// It is over.
    pub(super) fn ended(&self, asked: &Asked<'_>, ended: &Ended<'_>) {
        with_labels(asked, None, |labels| self.active.add(-1, labels));
        with_labels(asked, Some(ended), |labels| {
            self.duration.record(ended.took.as_secs_f64(), labels);
            if ended.status.is_some() {
                self.response_size.record(ended.response_bytes as f64, labels);
            }
            if let Some(bytes) = ended.request_bytes {
                self.request_size.record(bytes as f64, labels);
            }
        });
    }
}

fn with_labels(asked: &Asked<'_>, ended: Option<&Ended<'_>>, record: impl FnOnce(&[(&str, Value<'_>)])) {
    let mut labels = [("", Value::Empty); 7];
    let known = [
        ("http.request.method", Some(Value::Str(asked.method))),
        ("server.address", Some(Value::Str(asked.address))),
        ("server.port", asked.port.map(|port| Value::Int(port.into()))),
        ("url.template", asked.template.map(Value::Str)),
        ("http.response.status_code", ended.and_then(|ended| ended.status).map(|status| Value::Int(status.into()))),
        ("network.protocol.version", ended.and_then(|ended| ended.version).map(Value::Str)),
        ("error.type", ended.and_then(|ended| ended.error_type).map(Value::Str)),
    ];
    let mut count = 0;
    for (key, value) in known {
        if let Some(value) = value {
            labels[count] = (key, value);
            count += 1;
        }
    }
    record(&labels[..count]);
}
