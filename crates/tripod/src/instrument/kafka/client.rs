//! What a client of Kafka is, as its spans and metrics name it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use rdkafka::{ClientConfig, Message};

use crate::instrument::messaging::{Attributes, Operation};
use crate::pattern::Pattern;
use crate::{SpanBuilder, Value, engine};

/// A client, known by its configuration.
#[derive(Clone, Default)]
pub(super) struct Client {
    id: Option<Box<str>>,
    group: Option<Box<str>>,
    server: Option<Server>,
    templates: Vec<Template>,
    /// Whether spans show the keys of messages.
    pub(super) records_keys: bool,
}

/// The one broker that is configured.
#[derive(Clone, Debug, PartialEq)]
struct Server {
    address: Box<str>,
    port: u16,
}

/// What topics of generated names are called together.
#[derive(Clone)]
struct Template {
    text: Arc<str>,
    pattern: Pattern,
}

/// Where messages go to or come from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Destination<'a> {
    pub(super) topic: &'a str,
    pub(super) template: Option<&'a str>,
}

impl<'a> Destination<'a> {
    /// What of it there are few.
    pub(super) fn label(self) -> &'a str {
        self.template.unwrap_or(self.topic)
    }

    /// The label with its key in the conventions.
    pub(super) fn key_and_label(self) -> (&'static str, &'a str) {
        let key = if self.template.is_some() { "messaging.destination.template" } else { "messaging.destination.name" };
        (key, self.label())
    }
}

impl Client {
    pub(super) fn of(config: &ClientConfig) -> Self {
        let known = |key| config.get(key).filter(|value| !value.is_empty()).map(Into::into);
        let brokers = config.get("bootstrap.servers").or_else(|| config.get("metadata.broker.list"));
        Self {
            id: known("client.id"),
            group: known("group.id"),
            server: brokers.and_then(Server::only),
            ..Self::default()
        }
    }

    pub(super) fn without_group(self) -> Self {
        Self { group: None, ..self }
    }

    pub(super) fn name_topics<'a>(&mut self, templates: impl IntoIterator<Item = &'a str>) {
        self.templates.extend(templates.into_iter().map(Template::new));
    }

    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    pub(super) fn destination<'a>(&'a self, topic: &'a str) -> Destination<'a> {
        let template = self.templates.iter().find(|template| template.pattern.matches(topic));
        Destination { topic, template: template.map(|template| &*template.text) }
    }

    /// The labels of what is counted and measured of an operation.
    pub(super) fn labels<'a>(
        &'a self,
        operation: &Operation,
        destination: Option<Destination<'a>>,
        error_type: Option<&'a str>,
    ) -> Attributes<'a> {
        let mut labels = self.common(operation);
        if let Some(destination) = destination {
            let (key, label) = destination.key_and_label();
            labels.push(key, Value::Str(label));
        }
        labels.maybe("error.type", error_type);
        labels
    }

    /// A span of an operation, to which is added what else is known.
    pub(super) fn span(
        &self,
        operation: &Operation,
        destination: Option<Destination<'_>>,
        since: Option<SystemTime>,
    ) -> SpanBuilder {
        // A name is put together only for who will see it.
        let name: Cow<'static, str> = match destination {
            Some(destination) if engine::traces_on() => format!("{} {}", operation.name, destination.label()).into(),
            _ => operation.name.into(),
        };
        let mut attributes = self.common(operation);
        attributes.push("messaging.operation.type", Value::Str(operation.class));
        attributes.maybe("messaging.client.id", self.id.as_deref());
        if let Some(destination) = destination {
            attributes.push("messaging.destination.name", Value::Str(destination.topic));
            attributes.maybe("messaging.destination.template", destination.template);
        }
        let span = SpanBuilder::new(name).kind(operation.kind).attributes(&attributes);
        match since {
            Some(since) => span.start_time(since),
            None => span,
        }
    }

    /// What a span shows of a message itself.
    pub(super) fn describe(
        &self,
        key: Option<&[u8]>,
        payload: Option<usize>,
        mut set: impl FnMut(&'static str, Value<'_>),
    ) {
        match payload {
            Some(bytes) => set("messaging.message.body.size", Value::Int(bytes as i64)),
            None => set("messaging.kafka.message.tombstone", Value::Bool(true)),
        }
        let key = key.filter(|_| self.records_keys).and_then(|key| std::str::from_utf8(key).ok());
        if let Some(key) = key {
            set("messaging.kafka.message.key", Value::Str(key));
        }
    }

    /// What a span shows of a message that came.
    pub(super) fn describe_received(&self, message: &impl Message, mut set: impl FnMut(&'static str, Value<'_>)) {
        set("messaging.destination.partition.id", Value::Display(&message.partition()));
        set("messaging.kafka.offset", Value::Int(message.offset()));
        self.describe(message.key(), message.payload().map(<[u8]>::len), set);
    }

    fn common<'a>(&'a self, operation: &Operation) -> Attributes<'a> {
        let mut common = Attributes::new();
        common.push("messaging.system", Value::Str("kafka"));
        common.push("messaging.operation.name", Value::Str(operation.name));
        common.maybe("messaging.consumer.group.name", self.group());
        if let Some(Server { address, port }) = &self.server {
            common.push("server.address", Value::Str(address));
            common.push("server.port", Value::Int(i64::from(*port)));
        }
        common
    }
}

impl Server {
    /// The broker of a list that names one. Of several, which one a message went to is not known.
    fn only(brokers: &str) -> Option<Self> {
        const KAFKA: u16 = 9092;
        let mut named = brokers.split(',').map(str::trim).filter(|broker| !broker.is_empty());
        let (Some(only), None) = (named.next(), named.next()) else { return None };
        let only = only.split_once("://").map_or(only, |(_, address)| address);
        let (address, port) = match only.rsplit_once(':') {
            // An IPv6 address has colons itself, and brackets if there is a port.
            Some((address, port)) if !address.contains(':') || address.ends_with(']') => (address, port.parse().ok()?),
            _ => (only, KAFKA),
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        (!address.is_empty()).then(|| Self { address: address.into(), port })
    }
}

impl Template {
    fn new(text: &str) -> Self {
        let mut pattern = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((_, after)) = after.split_once('}') else { break };
            pattern.push_str(before);
            pattern.push('*');
            rest = after;
        }
        pattern.push_str(rest);
        Self { text: text.into(), pattern: Pattern::new(&pattern) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_named_where_there_is_one() {
        let only = |brokers: &str| Server::only(brokers).map(|server| (server.address.into_string(), server.port));
        assert_eq!(only("kafka.local:9093"), Some(("kafka.local".to_owned(), 9093)));
        assert_eq!(only(" SASL_SSL://kafka.local:9093, "), Some(("kafka.local".to_owned(), 9093)));
        assert_eq!(only("kafka.local"), Some(("kafka.local".to_owned(), 9092)));
        assert_eq!(only("[::1]:9093"), Some(("::1".to_owned(), 9093)));
        assert_eq!(only("::1"), Some(("::1".to_owned(), 9092)));
        for unknown in ["", ",", "a:9092,b:9092", "a:x"] {
            assert_eq!(only(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_topic_is_called_by_the_first_template_that_fits() {
        let mut client = Client::default();
        client.name_topics(["user-{id}-{kind}", "user-{id}", "odd-{brace"]);
        let label = |topic| client.destination(topic).label().to_owned();
        assert_eq!(label("user-17-events"), "user-{id}-{kind}");
        assert_eq!(label("user-17"), "user-{id}");
        assert_eq!(label("orders"), "orders");
        assert_eq!(label("odd-{brace"), "odd-{brace");
        assert_eq!(client.destination("user-17").key_and_label(), ("messaging.destination.template", "user-{id}"));
        assert_eq!(client.destination("orders").key_and_label(), ("messaging.destination.name", "orders"));
    }
}
