//! Which series there are, their labels, and what is known of metrics: what completes queries while they are typed.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use tripod_promql::Cancel;
use tripod_store::{Labels, Matcher, StoreError};

use super::params::{Params, Segment, segment};
use super::prometheus::{Answer, TRUNCATED, answer, bounds, get_or_post, limit};
use super::prometheus_json::Json;
use super::{Context, Failure, selectors};
use crate::own_metrics::Api;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/api/v1/series", get_or_post(series))
        .route("/api/v1/labels", get_or_post(labels))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/metadata", get(metadata))
}

fn series(context: &Context, params: &Params, _: &Cancel) -> Answer {
    if params.get("match[]").is_none() {
        return Err(Failure::Bad("no match[] parameter provided".to_owned()));
    }
    let (start, end) = bounds(params)?;
    let found = context.store.series(&matcher_sets(context, params)?, start, end)?;
    limited(params, &found, |json, labels: &Labels| {
        json.labels(labels.iter());
    })
}

fn labels(context: &Context, params: &Params, _: &Cancel) -> Answer {
    let names = merged(context, params, |matchers, (start, end)| context.store.label_names(matchers, start, end))?;
    limited(params, &names, |json, name| {
        json.text(name);
    })
}

async fn label_values(State(context): State<Arc<Context>>, name: Segment, params: Params) -> Response {
    let query = move |context: &Context| {
        // A name that is not of the old alphabet comes escaped: `U__http_2e_method`.
        let name = unescape(&segment(name)?);
        let values = |matchers: &[Matcher], (start, end)| context.store.label_values(&name, matchers, start, end);
        let values = merged(context, &params, values)?;
        limited(&params, &values, |json, value| {
            json.text(value);
        })
    };
    answer(context.run(Api::Metrics, query).await)
}

/// What is found for each of the `match[]` parameters, or without any, merged in order.
fn merged(
    context: &Context,
    params: &Params,
    find: impl Fn(&[Matcher], (i64, i64)) -> Result<Vec<String>, StoreError>,
) -> Result<Vec<String>, Failure> {
    let (bounds, sets) = (bounds(params)?, matcher_sets(context, params)?);
    match sets.as_slice() {
        [] => Ok(find(&[], bounds)?),
        [one] => Ok(find(one, bounds)?),
        more => {
            let mut all = BTreeSet::new();
            for matchers in more {
                all.extend(find(matchers, bounds)?);
            }
            Ok(all.into_iter().collect())
        }
    }
}

/// Undoes Prometheus' "values" escaping of names; a name that is not escaped, or not well, stays as it is.
fn unescape(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut out = String::new();
    let mut rest = escaped;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('_') {
            out.push('_');
            rest = tail;
            continue;
        }
        let code = rest
            .split_once('_')
            .and_then(|(hex, tail)| Some((u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)?, tail)));
        let Some((c, tail)) = code else { return name.to_owned() };
        out.push(c);
        rest = tail;
    }
    out + rest
}

/// The `match[]` parameters.
pub(super) fn matcher_sets(context: &Context, params: &Params) -> Result<Vec<Vec<Matcher>>, Failure> {
    params.all("match[]").map(|text| selectors::of_selector(&context.engine, text)).collect()
}

/// A list of at most `limit` items; 0 is no limit.
fn limited<T>(params: &Params, items: &[T], write: impl FnMut(&mut Json, &T)) -> Answer {
    let limit = limit(params, "limit")?;
    let cut = items.len() > limit;
    let warnings = if cut { vec![TRUNCATED.to_owned()] } else { Vec::new() };
    let items = if cut { &items[..limit] } else { items };
    Ok(Json::success_with_notes(&warnings, &[], |json| {
        json.list(items, write);
    }))
}

async fn metadata(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let (limit, each) = (count(&params, "limit")?, count(&params, "limit_per_metric")?);
        let wanted = params.get("metric");
        let all = context.store.metadata()?;
        let some = all.iter().filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name)).take(limit);
        Ok(Json::success(|json| {
            json.raw("{");
            for (i, (name, metadata)) in some.enumerate() {
                json.raw(if i > 0 { "," } else { "" }).text(name).raw(":");
                // There is one a metric: what was said last.
                let entries = std::slice::from_ref(metadata);
                json.list(&entries[..each.min(1)], |json, metadata| {
                    json.raw(r#"{"type":"#).text(metadata.kind.as_str()).raw(r#","help":"#).text(&metadata.help);
                    json.raw(r#","unit":"#).text(&metadata.unit).raw("}");
                });
            }
            json.raw("}");
        }))
    };
    answer(context.run(Api::Metrics, query).await)
}

/// A limit of metadata, where 0 means none of it and a negative number all.
fn count(params: &Params, name: &str) -> Result<usize, Failure> {
    let read = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is not a whole number"));
    Ok(params.read(name, read)?.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_label_name_is_read_back() {
        assert_eq!(unescape("U__http_2e_method__x"), "http.method_x");
        assert_eq!(unescape("job"), "job");
        assert_eq!(unescape("U__broken_zz"), "U__broken_zz");
    }
}
