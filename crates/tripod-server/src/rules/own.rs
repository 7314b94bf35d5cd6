//! Rules that people make in the page: alerts, kept in one rule file of the data directory, which Prometheus takes as it is. Each
//! is a group of its own, of the same name, so that a slow one delays no other and a change of one disturbs none.
//!
//! What someone adds to the file by hand stays when the page writes it again; comments don't.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{GroupConfig, RuleConfig, RuleFault, RuleFile, RuleKind};
use super::write;
use crate::durable;
use crate::prometheus_config::units::{duration, format_duration};

/// Groups that the file may have when one is added.
const MAX_GROUPS: usize = 500;
/// The longest name of a rule, bytes.
const MAX_NAME: usize = 200;

/// Why a rule can't be kept or taken away.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnError {
    #[error("{0}")]
    Wrong(String),
    #[error("there is no own rule {0:?}")]
    NotFound(String),
    #[error("there is an own rule {0:?} already: take another name, or change that one")]
    Exists(String),
    #[error("there are {MAX_GROUPS} own rules: delete some, or keep rules in files of your own")]
    Full,
    #[error("the own rules can't be used as their file is: {0}")]
    Broken(String),
    #[error("the own rules can't be written to {}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
}

/// An alert as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnRule {
    pub(crate) expr: String,
    #[serde(default, rename = "for")]
    pub(crate) hold: String,
    #[serde(default)]
    pub(crate) keep_firing_for: String,
    /// How often it is evaluated; empty: as often as the others.
    #[serde(default)]
    pub(crate) interval: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl OwnRule {
    /// The group of this rule alone, found to be right by what reads rule files.
    pub(crate) fn group(&self, name: &str) -> Result<GroupConfig, OwnError> {
        if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
            let reason = format!("a rule needs a name of at most {MAX_NAME} bytes without control characters");
            return Err(OwnError::Wrong(reason));
        }
        let read = |key: &str, text: &str| match text {
            "" => Ok(Duration::ZERO),
            text => duration(text).map_err(|reason| OwnError::Wrong(format!("{key} {reason}"))),
        };
        let kind = RuleKind::Alerting {
            hold: read("for", &self.hold)?,
            keep_firing: read("keep_firing_for", &self.keep_firing_for)?,
            annotations: self.annotations.clone(),
        };
        let (expr, labels) = (self.expr.trim().to_owned(), self.labels.clone());
        let interval = read("interval", &self.interval)?;
        let group = GroupConfig {
            name: name.to_owned(),
            interval: (!interval.is_zero()).then_some(interval),
            rules: vec![RuleConfig { line: 0, name: name.to_owned(), expr, labels, kind }],
            ..GroupConfig::default()
        };
        match parse("rule", &write::groups(std::slice::from_ref(&group))) {
            Ok(read) if read.groups == [group.clone()] => Ok(group),
            Ok(_) => Err(OwnError::Wrong("the rule can't be written as YAML".to_owned())),
            Err(faults) => Err(OwnError::Wrong(reasons(&faults))),
        }
    }
}

/// What is wrong, without the place in a file that nobody wrote.
fn reasons(faults: &[RuleFault]) -> String {
    let reason = |fault: &RuleFault| fault.reason.replace("groups[0].rules[0].", "").replace("groups[0].rules[0] ", "");
    faults.iter().map(reason).collect::<Vec<_>>().join("\n")
}

/// A rule file whose rules don't know their lines: one that moves is no other.
fn parse(name: &str, text: &str) -> Result<RuleFile, Vec<RuleFault>> {
    let mut file = RuleFile::parse(name, text)?;
    for group in &mut file.groups {
        // They stand with each rule.
        group.labels.clear();
        group.rules.iter_mut().for_each(|rule| rule.line = 0);
    }
    Ok(file)
}

/// The alert that a group is, if it is one as the page makes them.
fn alert_of(group: &GroupConfig) -> Option<&RuleConfig> {
    match &group.rules[..] {
        [rule] if rule.name == group.name && rule.kind != RuleKind::Recording => Some(rule),
        _ => None,
    }
}

/// A rule as the page gets it; none of a group that the page did not make.
pub(crate) fn json(group: &GroupConfig) -> Option<Value> {
    let rule = alert_of(group)?;
    let RuleKind::Alerting { hold, keep_firing, annotations } = &rule.kind else { return None };
    let time = |time: Duration| if time.is_zero() { String::new() } else { format_duration(time) };
    Some(json!({
        "name": rule.name,
        "expr": rule.expr,
        "for": time(*hold),
        "keep_firing_for": time(*keep_firing),
        "interval": group.interval.map_or(String::new(), time),
        "labels": rule.labels,
        "annotations": annotations,
        "yaml": yaml(std::slice::from_ref(group)),
    }))
}

/// Groups as a rule file.
pub(crate) fn yaml(groups: &[GroupConfig]) -> String {
    write::groups(groups)
}

/// The file of own rules.
pub(crate) struct OwnRules {
    path: PathBuf,
    /// Whoever changes something holds this from reading to writing.
    turn: Mutex<()>,
}

impl OwnRules {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, turn: Mutex::default() }
    }

    /// What is in it; nothing where there is none.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn read(&self) -> Result<RuleFile, Vec<RuleFault>> {
        let name = self.path.display().to_string();
        match std::fs::read_to_string(&self.path) {
            Ok(text) => parse(&name, &text),
            // A file where the data directory should be is the store's to complain about.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(RuleFile { name, groups: Vec::new() })
            }
            Err(error) => {
                Err(vec![RuleFault { at: name, place: String::new(), reason: format!("can't be read: {error}") }])
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whoever reads the file to act on it holds this from reading to acting, too.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a rule and has it acted on; whether it is a new one. With `new`, only if there is none of that name.
    pub(super) fn put(
        &self,
        name: &str,
        rule: &OwnRule,
        new: bool,
        act: impl FnOnce(RuleFile),
    ) -> Result<bool, OwnError> {
        let group = rule.group(name)?;
        self.change(act, |groups| match groups.iter().position(|other| other.name == name) {
            Some(_) if new => Err(OwnError::Exists(name.to_owned())),
            Some(at) => {
                groups[at] = group;
                Ok(false)
            }
            None if groups.len() >= MAX_GROUPS => Err(OwnError::Full),
            None => {
                groups.push(group);
                Ok(true)
            }
        })
    }

    /// Takes a rule away and has that acted on.
    pub(super) fn remove(&self, name: &str, act: impl FnOnce(RuleFile)) -> Result<(), OwnError> {
        self.change(act, |groups| {
            let at = groups.iter().position(|group| group.name == name && alert_of(group).is_some());
            groups.remove(at.ok_or_else(|| OwnError::NotFound(name.to_owned()))?);
            Ok(())
        })
    }

    /// A change counts once it is on disk. Blocks until then.
    fn change<T>(
        &self,
        act: impl FnOnce(RuleFile),
        change: impl FnOnce(&mut Vec<GroupConfig>) -> Result<T, OwnError>,
    ) -> Result<T, OwnError> {
        let _turn = self.turn();
        let broken = |faults: Vec<RuleFault>| {
            OwnError::Broken(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        };
        let mut file = self.read().map_err(broken)?;
        let done = change(&mut file.groups)?;
        let text =
            format!("# Rules made in Tripod's page; written again at each change there.\n{}", yaml(&file.groups));
        // What can't be read again must not be written: the server would not start with it.
        if parse(&file.name, &text).map_err(broken)? != file {
            return Err(OwnError::Broken("they can't be written as YAML".to_owned()));
        }
        durable::replace(&self.path, text.as_bytes())
            .map_err(|error| OwnError::Io { path: self.path.clone(), error })?;
        act(file);
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(expr: &str) -> OwnRule {
        OwnRule { expr: expr.to_owned(), hold: "5m".to_owned(), ..OwnRule::default() }
    }

    #[test]
    fn rules_are_kept_in_a_file_that_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let own = OwnRules::new(dir.path().join("alerting/rules.yml"));
        assert_eq!(own.read().unwrap().groups, []);
        let mut acted = Vec::new();
        assert!(own.put("Down", &rule("up == 0"), true, |file| acted.push(file.groups.len())).unwrap());
        assert!(own.put("Slow", &rule("x > 1"), false, |file| acted.push(file.groups.len())).unwrap());
        assert!(!own.put("Down", &rule("up == 1"), false, |file| acted.push(file.groups.len())).unwrap());
        let exists = own.put("Down", &rule("up == 2"), true, |_| panic!("nothing changed")).unwrap_err();
        assert!(matches!(exists, OwnError::Exists(_)), "{exists}");
        let file = OwnRules::new(own.path().to_owned()).read().unwrap();
        let shown: Vec<Value> = file.groups.iter().filter_map(json).collect();
        assert_eq!(
            (&shown[0]["expr"], &shown[0]["for"], &shown[1]["name"]),
            (&json!("up == 1"), &json!("5m"), &json!("Slow"))
        );
        own.remove("Down", |file| acted.push(file.groups.len())).unwrap();
        assert!(matches!(own.remove("Down", |_| ()), Err(OwnError::NotFound(_))));
        assert_eq!(acted, [1, 2, 2, 1]);
    }

    #[test]
    fn what_was_added_by_hand_stays() {
        let dir = tempfile::tempdir().unwrap();
        let own = OwnRules::new(dir.path().join("rules.yml"));
        let text = "groups:\n- name: hand\n  labels: {team: a}\n  rules:\n  - {record: 'a:b', expr: up}\n  - {alert: B, expr: up}\n";
        std::fs::write(own.path(), text).unwrap();
        own.put("Down", &rule("up == 0"), true, |_| ()).unwrap();
        let file = own.read().unwrap();
        assert_eq!((file.groups.len(), file.groups[0].rules.len()), (2, 2));
        assert_eq!(file.groups[0].rules[1].labels["team"], "a");
        assert_eq!(file.groups.iter().filter_map(json).count(), 1, "the page did not make the other one");
        assert!(matches!(own.remove("hand", |_| ()), Err(OwnError::NotFound(_))));
        std::fs::write(own.path(), "groups: [{name: g, rules: [{}]}]").unwrap();
        assert!(matches!(own.put("Down", &rule("up"), false, |_| ()), Err(OwnError::Broken(_))));
    }

    #[test]
    fn what_is_wrong_is_said_without_a_place_in_a_file() {
        for (said, name, rule) in [
            ("expr could not be parsed: 1:4", "A", rule("sum(")),
            ("needs expr", "A", rule("")),
            ("a rule needs a name", "", rule("up")),
            ("for is \"soon\"", "A", OwnRule { hold: "soon".to_owned(), ..rule("up") }),
            ("labels", "A", OwnRule { labels: [("__name__".to_owned(), "x".to_owned())].into(), ..rule("up") }),
            (
                "template",
                "A",
                OwnRule { annotations: [("a".to_owned(), "{{ nope }}".to_owned())].into(), ..rule("up") },
            ),
        ] {
            let error = rule.group(name).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("groups["), "{error}");
        }
        let odd = OwnRule { labels: [("a: b\n".to_owned(), "- 'x\"\u{85}".to_owned())].into(), ..rule("up") };
        assert_eq!(odd.group("it's: #1").unwrap().rules[0].labels, odd.labels);
    }
}
