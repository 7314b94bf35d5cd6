//! What became of the records, as data: for tests, health checks, and the own metrics.

use tripod_wire::otlp::Signal;

/// What the running telemetry has done so far; see [`crate::Guard::stats`].
///
/// Spans and logs are counted once they have ended and reached the collector, and a tail policy has decided: after a
/// [`crate::Guard::flush`] these are all. What was created was refused, dropped by the policy, or offered to every exporter; for
/// each exporter, `offered` = `exported` + `dropped` + `filtered` + `queued` + what is just being sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Spans that were started, also those that are not recorded.
    pub started: StartStats,
    /// Spans that are recorded and have not ended yet, as far as the collector knows.
    pub live: u64,
    /// Spans that ended.
    pub spans: RecordStats,
    /// Log records that were written.
    pub logs: RecordStats,
    /// What the policy of [`crate::Builder::tail_sampling`] has decided; all zero without one.
    pub tail: TailStats,
    /// By exporter, in the order in which they were named.
    pub exporters: Vec<ExporterStats>,
}

/// Spans that were started, by what they are a part of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartStats {
    /// With which a trace began.
    pub without_parent: Decisions,
    /// Below a span of this process.
    pub local_parent: Decisions,
    /// Below a span of another process.
    pub remote_parent: Decisions,
}

impl StartStats {
    /// All that the sampler had recorded.
    pub fn recorded(&self) -> u64 {
        self.without_parent.recorded + self.local_parent.recorded + self.remote_parent.recorded
    }
}

/// What a sampler has decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Spans that are recorded.
    pub recorded: u64,
    /// Spans that are not.
    pub not_recorded: u64,
}

/// Records of one signal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordStats {
    /// All that were recorded, also those that were lost at once.
    pub created: u64,
    /// Those that found no room on their way to the collector, and are lost.
    pub refused: u64,
    /// Those that were made while telemetry was at work on the same thread, by a `Display` or `Debug` of a value or by a sampler, and
    /// are lost.
    pub nested: u64,
    /// Those that were made while their thread ended, when its part of telemetry was gone, and are lost.
    pub late: u64,
}

/// What a tail policy has decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TailStats {
    /// Spans of traces that were not kept.
    pub spans_dropped: u64,
    /// Traces that were kept.
    pub traces_kept: u64,
    /// Traces that were not kept.
    pub traces_dropped: u64,
    /// Of all these, traces decided before they had ended, as their memory was needed.
    pub decided_early: u64,
    /// Of all these, traces decided before they had ended, as they took too long.
    pub timed_out: u64,
}

/// One exporter, with its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExporterStats {
    /// [`crate::Exporter::name`].
    pub name: &'static str,
    /// Spans.
    pub spans: Delivery,
    /// Points of metrics.
    pub points: Delivery,
    /// Log records.
    pub logs: Delivery,
}

impl ExporterStats {
    pub(crate) fn of(&self, signal: Signal) -> &Delivery {
        match signal {
            Signal::Traces => &self.spans,
            Signal::Metrics => &self.points,
            Signal::Logs => &self.logs,
        }
    }
}

/// What became of the records of one signal at one exporter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Given to the exporter's queue.
    pub offered: u64,
    /// Taken by the receiver.
    pub exported: u64,
    /// Waiting in the queue, or on disk in the spool.
    pub queued: u64,
    /// Left out by the [`Filter`](crate::Filter) of its [`Output`](crate::Output).
    pub filtered: u64,
    /// Lost, by [`DropReason`].
    pub dropped_by_reason: [u64; DropReason::ALL.len()],
}

impl Delivery {
    /// Lost, for whatever reason.
    pub fn dropped(&self) -> u64 {
        self.dropped_by_reason.iter().sum()
    }
}

/// Why an exporter did not deliver records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue was full: the destination is down or too slow.
    QueueFull,
    /// The program ended before they could be sent.
    Shutdown,
    /// The receiver took the request without these.
    Rejected,
    /// The receiver will never take the request.
    Failed,
    /// The exporter panicked.
    Panicked,
}

impl DropReason {
    /// All, in the order of [`Delivery::dropped_by_reason`].
    pub const ALL: [Self; 5] = [Self::QueueFull, Self::Shutdown, Self::Rejected, Self::Failed, Self::Panicked];

    /// As the attribute `error.type`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Shutdown => "already_shutdown",
            Self::Rejected => "rejected",
            Self::Failed => "export_failed",
            Self::Panicked => "panic",
        }
    }

    /// Whether the records never reached the exporter.
    pub(crate) fn before_export(self) -> bool {
        matches!(self, Self::QueueFull | Self::Shutdown)
    }
}
