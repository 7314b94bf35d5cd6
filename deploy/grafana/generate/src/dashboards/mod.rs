//! The dashboards, one a file. Titles are those of the guides that Tripod began with, and no panel is left out or added.

mod adapters;
mod infrastructure;
mod pipeline_execution;
mod pipelines;
mod server;
mod signal_generation;
mod system_overview;

use crate::dashboard::Dashboard;

/// All of them.
pub(crate) fn all() -> [Dashboard; 7] {
    [
        adapters::dashboard(),
        system_overview::dashboard(),
        signal_generation::dashboard(),
        pipeline_execution::dashboard(),
        infrastructure::dashboard(),
        pipelines::dashboard(),
        server::dashboard(),
    ]
}
