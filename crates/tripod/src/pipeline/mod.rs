//! From the collector to the exporters: batches, and for each exporter a bounded queue and a thread of its own, so that one that
//! hangs costs the others nothing.

mod filter;
mod lent;
mod outlet;
mod output;
mod request;
mod retry;
mod shape;
mod signals;
mod spool;
mod tail;

pub use filter::{Filter, Records};
pub(crate) use lent::{Lent, LentGuard};
pub(crate) use outlet::Outlet;
pub use output::Output;
pub(crate) use output::OutputOptions;
pub(crate) use signals::Signals;
pub(crate) use spool::{OnDisk, SpoolConfig};
pub(crate) use tail::{Tail, TailCounts};
pub use tail::{TailPolicy, TailSampling};

use std::time::{Duration, Instant};

pub use tripod_wire::otlp::Signal;
use tripod_wire::proto::Message;

use crate::metrics::Temporality;

/// Records on their way out, encoded once for all exporters.
#[derive(Debug)]
pub struct Batch {
    /// What kind of records.
    pub signal: Signal,
    /// How many.
    pub records: u64,
    /// An OTLP export request of that signal, in protobuf.
    pub body: Vec<u8>,
}

impl Batch {
    /// The request as it was before it was encoded.
    ///
    /// # Errors
    /// [`ExportError::Permanent`] when it is none of this signal's.
    pub(crate) fn decode<R: Message>(&self) -> Result<R, ExportError> {
        R::decode(&self.body)
            .map_err(|error| ExportError::Permanent { reason: format!("this batch is no OTLP: {error}") })
    }
}

/// Turns batches into bytes for one destination.
///
/// An exporter runs on a thread of its own and may block. Queueing, retrying and counting are done for it.
pub trait Exporter: Send {
    /// A short name for messages, for example `otlp-http`.
    fn name(&self) -> &'static str;

    /// Whether batches of this signal are for it; asked once, before the first.
    fn accepts(&self, _signal: Signal) -> bool {
        true
    }

    /// Whether the points of metrics are to tell what was counted since the start, as they do by default, or since the batch before;
    /// asked once, before the first.
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }

    /// How often metrics are collected for it where neither its [`Output`] nor the settings say; asked once, before the first.
    fn metric_interval(&self) -> Option<Duration> {
        None
    }

    /// Sends a batch.
    ///
    /// # Errors
    /// [`ExportError::Retry`] when it may be accepted later, [`ExportError::TooLarge`] when less of it may be,
    /// [`ExportError::Permanent`] when it never will be.
    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError>;

    /// Ends its work: after the last batch, before it is dropped. At the deadline nobody waits for it any longer.
    fn close(&mut self, _deadline: Instant) {}

    /// Readies it for a child of a `fork`, in the child: lets go of what the two must not share, such as connections. It was
    /// between two batches when the process forked; other threads that it had are gone. Called before the child's first batch.
    fn after_fork(&mut self) {}
}

/// What the receiver said of a batch that it took.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Records that the receiver refused for good.
    pub rejected: u64,
    /// Why.
    pub reason: String,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// It may be taken later.
    Retry {
        /// When, if the receiver said so.
        after: Option<Duration>,
        /// What went wrong.
        reason: String,
    },
    /// It is more than the receiver takes at once. Its halves are sent, if it has several records; otherwise it is lost.
    TooLarge {
        /// What the receiver says.
        reason: String,
    },
    /// It will never be taken.
    Permanent {
        /// What went wrong.
        reason: String,
    },
}
