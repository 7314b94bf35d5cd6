//! What a panel of a type of today is told: `options`.

use super::node::Object;
use crate::dashboards::model::{Kind, Legend, Options, Reduce, Sort};

/// Reads what a type of panel knows; the rest is noted.
pub(super) fn read(kind: Kind, json: &Object<'_>) -> Options {
    let mut options = Options {
        legend: json.object("legend").map(|one| legend(&one)),
        tooltip: json.object("tooltip").and_then(|one| {
            one.skip(&["sort", "maxHeight", "maxWidth", "hideZeros", "yHistogram", "show", "showColorScale"]);
            one.word("mode", &["single", "multi", "none"])
        }),
        reduce: json.object("reduceOptions").map(|one| reduce(&one)),
        orientation: json.word("orientation", &["auto", "horizontal", "vertical"]),
        ..Options::default()
    };
    match kind {
        Kind::Stat => stat(json, &mut options),
        Kind::Gauge => {
            options.threshold_markers = json.flag("showThresholdMarkers");
            options.threshold_labels = json.flag("showThresholdLabels");
            gauge_looks(json);
        }
        Kind::Bargauge => {
            options.display = json.word("displayMode", &["basic", "gradient", "lcd"]);
            json.only("valueMode", &["color"]);
            json.only("namePlacement", &["auto"]);
            gauge_looks(json);
        }
        Kind::Piechart => {
            options.donut = Some(json.text("pieType").as_deref() == Some("donut"));
            options.pie_labels = Some(json.texts("displayLabels"));
            json.skip(&["sort"]);
        }
        Kind::Barchart => {
            options.x_field = json.text("xField").filter(|field| !field.is_empty());
            options.stacking = json.word("stacking", &["none", "normal", "percent"]);
            options.show_value = json.word("showValue", &["auto", "always", "never"]);
            json.skip(&[
                "barWidth",
                "groupWidth",
                "barRadius",
                "xTickLabelRotation",
                "xTickLabelMaxLength",
                "xTickLabelSpacing",
            ]);
            json.skip(&["fullHighlight", "text"]);
            json.only("colorByField", &[]);
        }
        Kind::StateTimeline => {
            options.merge = json.flag("mergeValues");
            options.show_value = json.word("showValue", &["auto", "always", "never"]);
            json.skip(&["rowHeight", "alignValue", "colWidth", "perPage"]);
        }
        Kind::Table => table(json, &mut options),
        Kind::Text => {
            options.content = Some(json.text_or_empty("content"));
            options.mode = Some(json.word("mode", &["markdown", "html", "code"]).unwrap_or("markdown"));
            json.skip(&["code"]);
        }
        Kind::Heatmap => heatmap(json, &mut options),
        Kind::Logs => {
            options.newest_first = json.text("sortOrder").map(|order| order != "Ascending");
            options.wrap = json.flag("wrapLogMessage");
            options.show_time = json.flag("showTime");
            json.skip(&["dedupStrategy", "enableLogDetails", "prettifyLogMessage", "showCommonLabels", "showLabels"]);
            json.skip(&[
                "enableInfiniteScrolling",
                "fontSize",
                "syntaxHighlighting",
                "showControls",
                "showLogAttributes",
            ]);
        }
        Kind::Timeseries => {
            json.only("timezone", &["browser"]);
            json.skip(&["dataLinks", "alertThreshold", "graph", "annotations"]);
        }
        Kind::Row | Kind::Traces | Kind::Unsupported => {}
    }
    json.rest();
    options
}

/// A legend; before Grafana 8.5 it was hidden by its mode.
fn legend(json: &Object<'_>) -> Legend {
    let mode = json.text("displayMode").unwrap_or_default();
    json.skip(&["asTable", "isVisible", "width", "sortBy", "sortDesc", "values"]);
    json.only("limit", &[]);
    Legend {
        show: json.flag("showLegend").unwrap_or(true) && mode != "hidden",
        table: mode == "table",
        right: json.text("placement").as_deref() == Some("right"),
        calcs: if json.has("calcs") { json.texts("calcs") } else { json.texts("values") },
        sort_by: json.text("sortBy").filter(|by| !by.is_empty()),
        sort_desc: json.flag("sortDesc").unwrap_or(false),
    }
}

fn reduce(json: &Object<'_>) -> Reduce {
    let reduce = Reduce {
        calcs: json.texts("calcs"),
        all: json.flag("values").unwrap_or(false),
        limit: json.count("limit"),
        fields: json.text_or_empty("fields"),
    };
    json.skip(&["mappings", "defaults", "overrides", "thresholds"]);
    json.rest();
    reduce
}

fn stat(json: &Object<'_>, options: &mut Options) {
    options.color_mode = json.text("colorMode").map(|mode| match mode.as_str() {
        "none" => "none",
        "background" | "background_solid" => "background",
        _ => "value",
    });
    options.graph = json.word("graphMode", &["none", "area"]);
    options.text = json.word("textMode", &["auto", "value", "value_and_name", "name", "none"]);
    options.justify = json.word("justifyMode", &["auto", "center"]);
    json.only("showPercentChange", &["false"]);
    json.skip(&["text", "wideLayout", "percentChangeColorMode", "fieldOptions"]);
}

/// Sizes that follow the panel here.
fn gauge_looks(json: &Object<'_>) {
    json.skip(&[
        "text",
        "minVizHeight",
        "minVizWidth",
        "maxVizHeight",
        "sizing",
        "showUnfilled",
        "fieldOptions",
        "effects",
    ]);
    json.skip(&[
        "barShape",
        "barWidthFactor",
        "endpointMarker",
        "segmentCount",
        "segmentSpacing",
        "shape",
        "sparkline",
    ]);
}

fn table(json: &Object<'_>, options: &mut Options) {
    options.header = json.flag("showHeader");
    let sort = json.objects("sortBy").into_iter().filter_map(|(_, one)| {
        let field = one.text("displayName").filter(|name| !name.is_empty())?;
        Some(Sort { field, desc: one.flag("desc").unwrap_or(false) })
    });
    options.sort = Some(sort.collect());
    if let Some(footer) = json.object("footer")
        && footer.flag("show") == Some(true)
    {
        json.note("footer", "sums below the columns are not drawn");
    }
    json.skip(&[
        "cellHeight",
        "frameIndex",
        "showTypeIcons",
        "enablePagination",
        "disableKeyboardEvents",
        "frozenColumns",
    ]);
}

fn heatmap(json: &Object<'_>, options: &mut Options) {
    options.calculate = json.flag("calculate");
    if let Some(axis) = json.object("yAxis") {
        options.y_unit = axis.text("unit").filter(|unit| !unit.is_empty());
        options.y_decimals = axis.count("decimals");
        options.y_min = axis.number("min");
        options.y_max = axis.number("max");
        axis.only("reverse", &["false"]);
        axis.skip(&["axisPlacement", "axisLabel", "axisWidth"]);
        axis.rest();
    }
    options.cell_unit = json.object("cellValues").and_then(|cells| cells.text("unit"));
    if let Some(color) = json.object("color") {
        options.scheme = color.text("scheme");
        color.only("mode", &["scheme"]);
        color.only("reverse", &["false"]);
        color.skip(&["exponent", "scale", "steps", "fill", "min", "max"]);
        color.rest();
    }
    if options.calculate == Some(true) {
        json.note("calculate", "counting buckets out of plain values is not done: ask for a histogram's buckets");
    }
    // Ranges of the calculation, gaps, and what belongs to the tooltip.
    json.skip(&[
        "calculation",
        "cellGap",
        "cellRadius",
        "cellSize",
        "rowsFrame",
        "filterValues",
        "exemplars",
        "showValue",
    ]);
    json.skip(&["selectionMode", "xBuckets", "yBuckets"]);
}
