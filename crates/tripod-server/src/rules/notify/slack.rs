//! The shape of Slack's incoming webhooks: a line about each name of an alert, and an attachment for each alert.

use serde_json::{Value, json};

use super::message::{Message, by_name};
use crate::rules::links::{CHART, TRACES};

/// Attachments of one message; Slack shows no more.
const MAX_ATTACHMENTS: usize = 20;

/// A body for each name of an alert.
pub(super) fn bodies(messages: &[Message], _: &str) -> Vec<Value> {
    by_name(messages).into_iter().map(|(name, group)| body(name, &group)).collect()
}

fn body(name: &str, messages: &[&Message]) -> Value {
    let firing = messages.iter().filter(|message| !message.resolved).count();
    let state = if firing > 0 { format!("FIRING:{firing}") } else { "RESOLVED".to_owned() };
    let left_out = messages.len().saturating_sub(MAX_ATTACHMENTS);
    let more = if left_out > 0 { format!(" (and {left_out} more than are shown)") } else { String::new() };
    let attachments: Vec<Value> = messages.iter().take(MAX_ATTACHMENTS).map(|message| attachment(message)).collect();
    json!({ "text": format!("[{state}] {}{more}", escape(name)), "attachments": attachments })
}

fn attachment(message: &Message) -> Value {
    let annotation = |name: &str| message.annotations.get(name).map(String::as_str);
    let labels = message.labels.iter().filter(|(name, _)| *name != "alertname");
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let title = annotation("summary").unwrap_or_else(|| message.name());
    let mut lines: Vec<String> = annotation("description").map(escape).into_iter().collect();
    lines.push(escape(&labels.join(", ")));
    let traces = annotation(TRACES).unwrap_or_default().split_whitespace().enumerate();
    let traces: Vec<String> = traces.map(|(at, url)| format!("<{}|trace {}>", escape(url), at + 1)).collect();
    if !traces.is_empty() {
        lines.push(traces.join(" · "));
    }
    json!({
        "color": if message.resolved { "good" } else { "danger" },
        "title": escape(title),
        "title_link": annotation(CHART).unwrap_or(&message.generator_url),
        "text": lines.join("\n"),
        "fallback": format!("[{}] {}: {}", message.status(), message.name(), title),
        "ts": if message.resolved { message.ends_at } else { message.starts_at } / 1000,
    })
}

/// Slack's own signs.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
