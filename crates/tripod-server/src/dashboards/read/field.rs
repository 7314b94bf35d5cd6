//! How values look: `fieldConfig`, its defaults and its overrides.

use serde_json::{Map, Value};

use super::node::{Object, scalar};
use crate::dashboards::model::{Color, Field, FieldMatcher, Link, Mapping, Override, Stacking, Threshold, Thresholds};

/// What stands in `fieldConfig`.
pub(super) fn config(panel: &Object<'_>) -> (Field, Vec<Override>) {
    let Some(config) = panel.object("fieldConfig") else { return (Field::default(), Vec::new()) };
    let defaults = config.object("defaults").map(|defaults| field(&defaults)).unwrap_or_default();
    let overrides = config.objects("overrides").iter().filter_map(|(_, one)| overriding(one)).collect();
    config.rest();
    (defaults, overrides)
}

fn overriding(json: &Object<'_>) -> Option<Override> {
    json.skip(&["__systemRef"]);
    let matcher = json.object("matcher").and_then(|one| matcher(&one))?;
    // Properties are named by where they would stand in the defaults.
    let mut map = Map::new();
    for (_, property) in json.objects("properties") {
        let Some(id) = property.text("id") else { continue };
        let value = property.get("value").cloned().unwrap_or_default();
        match id.split_once('.') {
            Some(("custom", name)) => {
                let custom = map.entry("custom").or_insert_with(|| Value::Object(Map::new()));
                if let Some(custom) = custom.as_object_mut() {
                    custom.insert(name.to_owned(), value);
                }
            }
            _ => drop(map.insert(id, value)),
        }
    }
    json.rest();
    let field = field(&Object::new(&map, json.place("properties"), json.notes()));
    Some(Override { matcher, field })
}

fn matcher(json: &Object<'_>) -> Option<FieldMatcher> {
    let id = json.text("id")?;
    let text = || json.text_or_empty("options");
    match id.as_str() {
        "byName" => Some(FieldMatcher::Name { name: text() }),
        "byRegexp" => Some(FieldMatcher::Regexp { pattern: text() }),
        "byType" => Some(FieldMatcher::Type { name: text() }),
        "byFrameRefID" => Some(FieldMatcher::Query { ref_id: text() }),
        "byNames" => {
            let options = json.object("options")?;
            let exclude = options.text("mode").as_deref() == Some("exclude");
            Some(FieldMatcher::Names { names: options.texts("names"), exclude })
        }
        "byValue" => {
            let options = json.object("options")?;
            let calc = options.text("reducer").unwrap_or_else(|| "allIsZero".to_owned());
            let operator = options.text("op").unwrap_or_else(|| "gte".to_owned());
            Some(FieldMatcher::Value { calc, operator, value: options.number("value").unwrap_or(0.0) })
        }
        other => {
            json.note("id", format!("overrides of fields by {other} are not applied"));
            None
        }
    }
}

fn field(json: &Object<'_>) -> Field {
    let custom = json.object("custom");
    let mut field = custom.map(|custom| drawn(&custom)).unwrap_or_default();
    field.unit = json.text("unit");
    field.decimals = json.count("decimals");
    field.min = json.number("min");
    field.max = json.number("max");
    field.name = json.text("displayName").filter(|name| !name.is_empty());
    field.color = json.object("color").as_ref().and_then(color);
    field.thresholds = json.object("thresholds").map(|one| thresholds(&one));
    field.mappings = json.has("mappings").then(|| mappings(json));
    field.no_value = json.text("noValue");
    field.links = json.has("links").then(|| links(json, "links"));
    json.skip(&["displayNameFromDS", "filterable", "description", "path", "writeable", "nullValueMode", "unitScale"]);
    json.skip(&["mappings", "links", "fieldMinMax"]);
    json.rest();
    field
}

/// Links of data and of panels.
pub(super) fn links(json: &Object<'_>, key: &str) -> Vec<Link> {
    let link = |link: &Object<'_>| {
        let url = link.text("url").or_else(|| link.text("dashUri").map(|uri| format!("/d/{uri}")))?;
        let blank = link.flag("targetBlank").unwrap_or(false);
        Some(Link { title: link.text_or_empty("title"), url, blank, tags: Vec::new() })
    };
    json.objects(key).iter().filter_map(|(_, one)| link(one)).collect()
}

fn color(json: &Object<'_>) -> Option<Color> {
    let mode = json.text("mode")?;
    let known = ["thresholds", "palette-classic", "palette-classic-by-name", "fixed", "shades"];
    let mode = if known.contains(&mode.as_str()) || mode.starts_with("continuous-") {
        mode
    } else {
        json.note("mode", format!("the colours {mode} are not drawn: those of the palette are"));
        "palette-classic".to_owned()
    };
    Some(Color { mode, fixed: json.text_or_empty("fixedColor"), by: json.text_or_empty("seriesBy") })
}

/// Thresholds of a field.
pub(super) fn thresholds(json: &Object<'_>) -> Thresholds {
    let step = |step: &Object<'_>| Threshold { value: step.number("value"), color: step.text_or_empty("color") };
    let mut steps: Vec<Threshold> = json.objects("steps").iter().map(|(_, one)| step(one)).collect();
    if let Some(first) = steps.first_mut() {
        first.value = None;
    }
    Thresholds { percent: json.text("mode").as_deref() == Some("percentage"), steps }
}

fn mappings(json: &Object<'_>) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    for (_, one) in json.objects("mappings") {
        mapping(&one, &mut mappings);
    }
    mappings
}

fn mapping(json: &Object<'_>, into: &mut Vec<Mapping>) {
    let options = json.object("options");
    let result = |from: &Object<'_>| {
        let result = from.object("result");
        let of = |key: &str| result.as_ref().and_then(|result| result.text(key)).filter(|text| !text.is_empty());
        (of("text"), of("color"))
    };
    match (json.text("type").unwrap_or_default().as_str(), &options) {
        ("value", Some(options)) => {
            let mut values: Vec<(u32, Mapping)> = Vec::new();
            for value in options.keys() {
                let Some(one) = options.object(value) else { continue };
                let (text, color) = (one.text("text").filter(|text| !text.is_empty()), one.text("color"));
                values.push((one.count("index").unwrap_or(0), Mapping::Value { value: value.clone(), text, color }));
            }
            values.sort_by_key(|(index, _)| *index);
            into.extend(values.into_iter().map(|(_, mapping)| mapping));
        }
        ("range", Some(options)) => {
            let (text, color) = result(options);
            into.push(Mapping::Range { from: options.number("from"), to: options.number("to"), text, color });
        }
        ("regex", Some(options)) => {
            let (text, color) = result(options);
            into.push(Mapping::Regex { pattern: options.text_or_empty("pattern"), text, color });
        }
        ("special", Some(options)) => {
            let (text, color) = result(options);
            into.push(Mapping::Special { which: options.text_or_empty("match"), text, color });
        }
        // As it was before Grafana 8: 1 is one value, 2 a range.
        ("1", None) => {
            let value = json.text_or_empty("value");
            let (text, color) = (json.text("text"), json.text("color"));
            into.push(match value.as_str() {
                "null" => Mapping::Special { which: "null".to_owned(), text, color },
                _ => Mapping::Value { value, text, color },
            });
        }
        ("2", None) => {
            let (text, color) = (json.text("text"), json.text("color"));
            into.push(Mapping::Range { from: json.number("from"), to: json.number("to"), text, color });
        }
        (other, _) => json.note("type", format!("mappings of type {other:?} are not known")),
    }
}

/// What charts and tables are told: `custom`.
fn drawn(json: &Object<'_>) -> Field {
    let hidden = json.object("hideFrom");
    let hide = |key: &str| hidden.as_ref().and_then(|hidden| hidden.flag(key));
    let field = Field {
        draw: json.word("drawStyle", &["line", "bars", "points"]),
        interpolation: json.word("lineInterpolation", &["linear", "smooth", "stepBefore", "stepAfter"]),
        line_width: json.number("lineWidth"),
        fill: json.number("fillOpacity"),
        line_style: json.object("lineStyle").and_then(|style| {
            style.skip(&["dash"]);
            style.word("fill", &["solid", "dash", "dot"])
        }),
        points: json.word("showPoints", &["auto", "never", "always"]),
        point_size: json.number("pointSize"),
        span_gaps: match json.get("spanNulls") {
            Some(Value::Bool(true)) => Some(-1.0),
            Some(Value::Number(most)) => most.as_f64(),
            _ => None,
        },
        stacking: json.object("stacking").map(|stacking| Stacking {
            mode: stacking.word("mode", &["none", "normal", "percent"]).unwrap_or("none"),
            group: stacking.text_or_empty("group"),
        }),
        axis: json.word("axisPlacement", &["auto", "left", "right", "hidden"]),
        axis_label: json.text("axisLabel").filter(|label| !label.is_empty()),
        soft_min: json.number("axisSoftMin"),
        soft_max: json.number("axisSoftMax"),
        log: json.object("scaleDistribution").and_then(|scale| {
            let log = scale.word("type", &["linear", "log"]) == Some("log");
            scale.skip(&["linearThreshold"]);
            let base = scale.number("log").unwrap_or(2.0);
            log.then_some(base)
        }),
        threshold_style: json.object("thresholdsStyle").and_then(|style| {
            Some(match style.text("mode")?.as_str() {
                "line" | "dashed" => "line",
                "area" => "area",
                "line+area" | "dashed+area" => "both",
                _ => "off",
            })
        }),
        transform: json.text("transform").and_then(|transform| match transform.as_str() {
            "negative-Y" => Some("negative"),
            "constant" => Some("constant"),
            _ => None,
        }),
        fill_below: json.text("fillBelowTo").filter(|name| !name.is_empty()),
        hide_chart: hide("viz").or_else(|| hide("graph")),
        hide_legend: hide("legend"),
        hide_tooltip: hide("tooltip"),
        width: json.number("width"),
        align: json.word("align", &["auto", "left", "center", "right"]),
        cell: cell(json),
        hidden: json.flag("hidden"),
        ..Field::default()
    };
    json.only("gradientMode", &["none", "opacity"]);
    json.only("barAlignment", &["0"]);
    json.only("barWidthFactor", &["0.6"]);
    json.only("insertNulls", &["false"]);
    json.only("axisCenteredZero", &["false"]);
    json.only("axisColorMode", &["text"]);
    json.only("axisGridShow", &["true"]);
    json.only("axisBorderShow", &["false"]);
    // Widths that are the reader's, filters, and what concerns looking closely at a cell.
    json.skip(&[
        "barMaxWidth",
        "axisWidth",
        "minWidth",
        "filterable",
        "inspect",
        "wrapText",
        "wrapHeaderText",
        "lineColor",
    ]);
    json.skip(&["fillColor", "gradientMode", "neutral", "tooltip", "footer", "showValues"]);
    json.rest();
    field
}

/// How a cell of a table shows its value; before Grafana 9.5 in one word.
fn cell(json: &Object<'_>) -> Option<&'static str> {
    let gauge = |mode: &str| match mode {
        "lcd" => "lcd-gauge",
        "gradient" => "gradient-gauge",
        _ => "gauge",
    };
    let note = |place: &str, kind: &str| {
        json.note(place, format!("cells of type {kind} are drawn as text"));
        "text"
    };
    let read = |place: &str, kind: &str, mode: &str| match kind {
        "auto" | "" => "text",
        "color-text" => "color-text",
        "color-background" | "color-background-solid" => "color-background",
        "gauge" => gauge(mode),
        "basic" => "gauge",
        "gradient-gauge" => "gradient-gauge",
        "lcd-gauge" => "lcd-gauge",
        "json-view" => "json",
        other => note(place, other),
    };
    let text = |value: Option<&Value>| value.and_then(scalar).unwrap_or_default();
    if let Some(options) = json.get("cellOptions") {
        let (kind, mode) = (text(options.get("type")), text(options.get("mode")));
        return Some(read("cellOptions", &kind, &mode));
    }
    json.text("displayMode").map(|mode| read("displayMode", &mode, "basic"))
}
