//! Relabelling: rules that rewrite, keep or drop a set of labels, as Prometheus' `relabel_configs` have it.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use regex::Regex;

use crate::yaml::{Fault, Item, Map};

/// Labels while they are rewritten: no value is empty.
pub(crate) type LabelMap = BTreeMap<String, String>;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct RelabelRule {
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    /// As it was written, to tell rules apart.
    pattern: String,
    modulus: u64,
    target_label: String,
    replacement: String,
    action: Action,
}

impl PartialEq for RelabelRule {
    fn eq(&self, other: &Self) -> bool {
        let key = |rule: &Self| {
            let Self { source_labels, separator, pattern, modulus, target_label, replacement, action, .. } =
                rule.clone();
            (source_labels, separator, pattern, modulus, target_label, replacement, action)
        };
        key(self) == key(other)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
    ("hashmod", Action::HashMod),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
];

/// The rules of a list.
pub(crate) fn rules(map: &Map<'_>, key: &'static str) -> Result<Vec<RelabelRule>, Fault> {
    map.list(key)?.iter().map(RelabelRule::read).collect()
}

/// Applies rules in their order; false when one of them drops the labels.
pub(crate) fn relabel(labels: &mut LabelMap, rules: &[RelabelRule]) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

impl RelabelRule {
    fn read(item: &Item<'_>) -> Result<Self, Fault> {
        let map = item.map()?;
        let action = map.read("action", |text| {
            let known = ACTIONS.iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
            let names = ACTIONS.map(|(name, _)| name).join(", ");
            known.map(|(_, action)| *action).ok_or_else(|| format!("is {text:?} but must be one of {names}"))
        });
        let source_labels = map.get("source_labels").map_or(Ok(Vec::new()), |item| item.texts())?;
        let any = |key| map.any(key).map(|item| item.text().map(str::to_owned)).transpose();
        let (pattern, separator) = (any("regex")?, any("separator")?);
        let (target_label, replacement) = (map.text("target_label")?, any("replacement")?);
        let modulus = map.whole("modulus")?;
        map.finish()?;
        let action = action?.unwrap_or(Action::Replace);
        let name = ACTIONS.iter().find(|(_, known)| *known == action).map_or("", |(name, _)| name);

        let given = [
            ("source_labels", !source_labels.is_empty()),
            ("separator", separator.is_some()),
            ("regex", pattern.is_some()),
            ("modulus", modulus.is_some()),
            ("target_label", target_label.is_some()),
            ("replacement", replacement.is_some()),
        ];
        for key in without(action) {
            if given.contains(&(key, true)) {
                return Err(item.wrong(format!("must not have {key}, as its action is {name}")));
            }
        }
        let rule = Self {
            regex: compile(pattern.as_deref().unwrap_or("(.*)"))
                .map_err(|reason| map.get("regex").unwrap_or_else(|| item.clone()).wrong(reason))?,
            pattern: pattern.unwrap_or_default(),
            source_labels,
            separator: separator.unwrap_or_else(|| ";".to_owned()),
            modulus: modulus.unwrap_or(0),
            target_label: target_label.unwrap_or_default(),
            replacement: replacement.unwrap_or_else(|| "$1".to_owned()),
            action,
        };
        if rule.target_label.is_empty() && needs_target(action) {
            return Err(item.wrong(format!("needs target_label, as its action is {name}")));
        }
        if action == Action::HashMod && rule.modulus == 0 {
            return Err(item.wrong("needs a modulus above 0, as its action is hashmod"));
        }
        Ok(rule)
    }

    /// False when the labels are dropped.
    fn apply(&self, labels: &mut LabelMap) -> bool {
        let of = |name: &String| labels.get(name).map_or("", String::as_str);
        let value = self.source_labels.iter().map(of).collect::<Vec<_>>().join(&self.separator);
        match self.action {
            Action::Keep => return self.regex.is_match(&value),
            Action::Drop => return !self.regex.is_match(&value),
            Action::KeepEqual => return of(&self.target_label) == value,
            Action::DropEqual => return of(&self.target_label) != value,
            Action::Replace => self.replace(&value, labels),
            Action::Lowercase => set(labels, self.target_label.clone(), value.to_lowercase()),
            Action::Uppercase => set(labels, self.target_label.clone(), value.to_uppercase()),
            Action::HashMod => {
                let hash: [u8; 16] = Md5::digest(value.as_bytes()).into();
                let mut half = [0; 8];
                half.copy_from_slice(&hash[8..]);
                let rest = u64::from_be_bytes(half) % self.modulus;
                set(labels, self.target_label.clone(), rest.to_string());
            }
            Action::LabelMap => {
                let matching = labels.iter().filter(|(name, _)| self.regex.is_match(name));
                let renamed = |name: &String| self.regex.replace_all(name, self.replacement.as_str()).into_owned();
                let mapped: Vec<_> = matching.map(|(name, value)| (renamed(name), value.clone())).collect();
                mapped.into_iter().for_each(|(name, value)| set(labels, name, value));
            }
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        true
    }

    fn replace(&self, value: &str, labels: &mut LabelMap) {
        let Some(captures) = self.regex.captures(value) else { return };
        let (mut target, mut replacement) = (String::new(), String::new());
        captures.expand(&self.target_label, &mut target);
        captures.expand(&self.replacement, &mut replacement);
        set(labels, target, replacement);
    }
}

/// Sets a label; an empty value takes it away, and nothing has an empty name.
fn set(labels: &mut LabelMap, name: String, value: String) {
    if value.is_empty() {
        labels.remove(&name);
    } else if !name.is_empty() {
        labels.insert(name, value);
    }
}

/// A pattern that must fit the whole text.
fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?s:{pattern})$")).map_err(|error| format!("is no regular expression: {error}"))
}

fn needs_target(action: Action) -> bool {
    !matches!(action, Action::Keep | Action::Drop | Action::LabelMap | Action::LabelDrop | Action::LabelKeep)
}

/// What a rule of this action would not look at, and must not have.
fn without(action: Action) -> &'static [&'static str] {
    match action {
        Action::KeepEqual | Action::DropEqual => &["regex", "separator", "modulus", "replacement"],
        Action::LabelDrop | Action::LabelKeep => {
            &["source_labels", "target_label", "separator", "modulus", "replacement"]
        }
        Action::Lowercase | Action::Uppercase => &["replacement"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
