//! Executions of pipelines that have an id and something that triggers them, by agents that do the work.
//!
//! For pipelines that have names, see [`super::pipeline`]. They share `pipeline_executions_total`, by other labels: a program records one
//! or the other.

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::{SECONDS_TO_HOURS, UnderWay};
use crate::labels;

metric_set! {
    /// The metrics of executions.
    "execution" {
        executions: Counter = "pipeline_executions_total" [status, pipeline_id, trigger_mode] "" "Executions of pipelines, by how they ended";
        duration: Histogram = "pipeline_execution_duration_seconds" [status, pipeline_id] "s" "How long executions of pipelines take"
            buckets SECONDS_TO_HOURS;
        active: UpDownCounter = "pipeline_active_executions" [pipeline_id] "" "Executions of pipelines that are under way";
        cost: Histogram = "pipeline_execution_cost_usd" [pipeline_id] "" "What an execution of a pipeline costs, in US dollars" buckets DOLLARS;
        agents: Counter = "agent_executions_total" [agent, status] "" "Executions of agents, by how they ended";
        agent_duration: Histogram = "agent_execution_duration_seconds" [agent] "s" "How long executions of agents take" buckets SECONDS_TO_HOURS;
    }
}

const DOLLARS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];

/// A pipeline that is known by an id. Ids are labels: as many of them as there are pipelines, so not one for each execution.
///
/// ```
/// let pipeline = tripod::catalog::execution::Pipeline::new("7f9c24e5");
/// let execution = pipeline.execute("signal");
/// execution.agent("market_data").success();
/// execution.cost(0.042);
/// execution.success();
/// ```
#[derive(Clone)]
pub struct Pipeline {
    id: Arc<str>,
    metrics: &'static Metrics,
}

impl Pipeline {
    /// The pipeline of this id.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), metrics: Metrics::get() }
    }

    /// An execution begins, triggered by `signal`, `periodic` or the like. It ends with [`Execution::success`] or
    /// [`Execution::failed`], or is counted as `cancelled` when it is dropped.
    pub fn execute<'a>(&'a self, trigger_mode: &'a str) -> Execution<'a> {
        self.metrics.active.add(1, labels!(pipeline_id = *self.id));
        Execution { pipeline: self, trigger_mode, under_way: UnderWay::now() }
    }
}

/// An execution that is under way.
#[must_use = "an execution that is dropped counts as cancelled"]
pub struct Execution<'a> {
    pipeline: &'a Pipeline,
    trigger_mode: &'a str,
    under_way: UnderWay,
}

impl Execution<'_> {
    /// It has succeeded.
    pub fn success(mut self) {
        self.end("success");
    }

    /// It has failed.
    pub fn failed(mut self) {
        self.end("failed");
    }

    /// It has cost so many US dollars in all.
    pub fn cost(&self, dollars: f64) {
        self.pipeline.metrics.cost.record(dollars, labels!(pipeline_id = *self.pipeline.id));
    }

    /// An agent begins its part. It ends with [`Agent::success`] or [`Agent::failed`], or is counted as `cancelled` when it is dropped.
    pub fn agent<'a>(&self, agent: &'a str) -> Agent<'a> {
        Agent::new(agent)
    }

    fn end(&mut self, status: &str) {
        let Some(took) = self.under_way.end() else { return };
        let (Pipeline { id, metrics }, trigger_mode) = (self.pipeline, self.trigger_mode);
        metrics.executions.inc(labels!(status, pipeline_id = **id, trigger_mode));
        metrics.duration.record(took.as_secs_f64(), labels!(status, pipeline_id = **id));
        metrics.active.add(-1, labels!(pipeline_id = **id));
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}

/// An agent's part of an execution.
#[must_use = "an agent's part that is dropped counts as cancelled"]
pub struct Agent<'a> {
    name: &'a str,
    metrics: &'static Metrics,
    under_way: UnderWay,
}

impl<'a> Agent<'a> {
    /// An agent begins its part of an execution that another process measures; see [`Execution::agent`].
    pub fn new(agent: &'a str) -> Self {
        Self { name: agent, metrics: Metrics::get(), under_way: UnderWay::now() }
    }

    /// It has succeeded.
    pub fn success(mut self) {
        self.end("success");
    }

    /// It has failed.
    pub fn failed(mut self) {
        self.end("failed");
    }

    fn end(&mut self, status: &str) {
        let Some(took) = self.under_way.end() else { return };
        let agent = self.name;
        self.metrics.agents.inc(labels!(agent, status));
        self.metrics.agent_duration.record(took.as_secs_f64(), labels!(agent));
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}
