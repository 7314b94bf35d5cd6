//! Resources that are taken for a while and given back: connections, permits, files, workers.

use super::set::metric_set;
use crate::clock::{Instant, calibrate_once};
use crate::labels;
use crate::metrics::{BoundCounter, BoundHistogram, BoundUpDownCounter};

metric_set! {
    /// The metrics of resources.
    "resource" {
        in_use: UpDownCounter = "resource_in_use" [resource] "" "How many are taken now";
        acquisitions: Counter = "resource_acquisitions_total" [resource] "" "How often one was taken";
        held: Histogram = "resource_held_seconds" [resource] "s" "How long one was held";
        errors: Counter = "resource_errors_total" [resource, error_type] "" "How often the work with one failed";
    }
}

/// A kind of resource.
///
/// ```
/// let connections = tripod::catalog::resource::Resource::new("database_connection");
/// let taken = connections.acquire();
/// // … work with it …
/// drop(taken);
/// ```
#[derive(Clone)]
pub struct Resource {
    name: Box<str>,
    in_use: BoundUpDownCounter,
    acquisitions: BoundCounter,
    held: BoundHistogram,
    metrics: &'static Metrics,
}

impl Resource {
    /// The resource of this name.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        let (name, metrics) = (name.into(), Metrics::get());
        let of = labels!(resource = name);
        let (in_use, acquisitions, held) =
            (metrics.in_use.bind(of), metrics.acquisitions.bind(of), metrics.held.bind(of));
        calibrate_once();
        Self { name, in_use, acquisitions, held, metrics }
    }

    /// One is taken, until the guard is dropped.
    pub fn acquire(&self) -> Acquired<'_> {
        self.in_use.add(1);
        self.acquisitions.inc();
        Acquired { resource: self, since: Instant::calibrated() }
    }
}

/// A resource that is taken; dropping this says that it is given back.
#[must_use = "what is dropped at once was not held"]
pub struct Acquired<'a> {
    resource: &'a Resource,
    since: Instant,
}

impl Acquired<'_> {
    /// The work with it failed; it is given back. Keep the number of types small: `timeout`, not the message.
    pub fn error(self, error_type: &str) {
        self.resource.metrics.errors.inc(labels!(resource = *self.resource.name, error_type));
    }
}

impl Drop for Acquired<'_> {
    fn drop(&mut self) {
        self.resource.held.record(self.since.seconds());
        self.resource.in_use.add(-1);
    }
}
