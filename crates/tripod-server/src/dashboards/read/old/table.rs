//! The table before Grafana 7: `styles`, `columns` and one `transform`.

use super::super::panel::Looks;
use super::{mappings, over, thresholds};
use crate::dashboards::model::{Field, Kind, Link, Options, Sort};
use crate::dashboards::read::node::Object;

pub(in crate::dashboards::read) fn read(json: &Object<'_>) -> Looks {
    let (mut field, mut overrides) = (Field::default(), Vec::new());
    for (_, style) in json.objects("styles") {
        let pattern = style.text_or_empty("pattern");
        let read = column(&style);
        if pattern == "/.*/" || pattern.is_empty() {
            field = read;
        } else {
            overrides.push(over(&pattern, read));
        }
    }
    let sort = json.object("sort").and_then(|sort| {
        let at = sort.get("col").and_then(serde_json::Value::as_u64)?;
        let columns = json.objects("columns");
        let field = columns.get(usize::try_from(at).ok()?)?.1.text("text")?;
        Some(Sort { field, desc: sort.flag("desc").unwrap_or(false) })
    });
    match json.text("transform").as_deref() {
        None | Some("table" | "timeseries_to_columns") => {}
        Some(other) => {
            json.note("transform", format!("the transformation {other} is not done: the answers stand as they are"));
        }
    }
    json.skip(&["columns", "styles", "sort", "fontSize", "pageSize", "scroll", "showHeader", "fieldConfig", "options"]);
    let options =
        Options { header: json.flag("showHeader"), sort: Some(sort.into_iter().collect()), ..Options::default() };
    Looks { kind: Kind::Table, field, overrides, options }
}

fn column(style: &Object<'_>) -> Field {
    let kind = style.text_or_empty("type");
    let link = (style.flag("link") == Some(true)).then(|| style.text("linkUrl")).flatten();
    let field = Field {
        name: style.text("alias").filter(|name| !name.is_empty()),
        unit: style.text("unit").filter(|unit| kind == "number" && !unit.is_empty()),
        decimals: style.count("decimals").filter(|_| kind == "number"),
        align: style.word("align", &["auto", "left", "center", "right"]),
        hidden: (kind == "hidden").then_some(true),
        thresholds: thresholds(style),
        mappings: mappings(style),
        links: link.map(|url| {
            let blank = style.flag("linkTargetBlank").unwrap_or(false);
            vec![Link { title: style.text_or_empty("linkTooltip"), url, blank, tags: Vec::new() }]
        }),
        cell: match style.text("colorMode").as_deref() {
            Some("cell" | "row") => Some("color-background"),
            Some("value") => Some("color-text"),
            _ => None,
        },
        ..Field::default()
    };
    style.skip(&[
        "dateFormat",
        "link",
        "linkUrl",
        "linkTooltip",
        "linkTargetBlank",
        "mappingType",
        "sanitize",
        "$$hashKey",
    ]);
    style.skip(&["preserveFormat", "colors", "rangeMaps", "valueMaps", "hiddenSeries", "colorMode", "thresholds"]);
    style.rest();
    field
}
