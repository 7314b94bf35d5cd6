//! Events: single things that happened, an operation that took its time, a failure, a number, collected in one place.
//!
//! A [`Collector`] takes them from every thread, counts them in sliding windows, tells when a window crosses a threshold, writes them to
//! a file of JSON lines, and hands them on as log records. Metrics answer what is known beforehand, for good and at less cost; events are
//! for what is looked into: the last of them are at hand ([`Collector::recent`]), each names its trace and span.
//!
//! # What it costs
//! Recording copies the event, some dozens of bytes, into memory that belongs to the thread: no lock, no system call and, once warm, no
//! allocation. A thread of its own does the rest, every [`CollectorConfig::flush_interval`] or when much has come. Memory is bounded: at
//! most [`CollectorConfig::max_events`] wait; beyond, the oldest goes and is counted. What was recorded since the last flush is lost
//! when the process is killed. A forked child begins with nothing, and with a file of its own.

mod aggregated;
mod collector;
mod config;
mod counts;
mod encoded;
mod event;
mod filter;
mod forward;
mod intake;
mod journal;
mod lanes;
mod recent;
mod recorded;
mod threshold;
mod windows;
mod worker;

pub use aggregated::{Aggregated, Distribution, ErrorRate, FailuresOf, SeriesStats, WindowStats};
pub use collector::Collector;
pub(crate) use collector::close_at_exit;
pub use config::CollectorConfig;
pub use counts::CollectorStats;
pub use event::{Event, EventKind, Failure, Metric, Performance};
pub use recorded::{Recorded, RecordedEvent, read};
pub use threshold::{Crossing, Measure, Threshold, Watch};
pub use windows::OVERFLOW;

pub use crate::metrics::Direction;

/// The guide's snippets, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/how-to/events.md")]
mod guide {}
