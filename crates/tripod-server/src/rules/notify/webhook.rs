//! The shape of Alertmanager's own webhooks, version 4, so that whatever takes those takes Tripod's.

use serde_json::{Value, json};

use super::message::{Message, by_name, common, rfc3339};

/// What Go writes for a time that is none.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// A body for each name of an alert.
pub(super) fn bodies(messages: &[Message], external_url: &str) -> Vec<Value> {
    by_name(messages).into_iter().map(|(name, group)| body(name, &group, external_url)).collect()
}

fn body(name: &str, messages: &[&Message], external_url: &str) -> Value {
    let firing = messages.iter().any(|message| !message.resolved);
    let alerts: Vec<Value> = messages.iter().map(|message| alert(message)).collect();
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{alertname={name:?}}}"),
        "truncatedAlerts": 0,
        "status": if firing { "firing" } else { "resolved" },
        "receiver": "tripod",
        "groupLabels": { "alertname": name },
        "commonLabels": common(messages.iter().map(|message| &message.labels)),
        "commonAnnotations": common(messages.iter().map(|message| &message.annotations)),
        "externalURL": external_url,
        "alerts": alerts,
    })
}

fn alert(message: &Message) -> Value {
    let mut json = message.json();
    json["status"] = message.status().into();
    json["fingerprint"] = message.fingerprint().into();
    json["endsAt"] = if message.resolved { rfc3339(message.ends_at).into() } else { NEVER.into() };
    json
}
