//! Pipelines that have names: their executions, steps, items, calls, cost and load.
//!
//! For pipelines that have ids, see [`super::execution`].

use std::sync::Arc;

use super::set::metric_set;
use super::under_way::{SECONDS_TO_HOURS, UnderWay};
use crate::labels;

metric_set! {
    /// The metrics of pipelines.
    "pipeline" {
        executions: Counter = "pipeline_executions_total" [pipeline_name, status] "" "Executions of pipelines, by how they ended";
        duration: Histogram = "pipeline_duration_seconds" [pipeline_name] "s" "How long executions of pipelines take" buckets SECONDS_TO_HOURS;
        active: UpDownCounter = "pipeline_active_executions" [pipeline_name] "" "Executions of pipelines that are under way";
        errors: Counter = "pipeline_errors_total" [pipeline_name, error_type] "" "Executions of pipelines that failed, by the type of error";
        steps: Counter = "pipeline_steps_total" [pipeline_name, step_name, status] "" "Steps of pipelines, by how they ended";
        step_duration: Histogram = "pipeline_step_duration_seconds" [pipeline_name, step_name] "s" "How long steps of pipelines take"
            buckets SECONDS_TO_HOURS;
        items: Counter = "pipeline_items_total" [pipeline_name] "" "Items processed by pipelines";
        api_calls: Counter = "pipeline_api_calls_total" [pipeline_name, api] "" "Calls that pipelines made to APIs";
        cost: Counter = "pipeline_cost_usd" [name] "" "What pipelines cost, in US dollars";
        queue_depth: UpDownCounter = "pipeline_queue_depth" [pipeline_name] "" "Items that wait for a pipeline";
        memory: Gauge = "pipeline_memory_usage_bytes" [pipeline_name] "By" "Memory that a pipeline uses";
        cpu: Gauge = "pipeline_cpu_usage_percent" [pipeline_name] "%" "Processor time that a pipeline uses, 100 for all it may use";
    }
}

/// A pipeline that is known by its name.
///
/// ```
/// let pipeline = tripod::catalog::pipeline::Pipeline::new("data_processor");
/// let execution = pipeline.execute();
/// let step = execution.step("transform");
/// pipeline.items(500);
/// step.success();
/// pipeline.cost(0.12);
/// execution.success();
/// ```
#[derive(Clone)]
pub struct Pipeline {
    name: Arc<str>,
    metrics: &'static Metrics,
}

impl Pipeline {
    /// The pipeline of this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), metrics: Metrics::get() }
    }

    /// An execution begins. It ends with [`Execution::success`] or [`Execution::error`], or is counted as `cancelled` when it is dropped.
    pub fn execute(&self) -> Execution<'_> {
        self.metrics.active.add(1, labels!(pipeline_name = *self.name));
        Execution { pipeline: self, under_way: UnderWay::now() }
    }

    /// So many items have been processed.
    pub fn items(&self, items: u64) {
        self.metrics.items.add(items, labels!(pipeline_name = *self.name));
    }

    /// So many calls were made to an API, by the API's name.
    pub fn api_calls(&self, api: &str, calls: u64) {
        self.metrics.api_calls.add(calls, labels!(pipeline_name = *self.name, api));
    }

    /// So many US dollars more have been spent.
    pub fn cost(&self, dollars: f64) {
        self.metrics.cost.add_f64(dollars, labels!(name = *self.name));
    }

    /// So many items more wait for it.
    pub fn queued(&self, items: u32) {
        self.metrics.queue_depth.add(items.into(), labels!(pipeline_name = *self.name));
    }

    /// So many items wait no more.
    pub fn dequeued(&self, items: u32) {
        self.metrics.queue_depth.add(-i64::from(items), labels!(pipeline_name = *self.name));
    }

    /// It uses so many bytes of memory.
    pub fn memory_usage(&self, bytes: u64) {
        self.metrics.memory.set(bytes as f64, labels!(pipeline_name = *self.name));
    }

    /// It uses so much processor time: 100 is all it may use.
    pub fn cpu_usage(&self, percent: f64) {
        self.metrics.cpu.set(percent, labels!(pipeline_name = *self.name));
    }
}

/// An execution that is under way.
#[must_use = "an execution that is dropped counts as cancelled"]
pub struct Execution<'a> {
    pipeline: &'a Pipeline,
    under_way: UnderWay,
}

impl<'a> Execution<'a> {
    /// It has succeeded.
    pub fn success(mut self) {
        self.end("success");
    }

    /// It has failed. Keep the number of types small: `timeout`, not the message.
    pub fn error(mut self, error_type: &str) {
        let Pipeline { name, metrics } = self.pipeline;
        metrics.errors.inc(labels!(pipeline_name = **name, error_type));
        self.end("error");
    }

    /// A step begins. It ends with [`Step::success`] or [`Step::error`], or is counted as `cancelled` when it is dropped.
    pub fn step(&self, step_name: &'a str) -> Step<'a> {
        Step { pipeline: self.pipeline, name: step_name, under_way: UnderWay::now() }
    }

    fn end(&mut self, status: &str) {
        let Some(took) = self.under_way.end() else { return };
        let Pipeline { name, metrics } = self.pipeline;
        metrics.executions.inc(labels!(pipeline_name = **name, status));
        metrics.duration.record(took.as_secs_f64(), labels!(pipeline_name = **name));
        metrics.active.add(-1, labels!(pipeline_name = **name));
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}

/// A step that is under way.
#[must_use = "a step that is dropped counts as cancelled"]
pub struct Step<'a> {
    pipeline: &'a Pipeline,
    name: &'a str,
    under_way: UnderWay,
}

impl Step<'_> {
    /// It has succeeded.
    pub fn success(mut self) {
        self.end("success");
    }

    /// It has failed.
    pub fn error(mut self) {
        self.end("error");
    }

    fn end(&mut self, status: &str) {
        let Some(took) = self.under_way.end() else { return };
        let (Pipeline { name, metrics }, step_name) = (self.pipeline, self.name);
        metrics.steps.inc(labels!(pipeline_name = **name, step_name, status));
        metrics.step_duration.record(took.as_secs_f64(), labels!(pipeline_name = **name, step_name));
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}
