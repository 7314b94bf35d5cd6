//! `transformations`: which of them the page can do, and in which way.

use serde_json::{Map, Value};

use super::node::Object;
use crate::dashboards::model::Transformation;

/// By their ids of today; old ids beside them.
const KNOWN: [&str; 14] = [
    "reduce",
    "organize",
    "merge",
    "filterFieldsByName",
    "filterByRefId",
    "calculateField",
    "sortBy",
    "limit",
    "joinByField",
    "labelsToFields",
    "renameByRegex",
    "groupBy",
    "seriesToRows",
    "convertFieldType",
];

/// Those of a panel, in order; one that is not known is left out and noted.
pub(super) fn read(panel: &Object<'_>) -> Vec<Transformation> {
    panel.objects("transformations").iter().filter_map(|(_, one)| transformation(one)).collect()
}

fn transformation(json: &Object<'_>) -> Option<Transformation> {
    let id = json.text("id")?;
    if json.flag("disabled") == Some(true) {
        return None;
    }
    let id = match id.as_str() {
        "seriesToColumns" => "joinByField".to_owned(),
        "filterByName" => "filterFieldsByName".to_owned(),
        _ => id,
    };
    if !KNOWN.contains(&id.as_str()) {
        json.notes().add(json.path(), format!("the transformation {id} is not done"));
        return None;
    }
    if json.has("filter") {
        json.note("filter", "the transformation is done to all queries");
    }
    let options = json.object("options");
    if options.as_ref().is_some_and(|options| !is_known(&id, options)) {
        return None;
    }
    let options = json.get("options").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    json.skip(&["topic"]);
    json.rest();
    Some(Transformation { id, options })
}

/// Whether it is done in a way that is known here.
fn is_known(id: &str, options: &Object<'_>) -> bool {
    let modes: &[&'static str] = match id {
        "calculateField" => &["reduceRow", "binary", "index"],
        "joinByField" => &["outer", "inner", "outerTabular"],
        "reduce" => &["seriesToRows", "reduceFields"],
        "labelsToFields" => &["columns", "rows"],
        "filterFieldsByName" => {
            options.only("byVariable", &["false"]);
            return true;
        }
        _ => return true,
    };
    !options.has("mode") || options.word("mode", modes).is_some()
}
