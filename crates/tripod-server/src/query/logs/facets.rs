//! `GET /api/logs/facets`: the values of fields, and how many records have each.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use tripod_store::{LogFacet, LogField};

use super::conditions::{UNSPECIFIED, conditions, field_key, key_field};
use super::{looked_json, summary_limits};
use crate::own_metrics::Api;
use crate::query::params::Params;
use crate::query::{Context, Failure, answer, incomplete};

/// Fields that are answered: unless told, and at most.
const FIELDS: (usize, usize) = (30, 500);
/// Fields that may be asked for by name.
const MAX_KEYS: usize = 50;
/// The attribute that is the field `service`.
const SERVICE_NAME: &str = "service.name";

pub(super) async fn facets(State(context): State<Arc<Context>>, params: Params) -> Response {
    let query = move |context: &Context| {
        let store = context.store.as_ref();
        let keys: Vec<LogField> = params.all("key").filter(|key| !key.is_empty()).map(key_field).collect();
        if keys.len() > MAX_KEYS {
            return Err(Failure::Bad(format!("parameter \"key\" is there more than {MAX_KEYS} times")));
        }
        let limits = summary_limits(&params, FIELDS, params.count("values", 10, 1_000)?)?;
        let conditions = conditions(store, &params, params.window()?, usize::MAX)?;
        let found = store.log_facets(&conditions, &keys, limits)?;
        let is_told = |facet: &&LogFacet| !keys.is_empty() || field_key(&facet.field) != SERVICE_NAME;
        let mut answer = looked_json(found.looked);
        answer.insert("facets".to_owned(), found.facets.iter().filter(is_told).map(facet).collect());
        let mut answer = Value::Object(answer);
        incomplete::add_to(&mut answer, store, "logs", conditions.window);
        Ok(answer)
    };
    answer(context.run(Api::Logs, query).await)
}

fn facet(facet: &LogFacet) -> Value {
    let name = |value: &str| match &facet.field {
        LogField::Level if value.is_empty() => UNSPECIFIED.to_owned(),
        _ => value.to_owned(),
    };
    let values = facet.values.iter().map(|value| json!({ "value": name(&value.value), "count": value.rows }));
    json!({
        "key": field_key(&facet.field),
        "attribute": matches!(facet.field, LogField::Attribute(_)),
        "records": facet.records,
        "distinct": facet.distinct,
        "has_more": facet.has_more,
        "values": values.collect::<Value>(),
    })
}
