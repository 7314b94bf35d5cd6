//! Reads Grafana's classic dashboard JSON, from `schemaVersion` 16 on, into the [`model`](super::model).
//!
//! Old forms (rows, `graph`, `singlestat`) are read straight into the model, each by a file of its own, rather than rewritten to new JSON
//! first: so a note of what is not drawn names the place in the file that was given. [`node`] makes sure that nothing is passed over
//! silently.

mod field;
mod layout;
mod node;
mod old;
mod options;
mod panel;
mod sources;
mod targets;
mod transformations;
mod variables;

use serde_json::{Map, Value};

use self::node::{Notes, Object};
use self::sources::Sources;
use super::model::{Dashboard, Link, TimeRange};

/// Why a text is no dashboard, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    /// It is not JSON.
    #[error("is not JSON: {reason}")]
    Json {
        /// What is wrong.
        reason: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It is JSON of something else.
    #[error("{0}")]
    Other(String),
}

impl ReadError {
    /// Line and column, where there are any.
    pub(crate) fn place(&self) -> Option<(usize, usize)> {
        match self {
            Self::Json { line, column, .. } => Some((*line, *column)),
            Self::Other(_) => None,
        }
    }
}

/// What every reader of a part needs.
struct Reader<'a> {
    notes: &'a Notes,
    sources: Sources,
    /// The panels of a library that came with the dashboard, by their uid.
    library: Option<&'a Map<String, Value>>,
}

/// The dashboard of a text: what is wrapped around it by APIs and exports is taken off.
pub(crate) fn parse(text: &[u8]) -> Result<Map<String, Value>, ReadError> {
    let value = serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let reason = error.to_string();
        let end = reason.rfind(" at line ").unwrap_or(reason.len());
        ReadError::Json { reason: reason[..end].to_owned(), line, column }
    })?;
    unwrap(value)
}

/// Takes off what is around a dashboard.
pub(crate) fn unwrap(value: Value) -> Result<Map<String, Value>, ReadError> {
    let other = |reason: &str| Err(ReadError::Other(reason.to_owned()));
    let Value::Object(mut map) = value else {
        return other("must be an object: the JSON of a dashboard, as Grafana exports it");
    };
    if !map.contains_key("panels") && map.get("dashboard").is_some_and(Value::is_object) {
        return unwrap(map.remove("dashboard").unwrap_or_default());
    }
    if map.get("apiVersion").is_some() && map.get("spec").is_some() {
        let name = map.get("metadata").and_then(|metadata| metadata.get("name")).cloned();
        return match map.remove("spec") {
            Some(Value::Object(spec)) if spec.contains_key("elements") => other(
                "is a dashboard of schema v2; export it in the classic model, which Grafana calls \"Classic\" or \"V1\"",
            ),
            Some(Value::Object(mut spec)) => {
                if let Some(name) = name.filter(|_| !spec.contains_key("uid")) {
                    spec.insert("uid".to_owned(), name);
                }
                Ok(spec)
            }
            _ => other("spec must be an object: the JSON of a dashboard"),
        };
    }
    if !["panels", "rows", "title", "templating", "schemaVersion"].iter().any(|key| map.contains_key(*key)) {
        return other("is no dashboard: it has neither panels nor rows nor a title");
    }
    Ok(map)
}

/// Reads a dashboard. Whatever it holds, there is a model: what can't be read or drawn is noted in it.
pub(crate) fn model(dashboard: &Map<String, Value>) -> Dashboard {
    let notes = Notes::default();
    let root = Object::new(dashboard, "", &notes);
    let sources = Sources::read(&root);
    let reader = Reader { notes: &notes, sources, library: dashboard.get("__elements").and_then(Value::as_object) };
    let mut model = Dashboard {
        uid: root.text("uid").filter(|uid| !uid.is_empty()),
        title: root.text("title").filter(|title| !title.is_empty()).unwrap_or_else(|| "Untitled".to_owned()),
        description: root.text_or_empty("description"),
        tags: root.texts("tags"),
        time: window(&root),
        refresh: root.text("refresh").filter(|every| every != "false").unwrap_or_default(),
        variables: reader.variables(&root),
        panels: reader.panels(&root),
        links: root.objects("links").iter().filter_map(|(_, link)| dashboard_link(link)).collect(),
        unsupported: Vec::new(),
    };
    annotations(&root);
    root.skip(&["__inputs", "__requires", "__elements", "id", "version", "schemaVersion", "editable", "graphTooltip"]);
    root.skip(&[
        "style",
        "gnetId",
        "iteration",
        "timepicker",
        "weekStart",
        "hideControls",
        "sharedCrosshair",
        "liveNow",
    ]);
    root.skip(&[
        "preload",
        "originalTitle",
        "meta",
        "slug",
        "fiscalYearStartMonth",
        "folderUid",
        "folderId",
        "revision",
    ]);
    root.only("timezone", &["browser", "default"]);
    root.only("scopeMeta", &[]);
    root.rest();
    model.unsupported = notes.take_from(0);
    model
}

fn window(root: &Object<'_>) -> TimeRange {
    let time = root.object("time");
    let end = |key: &str| time.as_ref().and_then(|time| time.text(key)).unwrap_or_default();
    TimeRange { from: end("from"), to: end("to") }
}

/// The built-in one shows Grafana's own events, of which there are none here.
fn annotations(root: &Object<'_>) {
    let Some(all) = root.object("annotations") else { return };
    for (_, one) in all.objects("list") {
        if one.flag("builtIn") != Some(true) && one.flag("enable") != Some(false) {
            let name = one.text_or_empty("name");
            one.notes().add(one.path(), format!("annotations are not drawn: {name}"));
        }
    }
    all.rest();
}

fn dashboard_link(link: &Object<'_>) -> Option<Link> {
    link.skip(&["icon", "tooltip", "asDropdown", "keepTime", "includeVars", "searchHits"]);
    let (url, tags) = (link.text_or_empty("url"), link.texts("tags"));
    let (title, blank) = (link.text_or_empty("title"), link.flag("targetBlank").unwrap_or(false));
    match link.text_or_empty("type").as_str() {
        "dashboards" => Some(Link { title, url: String::new(), blank, tags }),
        _ if !url.is_empty() => Some(Link { title, url, blank, tags: Vec::new() }),
        _ => None,
    }
}
