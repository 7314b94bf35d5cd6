//! Types of panels that Grafana has replaced: read as what replaced them.

pub(super) mod graph;
pub(super) mod heatmap;
pub(super) mod single;
pub(super) mod table;

use super::node::Object;
use crate::dashboards::model::{Color, Field, FieldMatcher, Mapping, Override, Threshold, Thresholds};

/// A field of which only one thing is said.
fn over(name: &str, field: Field) -> Override {
    let pattern = name.starts_with('/') && name.len() > 1;
    let matcher = if pattern {
        FieldMatcher::Regexp { pattern: name.to_owned() }
    } else {
        FieldMatcher::Name { name: name.to_owned() }
    };
    Override { matcher, field }
}

fn fixed(color: impl Into<String>) -> Color {
    Color { mode: "fixed".to_owned(), fixed: color.into(), by: String::new() }
}

/// `valueMaps` and `rangeMaps`.
fn mappings(json: &Object<'_>) -> Option<Vec<Mapping>> {
    let mut mappings = Vec::new();
    for (_, one) in json.objects("valueMaps") {
        let (Some(value), text) = (one.text("value"), one.text("text")) else { continue };
        mappings.push(match value.as_str() {
            "null" => Mapping::Special { which: "null".to_owned(), text, color: None },
            _ => Mapping::Value { value, text, color: None },
        });
    }
    for (_, one) in json.objects("rangeMaps") {
        let end = |key: &str| one.text(key).and_then(|text| text.parse().ok());
        match (end("from"), end("to"), one.text("text")) {
            (None, None, text) => mappings.push(Mapping::Special { which: "null".to_owned(), text, color: None }),
            (from, to, text) => mappings.push(Mapping::Range { from, to, text, color: None }),
        }
    }
    json.skip(&["mappingType", "mappingTypes"]);
    (!mappings.is_empty()).then_some(mappings)
}

/// `thresholds: "50,80"` with `colors: [green, orange, red]`.
fn thresholds(json: &Object<'_>) -> Option<Thresholds> {
    let colors = json.texts("colors");
    let values: Vec<f64> = match json.get("thresholds") {
        Some(serde_json::Value::String(text)) => text.split(',').filter_map(|one| one.trim().parse().ok()).collect(),
        Some(serde_json::Value::Array(all)) => {
            all.iter().filter_map(|one| one.as_f64().or_else(|| one.as_str()?.trim().parse().ok())).collect()
        }
        _ => Vec::new(),
    };
    if colors.is_empty() {
        return None;
    }
    let values = std::iter::once(None).chain(values.into_iter().map(Some));
    let steps = colors.into_iter().zip(values).map(|(color, value)| Threshold { value, color });
    Some(Thresholds { percent: false, steps: steps.collect() })
}
