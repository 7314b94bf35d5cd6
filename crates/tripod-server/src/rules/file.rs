//! Prometheus' rule files: groups of recording and alerting rules, read and checked as a whole. All faults of a file are named, each
//! with file, line, group and rule.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use tripod_promql::{Engine, QueryError};

use super::template::Template;
use crate::prometheus_config::units::duration;
use crate::yaml::{Document, Fault, Item, Map};

/// A rule file, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleFile {
    /// Its name, as it was given.
    pub name: String,
    /// Its groups, in their order.
    pub groups: Vec<GroupConfig>,
}

/// A group: rules that are evaluated one after the other, at the same time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupConfig {
    /// Unique in the file.
    pub name: String,
    /// How often it is evaluated; none: as the server says.
    pub interval: Option<Duration>,
    /// Series or alerts that a rule may give; 0: any number.
    pub limit: usize,
    /// How long before the time of evaluation its data is from; none: as the server says.
    pub query_offset: Option<Duration>,
    /// Labels of all its rules.
    pub labels: BTreeMap<String, String>,
    /// Its rules, in their order.
    pub rules: Vec<RuleConfig>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleConfig {
    /// Line in the file, from 1.
    pub line: usize,
    /// Of the series that is recorded, or of the alert.
    pub name: String,
    /// The expression.
    pub expr: String,
    /// Its own labels and those of its group.
    pub labels: BTreeMap<String, String>,
    /// What it is for.
    pub kind: RuleKind,
}

/// What a rule is for.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// Keeps what its expression gives as series of its own.
    Recording,
    /// Fires as long as its expression gives something.
    Alerting {
        /// How long the expression has to give something first.
        hold: Duration,
        /// How long it goes on after the expression gives nothing any more.
        keep_firing: Duration,
        /// Texts for people.
        annotations: BTreeMap<String, String>,
    },
}

/// What is wrong with a rule file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// File and line: `rules.yml:12`.
    pub at: String,
    /// Group and rule; empty where it is about neither.
    pub place: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, place, reason } = self;
        if place.is_empty() { write!(f, "{at}: {reason}") } else { write!(f, "{at}: {place}: {reason}") }
    }
}

impl From<Fault> for RuleFault {
    fn from(fault: Fault) -> Self {
        let Fault { at, path, reason } = fault;
        let reason = if path.is_empty() { reason } else { format!("{path} {reason}") };
        Self { at, place: String::new(), reason }
    }
}

impl RuleFile {
    /// Reads a file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, Vec<RuleFault>> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            vec![RuleFault { at: name.clone(), place: String::new(), reason: format!("can't be read: {error}") }]
        };
        Self::parse(&name, &std::fs::read_to_string(path).map_err(unreadable)?)
    }

    /// Reads a text; `name` is what errors call it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<RuleFault>> {
        let document = Document::parse(name, text).map_err(|fault| vec![fault.into()])?;
        let mut reader = Reader { faults: Vec::new() };
        let groups = reader.groups(&document.root());
        if reader.faults.is_empty() { Ok(Self { name: name.to_owned(), groups }) } else { Err(reader.faults) }
    }

    /// Rules of all groups.
    pub fn rule_count(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }

    /// Rules that stand more than once: the same name and labels. Each is named once.
    pub fn duplicates(&self) -> Vec<(String, BTreeMap<String, String>)> {
        let mut counts: BTreeMap<(&str, &BTreeMap<String, String>), usize> = BTreeMap::new();
        for rule in self.groups.iter().flat_map(|group| &group.rules) {
            *counts.entry((&rule.name, &rule.labels)).or_default() += 1;
        }
        let twice = counts.into_iter().filter(|(_, count)| *count > 1);
        twice.map(|((name, labels), _)| (name.to_owned(), labels.clone())).collect()
    }
}

/// Goes on after a fault, so that a file's author sees all of them at once.
struct Reader {
    faults: Vec<RuleFault>,
}

impl Reader {
    /// What was read; of a fault nothing but a note.
    fn note<T>(&mut self, place: &str, read: Result<T, Fault>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(fault) => {
                self.faults.push(RuleFault { place: place.to_owned(), ..fault.into() });
                None
            }
        }
    }

    fn groups(&mut self, root: &Item<'_>) -> Vec<GroupConfig> {
        let Some(map) = self.note("", root.map()) else { return Vec::new() };
        let items = self.note("", map.list("groups")).unwrap_or_default();
        self.note("", map.finish());
        let mut groups: Vec<GroupConfig> = Vec::new();
        for item in items {
            let Some(group) = self.group(&item) else { continue };
            if groups.iter().any(|other| other.name == group.name) {
                let reason = format!("is a group named {:?}, which another one in this file is too", group.name);
                self.note::<()>("", Err(item.wrong(reason)));
            }
            groups.push(group);
        }
        groups
    }

    fn group(&mut self, item: &Item<'_>) -> Option<GroupConfig> {
        let map = self.note("", item.map())?;
        let name = self.note("", map.text("name")).flatten().unwrap_or_default();
        if name.is_empty() {
            self.note::<()>("", Err(item.wrong("needs a name that is not empty")));
        }
        let place = format!("group {name:?}");
        let interval = self.note(&place, map.read("interval", duration)).flatten();
        let limit = self.note(&place, map.whole("limit")).flatten().unwrap_or(0);
        let query_offset = self.note(&place, map.read("query_offset", duration)).flatten();
        let labels = self.labels(&place, &map, "labels", "label");
        let items = self.note(&place, map.list("rules")).unwrap_or_default();
        self.note(&place, map.finish());
        let rules = items.iter().enumerate().filter_map(|(at, item)| self.rule(&place, at + 1, item, &labels));
        Some(GroupConfig {
            name,
            interval: interval.filter(|interval| !interval.is_zero()),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            query_offset,
            rules: rules.collect(),
            labels: labels.clone(),
        })
    }

    fn rule(
        &mut self,
        group: &str,
        number: usize,
        item: &Item<'_>,
        of_group: &BTreeMap<String, String>,
    ) -> Option<RuleConfig> {
        let place = format!("{group}, rule {number}");
        let map = self.note(&place, item.map())?;
        let (record, alert) = (self.name(&place, &map, "record"), self.name(&place, &map, "alert"));
        let name = record.clone().or_else(|| alert.clone()).unwrap_or_default();
        let place = if name.is_empty() { place } else { format!("{place}, {name:?}") };
        match (&record, &alert) {
            (Some(_), Some(_)) => {
                self.note::<()>(&place, Err(item.wrong("must have only one of record and alert")));
            }
            (None, None) => {
                self.note::<()>(&place, Err(item.wrong("needs one of record and alert")));
            }
            _ => {}
        }
        let expr = self.expr(&place, item, &map);
        let hold = self.note(&place, map.read("for", duration)).flatten().unwrap_or_default();
        let keep_firing = self.note(&place, map.read("keep_firing_for", duration)).flatten().unwrap_or_default();
        let own = self.labels(&place, &map, "labels", "label");
        let annotations = self.labels(&place, &map, "annotations", "annotation");
        if let Some(name) = &record {
            self.recording(&place, &map, name, hold, keep_firing, &annotations);
        } else {
            self.templates(&place, &map, &name, "labels", &own);
            self.templates(&place, &map, &name, "annotations", &annotations);
        }
        self.note(&place, map.finish());
        let kind = match record {
            Some(_) => RuleKind::Recording,
            None => RuleKind::Alerting { hold, keep_firing, annotations },
        };
        let mut labels = of_group.clone();
        labels.extend(own);
        Some(RuleConfig { line: item.line(), name, expr, labels, kind })
    }

    fn name(&mut self, place: &str, map: &Map<'_>, key: &'static str) -> Option<String> {
        self.note(place, map.text(key)).flatten().filter(|name| !name.is_empty())
    }

    fn expr(&mut self, place: &str, item: &Item<'_>, map: &Map<'_>) -> String {
        let text = map.get("expr");
        let expr = text.as_ref().and_then(|item| self.note(place, item.text())).unwrap_or_default();
        if expr.is_empty() {
            self.note::<()>(place, Err(item.wrong("needs expr")));
        } else if let (Some(item), Err(error)) = (&text, check_expr(expr)) {
            self.note::<()>(place, Err(item.wrong(format!("could not be parsed: {error}"))));
        }
        expr.to_owned()
    }

    /// What a recording rule must be, and must not have.
    fn recording(
        &mut self,
        place: &str,
        map: &Map<'_>,
        name: &str,
        hold: Duration,
        keep_firing: Duration,
        annotations: &BTreeMap<String, String>,
    ) {
        let item = |key| map.get(key).unwrap_or_else(|| map.item().clone());
        if !annotations.is_empty() {
            self.note::<()>(place, Err(item("annotations").wrong("are only for alerts")));
        }
        for (key, time) in [("for", hold), ("keep_firing_for", keep_firing)] {
            if !time.is_zero() {
                self.note::<()>(place, Err(item(key).wrong("is only for alerts")));
            }
        }
        if name.contains(['{', '}']) {
            let reason = format!("is {name:?} but must be a name without braces; should they be in expr?");
            self.note::<()>(place, Err(item("record").wrong(reason)));
        }
    }

    /// A map of texts whose keys are names of labels.
    fn labels(&mut self, place: &str, map: &Map<'_>, key: &'static str, what: &str) -> BTreeMap<String, String> {
        let Some(item) = map.get(key) else { return BTreeMap::new() };
        let entries = self.note(place, item.map()).map(|map| map.entries()).unwrap_or_default();
        let mut labels = BTreeMap::new();
        for (name, item) in entries {
            if name.is_empty() || what == "label" && name == "__name__" {
                self.note::<()>(place, Err(item.wrong(format!("is no name that a {what} can have"))));
            }
            let Some(text) = self.note(place, item.text()) else { continue };
            if labels.insert(name.to_owned(), text.to_owned()).is_some() {
                self.note::<()>(place, Err(item.wrong("is there twice")));
            }
        }
        labels
    }

    fn templates(
        &mut self,
        place: &str,
        map: &Map<'_>,
        alert: &str,
        key: &'static str,
        texts: &BTreeMap<String, String>,
    ) {
        let items = map.get(key).and_then(|item| item.map().ok()).map(|map| map.entries()).unwrap_or_default();
        for (name, item) in items {
            if let Some(Err(error)) = texts.get(name).map(|text| Template::parse(alert, text)) {
                self.note::<()>(place, Err(item.wrong(format!("is a template that can't be read: {error}"))));
            }
        }
    }
}

/// Whether an expression is PromQL at all; what type its value has is seen when it is evaluated, as in Prometheus.
fn check_expr(expr: &str) -> Result<(), QueryError> {
    Engine::check(expr).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
groups:
  - name: a
    interval: 30s
    limit: 10
    query_offset: 5s
    labels: {team: core}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {severity: 1}
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 1m
        labels: {team: web}
        annotations:
          summary: "{{ $labels.job }} is down"
"#;

    fn faults(text: &str) -> Vec<String> {
        RuleFile::parse("r.yml", text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_read_with_all_that_groups_and_rules_have() {
        let file = RuleFile::parse("r.yml", GOOD).unwrap();
        let group = &file.groups[0];
        assert_eq!((group.interval, group.limit), (Some(Duration::from_secs(30)), 10));
        assert_eq!(group.query_offset, Some(Duration::from_secs(5)));
        let [recording, alerting] = &group.rules[..] else { panic!("two rules") };
        assert_eq!((recording.line, recording.kind.clone()), (9, RuleKind::Recording));
        assert_eq!(recording.labels["severity"], "1");
        assert_eq!(recording.labels["team"], "core");
        assert_eq!(alerting.labels["team"], "web");
        let RuleKind::Alerting { hold, keep_firing, annotations } = &alerting.kind else { panic!("an alert") };
        assert_eq!((hold.as_secs(), keep_firing.as_secs(), annotations.len()), (300, 60, 1));
    }

    #[test]
    fn all_faults_of_a_file_are_named_with_line_group_and_rule() {
        let text = "groups:\n- name: g\n  rules:\n  - record: a\n    expr: sum(\n  - alert: B\n    expr: up\n    for: soon\n    annotations: {x: '{{ nope }}'}\n";
        let faults = faults(text);
        assert_eq!(faults.len(), 3, "{faults:#?}");
        assert!(
            faults[0]
                .starts_with(r#"r.yml:5: group "g", rule 1, "a": groups[0].rules[0].expr could not be parsed: 1:"#)
        );
        assert!(
            faults[1].starts_with(r#"r.yml:8: group "g", rule 2, "B": groups[0].rules[1].for is "soon" but must be a"#)
        );
        assert!(faults[2].contains(r#"function "nope" not defined"#));
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let rule = |rule: &str| format!("groups:\n- name: g\n  rules:\n  - {rule}\n");
        for (text, reason) in [
            (rule("{record: a, alert: b, expr: up}"), "only one of record and alert"),
            (rule("{expr: up}"), "needs one of record and alert"),
            (rule("{record: a}"), "needs expr"),
            (rule("{record: a, expr: up, for: 5m}"), "only for alerts"),
            (rule("{record: a, expr: up, keep_firing_for: 5m}"), "only for alerts"),
            (rule("{record: a, expr: up, annotations: {a: b}}"), "only for alerts"),
            (rule("{record: 'a{b=\"c\"}', expr: up}"), "without braces"),
            (rule("{record: a, expr: up, labels: {__name__: b}}"), "no name that a label can have"),
            (rule("{alert: a, expr: up, unknown: b}"), "is not known here; known are alert"),
            (rule("{alert: a, expr: up, labels: {b: [c]}}"), "must be a text"),
            ("groups:\n- name: g\n- name: g\n".to_owned(), "which another one in this file is too"),
            ("groups:\n- rules: []\n".to_owned(), "needs a name"),
            ("groups: 5\n".to_owned(), "must be a list"),
            ("group: []\n".to_owned(), "is not known here"),
            ("[".to_owned(), "is not YAML"),
        ] {
            let faults = faults(&text);
            assert!(faults.iter().any(|fault| fault.contains(reason)), "{text}: {faults:#?}");
        }
    }

    #[test]
    fn rules_with_the_same_name_and_labels_are_found() {
        let text = "groups:\n- name: g\n  rules:\n  - {record: a, expr: up}\n  - {record: a, expr: up, labels: {b: c}}\n- name: h\n  rules:\n  - {record: a, expr: '1'}\n";
        let duplicates = RuleFile::parse("r.yml", text).unwrap().duplicates();
        assert_eq!(duplicates, [("a".to_owned(), BTreeMap::new())]);
    }

    #[test]
    fn an_empty_file_has_no_rules() {
        assert_eq!(RuleFile::parse("r.yml", "").unwrap().rule_count(), 0);
    }
}
