//! Which of the signals a query asks, however its data source is named.

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::{Object, scalar};
use crate::dashboards::model::Source;

/// The data sources that a dashboard names itself: by what an export asks for, and by variables.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<String, String>);

/// What a data source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    One(Source),
    /// Each query says its own.
    Mixed,
    /// Nothing here answers it.
    Other(String),
}

impl Sources {
    /// Learns the names of a dashboard.
    pub(super) fn read(root: &Object<'_>) -> Self {
        let mut names = BTreeMap::new();
        for (_, input) in root.objects("__inputs") {
            if let (Some(name), Some(plugin)) = (input.text("name"), input.text("pluginId")) {
                names.insert(name, plugin);
            }
        }
        let variables = root.object("templating").map(|all| all.objects("list")).unwrap_or_default();
        for (_, variable) in variables.iter().filter(|(_, one)| one.text("type").as_deref() == Some("datasource")) {
            if let (Some(name), Some(plugin)) = (variable.text("name"), variable.text("query")) {
                names.insert(name, plugin);
            }
        }
        Self(names)
    }

    /// What a `datasource` is; where there is none, Prometheus.
    pub(super) fn of(&self, value: Option<&Value>) -> Found {
        let Some(value) = value else { return Found::One(Source::Prometheus) };
        if let Some(name) = scalar(value) {
            return self.named(&name, false);
        }
        let field = |key: &str| value.get(key).and_then(scalar).filter(|text| !text.is_empty());
        match (field("type"), field("uid")) {
            (_, Some(uid)) if uid.starts_with("-- ") => self.named(&uid, false),
            (Some(kind), _) if kind.starts_with('$') => self.named(&kind, false),
            (Some(kind), _) => self.named(&kind, true),
            (None, Some(uid)) => self.named(&uid, false),
            (None, None) => Found::One(Source::Prometheus),
        }
    }

    /// By a plugin's name; or by that of a data source, which anyone may give: one that says nothing is Prometheus, the usual one.
    fn named(&self, name: &str, is_plugin: bool) -> Found {
        if let Some(variable) = name.strip_prefix('$') {
            let variable = variable.trim_matches(['{', '}']);
            let variable = variable.split(':').next().unwrap_or_default();
            return match self.0.get(variable) {
                Some(plugin) if !plugin.starts_with('$') => self.named(plugin, true),
                _ => Found::One(Source::Prometheus),
            };
        }
        let lower = name.to_ascii_lowercase();
        let lower = lower.strip_prefix("grafana-").and_then(|rest| rest.strip_suffix("-datasource")).unwrap_or(&lower);
        match lower {
            "-- mixed --" | "mixed" => return Found::Mixed,
            "__expr__" => return Found::Other("expressions".to_owned()),
            "-- grafana --" | "grafana" => return Found::Other("Grafana's own data".to_owned()),
            "-- dashboard --" | "dashboard" => return Found::Other("results of another panel".to_owned()),
            _ => {}
        }
        let known = [
            ("prometheus", Source::Prometheus),
            ("mimir", Source::Prometheus),
            ("thanos", Source::Prometheus),
            ("loki", Source::Loki),
            ("tempo", Source::Tempo),
            ("jaeger", Source::Jaeger),
        ];
        match known.iter().find(|(word, _)| lower.contains(word)) {
            Some((_, source)) => Found::One(*source),
            None if is_plugin && lower != "datasource" => Found::Other(format!("the data source {name}")),
            None => Found::One(Source::Prometheus),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::node::Notes;
    use super::*;

    #[test]
    fn a_data_source_is_known_by_its_plugin_its_name_or_a_variable() {
        let dashboard = json!({
            "__inputs": [{ "name": "DS_LOGS", "pluginId": "loki" }],
            "templating": { "list": [{ "type": "datasource", "name": "ds", "query": "prometheus" }] },
        });
        let notes = Notes::default();
        let sources = Sources::read(&Object::new(dashboard.as_object().unwrap(), "", &notes));
        let is = |value: Value| sources.of(Some(&value));
        for prometheus in [
            json!("Prometheus"),
            json!("${ds}"),
            json!("$ds"),
            json!("default"),
            json!({ "uid": "a1b2" }),
            json!({ "type": "prometheus", "uid": "${other}" }),
            json!({}),
            json!("${DS_X}"),
            json!({ "type": "grafana-amazonprometheus-datasource", "uid": "x" }),
        ] {
            assert_eq!(is(prometheus.clone()), Found::One(Source::Prometheus), "{prometheus}");
        }
        assert_eq!(is(json!("${DS_LOGS}")), Found::One(Source::Loki));
        assert_eq!(is(json!({ "type": "tempo", "uid": "t" })), Found::One(Source::Tempo));
        assert_eq!(is(json!({ "type": "datasource", "uid": "-- Mixed --" })), Found::Mixed);
        assert_eq!(is(json!({ "type": "mysql", "uid": "m" })), Found::Other("the data source mysql".to_owned()));
        assert_eq!(is(json!({ "type": "__expr__", "uid": "__expr__" })), Found::Other("expressions".to_owned()));
    }
}
