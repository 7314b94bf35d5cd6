//! A dashboard: its variables, and its panels in rows of 24 columns.

use serde_json::{Map, Value, json};

use crate::link::TRACES;
use crate::panel::{METRICS, Panel, source};
use crate::{Error, catalog};

/// The version of Grafana's format of dashboards.
const SCHEMA_VERSION: u32 = 42;

const COLUMNS: u32 = 24;

/// A dashboard.
#[derive(Debug)]
pub(crate) struct Dashboard {
    /// The file's name, without its ending.
    pub(crate) file: &'static str,
    title: &'static str,
    description: &'static str,
    variables: Vec<Variable>,
    rows: Vec<Row>,
}

/// Panels beside each other, below a headline or not.
#[derive(Debug)]
struct Row {
    headline: Option<&'static str>,
    height: u32,
    panels: Vec<Panel>,
}

/// A label whose values can be chosen from those of a metric.
#[derive(Debug)]
struct Variable {
    name: &'static str,
    label: &'static str,
    metric: &'static str,
    key: &'static str,
}

impl Dashboard {
    /// A dashboard in this file.
    pub(crate) fn new(file: &'static str, title: &'static str, description: &'static str) -> Self {
        Self { file, title, description, variables: Vec::new(), rows: Vec::new() }
    }

    /// `$name`, called `label`: values of a label of a metric, all of them until some are chosen.
    pub(crate) fn variable(
        mut self,
        name: &'static str,
        label: &'static str,
        metric: &'static str,
        key: &'static str,
    ) -> Self {
        self.variables.push(Variable { name, label, metric, key });
        self
    }

    /// Panels beside each other, as many as there is room for, then below.
    pub(crate) fn row(mut self, height: u32, panels: impl Into<Vec<Panel>>) -> Self {
        self.rows.push(Row { headline: None, height, panels: panels.into() });
        self
    }

    /// The same below a headline.
    pub(crate) fn section(mut self, headline: &'static str, height: u32, panels: impl Into<Vec<Panel>>) -> Self {
        self.rows.push(Row { headline: Some(headline), height, panels: panels.into() });
        self
    }

    /// The file's text.
    pub(crate) fn text(&self) -> Result<String, Error> {
        let mut text = format!("{:#}", sorted(self.json()?));
        text.push('\n');
        Ok(text)
    }

    fn json(&self) -> Result<Value, Error> {
        let named = |variable: &Variable| {
            variable.json().map_err(|source| Error::Query {
                dashboard: self.file,
                panel: format!("${}", variable.name),
                source,
            })
        };
        let mut variables = vec![
            self::source_variable(METRICS, "Metrics", "prometheus", "Tripod", "tripod-prometheus"),
            self::source_variable(TRACES, "Traces", "jaeger", "Tripod traces", "tripod-jaeger"),
        ];
        for variable in &self.variables {
            variables.push(named(variable)?);
        }
        Ok(json!({
            "uid": format!("tripod-{}", self.file),
            "title": self.title,
            "description": self.description,
            "tags": ["tripod"],
            "schemaVersion": SCHEMA_VERSION,
            "editable": true,
            "graphTooltip": 1,
            "refresh": "10s",
            "time": { "from": "now-30m", "to": "now" },
            "timezone": "browser",
            "templating": { "list": variables },
            "links": [{
                "title": "Tripod", "type": "dashboards", "tags": ["tripod"], "asDropdown": true, "keepTime": true,
                "includeVars": false, "targetBlank": false, "icon": "external link", "tooltip": "The other dashboards", "url": "",
            }],
            "panels": self.panels()?,
        }))
    }

    /// Every panel at its place.
    fn panels(&self) -> Result<Vec<Value>, Error> {
        let (mut panels, mut top) = (Vec::new(), 0);
        for row in &self.rows {
            if let Some(headline) = row.headline {
                panels.push(json!({
                    "id": panels.len() + 1, "type": "row", "title": headline, "collapsed": false, "panels": [],
                    "gridPos": place(0, top, COLUMNS, 1),
                }));
                top += 1;
            }
            let mut left = 0;
            for panel in &row.panels {
                if left + panel.width > COLUMNS {
                    (left, top) = (0, top + row.height);
                }
                let place = place(left, top, panel.width, row.height);
                let json = panel.json(panels.len() + 1, &place).map_err(|error| panel.named(self.file, error))?;
                panels.push(json);
                left += panel.width;
            }
            top += row.height;
        }
        Ok(panels)
    }
}

impl Variable {
    fn json(&self) -> Result<Value, catalog::Error> {
        catalog::check_label(self.metric, self.key)?;
        Ok(json!({
            "type": "query", "name": self.name, "label": self.label, "datasource": source(),
            "query": {
                "qryType": 1, "query": format!("label_values({}, {})", self.metric, self.key),
                "refId": "PrometheusVariableQueryEditor-VariableQuery",
            },
            "refresh": 2, "sort": 1, "multi": true, "includeAll": true,
            // Series without the label are another's.
            "allValue": ".+",
            "current": { "text": ["All"], "value": ["$__all"] },
            "options": [],
        }))
    }
}

fn source_variable(name: &str, label: &str, plugin: &str, text: &str, uid: &str) -> Value {
    json!({
        "type": "datasource", "name": name, "label": label, "query": plugin, "refresh": 1, "hide": 0,
        "current": { "text": text, "value": uid }, "options": [], "multi": false, "includeAll": false,
    })
}

fn place(x: u32, y: u32, w: u32, h: u32) -> Value {
    json!({ "x": x, "y": y, "w": w, "h": h })
}

/// Keys in the order of the alphabet, whichever order this build of `serde_json` keeps.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboards;

    #[test]
    fn panels_lie_within_the_columns_and_not_on_each_other() {
        for dashboard in dashboards::all() {
            let mut taken = std::collections::BTreeSet::new();
            for panel in dashboard.panels().unwrap() {
                let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
                assert!(w > 0 && x + w <= COLUMNS.into(), "{}: {}", dashboard.title, panel["title"]);
                let cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
                assert!(cells.into_iter().all(|cell| taken.insert(cell)), "{}: {}", dashboard.title, panel["title"]);
            }
        }
    }

    #[test]
    fn rows_are_full() {
        for dashboard in dashboards::all() {
            for row in &dashboard.rows {
                let width: u32 = row.panels.iter().map(|panel| panel.width).sum();
                assert_eq!(width % COLUMNS, 0, "{}, {:?}", dashboard.title, row.panels[0].title);
            }
        }
    }
}
