//! Jaeger's metrics of services (its Monitor page): latencies, calls and errors, out of the metrics of spans.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use tripod_promql as promql;

use super::params::Params;
use super::selectors::StoreSource;
use super::{Context, Failure, json_response, time};
use crate::own_metrics::Api;

/// In milliseconds: Jaeger's own defaults.
const DEFAULT_LOOKBACK: i64 = 3_600_000;
const DEFAULT_STEP: i64 = 5_000;
const DEFAULT_RATE: i64 = 600_000;

const DURATIONS: &str = "traces_span_metrics_duration_milliseconds_bucket";
const CALLS: &str = "traces_span_metrics_calls_total";

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/metrics/latencies", get(latencies))
        .route("/api/metrics/calls", get(calls))
        .route("/api/metrics/errors", get(errors))
        .route("/api/metrics/minstep", get(min_step))
}

/// A question: what it is called, and the query for it.
struct Question {
    name: String,
    help: String,
    query: String,
}

/// What the three have in common.
struct Asked {
    /// Matchers of service and kind.
    selector: String,
    /// Labels the answer is by.
    by: &'static str,
    by_operation: bool,
    rate: i64,
}

impl Asked {
    fn read(params: &Params) -> Result<Self, Failure> {
        let services: Vec<String> = params.all("service").map(regex::escape).collect();
        if services.is_empty() {
            return Err(Failure::Bad(
                "unable to parse param 'service': please provide at least one service name".to_owned(),
            ));
        }
        let mut kinds = Vec::new();
        for kind in params.all("spanKind") {
            let name = ["unspecified", "internal", "server", "client", "producer", "consumer"];
            if !name.contains(&kind) {
                let reason = format!("unsupported span kind: '{kind}'; it is one of {}", name.join(", "));
                return Err(Failure::Bad(format!("unable to parse param 'spanKind': {reason}")));
            }
            kinds.push(format!("SPAN_KIND_{}", kind.to_uppercase()));
        }
        if kinds.is_empty() {
            kinds.push("SPAN_KIND_SERVER".to_owned());
        }
        let grouped = |text: &str| text.parse::<bool>().map_err(|_| format!("{text:?} is neither true nor false"));
        let by_operation = params.read("groupByOperation", grouped)?.unwrap_or(false);
        let services = services.join("|");
        Ok(Self {
            selector: format!("service_name=~{services:?},span_kind=~{:?}", kinds.join("|")),
            by: if by_operation { "service_name,span_name" } else { "service_name" },
            by_operation,
            rate: millis(params, "ratePer", DEFAULT_RATE)?,
        })
    }

    fn sum_of_rates(&self, metric: &str, more: &str, by: &str) -> String {
        format!("sum by ({by}) (rate({metric}{{{}{more}}}[{}ms]))", self.selector, self.rate)
    }

    fn question(&self, name: &str, help: &str, query: String) -> Question {
        let (kind, grouped) = if self.by_operation { ("operation", "service & operation") } else { ("", "service") };
        let name = if kind.is_empty() { format!("service_{name}") } else { format!("service_{kind}_{name}") };
        Question { name, help: format!("{help}, grouped by {grouped}"), query }
    }
}

/// A number of milliseconds, at least one.
fn millis(params: &Params, name: &str, default: i64) -> Result<i64, Failure> {
    let read = |text: &str| match text.parse::<i64>() {
        Ok(millis) if millis > 0 => Ok(millis),
        _ => Err(format!("{text:?} is not a positive number of milliseconds")),
    };
    Ok(params.read(name, read)?.unwrap_or(default))
}

async fn latencies(State(context): State<Arc<Context>>, params: Params) -> Response {
    ask(&context, params, |asked, params| {
        let read = |text: &str| {
            text.parse::<f64>()
                .ok()
                .filter(|one| (0.0..=1.0).contains(one))
                .ok_or_else(|| format!("{text:?} is not from 0 to 1"))
        };
        let quantile = params.read("quantile", read)?;
        let quantile =
            quantile.ok_or_else(|| Failure::Bad("unable to parse param 'quantile': it is missing".to_owned()))?;
        let rates = asked.sum_of_rates(DURATIONS, "", &format!("{},le", asked.by));
        let query = format!("histogram_quantile({quantile}, {rates})");
        Ok(asked.question("latencies", &format!("{quantile:.2}th quantile latency"), query))
    })
    .await
}

async fn calls(State(context): State<Arc<Context>>, params: Params) -> Response {
    ask(&context, params, |asked, _| {
        Ok(asked.question("call_rate", "calls/sec", asked.sum_of_rates(CALLS, "", asked.by)))
    })
    .await
}

async fn errors(State(context): State<Arc<Context>>, params: Params) -> Response {
    ask(&context, params, |asked, _| {
        let failed = asked.sum_of_rates(CALLS, ",status_code=\"STATUS_CODE_ERROR\"", asked.by);
        let all = asked.sum_of_rates(CALLS, "", asked.by);
        // Those of which none failed have a rate of 0, as they have calls.
        let query = format!("({failed} or 0 * {all}) / {all}");
        Ok(asked.question("error_rate", "error rate, computed as a fraction of errors/sec over calls/sec", query))
    })
    .await
}

async fn min_step() -> Response {
    envelope(&json!([1]), 1)
}

fn envelope(data: &Value, total: usize) -> Response {
    json_response(StatusCode::OK, &json!({ "data": data, "total": total, "limit": 0, "offset": 0, "errors": null }))
}

async fn ask(
    context: &Arc<Context>,
    params: Params,
    question: fn(&Asked, &Params) -> Result<Question, Failure>,
) -> Response {
    let query = move |context: &Context| {
        let question = question(&Asked::read(&params)?, &params)?;
        let now = || i64::try_from(time::now() / 1_000_000).unwrap_or(i64::MAX);
        let end = if params.get("endTs").is_some() { millis(&params, "endTs", 0)? } else { now() };
        let lookback = millis(&params, "lookback", DEFAULT_LOOKBACK)?;
        let step = millis(&params, "step", DEFAULT_STEP)?;
        let source = StoreSource::new(context.store.as_ref());
        let output = context.engine.range(&source, &question.query, end.saturating_sub(lookback), end, step)?;
        Ok(family(&question, &output.value))
    };
    match context.run(Api::Metrics, query).await {
        Ok(family) => json_response(StatusCode::OK, &family),
        Err(failure) => {
            let errors = json!([{ "code": failure.status().as_u16(), "msg": failure.reason() }]);
            let body = json!({ "data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors });
            json_response(failure.status(), &body)
        }
    }
}

/// Jaeger's metric family; `operation` is what it calls a span's name.
fn family(question: &Question, value: &promql::Value) -> Value {
    let series = match value {
        promql::Value::Matrix(series) => series.as_slice(),
        _ => &[],
    };
    let metric = |series: &promql::RangeSeries| {
        let label = |(name, value): (&str, &str)| {
            let name = if name == "span_name" { "operation" } else { name };
            json!({ "name": name, "value": value })
        };
        let point = |(at, value): &(i64, f64)| {
            let timestamp = time::format_rfc3339(u64::try_from(*at).unwrap_or(0).saturating_mul(1_000_000));
            // JSON has no number for what is none: a quantile of no calls.
            let value = if value.is_finite() { json!(value) } else { json!("NaN") };
            json!({ "gaugeValue": { "doubleValue": value }, "timestamp": timestamp })
        };
        json!({
            "labels": series.labels.iter().map(label).collect::<Value>(),
            "metricPoints": series.floats.iter().map(point).collect::<Value>(),
        })
    };
    json!({
        "name": question.name,
        "type": "GAUGE",
        "help": question.help,
        "metrics": series.iter().map(metric).collect::<Value>(),
    })
}
