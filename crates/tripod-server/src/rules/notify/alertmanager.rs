//! The shape of Alertmanager's API v2: a list of alerts. It remembers itself what it was told.

use serde_json::Value;

use super::message::Message;

pub(super) fn body(messages: &[Message]) -> Value {
    messages.iter().map(Message::json).collect()
}
