//! The catalogue: ready-made sets of metrics, each with a small type that records it.
//!
//! The names, kinds and labels are fixed, so that dashboards and alerts can be written ahead; [`metrics`] lists them. A set's instruments
//! are made when it is first used. Recording costs what the instruments cost: some tens of nanoseconds for each.

pub mod adapter;
pub mod cache;
pub mod db;
pub mod dispatch;
pub mod embedding;
pub mod error;
pub mod execution;
pub mod http;
pub mod job;
pub mod kafka;
pub mod llm;
pub mod pipeline;
pub mod rag;
pub mod redis;
pub mod resource;
mod set;
pub mod signals;
pub mod system;
mod under_way;

pub use set::Metric;
pub use under_way::Timer;

/// Every metric of the catalogue, in use or not.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    SETS.iter().copied().flatten()
}

const SETS: &[&[Metric]] = &[
    adapter::Metrics::LIST,
    http::Metrics::LIST,
    db::Metrics::LIST,
    redis::Metrics::LIST,
    kafka::Metrics::LIST,
    execution::Metrics::LIST,
    pipeline::Metrics::LIST,
    signals::Metrics::LIST,
    dispatch::Metrics::LIST,
    job::Metrics::LIST,
    llm::Metrics::LIST,
    rag::Metrics::LIST,
    embedding::Metrics::LIST,
    cache::Metrics::LIST,
    resource::Metrics::LIST,
    error::Metrics::LIST,
    system::Metrics::LIST,
];

/// The guide's snippets, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/how-to/instrument/catalogue.md")]
mod guide {}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn a_name_is_of_one_kind_wherever_it_stands() {
        let mut kinds = HashMap::new();
        for metric in metrics() {
            assert_eq!(*kinds.entry(metric.name).or_insert(metric.kind), metric.kind, "{}", metric.name);
        }
    }
}
