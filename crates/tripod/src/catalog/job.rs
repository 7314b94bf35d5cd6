//! Jobs: work that nobody waits for.

use std::sync::Arc;
use std::time::Duration;

use super::set::metric_set;
use super::under_way::{SECONDS_TO_HOURS, UnderWay};
use crate::labels;

metric_set! {
    /// The metrics of jobs.
    "job" {
        completed: Counter = "jobs_completed" [job_type] "" "Jobs done";
        failed: Counter = "jobs_failed" [job_type] "" "Jobs that failed";
        duration: Histogram = "job_duration_seconds" [job_type, status] "s" "How long jobs take, by how they ended" buckets SECONDS_TO_HOURS;
        queue_duration: Histogram = "job_queue_duration_seconds" [job_type] "s" "How long jobs wait before they begin" buckets SECONDS_TO_HOURS;
        active: UpDownCounter = "jobs_active" [job_type] "" "Jobs that are under way";
        queue_depth: UpDownCounter = "job_queue_depth" [queue] "" "Jobs that wait in a queue";
    }
}

/// Jobs of a type.
///
/// ```
/// let thumbnails = tripod::catalog::job::Jobs::new("thumbnails");
/// thumbnails.start().completed();
/// ```
#[derive(Clone)]
pub struct Jobs {
    job_type: Arc<str>,
    metrics: &'static Metrics,
}

impl Jobs {
    /// Jobs of this type.
    pub fn new(job_type: impl Into<Arc<str>>) -> Self {
        Self { job_type: job_type.into(), metrics: Metrics::get() }
    }

    /// One waited so long before it began.
    pub fn waited(&self, how_long: Duration) {
        self.metrics.waited(&self.job_type, how_long);
    }

    /// One begins. It ends with [`Job::completed`] or [`Job::failed`]; dropped, it is neither, but its duration is recorded as that of
    /// one that was `cancelled`.
    pub fn start(&self) -> Job<'_> {
        self.metrics.began(&self.job_type);
        Job { jobs: self, under_way: UnderWay::now() }
    }
}

/// A queue in which jobs wait.
///
/// ```
/// let queue = tripod::catalog::job::Queue::new("default");
/// queue.added(3);
/// queue.taken(1);
/// ```
#[derive(Clone)]
pub struct Queue {
    queue: Arc<str>,
    metrics: &'static Metrics,
}

impl Queue {
    /// The queue of this name.
    pub fn new(queue: impl Into<Arc<str>>) -> Self {
        Self { queue: queue.into(), metrics: Metrics::get() }
    }

    /// So many jobs were put into it.
    pub fn added(&self, jobs: u32) {
        self.metrics.queue_depth.add(jobs.into(), labels!(queue = *self.queue));
    }

    /// So many were taken out.
    pub fn taken(&self, jobs: u32) {
        self.metrics.queue_depth.add(-i64::from(jobs), labels!(queue = *self.queue));
    }
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Failed,
    Cancelled,
}

impl Metrics {
    pub(crate) fn waited(&self, job_type: &str, how_long: Duration) {
        self.queue_duration.record(how_long.as_secs_f64(), labels!(job_type));
    }

    pub(crate) fn began(&self, job_type: &str) {
        self.active.add(1, labels!(job_type));
    }

    /// A job that began is over.
    pub(crate) fn ended(&self, job_type: &str, how: Ended, took: Duration) {
        let status = match how {
            Ended::Completed => "completed",
            Ended::Failed => "failed",
            Ended::Cancelled => "cancelled",
        };
        match how {
            Ended::Completed => self.completed.inc(labels!(job_type)),
            Ended::Failed => self.failed.inc(labels!(job_type)),
            Ended::Cancelled => {}
        }
        self.duration.record(took.as_secs_f64(), labels!(job_type, status));
        self.active.add(-1, labels!(job_type));
    }
}

/// A job that is under way.
#[must_use = "a job that is dropped counts as cancelled"]
pub struct Job<'a> {
    jobs: &'a Jobs,
    under_way: UnderWay,
}

impl Job<'_> {
    /// It is done.
    pub fn completed(mut self) {
        self.end(Ended::Completed);
    }

    /// It failed.
    pub fn failed(mut self) {
        self.end(Ended::Failed);
    }

    fn end(&mut self, how: Ended) {
        if let Some(took) = self.under_way.end() {
            self.jobs.metrics.ended(&self.jobs.job_type, how, took);
        }
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        self.end(Ended::Cancelled);
    }
}
