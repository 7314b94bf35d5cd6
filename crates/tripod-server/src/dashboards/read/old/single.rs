//! `singlestat`, its heirs as they were at first, and the pie of a plugin.

use serde_json::Value;

use super::super::panel::Looks;
use super::{fixed, mappings, thresholds};
use crate::dashboards::model::{Field, Kind, Legend, Options, Reduce};
use crate::dashboards::read::{field, node::Object};

pub(in crate::dashboards::read) fn stat(json: &Object<'_>) -> Looks {
    let gauge = json.object("gauge");
    let is_gauge = gauge.as_ref().is_some_and(|gauge| gauge.flag("show") == Some(true));
    let mut field = Field {
        unit: json.text("format").filter(|unit| !unit.is_empty()),
        decimals: json.count("decimals"),
        thresholds: thresholds(json),
        mappings: mappings(json),
        no_value: json.text("nullText"),
        ..Field::default()
    };
    let affix = |key: &str| json.text(key).filter(|text| !text.is_empty());
    for key in ["prefix", "postfix"] {
        if let Some(text) = affix(key) {
            json.note(key, format!("{text:?} is not written around the value"));
        }
    }
    if let Some(gauge) = gauge.as_ref().filter(|_| is_gauge) {
        field.min = gauge.number("minValue").or(Some(0.0));
        field.max = gauge.number("maxValue").or(Some(100.0));
    }
    let graph = json.object("sparkline").is_some_and(|line| line.flag("show") == Some(true));
    let on = |key: &str| json.flag(key) == Some(true);
    let color_mode = match (on("colorBackground"), on("colorValue")) {
        (true, _) => "background",
        (false, true) => "value",
        (false, false) => "none",
    };
    let named = json.text("valueName").unwrap_or_else(|| "avg".to_owned());
    let options = Options {
        reduce: Some(Reduce { calcs: vec![calc(&named).to_owned()], all: false, limit: None, fields: String::new() }),
        color_mode: Some(color_mode),
        graph: Some(if graph { "area" } else { "none" }),
        text: Some(if named == "name" { "name" } else { "auto" }),
        threshold_markers: gauge.as_ref().and_then(|gauge| gauge.flag("thresholdMarkers")),
        threshold_labels: gauge.as_ref().and_then(|gauge| gauge.flag("thresholdLabels")),
        ..Options::default()
    };
    json.skip(&[
        "valueFontSize",
        "prefixFontSize",
        "postfixFontSize",
        "nullPointMode",
        "tableColumn",
        "gauge",
        "sparkline",
    ]);
    json.skip(&[
        "colorBackground",
        "colorValue",
        "colorPostfix",
        "colorPrefix",
        "fieldConfig",
        "options",
        "aliasColors",
    ]);
    json.skip(&["nullPointMode", "resolution", "bars", "lines", "hideTimeOverride"]);
    Looks { kind: if is_gauge { Kind::Gauge } else { Kind::Stat }, field, overrides: Vec::new(), options }
}

/// The names of figures then and today.
fn calc(name: &str) -> &str {
    match name {
        "avg" => "mean",
        "current" => "lastNotNull",
        "total" => "sum",
        "delta" | "diff" | "range" | "min" | "max" | "first" => name,
        _ => "lastNotNull",
    }
}

pub(in crate::dashboards::read) fn pie(json: &Object<'_>) -> Looks {
    let field = Field { unit: json.text("format"), decimals: json.count("decimals"), ..Field::default() };
    let mut overrides = Vec::new();
    if let Some(colors) = json.object("aliasColors") {
        for name in colors.keys() {
            let color = colors.text(name).map(fixed);
            overrides.push(super::over(name, Field { color, ..Field::default() }));
        }
    }
    let legend = json.object("legend");
    let on = |key: &str| legend.as_ref().is_some_and(|legend| legend.flag(key) == Some(true));
    let mut shown = Vec::new();
    if on("values") {
        shown.push("value".to_owned());
    }
    if on("percentage") {
        shown.push("percent".to_owned());
    }
    let legend = Legend {
        show: legend.as_ref().is_none_or(|legend| legend.flag("show") != Some(false)),
        table: false,
        right: json.text("legendType").as_deref() == Some("Right side"),
        calcs: shown,
        sort_by: None,
        sort_desc: false,
    };
    let named = json.text("valueName").unwrap_or_else(|| "current".to_owned());
    let options = Options {
        legend: Some(legend),
        reduce: Some(Reduce { calcs: vec![calc(&named).to_owned()], all: false, limit: None, fields: String::new() }),
        donut: Some(json.text("pieType").as_deref() == Some("donut")),
        ..Options::default()
    };
    json.skip(&[
        "breakPoint",
        "combine",
        "fontSize",
        "nullPointMode",
        "strokeWidth",
        "aliasColors",
        "legendType",
        "pieType",
    ]);
    json.skip(&["maxDataPoints", "fieldConfig", "options"]);
    Looks { kind: Kind::Piechart, field, overrides, options }
}

/// `options.fieldOptions` of Grafana 6, which became `fieldConfig` and `reduceOptions`.
pub(in crate::dashboards::read) fn field_options(json: &Object<'_>, looks: &mut Looks) {
    let Some(old) = json.object("options").and_then(|options| options.object("fieldOptions")) else { return };
    let calcs = old.texts("calcs");
    let (all, limit) = (old.flag("values").unwrap_or(false), old.count("limit"));
    looks.options.reduce = Some(Reduce { calcs, all, limit, fields: String::new() });
    let wrapped = serde_json::json!({ "fieldConfig": {
        "defaults": old.get("defaults").cloned().unwrap_or(Value::Null),
        "overrides": old.get("override").filter(|one| one.is_array()).cloned().unwrap_or(Value::Null),
    }});
    let Some(map) = wrapped.as_object() else { return };
    let (mut read, overrides) = field::config(&Object::new(map, json.place("options.fieldOptions"), json.notes()));
    // In the first version they stood beside the defaults.
    if let Some(thresholds) = old.get("thresholds").filter(|one| one.is_array()) {
        let wrapped = serde_json::json!({ "mode": "absolute", "steps": thresholds });
        if let Some(map) = wrapped.as_object() {
            read.thresholds = Some(field::thresholds(&Object::new(map, old.place("thresholds"), json.notes())));
        }
    }
    looks.field = read;
    looks.overrides = overrides;
}
