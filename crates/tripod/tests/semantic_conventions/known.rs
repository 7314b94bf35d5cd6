//! What the conventions name: read from the source of their crate, which says more of each metric than its constants do.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Command;

/// Names with a key behind them, as `http.request.header.content-type`.
const TEMPLATES: [&str; 5] = [
    "http.request.header",
    "http.response.header",
    "rpc.request.metadata",
    "rpc.response.metadata",
    "db.query.parameter",
];

pub(crate) struct Known {
    attributes: HashSet<String>,
    pub(crate) metrics: HashMap<String, Metric>,
}

#[derive(Debug, Default)]
pub(crate) struct Metric {
    pub(crate) instrument: String,
    pub(crate) unit: String,
    /// With whether they are required.
    pub(crate) attributes: HashMap<String, bool>,
}

struct Constant {
    ident: String,
    value: String,
    docs: Vec<String>,
    deprecated: bool,
}

impl Known {
    pub(crate) fn read() -> Self {
        let constants = constants(&source("attribute.rs"));
        let values: HashMap<&str, &str> = constants.iter().map(|of| (&*of.ident, &*of.value)).collect();
        let metrics = self::constants(&source("metric.rs")).into_iter().filter(|of| !of.deprecated);
        let metrics = metrics.map(|of| (of.value.clone(), metric(&of, &values))).collect();
        let attributes = constants.iter().filter(|of| !of.deprecated).map(|of| of.value.clone()).collect();
        Self { attributes, metrics }
    }

    pub(crate) fn has_attribute(&self, key: &str) -> bool {
        let is_of = |template: &str| key.strip_prefix(template).is_some_and(|rest| rest.starts_with('.'));
        self.attributes.contains(key) || TEMPLATES.iter().any(|template| is_of(template))
    }

    pub(crate) fn attributes(&self) -> usize {
        self.attributes.len()
    }
}

fn source(file: &str) -> String {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let crate_of = packages.iter().find(|package| package["name"] == "opentelemetry-semantic-conventions").unwrap();
    let manifest = PathBuf::from(crate_of["manifest_path"].as_str().unwrap());
    std::fs::read_to_string(manifest.with_file_name("src").join(file)).unwrap()
}

fn constants(source: &str) -> Vec<Constant> {
    let (mut all, mut docs, mut deprecated) = (Vec::new(), Vec::new(), false);
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("///") {
            docs.push(text.trim().to_owned());
        } else if line.starts_with("#[deprecated") {
            deprecated = true;
        } else if line.contains("note: Moved to the [OpenTelemetry") {
            // To conventions of their own, where the name holds.
            deprecated = false;
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let (ident, mut rest) = rest.split_once(':').unwrap();
            while !rest.contains('"') {
                rest = lines.next().unwrap();
            }
            let value = rest.split('"').nth(1).unwrap().to_owned();
            all.push(Constant { ident: ident.to_owned(), value, docs: std::mem::take(&mut docs), deprecated });
            deprecated = false;
        }
    }
    all
}

fn metric(of: &Constant, values: &HashMap<&str, &str>) -> Metric {
    let mut metric = Metric::default();
    let quoted = |line: &str| line.split('`').nth(1).unwrap_or_default().to_owned();
    for line in &of.docs {
        if line.starts_with("| Instrument:") {
            metric.instrument = quoted(line);
        } else if line.starts_with("| Unit:") {
            metric.unit = quoted(line);
        } else if let Some(rest) = line.strip_prefix("| [`crate::attribute::") {
            let (ident, requirement) = rest.split_once('`').unwrap();
            metric.attributes.insert(values[ident].to_owned(), requirement.contains("`Required`"));
        }
    }
    metric
}
