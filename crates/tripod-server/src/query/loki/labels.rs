//! What labels there are. Streams are those of the newest records that a selector finds; the names of all attributes are known without
//! reading any.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Map, Value, json};
use tripod_store::LogStore;

use super::select::{self, Next, Order};
use super::stream::SERVICE;
use super::{Answer, Request, answered, success};
use crate::own_metrics::Api;
use crate::query::logql::entry::{Entry, Origin};
use crate::query::logql::parse::read_matchers;
use crate::query::logql::{Lines, Query, parse, stages};
use crate::query::params::{Params, Segment, segment};
use crate::query::{Context, Failure};

/// Records that are looked at for their labels.
const SAMPLE: usize = 20_000;
/// Values of a label that are listed.
const MAX_VALUES: usize = 5_000;

/// Calls `visit` with the newest lines that a selector finds; without one, with the newest of all.
fn newest(
    context: &Context,
    request: &Request,
    lines: Option<&Lines>,
    visit: &mut dyn FnMut(Entry),
) -> Result<(), Failure> {
    let all = Lines { matchers: Vec::new(), stages: Vec::new() };
    let mut left = SAMPLE;
    select::each(context, lines.unwrap_or(&all), request.window()?, Order::NewestFirst, &mut |entry| {
        visit(entry);
        left -= 1;
        Ok(if left > 0 { Next::More } else { Next::Enough })
    })
}

/// The lines that the parameter `query` selects.
fn selected(params: &Params) -> Result<Option<Lines>, Failure> {
    let Some(text) = params.get("query").filter(|text| text.trim() != "{}") else { return Ok(None) };
    match parse(text)? {
        Query::Lines(lines) => Ok(Some(lines)),
        Query::Metric(_) => Err(Failure::Bad("invalid parameter \"query\": a selector is expected".to_owned())),
    }
}

pub(super) fn names(context: &Context, request: &Request) -> Answer {
    let lines = selected(&request.params)?;
    let mut names = BTreeSet::from([SERVICE.to_owned()]);
    newest(context, request, lines.as_ref(), &mut |entry| {
        for label in entry.labels().iter().filter(|label| label.origin == Origin::Stream) {
            if !names.contains(&*label.name) {
                names.insert(label.name.to_string());
            }
        }
    })?;
    Ok(success(names.into_iter().collect()))
}

pub(super) async fn values(
    State(context): State<Arc<Context>>,
    name: Segment,
    headers: HeaderMap,
    params: Params,
) -> Response {
    let request = Request::new(params, &headers);
    let query = move |context: &Context| {
        let name = segment(name)?;
        let lines = selected(&request.params)?;
        let mut values = BTreeSet::new();
        if name == SERVICE && lines.is_none() {
            let known = LogStore::attribute_values(context.store.as_ref(), "service.name", "", MAX_VALUES)?;
            values.extend(known.into_iter().map(|known| known.value));
        } else {
            newest(context, &request, lines.as_ref(), &mut |entry| {
                let value = entry.stream_label(&name);
                if !value.is_empty() && !values.contains(value) && values.len() < MAX_VALUES {
                    values.insert(value.to_owned());
                }
            })?;
        }
        Ok(success(values.into_iter().collect()))
    };
    answered(context.run(Api::Logs, query).await)
}

/// The streams that one of `match[]` selects.
pub(super) fn series(context: &Context, request: &Request) -> Answer {
    let mut streams = BTreeSet::new();
    let texts: Vec<&str> = request.params.all("match[]").chain(request.params.all("match")).collect();
    let mut add = |entry: Entry| {
        let labels = entry.labels().iter().filter(|label| label.origin == Origin::Stream);
        streams.insert(labels.map(|label| (Arc::clone(&label.name), Arc::clone(&label.value))).collect::<Vec<_>>());
    };
    for text in &texts {
        let lines = Lines { matchers: read_matchers(text)?, stages: Vec::new() };
        newest(context, request, Some(&lines), &mut add)?;
    }
    if texts.is_empty() {
        newest(context, request, None, &mut add)?;
    }
    let object = |labels: Vec<(Arc<str>, Arc<str>)>| -> Value {
        Value::Object(labels.into_iter().map(|(name, value)| (name.to_string(), Value::from(&*value))).collect())
    };
    Ok(success(streams.into_iter().map(object).collect()))
}

/// Labels of streams and how many values each has.
pub(super) fn detected(context: &Context, request: &Request) -> Answer {
    let lines = selected(&request.params)?;
    let mut found: BTreeMap<Arc<str>, HashSet<Arc<str>>> = BTreeMap::new();
    newest(context, request, lines.as_ref(), &mut |entry| {
        for label in entry.labels().iter().filter(|label| label.origin == Origin::Stream) {
            found.entry(Arc::clone(&label.name)).or_default().insert(Arc::clone(&label.value));
        }
    })?;
    let rows = found.into_iter().map(|(name, values)| json!({ "label": &*name, "cardinality": values.len() }));
    Ok(json!({ "detectedLabels": rows.collect::<Value>() }))
}

/// What is found in lines besides the labels of their streams: structured metadata, and what JSON or logfmt says.
pub(super) fn fields(context: &Context, request: &Request) -> Answer {
    let lines = selected(&request.params)?;
    let Query::Lines(json_stage) = parse("{a=\"b\"} | json")? else { return Err(Failure::Internal(String::new())) };
    let Query::Lines(logfmt_stage) = parse("{a=\"b\"} | logfmt --strict")? else {
        return Err(Failure::Internal(String::new()));
    };
    let mut found: BTreeMap<String, (Vec<&'static str>, HashSet<String>)> = BTreeMap::new();
    let mut left = request.params.count("line_limit", 1_000, SAMPLE)?;
    newest(context, request, lines.as_ref(), &mut |mut entry| {
        if left == 0 || lines.as_ref().is_some_and(|lines| !stages::run(&lines.stages, &mut entry)) {
            return;
        }
        left -= 1;
        let parser = if entry.line.trim_start().starts_with('{') {
            stages::run(&json_stage.stages, &mut entry);
            "json"
        } else {
            if entry.line.contains('=') {
                stages::run(&logfmt_stage.stages, &mut entry);
            }
            "logfmt"
        };
        for label in
            entry.labels().iter().filter(|label| label.origin != Origin::Stream && !label.name.starts_with("__"))
        {
            let (parsers, values) = found.entry(label.name.to_string()).or_default();
            if label.origin == Origin::Parsed && !parsers.contains(&parser) {
                parsers.push(parser);
            }
            values.insert(label.value.to_string());
        }
    })?;
    let limit = request.params.count("limit", 1_000, SAMPLE)?;
    let rows = found.into_iter().take(limit).map(|(name, (parsers, values))| {
        let is_number = values.iter().all(|value| value.parse::<f64>().is_ok());
        let kind = if is_number { "float" } else { "string" };
        let parsers = if parsers.is_empty() { Value::Null } else { json!(parsers) };
        let row = [
            ("label", Value::from(name)),
            ("type", Value::from(kind)),
            ("cardinality", Value::from(values.len())),
            ("parsers", parsers),
        ];
        Value::Object(row.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    });
    Ok(json!({ "fields": rows.collect::<Value>(), "limit": limit }))
}
