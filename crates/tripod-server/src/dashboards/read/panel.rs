//! One panel: what all types have, and who reads the rest.

use serde_json::{Map, Value};

use super::node::Object;
use super::{Reader, field, layout, old, options, transformations};
use crate::dashboards::model::{Field, Grid, Kind, Options, Override, Panel};

/// What only a type's reader knows.
pub(super) struct Looks {
    pub(super) kind: Kind,
    pub(super) field: Field,
    pub(super) overrides: Vec<Override>,
    pub(super) options: Options,
}

impl Reader<'_> {
    pub(super) fn panel(&self, json: &Object<'_>) -> Panel {
        match self.of_library(json) {
            Some(merged) => self.plain(&Object::new(&merged, json.path(), self.notes)),
            None => self.plain(json),
        }
    }

    /// A panel of a library, if it came with the dashboard, at the place that the dashboard gives it.
    fn of_library(&self, json: &Object<'_>) -> Option<Map<String, Value>> {
        let named = json.object("libraryPanel")?;
        named.skip(&["name", "type", "version", "meta", "description", "folderUid", "model"]);
        let element = named.text("uid").and_then(|uid| self.library?.get(&uid));
        let model = named.get("model").or_else(|| element?.get("model"))?;
        let mut merged = model.as_object()?.clone();
        for key in ["id", "gridPos", "repeat", "repeatDirection", "maxPerRow"] {
            if let Some(value) = json.get(key) {
                merged.insert(key.to_owned(), value.clone());
            }
        }
        merged.remove("libraryPanel");
        Some(merged)
    }

    fn plain(&self, json: &Object<'_>) -> Panel {
        let before = self.notes.len();
        let written = json.text_or_empty("type");
        let looks = looks(&written, json);
        let kind = looks.kind;
        let panel = Panel {
            id: json.number("id").unwrap_or(0.0) as u64,
            at: Vec::new(),
            kind,
            title: json.text_or_empty("title"),
            description: json.text_or_empty("description"),
            transparent: json.flag("transparent").unwrap_or(false),
            grid: layout::grid(json).unwrap_or(Grid { x: 0, y: 0, w: layout::COLUMNS / 2, h: 8 }),
            repeat: layout::repeat(json),
            links: field::links(json, "links"),
            targets: self.targets(json, kind),
            interval: json.text_or_empty("interval"),
            max_points: json.count("maxDataPoints").filter(|most| *most > 0),
            time_from: json.text_or_empty("timeFrom"),
            time_shift: json.text_or_empty("timeShift"),
            field: looks.field,
            overrides: looks.overrides,
            options: looks.options,
            transformations: transformations::read(json),
            collapsed: false,
            panels: Vec::new(),
            unsupported: Vec::new(),
            written,
        };
        json.skip(&[
            "pluginVersion",
            "tags",
            "cacheTimeout",
            "queryCachingTTL",
            "hideTimeOverride",
            "editable",
            "error",
        ]);
        json.skip(&["span", "minSpan", "height", "scopedVars", "repeatedByRow", "repeatIteration", "repeatPanelId"]);
        json.skip(&[
            "renderer",
            "isNew",
            "fullEditorMode",
            "key",
            "datasource",
            "targets",
            "libraryPanel",
            "alertThreshold",
        ]);
        json.skip(&["maxPerRow", "repeatDirection", "collapsed", "showTitle", "titleSize", "skipDataOnMount"]);
        if json.has("alert") {
            json.note("alert", "alerts of panels are not evaluated: see rule files");
        }
        if kind != Kind::Unsupported {
            json.rest();
        }
        Panel { unsupported: self.notes.take_from(before), ..panel }
    }
}

/// By what the panel calls its type, and where that changed its form by how it is written.
fn looks(written: &str, json: &Object<'_>) -> Looks {
    let kind = match written {
        "graph" | "flot" => return old::graph::read(json),
        "singlestat" | "grafana-singlestat-panel" => return old::single::stat(json),
        "table-old" => return old::table::read(json),
        "table" if json.has("styles") && !json.has("fieldConfig") => return old::table::read(json),
        "grafana-piechart-panel" => return old::single::pie(json),
        "heatmap" if json.has("dataFormat") || json.has("heatmap") => return old::heatmap::read(json),
        "timeseries" => Kind::Timeseries,
        "stat" => Kind::Stat,
        "gauge" => Kind::Gauge,
        "bargauge" => Kind::Bargauge,
        "barchart" => Kind::Barchart,
        "piechart" => Kind::Piechart,
        "heatmap" => Kind::Heatmap,
        "table" => Kind::Table,
        "text" => Kind::Text,
        "state-timeline" | "status-history" => Kind::StateTimeline,
        "logs" => Kind::Logs,
        "traces" => Kind::Traces,
        other => return unsupported(other, json),
    };
    let (field, overrides) = field::config(json);
    let options = json.object("options").map(|one| options::read(kind, &one)).unwrap_or_default();
    let mut looks = Looks { kind, field, overrides, options };
    if kind == Kind::Text && json.has("content") {
        looks.options.content = json.text("content");
        looks.options.mode = Some(json.word("mode", &["markdown", "html", "text"]).unwrap_or("markdown"));
    }
    if written == "status-history" {
        looks.options.merge = Some(false);
    }
    old::single::field_options(json, &mut looks);
    looks
}

fn unsupported(written: &str, json: &Object<'_>) -> Looks {
    let what = match (written, json.object("libraryPanel")) {
        ("" | "library-panel-ref", Some(library)) => {
            format!("the library's panel {:?} does not come with the file", library.text_or_empty("name"))
        }
        ("", None) => "a panel without a type can't be drawn".to_owned(),
        (other, _) => format!("panels of type {other} are not drawn"),
    };
    json.note("type", what);
    Looks { kind: Kind::Unsupported, field: Field::default(), overrides: Vec::new(), options: Options::default() }
}
