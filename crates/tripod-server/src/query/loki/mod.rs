//! Loki's HTTP API, as Grafana's data source for it calls: log records asked in LogQL.
//!
//! A record's stream is its resource: the labels of a stream are the resource's attributes, with `_` in place of what a label's name may
//! not have, and `service_name`. What else a record has (attributes, scope, trace, level) is its structured metadata. The line is the body.
//!
//! - [`select`] finds lines: what the store's indexes can answer of a query goes to the store, all else is looked at line by line.
//! - [`metric`] evaluates metrics of lines. [`volume`] counts, [`labels`] lists what there is, [`tail`] follows.

mod answer;
mod labels;
mod metric;
pub(super) mod select;
pub(super) mod stream;
mod tail;
mod volume;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde_json::{Value, json};
use tripod_store::Window;

use self::select::Order;
use super::logql::metric::Grid;
use super::logql::{ParseError, Query, parse};
use super::params::Params;
use super::{Context, Failure, json_response, time};
use crate::own_metrics::Api;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;
/// Steps of a metric query, as Loki has it.
const MAX_STEPS: i64 = 11_000;
/// How far back is looked when nothing is said.
const DEFAULT_RANGE: Duration = Duration::from_secs(3600);

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/loki/api/v1/query", get_or_post(query))
        .route("/loki/api/v1/query_range", get_or_post(query_range))
        .route("/loki/api/v1/labels", get_or_post(labels::names))
        .route("/loki/api/v1/label", get_or_post(labels::names))
        .route("/loki/api/v1/label/{name}/values", get(labels::values))
        .route("/loki/api/v1/series", get_or_post(labels::series))
        .route("/loki/api/v1/detected_labels", get_or_post(labels::detected))
        .route("/loki/api/v1/detected_fields", get_or_post(labels::fields))
        .route("/loki/api/v1/index/stats", get_or_post(volume::stats))
        .route("/loki/api/v1/index/volume", get_or_post(volume::volume))
        .route("/loki/api/v1/index/volume_range", get_or_post(volume::volume_range))
        .route("/loki/api/v1/status/buildinfo", get(buildinfo))
        .route("/loki/api/v1/tail", get(tail::tail))
}

type Answer = Result<Value, Failure>;
type Handler = fn(&Context, &Request) -> Answer;

/// What a handler is asked.
struct Request {
    params: Params,
    /// Whether labels are wanted apart by where they come from.
    categorize: bool,
}

impl Request {
    fn new(params: Params, headers: &HeaderMap) -> Self {
        let flags = headers.get("x-loki-response-encoding-flags").and_then(|flags| flags.to_str().ok());
        let categorize = flags.is_some_and(|flags| flags.split(',').any(|flag| flag.trim() == "categorize-labels"));
        Self { params, categorize }
    }

    /// `start`, `end` and `since`; without them the last hour.
    fn window(&self) -> Result<Window, Failure> {
        let (start, end) = self.params.bounds()?;
        let end = end.unwrap_or_else(time::now);
        let since = self.params.read("since", time::parse_go_duration)?.unwrap_or(DEFAULT_RANGE);
        let start = start.unwrap_or_else(|| end.saturating_sub(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)));
        if end < start {
            return Err(Failure::Bad("end timestamp must not be before start time".to_owned()));
        }
        Ok(Window { start, end })
    }

    fn order(&self) -> Result<Order, Failure> {
        let read = |text: &str| match text.to_ascii_lowercase().as_str() {
            "forward" => Ok(Order::OldestFirst),
            "backward" => Ok(Order::NewestFirst),
            _ => Err(format!("{text:?} is neither forward nor backward")),
        };
        Ok(self.params.read("direction", read)?.unwrap_or(Order::NewestFirst))
    }

    fn limit(&self) -> Result<usize, Failure> {
        self.params.count("limit", DEFAULT_LIMIT, MAX_LIMIT)
    }
}

fn get_or_post(handler: Handler) -> MethodRouter<Arc<Context>> {
    let run = move |State(context): State<Arc<Context>>, headers: HeaderMap, params: Params| async move {
        let request = Request::new(params, &headers);
        answered(context.run(Api::Logs, move |context| handler(context, &request)).await)
    };
    get(run).post(run)
}

/// Loki answers errors in plain text.
fn answered(result: Answer) -> Response {
    match result {
        Ok(value) => json_response(StatusCode::OK, &value),
        Err(failure) => (failure.status(), failure.reason().to_owned()).into_response(),
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::Bad(error.to_string())
    }
}

fn success(data: Value) -> Value {
    Value::Object([("status".to_owned(), Value::from("success")), ("data".to_owned(), data)].into_iter().collect())
}

fn query(context: &Context, request: &Request) -> Answer {
    let text = request.params.required("query")?;
    let at = request.params.read("time", |text| time::parse(text).map(time::clamp_nanos))?.unwrap_or_else(time::now);
    match parse(text)? {
        Query::Metric(metric) => {
            // Rounded up, so that what happened at this very time counts.
            let grid = Grid { start: millis(at.saturating_add(999_999)), step: 1, count: 1 };
            metric::instant(context, &metric, grid)
        }
        Query::Lines(lines) => {
            let start = at.saturating_sub(DEFAULT_RANGE.as_nanos() as u64);
            let window = Window { start, end: at };
            let found = select::first(context, &lines, window, request.order()?, request.limit()?)?;
            Ok(answer::streams(found, request.categorize))
        }
    }
}

fn query_range(context: &Context, request: &Request) -> Answer {
    let text = request.params.required("query")?;
    let window = request.window()?;
    match parse(text)? {
        Query::Metric(metric) => metric::range(context, &metric, grid(request, window)?),
        Query::Lines(lines) => {
            let found = select::first(context, &lines, window, request.order()?, request.limit()?)?;
            Ok(answer::streams(found, request.categorize))
        }
    }
}

/// The steps of a range; without a step as many as Loki takes, 250.
fn grid(request: &Request, window: Window) -> Result<Grid, Failure> {
    let (start, end) = (millis(window.start), millis(window.end));
    let default = ((end - start) / 250 / 1000).max(1) * 1000;
    let step = request.params.read("step", time::parse_prometheus_duration)?.unwrap_or(default);
    if step <= 0 {
        return Err(Failure::Bad(
            "zero or negative query resolution step widths are not accepted. Try a positive integer".to_owned(),
        ));
    }
    if (end - start) / step >= MAX_STEPS {
        return Err(Failure::Bad(format!(
            "exceeded maximum resolution of {MAX_STEPS} points per time series. Try increasing the value of the step parameter"
        )));
    }
    Ok(Grid { start, step, count: ((end - start) / step + 1) as usize })
}

fn millis(nanos: u64) -> i64 {
    (nanos / 1_000_000) as i64
}

async fn buildinfo() -> Response {
    json_response(
        StatusCode::OK,
        &json!({
            "version": "3.5.0", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
            "application": format!("tripod {}", env!("CARGO_PKG_VERSION")),
        }),
    )
}
