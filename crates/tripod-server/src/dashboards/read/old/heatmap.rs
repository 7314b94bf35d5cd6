//! The heatmap before Grafana 9, whose options stood beside the queries.

use super::super::panel::Looks;
use crate::dashboards::model::{Field, Kind, Options};
use crate::dashboards::read::node::Object;

pub(in crate::dashboards::read) fn read(json: &Object<'_>) -> Looks {
    let mut options = Options::default();
    if let Some(axis) = json.object("yAxis") {
        options.y_unit = axis.text("format").filter(|unit| !unit.is_empty());
        options.y_decimals = axis.count("decimals");
        options.y_min = axis.number("min");
        options.y_max = axis.number("max");
        axis.skip(&["show", "logBase", "splitFactor"]);
        axis.rest();
    }
    if let Some(color) = json.object("color") {
        options.scheme = color.text("colorScheme").map(|scheme| scheme.trim_start_matches("interpolate").to_owned());
        color.only("mode", &["spectrum"]);
        color.skip(&["cardColor", "colorScale", "exponent", "min", "max"]);
        color.rest();
    }
    if json.text("dataFormat").as_deref() != Some("tsbuckets") {
        options.calculate = Some(true);
        json.note("dataFormat", "counting buckets out of plain values is not done: ask for a histogram's buckets");
    }
    json.only("reverseYBuckets", &["false"]);
    json.skip(&[
        "heatmap",
        "cards",
        "xAxis",
        "xBucketNumber",
        "xBucketSize",
        "yBucketNumber",
        "yBucketSize",
        "yBucketBound",
    ]);
    json.skip(&["hideZeroBuckets", "highlightCards", "tooltip", "tooltipDecimals", "legend", "fieldConfig", "options"]);
    Looks { kind: Kind::Heatmap, field: Field::default(), overrides: Vec::new(), options }
}
