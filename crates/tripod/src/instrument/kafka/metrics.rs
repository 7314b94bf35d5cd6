//! The metrics of Kafka's clients, under the names that were chosen when the client was made.

use std::time::Duration;

use super::client::{Client, Destination};
use super::{COMMIT, POLL, PROCESS, SEND};
use crate::Value;
use crate::catalog;
use crate::instrument::messaging::{self, Operation};
use crate::instrument::names::{MetricNames, metric_names};

/// Where a client counts.
///
/// What the catalogue has a name for is counted under that name instead; the rest keeps the conventions' names under both choices, as
/// there is nothing that it could be counted twice with.
#[derive(Clone, Copy)]
pub(super) struct Metrics {
    conventions: &'static messaging::Metrics,
    catalog: Option<&'static catalog::kafka::Metrics>,
}

impl Metrics {
    pub(super) fn chosen() -> Self {
        let catalog = (metric_names() == MetricNames::Catalog).then(catalog::kafka::Metrics::get);
        Self { conventions: messaging::Metrics::get(), catalog }
    }

    pub(super) fn catalog(&self) -> Option<&'static catalog::kafka::Metrics> {
        self.catalog
    }

    /// A message was sent, or could not be.
    pub(super) fn sent(&self, client: &Client, destination: Destination<'_>, error: Option<&str>, took: Duration) {
        if let Some(catalog) = self.catalog {
            return catalog.published(destination.label(), error.is_none(), took);
        }
        self.conventions.sent.inc(&client.labels(&SEND, Some(destination), error));
        self.took(client, &SEND, Some(destination), error, took);
    }

    /// So many messages came; or none, because of an error.
    pub(super) fn received(
        &self,
        client: &Client,
        destination: Option<Destination<'_>>,
        messages: u64,
        error: Option<&str>,
        took: Duration,
    ) {
        if messages > 0 {
            self.conventions.consumed.add(messages, &client.labels(&POLL, destination, error));
        }
        self.took(client, &POLL, destination, error, took);
    }

    /// Messages were processed.
    pub(super) fn processed(
        &self,
        client: &Client,
        destination: Option<Destination<'_>>,
        error: Option<&str>,
        took: Duration,
    ) {
        self.conventions.process_duration.record(took.as_secs_f64(), &client.labels(&PROCESS, destination, error));
    }

    /// Offsets were committed.
    pub(super) fn settled(
        &self,
        client: &Client,
        destination: Option<Destination<'_>>,
        error: Option<&str>,
        took: Duration,
    ) {
        self.took(client, &COMMIT, destination, error, took);
    }

    fn took(
        &self,
        client: &Client,
        operation: &Operation,
        destination: Option<Destination<'_>>,
        error: Option<&str>,
        took: Duration,
    ) {
        let mut labels = client.labels(operation, destination, error);
        // The conventions have it on this metric only.
        labels.push("messaging.operation.type", Value::Str(operation.class));
        self.conventions.operation_duration.record(took.as_secs_f64(), &labels);
    }
}
