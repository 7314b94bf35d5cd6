//! `graph`, which time series replaced in Grafana 8.

use super::super::panel::Looks;
use super::{fixed, over};
use crate::dashboards::model::{Field, Kind, Legend, Options, Override, Reduce, Stacking, Threshold, Thresholds};
use crate::dashboards::read::node::Object;

pub(in crate::dashboards::read) fn read(json: &Object<'_>) -> Looks {
    let axes = json.objects("yaxes");
    let left = axes.first().map(|(_, axis)| axis);
    let right = axes.get(1).map(|(_, axis)| axis);
    let by_series = json.object("xaxis").is_some_and(|axis| {
        axis.skip(&["show", "values", "buckets", "name", "format", "logBase", "min", "max"]);
        let mode = axis.text_or_empty("mode");
        if mode == "histogram" {
            axis.note("mode", "histograms of all values are not drawn");
        }
        mode == "series"
    });
    let mut field = lines(json);
    if let Some(axis) = left {
        axis_of(axis, &mut field);
    }
    grid_thresholds(json, &mut field);
    field.decimals = json.count("decimals");
    let overrides = overrides(json, right);
    let (legend, calcs) = legend(json);
    let mut options = Options { legend: Some(legend), ..Options::default() };
    if let Some(tooltip) = json.object("tooltip") {
        options.tooltip = Some(if tooltip.flag("shared") == Some(false) { "single" } else { "multi" });
    }
    if by_series {
        let calcs = if calcs.is_empty() { vec!["sum".to_owned()] } else { calcs };
        options.reduce = Some(Reduce { calcs, all: false, limit: None, fields: String::new() });
        options.orientation = Some("vertical");
    }
    json.skip(&[
        "yaxis",
        "xaxis",
        "yaxes",
        "renderer",
        "timeRegions",
        "aliasColors",
        "fieldConfig",
        "options",
        "percentage",
    ]);
    json.skip(&[
        "nullPointMode",
        "hiddenSeries",
        "fillGradient",
        "dashLength",
        "spaceLength",
        "leftYAxisLabel",
        "grid",
    ]);
    json.skip(&["rightYAxisLabel", "y_formats", "y-axis", "x-axis", "lines", "bars", "points", "stack", "steppedLine"]);
    json.skip(&[
        "fill",
        "linewidth",
        "pointradius",
        "dashes",
        "legend",
        "thresholds",
        "annotate",
        "resolution",
        "scale",
    ]);
    let kind = if by_series { Kind::Bargauge } else { Kind::Timeseries };
    Looks { kind, field, overrides, options }
}

fn lines(json: &Object<'_>) -> Field {
    let flag = |key: &str, otherwise: bool| json.flag(key).unwrap_or(otherwise);
    let draw = match (flag("lines", true), flag("bars", false), flag("points", false)) {
        (_, true, _) => "bars",
        (true, ..) => "line",
        (false, false, _) => "points",
    };
    let stacking = flag("stack", false)
        .then(|| Stacking { mode: if flag("percentage", false) { "percent" } else { "normal" }, group: String::new() });
    Field {
        draw: Some(draw),
        interpolation: flag("steppedLine", false).then_some("stepAfter"),
        line_width: json.number("linewidth"),
        fill: if draw == "bars" { Some(100.0) } else { json.number("fill").map(|fill| fill * 10.0) },
        line_style: flag("dashes", false).then_some("dash"),
        points: Some(if flag("points", false) { "always" } else { "never" }),
        point_size: json.number("pointradius").map(|radius| radius * 2.0),
        span_gaps: (json.text("nullPointMode").as_deref() == Some("connected")).then_some(-1.0),
        stacking,
        ..Field::default()
    }
}

/// Unit, label, ends and scale of an axis.
fn axis_of(axis: &Object<'_>, field: &mut Field) {
    field.unit = axis.text("format").filter(|unit| !unit.is_empty());
    field.axis_label = axis.text("label").filter(|label| !label.is_empty());
    let end = |key: &str| axis.text(key).and_then(|text| text.trim().parse().ok());
    (field.min, field.max) = (end("min"), end("max"));
    field.log = axis.number("logBase").filter(|base| *base > 1.0);
    field.decimals = axis.count("decimals").or(field.decimals);
    if axis.flag("show") == Some(false) {
        field.axis = Some("hidden");
    }
}

fn overrides(json: &Object<'_>, right: Option<&Object<'_>>) -> Vec<Override> {
    let mut overrides = Vec::new();
    if let Some(colors) = json.object("aliasColors") {
        for name in colors.keys() {
            let color = colors.text(name).map(fixed);
            overrides.push(over(name, Field { color, ..Field::default() }));
        }
    }
    for (_, one) in json.objects("seriesOverrides") {
        let Some(name) = one.text("alias") else { continue };
        let mut field = Field {
            color: one.text("color").map(fixed),
            line_width: one.number("linewidth"),
            fill: one.number("fill").map(|fill| fill * 10.0),
            point_size: one.number("pointradius").map(|radius| radius * 2.0),
            fill_below: one.text("fillBelowTo"),
            transform: match one.text("transform").as_deref() {
                Some("negative-Y") => Some("negative"),
                Some("constant") => Some("constant"),
                _ => None,
            },
            interpolation: (one.flag("steppedLine") == Some(true)).then_some("stepAfter"),
            line_style: (one.flag("dashes") == Some(true)).then_some("dash"),
            points: (one.flag("points") == Some(true)).then_some("always"),
            hide_legend: one.flag("legend").map(|shown| !shown),
            hide_tooltip: one.flag("hideTooltip"),
            ..Field::default()
        };
        field.draw = match (one.flag("bars"), one.flag("lines"), one.flag("points")) {
            (Some(true), ..) => Some("bars"),
            (_, Some(true), _) => Some("line"),
            (_, Some(false), Some(true)) => Some("points"),
            _ => None,
        };
        field.stacking = match one.get("stack") {
            Some(serde_json::Value::Bool(false)) => Some(Stacking { mode: "none", group: String::new() }),
            Some(serde_json::Value::Bool(true)) => Some(Stacking { mode: "normal", group: String::new() }),
            Some(group) => super::super::node::scalar(group).map(|group| Stacking { mode: "normal", group }),
            None => None,
        };
        if one.number("yaxis") == Some(2.0) {
            if let Some(axis) = right {
                axis_of(axis, &mut field);
            }
            field.axis = Some("right");
        }
        one.skip(&[
            "nullPointMode",
            "zindex",
            "dashLength",
            "spaceLength",
            "fillGradient",
            "$$hashKey",
            "hiddenSeries",
        ]);
        one.rest();
        overrides.push(over(&name, field));
    }
    overrides
}

fn legend(json: &Object<'_>) -> (Legend, Vec<String>) {
    let Some(legend) = json.object("legend") else {
        let legend =
            Legend { show: true, table: false, right: false, calcs: Vec::new(), sort_by: None, sort_desc: false };
        return (legend, Vec::new());
    };
    let names = [("min", "min"), ("max", "max"), ("avg", "mean"), ("current", "lastNotNull"), ("total", "sum")];
    let calc = |(key, calc): &(&str, &str)| (legend.flag(key) == Some(true)).then(|| (*calc).to_owned());
    let calcs: Vec<String> = names.iter().filter_map(calc).collect();
    let sorted = legend.text("sort").and_then(|sort| names.iter().find(|(key, _)| *key == sort));
    legend.skip(&["values", "rightSide", "hideEmpty", "hideZero", "sideWidth", "sort", "sortDesc", "alignAsTable"]);
    legend.rest();
    let read = Legend {
        show: legend.flag("show").unwrap_or(true),
        table: legend.flag("alignAsTable").unwrap_or(false),
        right: legend.flag("rightSide").unwrap_or(false),
        calcs: if legend.flag("values") == Some(false) { Vec::new() } else { calcs.clone() },
        sort_by: sorted.map(|(_, calc)| (*calc).to_owned()),
        sort_desc: legend.flag("sortDesc").unwrap_or(false),
    };
    (read, calcs)
}

/// Lines and areas above or below a value.
fn grid_thresholds(json: &Object<'_>, field: &mut Field) {
    let mut steps = Vec::new();
    let (mut fills, mut draws) = (false, false);
    for (_, one) in json.objects("thresholds") {
        let Some(value) = one.number("value") else { continue };
        let color = match one.text("colorMode").as_deref() {
            Some("ok") => "green".to_owned(),
            Some("warning") => "orange".to_owned(),
            Some("custom") => {
                one.text("lineColor").or_else(|| one.text("fillColor")).unwrap_or_else(|| "red".to_owned())
            }
            _ => "red".to_owned(),
        };
        fills |= one.flag("fill") == Some(true);
        draws |= one.flag("line") == Some(true);
        let below = one.text("op").as_deref() == Some("lt");
        steps.push((value, color, below));
    }
    if steps.is_empty() {
        return;
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let below = steps.iter().find(|(_, _, below)| *below).map(|(_, color, _)| color.clone());
    let first = Threshold { value: None, color: below.unwrap_or_else(|| "transparent".to_owned()) };
    let mut all = vec![first];
    for (value, color, below) in steps {
        all.push(Threshold { value: Some(value), color: if below { "transparent".to_owned() } else { color } });
    }
    field.thresholds = Some(Thresholds { percent: false, steps: all });
    field.threshold_style = Some(match (draws, fills) {
        (true, true) => "both",
        (false, true) => "area",
        _ => "line",
    });
}
