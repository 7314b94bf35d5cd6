//! What is told about one alert, and the parts of it that all shapes share.

use serde_json::{Value, json};

use super::Texts;
use crate::query::time::format_rfc3339;

/// An alert as others are told about it. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) labels: Texts,
    pub(crate) annotations: Texts,
    pub(crate) starts_at: i64,
    pub(crate) ends_at: i64,
    pub(crate) resolved: bool,
    /// Where its expression is shown.
    pub(crate) generator_url: String,
}

impl Message {
    pub(crate) fn name(&self) -> &str {
        self.labels.get("alertname").map_or("", String::as_str)
    }

    pub(super) fn status(&self) -> &'static str {
        if self.resolved { "resolved" } else { "firing" }
    }

    /// What Alertmanager calls this set of labels: FNV-1a of its names and values.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        for (name, value) in &self.labels {
            for text in [name, value] {
                text.bytes().for_each(&mut add);
                add(0xff);
            }
        }
        format!("{hash:016x}")
    }

    /// As Alertmanager's API takes it.
    pub(crate) fn json(&self) -> Value {
        json!({
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": rfc3339(self.starts_at),
            "endsAt": rfc3339(self.ends_at),
            "generatorURL": self.generator_url,
        })
    }
}

pub(super) fn rfc3339(millis: i64) -> String {
    format_rfc3339(u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000))
}

/// Messages by the name of their alert, in the order in which they come.
pub(super) fn by_name(messages: &[Message]) -> Vec<(&str, Vec<&Message>)> {
    let mut groups: Vec<(&str, Vec<&Message>)> = Vec::new();
    for message in messages {
        match groups.iter_mut().find(|(name, _)| *name == message.name()) {
            Some((_, group)) => group.push(message),
            None => groups.push((message.name(), vec![message])),
        }
    }
    groups
}

/// What all of them have alike.
pub(super) fn common<'a>(mut texts: impl Iterator<Item = &'a Texts>) -> Texts {
    let mut common = texts.next().cloned().unwrap_or_default();
    for other in texts {
        common.retain(|name, value| other.get(name) == Some(value));
    }
    common
}
