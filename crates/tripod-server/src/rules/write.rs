//! Writes rule files: plain YAML in Prometheus' format, which every reader of it takes.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::file::{GroupConfig, RuleConfig, RuleKind};
use crate::prometheus_config::units::format_duration;

/// Words that YAML takes for something else than a text.
const RESERVED: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];

/// A file of these groups. What a group gives all its rules stands with each of them.
pub(super) fn groups(groups: &[GroupConfig]) -> String {
    let mut out = String::from("groups:\n");
    if groups.is_empty() {
        return "groups: []\n".to_owned();
    }
    for group in groups {
        line(&mut out, 2, &format!("- name: {}", scalar(&group.name)));
        let durations = [("interval", group.interval), ("query_offset", group.query_offset)];
        for (key, time) in durations.into_iter().filter_map(|(key, time)| Some((key, time?))) {
            line(&mut out, 4, &format!("{key}: {}", format_duration(time)));
        }
        if group.limit > 0 {
            line(&mut out, 4, &format!("limit: {}", group.limit));
        }
        line(&mut out, 4, if group.rules.is_empty() { "rules: []" } else { "rules:" });
        group.rules.iter().for_each(|one| rule(&mut out, one));
    }
    out
}

fn rule(out: &mut String, rule: &RuleConfig) {
    let what = if rule.kind == RuleKind::Recording { "record" } else { "alert" };
    line(out, 6, &format!("- {what}: {}", scalar(&rule.name)));
    line(out, 8, &format!("expr: {}", scalar(&rule.expr)));
    let none = BTreeMap::new();
    let (times, annotations) = match &rule.kind {
        RuleKind::Recording => (Vec::new(), &none),
        RuleKind::Alerting { hold, keep_firing, annotations } => {
            (vec![("for", *hold), ("keep_firing_for", *keep_firing)], annotations)
        }
    };
    for (key, time) in times.into_iter().filter(|(_, time)| !time.is_zero()) {
        line(out, 8, &format!("{key}: {}", format_duration(time)));
    }
    for (key, texts) in [("labels", &rule.labels), ("annotations", annotations)] {
        if !texts.is_empty() {
            line(out, 8, &format!("{key}:"));
            texts.iter().for_each(|(name, text)| line(out, 10, &format!("{}: {}", scalar(name), scalar(text))));
        }
    }
}

fn line(out: &mut String, indent: usize, text: &str) {
    // Writing to a text never fails.
    let _ = writeln!(out, "{:indent$}{text}", "");
}

/// A text as YAML: plain where it is a name, in single quotes where that says it all, else with escapes.
fn scalar(text: &str) -> String {
    let mut chars = text.chars();
    let is_name = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && !RESERVED.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    // What a reader of YAML 1.1 or 1.2 takes for a line break or refuses.
    let needs_escape =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if !text.contains(needs_escape) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if needs_escape(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::RuleFile;

    const FILE: &str = r#"groups:
  - name: 'a b'
    interval: 30s
    query_offset: 5s
    limit: 10
    rules:
      - record: 'job:up:sum'
        expr: 'sum by (job) (up{job=~"a|b"})'
        labels:
          team: 'true'
      - alert: Down
        expr: "up ==\n  0"
        for: 5m
        keep_firing_for: 1m30s
        labels:
          severity: 'it''s {{ $value }}'
        annotations:
          'yes': "tab\there"
  - name: empty
    rules: []
"#;

    #[test]
    fn a_file_is_written_as_it_is_read() {
        let read = RuleFile::parse("r.yml", FILE).unwrap();
        assert_eq!(groups(&read.groups), FILE);
        assert_eq!(RuleFile::parse("r.yml", &groups(&[])).unwrap().groups, []);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "\\PC*|.{0,20}|[ \\t\\n'\"\\\\#:\u{85}\u{2028}-]{0,8}") {
            let group = |annotation: String| {
                let kind = RuleKind::Alerting {
                    hold: std::time::Duration::ZERO,
                    keep_firing: std::time::Duration::ZERO,
                    annotations: [("a".to_owned(), annotation)].into(),
                };
                let rule =
                    RuleConfig { line: 3, name: "A".to_owned(), expr: "up".to_owned(), labels: BTreeMap::new(), kind };
                GroupConfig { name: "g".to_owned(), rules: vec![rule], ..GroupConfig::default() }
            };
            // What would be a template that can't be read is another matter.
            let text = text.replace("{{", "{ {");
            let written = groups(&[group(text.clone())]);
            let read = RuleFile::parse("r.yml", &written).map_err(|faults| TestCaseError::fail(format!("{faults:?}")))?;
            prop_assert_eq!(&read.groups[0].rules[0].kind, &group(text).rules[0].kind);
        }
    }
}
