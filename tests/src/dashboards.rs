//! The dashboards that are shipped for Grafana, and what they ask.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A dashboard and its file.
#[derive(Debug)]
pub struct Dashboard {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub json: Value,
}

/// A query of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The panel's title.
    pub panel: String,
    /// PromQL, with variables as Grafana would fill them in.
    pub expr: String,
    /// It is asked at one moment, not over the time that is shown.
    pub instant: bool,
}

/// All that are shipped, by name.
///
/// # Panics
/// When they can't be read.
pub fn all() -> Vec<Dashboard> {
    let folder = crate::root().join("deploy/grafana/dashboards");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    files.iter().map(|file| Dashboard::read(file)).collect()
}

impl Dashboard {
    /// Reads a file.
    ///
    /// # Panics
    /// When it is none or no JSON.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_owned(), json }
    }

    fn all_panels(&self) -> impl Iterator<Item = &Value> {
        self.json["panels"].as_array().into_iter().flatten()
    }

    /// Its panels but for headlines.
    pub fn panels(&self) -> Vec<&Value> {
        self.all_panels().filter(|panel| panel["type"] != "row").collect()
    }

    /// Its headlines.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        self.all_panels().filter(|panel| panel["type"] == "row").filter_map(|row| row["title"].as_str())
    }

    /// What its panels ask over a window of this length, with all values of all variables.
    pub fn queries(&self, window: &str) -> Vec<Query> {
        let of_panel = |panel: &Value| {
            let targets = panel["targets"].as_array().cloned().unwrap_or_default();
            let panel = panel["title"].as_str().unwrap_or_default().to_owned();
            let query = move |target: Value| Query {
                panel: panel.clone(),
                expr: self.filled(target["expr"].as_str().unwrap_or_default(), window),
                instant: target["instant"] == true,
            };
            targets.into_iter().map(query).collect::<Vec<_>>()
        };
        self.panels().into_iter().flat_map(of_panel).collect()
    }

    /// What its variables ask: a metric and the label whose values there are.
    pub fn variables(&self) -> Vec<(String, String)> {
        let all = self.json["templating"]["list"].as_array().into_iter().flatten();
        let asked = all.filter_map(|variable| variable["query"]["query"].as_str());
        let read = |query: &str| {
            let (metric, label) = query.strip_prefix("label_values(")?.strip_suffix(')')?.split_once(", ")?;
            Some((metric.to_owned(), label.to_owned()))
        };
        asked.map(|query| read(query).unwrap_or_else(|| panic!("{query} is not known here"))).collect()
    }

    fn filled(&self, expr: &str, window: &str) -> String {
        let variables = self.json["templating"]["list"].as_array().into_iter().flatten();
        let expr = expr.replace("$__rate_interval", "1m").replace("$__range", window);
        variables.fold(expr, |expr, variable| match (variable["name"].as_str(), variable["allValue"].as_str()) {
            (Some(name), Some(all)) => expr.replace(&format!("${name}"), all),
            _ => expr,
        })
    }
}
