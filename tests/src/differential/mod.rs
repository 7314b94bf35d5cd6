//! Random series and random queries, for Tripod and Prometheus to agree about.

mod answer;
mod data;
mod queries;

pub use answer::{Answer, differences};
pub use data::{Data, STEP};
pub use queries::{Queries, Query};
