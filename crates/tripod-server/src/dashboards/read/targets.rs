//! Queries: `targets` of a panel.

use serde_json::Value;

use super::Reader;
use super::node::Object;
use super::sources::Found;
use crate::dashboards::model::{Format, Kind, Source, Target};

impl Reader<'_> {
    /// The queries of a panel that can be asked.
    pub(super) fn targets(&self, panel: &Object<'_>, kind: Kind) -> Vec<Target> {
        let own = panel.get("datasource");
        let mut targets = Vec::new();
        for (i, json) in panel.objects("targets") {
            targets.extend(self.target(&json, own, kind, i));
        }
        targets
    }

    fn target(&self, json: &Object<'_>, panel: Option<&Value>, kind: Kind, i: usize) -> Option<Target> {
        let ref_id = json.text("refId").filter(|id| !id.is_empty()).unwrap_or_else(|| nth_name(i));
        let source = match self.sources.of(json.get("datasource").or(panel)) {
            Found::One(source) => source,
            Found::Mixed => Source::Prometheus,
            Found::Other(what) => {
                json.note("datasource", format!("query {ref_id} is not asked: {what} can't be here"));
                return None;
            }
        };
        let expr = expression(json, source);
        if expr.trim().is_empty() {
            return None;
        }
        let format = match json.text("format").as_deref() {
            Some("table") => Format::Table,
            Some("heatmap") => Format::Heatmap,
            _ => Format::Series,
        };
        let instant =
            json.flag("instant").or_else(|| Some(json.text("queryType")?.as_str() == "instant")).unwrap_or(false);
        let range = json.flag("range").unwrap_or(!instant);
        let target = Target {
            ref_id,
            source,
            expr,
            legend: json.text("legendFormat").filter(|legend| legend != "__auto").unwrap_or_default(),
            format,
            instant,
            range: range || !instant,
            interval: json.text_or_empty("interval"),
            factor: json.count("intervalFactor").unwrap_or(1).max(1),
            hide: json.flag("hide").unwrap_or(false),
            exemplars: json.flag("exemplar").unwrap_or(kind == Kind::Timeseries),
            limit: json.count("maxLines").or_else(|| json.count("limit")),
        };
        json.skip(&["editorMode", "key", "datasource", "target", "metric", "step", "requestId", "builder", "hinting"]);
        json.skip(&[
            "useBackend",
            "disableTextWrap",
            "fullMetaSearch",
            "includeNullMetadata",
            "queryType",
            "resolution",
        ]);
        json.skip(&[
            "expression",
            "type",
            "textEditor",
            "application",
            "group",
            "functions",
            "mode",
            "prometheusQuery",
        ]);
        json.skip(&["service", "operation", "tags", "minDuration", "maxDuration", "query", "queryMode", "filters"]);
        json.skip(&["tableType", "spss", "search", "serviceName", "spanName", "direction", "legendFormat", "expr"]);
        json.skip(&["qryType", "dsType", "orderByTime", "policy", "resultFormat", "select", "measurement", "hide"]);
        json.rest();
        Some(target)
    }
}

/// What is asked, in the language of the source. A search of Jaeger's form becomes parameters of its API.
fn expression(json: &Object<'_>, source: Source) -> String {
    let first = |keys: &[&str]| keys.iter().find_map(|key| json.text(key)).unwrap_or_default();
    match source {
        Source::Prometheus | Source::Loki => first(&["expr", "query"]),
        Source::Tempo => {
            let text = first(&["query"]);
            if text.is_empty() && json.has("filters") {
                json.note("filters", "searches that were clicked together are not asked: write them in TraceQL");
            }
            text
        }
        Source::Jaeger => {
            let text = first(&["query"]);
            if !text.is_empty() {
                return text;
            }
            let mut form = form_urlencoded::Serializer::new(String::new());
            for key in ["service", "operation", "tags", "minDuration", "maxDuration"] {
                if let Some(value) = json.text(key).filter(|value| !value.is_empty() && value != "All") {
                    form.append_pair(key, &value);
                }
            }
            form.finish()
        }
    }
}

/// `A`, `B`, … as queries are named.
fn nth_name(i: usize) -> String {
    let letter = char::from(b'A' + (i % 26) as u8);
    if i < 26 { letter.to_string() } else { format!("{letter}{}", i / 26) }
}
