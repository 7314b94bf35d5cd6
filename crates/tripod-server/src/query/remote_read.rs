//! `POST /api/v1/read`: Prometheus reads samples from here as from its own store.
//!
//! Answers are messages of samples. Who takes nothing but chunks as Prometheus stores them is refused: they are another store's format.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use regex::Regex;
use tripod_promql::Cancel;
use tripod_store::{MatchOp, Matcher, NativeHistogram, SeriesView};
use tripod_wire::prometheus::remote_read::{
    LabelMatcher, MatcherType, Query, QueryResult, ReadRequest, ReadResponse, ResponseType,
};
use tripod_wire::prometheus::remote_write::{BucketSpan, Histogram, Label, Sample, TimeSeries};
use tripod_wire::proto::Message;

use super::{Context, Failure};
use crate::own_metrics::Api;

/// The largest request, before and after decompression.
const MAX_REQUEST: usize = 1 << 20;
/// Beyond it, a number has no neighbours that are whole numbers, and differences of counts are not exact.
const MAX_WHOLE: f64 = (1u64 << 53) as f64;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/v1/read", post(read)).layer(DefaultBodyLimit::max(MAX_REQUEST))
}

async fn read(State(context): State<Arc<Context>>, body: Bytes) -> Response {
    let query = move |context: &Context, cancel: &Cancel| respond(context, &body, cancel);
    let answer = context.run_cancellable(Api::Metrics, query).await;
    match answer {
        Ok(bytes) => {
            let headers = [(CONTENT_TYPE, "application/x-protobuf"), (CONTENT_ENCODING, "snappy")];
            (StatusCode::OK, headers, Body::from(bytes)).into_response()
        }
        Err(failure) => (failure.status(), format!("{}\n", failure.reason())).into_response(),
    }
}

fn respond(context: &Context, body: &[u8], cancel: &Cancel) -> Result<Vec<u8>, Failure> {
    let request = decode(body)?;
    let accepted = &request.accepted_response_types;
    if !accepted.is_empty() && !accepted.contains(&ResponseType::SAMPLES) {
        let reason =
            format!("server does not support any of the requested response types: {accepted:?}; supported: SAMPLES");
        return Err(Failure::Bad(reason));
    }
    let mut left = context.engine.limits.max_samples;
    let result = |query| result(context, query, &mut left, cancel);
    let results = request.queries.iter().map(result).collect::<Result<_, _>>()?;
    let bytes = ReadResponse { results }.encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&bytes).map_err(|error| Failure::Unprocessable(error.to_string()))
}

fn decode(body: &[u8]) -> Result<ReadRequest, Failure> {
    let bad = |error: snap::Error| Failure::Bad(format!("not valid snappy: {error}"));
    if snap::raw::decompress_len(body).map_err(bad)? > MAX_REQUEST {
        return Err(Failure::Bad(format!("the request is larger than {MAX_REQUEST} bytes")));
    }
    let plain = snap::raw::Decoder::new().decompress_vec(body).map_err(bad)?;
    ReadRequest::decode(&plain).map_err(|error| Failure::Bad(format!("not a valid request: {error}")))
}

/// Reads what one query asks for, as long as samples are `left`.
fn result(context: &Context, query: &Query, left: &mut usize, cancel: &Cancel) -> Result<QueryResult, Failure> {
    let matchers = query.matchers.iter().map(matcher).collect::<Result<Vec<_>, _>>()?;
    let (mut timeseries, mut too_much) = (Vec::new(), false);
    context.store.scan(&matchers, query.start_timestamp_ms, query.end_timestamp_ms, &mut |view| {
        match left.checked_sub(view.floats.len() + view.histograms.len()) {
            Some(rest) => *left = rest,
            None => too_much = true,
        }
        if too_much || cancel.is_cancelled() {
            return ControlFlow::Break(());
        }
        timeseries.push(series(&view));
        ControlFlow::Continue(())
    })?;
    if too_much {
        let limit = context.engine.limits.max_samples;
        return Err(Failure::Unprocessable(format!("exceeded sample limit ({limit}): read less at a time")));
    }
    Ok(QueryResult { timeseries })
}

fn matcher(sent: &LabelMatcher) -> Result<Matcher, Failure> {
    let regex = || {
        let anchored = Regex::new(&format!("^(?s:{})$", sent.value));
        anchored.map_err(|error| Failure::Bad(format!("invalid matcher of {:?}: {error}", sent.name)))
    };
    let op = match sent.kind {
        MatcherType::EQUAL => MatchOp::Equal,
        MatcherType::NOT_EQUAL => MatchOp::NotEqual,
        MatcherType::REGEX => MatchOp::Regex(regex()?),
        MatcherType::NOT_REGEX => MatchOp::NotRegex(regex()?),
        other => return Err(Failure::Bad(format!("invalid matcher type {other:?}"))),
    };
    Ok(Matcher { name: sent.name.clone(), op, value: sent.value.clone() })
}

fn series(of: &SeriesView<'_>) -> TimeSeries {
    let label = |(name, value): (&str, &str)| Label { name: name.to_owned(), value: value.to_owned() };
    let samples = of.floats.iter().map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp });
    let histograms = of.histograms.iter().map(|(time, one)| histogram(one, *time));
    TimeSeries {
        labels: of.labels.iter().map(label).collect(),
        samples: samples.collect(),
        histograms: histograms.collect(),
        exemplars: Vec::new(),
    }
}

/// A histogram of whole numbers where all are whole, else of fractions.
fn histogram(of: &NativeHistogram, timestamp: i64) -> Histogram {
    let counts = of.positive.1.iter().chain(&of.negative.1).chain([&of.count, &of.zero_count]);
    let whole = counts.into_iter().all(|count| count.fract() == 0.0 && (0.0..MAX_WHOLE).contains(count));
    let mut sent = Histogram {
        sum: of.sum,
        schema: of.schema,
        zero_threshold: of.zero_threshold,
        positive_spans: span(&of.positive),
        negative_spans: span(&of.negative),
        custom_values: of.custom_values.to_vec(),
        timestamp,
        ..Histogram::default()
    };
    if whole {
        (sent.count_int, sent.zero_count_int) = (Some(of.count as u64), Some(of.zero_count as u64));
        (sent.positive_deltas, sent.negative_deltas) = (deltas(&of.positive.1), deltas(&of.negative.1));
    } else {
        (sent.count_float, sent.zero_count_float) = (Some(of.count), Some(of.zero_count));
        (sent.positive_counts, sent.negative_counts) = (of.positive.1.clone(), of.negative.1.clone());
    }
    sent
}

fn span((offset, buckets): &(i32, Vec<f64>)) -> Vec<BucketSpan> {
    let length = buckets.len() as u32;
    if length == 0 { Vec::new() } else { vec![BucketSpan { offset: *offset, length }] }
}

fn deltas(counts: &[f64]) -> Vec<i64> {
    let mut before = 0;
    let delta = |count: &f64| {
        let count = *count as i64;
        count - std::mem::replace(&mut before, count)
    };
    counts.iter().map(delta).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_counts_are_sent_as_differences_and_fractions_as_they_are() {
        let mut native = NativeHistogram {
            schema: 3,
            count: 6.0,
            positive: (-1, vec![1.0, 3.0, 2.0]),
            ..NativeHistogram::default()
        };
        let sent = histogram(&native, 5);
        assert_eq!(
            (sent.count_int, sent.positive_deltas.as_slice(), sent.timestamp),
            (Some(6), [1, 2, -1].as_slice(), 5)
        );
        assert_eq!(sent.positive_spans, [BucketSpan { offset: -1, length: 3 }]);
        native.positive.1[1] = 2.5;
        let sent = histogram(&native, 5);
        assert_eq!((sent.count_float, sent.positive_counts.as_slice()), (Some(6.0), [1.0, 2.5, 2.0].as_slice()));
        assert!(sent.count_int.is_none() && sent.positive_deltas.is_empty());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert!(decode(b"no snappy").is_err_and(|failure| failure.reason().contains("not valid snappy")));
        let junk = snap::raw::Encoder::new().compress_vec(b"\x0a\x05x").unwrap();
        assert!(decode(&junk).is_err_and(|failure| failure.reason().contains("ReadRequest")));
        let broken = LabelMatcher { kind: MatcherType::REGEX, name: "job".to_owned(), value: "(".to_owned() };
        assert!(matcher(&broken).is_err_and(|failure| failure.reason().contains("\"job\"")));
    }
}
