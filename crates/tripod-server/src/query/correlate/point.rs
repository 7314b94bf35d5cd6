//! From a point of a series to its exemplars, to traces, to logs.
//!
//! Exemplars name their traces. Where there are too few, traces are inferred: those of the service (and operation, and duration
//! bucket) that the series' labels name, nearest in time; each says so, and why.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tripod_store::{AttributeMatch, Exemplar, Labels, LogQuery, Matcher, Trace, TraceQuery, TraceSummary, Window};
use tripod_wire::TraceId;
use tripod_wire::otlp::trace::StatusCode;

use super::super::params::Params;
use super::super::{Context, Failure, logs, selectors, time};

const DEFAULT_TRACES: usize = 10;
const MAX_TRACES: usize = 100;
const DEFAULT_LOGS: usize = 50;
const MAX_LOGS: usize = 1000;
const MAX_EXEMPLARS: usize = 1000;
/// How far a window reaches on each side of a point where none is given.
const AROUND: u64 = 150_000_000_000;
/// The most series that traces are inferred from.
const MAX_SERIES: usize = 20;

/// What is asked for.
struct Asked {
    sets: Vec<Vec<Matcher>>,
    point: u64,
    /// What the point's value is, where that is a measurement as exemplars are.
    value: Option<f64>,
    window: Window,
    traces: usize,
    logs: usize,
}

/// A trace that was found, and why it is shown.
struct Related {
    id: TraceId,
    inferred: bool,
    reason: String,
    summary: Option<Value>,
}

pub(super) fn correlate(context: &Context, params: &Params) -> Result<Value, Failure> {
    let asked = read(context, params)?;
    let mut exemplars = exemplars(context, &asked)?;
    let mut related: Vec<Related> = Vec::new();
    let mut seen = HashSet::new();
    for (_, exemplar) in exemplars.iter().filter(|(_, exemplar)| seen.insert(exemplar.trace_id)).take(asked.traces) {
        let summary = context.store.trace(exemplar.trace_id)?.map(|trace| of_trace(&trace));
        let reason = "an exemplar of the series names it".to_owned();
        related.push(Related { id: exemplar.trace_id, inferred: false, reason, summary });
    }
    let mut notes = Vec::new();
    if related.len() < asked.traces {
        infer(context, &asked, &mut related, &mut notes)?;
    }
    let records = records(context, &asked, &related)?;
    let known = exemplars.len();
    exemplars.truncate(MAX_EXEMPLARS);
    if known > exemplars.len() {
        notes.push(format!("{known} exemplars are there, the nearest {MAX_EXEMPLARS} are shown"));
    }
    Ok(json!({
        "point_unix_nano": asked.point.to_string(),
        "start_unix_nano": asked.window.start.to_string(),
        "end_unix_nano": asked.window.end.to_string(),
        "exemplars": exemplars.iter().map(exemplar).collect::<Value>(),
        "traces": related.into_iter().map(shown).collect::<Value>(),
        "logs": records,
        "notes": notes,
    }))
}

fn read(context: &Context, params: &Params) -> Result<Asked, Failure> {
    let mut sets = Vec::new();
    for text in params.all("match[]").chain(params.all("match")) {
        sets.push(selectors::of_selector(&context.engine, text)?);
    }
    if let Some(query) = params.get("query") {
        sets.extend(selectors::of_query(&context.engine, query)?);
    }
    if sets.is_empty() {
        let reason =
            "parameter \"query\" or \"match[]\" is missing: the series that the point is of, as PromQL or a selector";
        return Err(Failure::Bad(reason.to_owned()));
    }
    let value = params.read("value", finite)?;
    let point = params.read("time", time::parse_time)?;
    let (start, end) = params.bounds()?;
    let middle = match (start, end) {
        (Some(start), Some(end)) => start + end.saturating_sub(start) / 2,
        (Some(start), None) => start,
        (None, end) => end.unwrap_or_else(time::now),
    };
    let point = point.unwrap_or(middle);
    let window = Window {
        start: start.unwrap_or_else(|| point.saturating_sub(AROUND)),
        end: end.unwrap_or_else(|| point.saturating_add(AROUND)),
    };
    if window.end < window.start {
        return Err(Failure::Bad("end must not be before start".to_owned()));
    }
    let sets = narrowed(context, sets, &labels(params)?, window)?;
    let traces = params.count("limit", DEFAULT_TRACES, MAX_TRACES)?;
    Ok(Asked { sets, point, value, window, traces, logs: params.count("logs", DEFAULT_LOGS, MAX_LOGS)? })
}

fn finite(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value: &f64| value.is_finite()).ok_or_else(|| format!("{text:?} is not a finite number"))
}

/// The labels of the point's own series, each `name=value`.
fn labels(params: &Params) -> Result<Vec<Matcher>, Failure> {
    let split = |text: &str| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Matcher::equal(name, value)),
        _ => Err(Failure::Bad(format!("invalid parameter \"label\": {text:?} is not name=value"))),
    };
    params.all("label").map(split).collect()
}

/// The selectors with the labels that the point's series has. A query may have made such labels itself: where nothing has them, the
/// selectors stay as they are.
fn narrowed(
    context: &Context,
    sets: Vec<Vec<Matcher>>,
    labels: &[Matcher],
    window: Window,
) -> Result<Vec<Vec<Matcher>>, Failure> {
    if labels.is_empty() {
        return Ok(sets);
    }
    let all: Vec<Vec<Matcher>> = sets.iter().map(|set| [set.as_slice(), labels].concat()).collect();
    let (start, end) = (millis(window.start), millis(window.end));
    let mut is_known = !context.store.series(&all, start, end)?.is_empty();
    for matchers in &all {
        is_known = is_known || !context.store.exemplars(matchers, start, end)?.is_empty();
    }
    Ok(if is_known { all } else { sets })
}

fn millis(nanos: u64) -> i64 {
    i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
}

/// How far a measurement is from the point's value: how many times as much or as little, in steps of about a tenth, so that among those
/// alike the nearest in time is first.
fn distance(value: f64, of: Option<f64>) -> u64 {
    match of {
        Some(of) if of > 0.0 && value > 0.0 => ((value / of).ln().abs() * 10.0) as u64,
        Some(of) => (value - of).abs() as u64,
        None => 0,
    }
}

/// Exemplars of the series within the window, those nearest to the point first.
fn exemplars(context: &Context, asked: &Asked) -> Result<Vec<(Labels, Exemplar)>, Failure> {
    let mut found: Vec<(Labels, Exemplar)> = Vec::new();
    for matchers in &asked.sets {
        let series = context.store.exemplars(matchers, millis(asked.window.start), millis(asked.window.end))?;
        for one in series {
            found.extend(one.exemplars.into_iter().map(|exemplar| (one.labels.clone(), exemplar)));
        }
    }
    found.retain(|(_, exemplar)| exemplar.trace_id.is_valid());
    let point = millis(asked.point);
    found.sort_by(|a, b| {
        let key = |one: &(Labels, Exemplar)| {
            let far = distance(one.1.value, asked.value);
            (far, one.1.time.abs_diff(point), one.1.trace_id, one.1.span_id)
        };
        key(a).cmp(&key(b)).then_with(|| a.0.cmp(&b.0))
    });
    found.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    Ok(found)
}

fn exemplar((labels, of): &(Labels, Exemplar)) -> Value {
    let series: Map<String, Value> = labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "series": series,
        "value": of.value,
        "time_unix_nano": u64::try_from(of.time).unwrap_or(0).saturating_mul(1_000_000).to_string(),
        "trace_id": of.trace_id.to_string(),
        "span_id": if of.span_id.is_valid() { of.span_id.to_string() } else { String::new() },
    })
}

fn shown(of: Related) -> Value {
    let mut value = of.summary.unwrap_or_else(|| json!({ "missing": true }));
    value["traceID"] = json!(of.id.to_string());
    value["inferred"] = json!(of.inferred);
    value["reason"] = json!(of.reason);
    value
}

fn of_trace(trace: &Trace) -> Value {
    let spans = &trace.spans;
    let root = spans.iter().find(|one| !one.span.parent_span_id.is_valid()).or(spans.first());
    let start = spans.iter().map(|one| one.span.start_time_unix_nano).min().unwrap_or(0);
    let end = spans.iter().map(|one| one.span.end_time_unix_nano).max().unwrap_or(0);
    json!({
        "service": root.map_or("", |root| root.resource.service_name()),
        "operation": root.map_or("", |root| root.span.name.as_str()),
        "start_unix_nano": start.to_string(),
        "duration_ns": end.saturating_sub(start).to_string(),
        "spans": spans.len(),
        "errors": spans.iter().filter(|one| one.span.status.code == StatusCode::ERROR).count(),
    })
}

fn of_summary(of: &TraceSummary) -> Value {
    json!({
        "service": of.service,
        "operation": of.operation,
        "start_unix_nano": of.start.to_string(),
        "duration_ns": of.duration.as_nanos().to_string(),
        "spans": of.spans,
        "errors": of.errors,
    })
}

/// Traces that the series' labels point to, nearest to the point first, until there are as many as asked for.
fn infer(context: &Context, asked: &Asked, related: &mut Vec<Related>, notes: &mut Vec<String>) -> Result<(), Failure> {
    let series = context.store.series(&asked.sets, millis(asked.window.start), millis(asked.window.end))?;
    let services: HashSet<String> = context.store.services()?.into_iter().collect();
    // A bucket ends where the next smaller one does, which is mostly not asked for.
    let without_le = |set: &Vec<Matcher>| set.iter().filter(|matcher| matcher.name != "le").cloned().collect();
    let sets: Vec<Vec<Matcher>> = asked.sets.iter().map(without_le).collect();
    let buckets = context.store.series(&sets, millis(asked.window.start), millis(asked.window.end))?;
    let all: HashSet<&Labels> = buckets.iter().collect();
    let mut hints: Vec<Hint> = Vec::new();
    for labels in &series {
        if let Some(hint) = hint(labels, &services, &all)
            && !hints.contains(&hint)
        {
            hints.push(hint);
        }
    }
    if let Some(value) = asked.value
        && hints.iter().any(|hint| hint.holds(value))
    {
        hints.retain(|hint| hint.holds(value));
    }
    if hints.is_empty() {
        notes.push(
            "no label of the series (service_name, service, job, server) names a service that has spans".to_owned(),
        );
    }
    if hints.len() > MAX_SERIES {
        notes.push(format!(
            "{} services, operations or buckets are concerned, {MAX_SERIES} were looked at",
            hints.len()
        ));
    }
    let mut found: Vec<(u64, Related)> = Vec::new();
    for hint in hints.into_iter().take(MAX_SERIES) {
        // Without the bucket where nothing is in it: what is near is better than nothing.
        for hint in [hint.clone(), Hint { durations: None, ..hint }] {
            let query = hint.query(asked.window, 10 * asked.traces);
            let summaries = context.store.summarize_traces(&query)?.summaries;
            let is_empty = summaries.is_empty();
            found.extend(summaries.iter().map(|summary| {
                let related = Related {
                    id: summary.id,
                    inferred: true,
                    reason: hint.reason(),
                    summary: Some(of_summary(summary)),
                };
                (summary.start.abs_diff(asked.point), related)
            }));
            if !is_empty || hint.durations.is_none() {
                break;
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
    for (_, one) in found {
        if related.len() >= asked.traces {
            break;
        }
        if !related.iter().any(|known| known.id == one.id) {
            related.push(one);
        }
    }
    Ok(())
}

/// What labels say of the spans behind a series.
#[derive(Debug, Clone, PartialEq)]
struct Hint {
    service: String,
    operation: Option<String>,
    failed: bool,
    /// Above, and at most, in nanoseconds.
    durations: Option<(u64, Option<u64>)>,
    /// Nanoseconds of one, of what the series measures.
    unit: Option<f64>,
}

impl Hint {
    /// Whether a value of the series is within its bucket.
    fn holds(&self, value: f64) -> bool {
        let Some(((above, most), unit)) = self.durations.zip(self.unit) else { return false };
        let nanos = (value * unit) as u64;
        nanos > above && most.is_none_or(|most| nanos <= most)
    }

    fn query(&self, window: Window, limit: usize) -> TraceQuery {
        let error = AttributeMatch { key: "error".to_owned(), value: "true".to_owned() };
        TraceQuery {
            service: Some(self.service.clone()),
            operation: self.operation.clone(),
            attributes: if self.failed { vec![error] } else { Vec::new() },
            min_duration: self.durations.map(|(above, _)| Duration::from_nanos(above.saturating_add(1))),
            max_duration: self.durations.and_then(|(_, most)| most).map(Duration::from_nanos),
            ..TraceQuery::within(window, limit)
        }
    }

    fn reason(&self) -> String {
        let mut by = vec![format!("service {}", self.service)];
        by.extend(self.operation.iter().map(|operation| format!("operation {operation}")));
        if self.failed {
            by.push("failure".to_owned());
        }
        if let Some((above, most)) = self.durations {
            let above = Duration::from_nanos(above);
            let most = most.map_or(String::new(), |most| format!(" to {:?}", Duration::from_nanos(most)));
            by.push(format!("duration above {above:?}{most}"));
        }
        format!("near in time, by {}", by.join(", "))
    }
}

fn hint(labels: &Labels, services: &HashSet<String>, all: &HashSet<&Labels>) -> Option<Hint> {
    let named = ["service_name", "service", "server", "job"].into_iter().map(|name| labels.get(name));
    // `job` is `namespace/name` where there is a namespace.
    let mut names = named.flat_map(|name| [name, name.rsplit('/').next().unwrap_or(name)]);
    let service = names.find(|name| services.contains(*name))?.to_owned();
    let operation = ["span_name", "operation"].into_iter().map(|name| labels.get(name)).find(|name| !name.is_empty());
    let failed = labels.get("status_code") == "STATUS_CODE_ERROR";
    let operation = operation.map(str::to_owned);
    Some(Hint { service, operation, failed, durations: bucket(labels, all), unit: nanoseconds(labels) })
}

/// Nanoseconds in one of what a histogram's buckets measure, where that is time.
fn nanoseconds(labels: &Labels) -> Option<f64> {
    let name = labels.name().strip_suffix("_bucket")?;
    let units = [("_milliseconds", 1e6), ("_seconds", 1e9)];
    units.into_iter().find(|(suffix, _)| name.ends_with(suffix)).map(|(_, nanos)| nanos)
}

/// The durations of a bucket: from the bound of the next smaller one of the same histogram to its own.
fn bucket(labels: &Labels, all: &HashSet<&Labels>) -> Option<(u64, Option<u64>)> {
    let unit = nanoseconds(labels)?;
    let bound = |of: &Labels| of.get("le").parse::<f64>().ok();
    let own = bound(labels)?;
    let others = |of: &Labels| {
        of.iter().filter(|(name, _)| *name != "le").map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>()
    };
    let same = others(labels);
    let below = all.iter().filter_map(|other| bound(other).filter(|bound| *bound < own && others(other) == same));
    let below = below.fold(0.0, f64::max);
    let nanos = |value: f64| (value * unit) as u64;
    Some((nanos(below), own.is_finite().then(|| nanos(own))))
}

/// Logs of the traces, those of the first one first.
fn records(context: &Context, asked: &Asked, related: &[Related]) -> Result<Value, Failure> {
    let mut records: Vec<Value> = Vec::new();
    for one in related {
        let left = asked.logs - records.len();
        if left == 0 {
            break;
        }
        let query = LogQuery { trace_id: Some(one.id), ..LogQuery::within(Window::ALL, left) };
        records.extend(context.store.find_logs(&query)?.iter().map(logs::log));
    }
    Ok(Value::Array(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().copied())
    }

    #[test]
    fn labels_say_which_spans_are_behind_a_series() {
        let services: HashSet<String> = ["shop".to_owned()].into();
        let name = "traces_span_metrics_duration_milliseconds_bucket";
        let with = |le: &str| labels(&[("__name__", name), ("service_name", "shop"), ("span_name", "GET"), ("le", le)]);
        let series = [with("50"), with("100"), with("+Inf")];
        let all: HashSet<&Labels> = series.iter().collect();
        let hint_of = |at: usize| hint(&series[at], &services, &all).unwrap();
        assert_eq!(hint_of(1).durations, Some((50_000_000, Some(100_000_000))));
        assert_eq!(hint_of(2).durations, Some((100_000_000, None)));
        assert_eq!(hint_of(0).reason(), "near in time, by service shop, operation GET, duration above 0ns to 50ms");
        let job = labels(&[("__name__", "up"), ("job", "prod/shop"), ("status_code", "STATUS_CODE_ERROR")]);
        let hint_of_job = hint(&job, &services, &HashSet::new()).unwrap();
        assert_eq!((hint_of_job.service.as_str(), hint_of_job.failed, hint_of_job.durations), ("shop", true, None));
        assert_eq!(hint(&labels(&[("job", "node")]), &services, &HashSet::new()), None);
        assert!(hint_of(1).holds(70.0) && !hint_of(1).holds(50.0) && hint_of(2).holds(1e6) && !hint_of_job.holds(1.0));
    }

    #[test]
    fn measurements_like_the_point_are_nearer_than_others() {
        assert_eq!(distance(0.9, None), 0);
        assert_eq!((distance(0.91, Some(0.9)), distance(0.89, Some(0.9))), (0, 0));
        assert!(distance(0.1, Some(0.9)) > distance(0.5, Some(0.9)));
        assert_eq!(distance(1e308, Some(-1e308)), u64::MAX, "no measurement is too far");
    }
}
