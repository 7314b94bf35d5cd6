//! A job that runs, whoever runs it: counted and measured once, as it ended or as it was dropped.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::names::{MetricNames, metric_names};
use super::outcome::{self, Failure};
use crate::catalog::adapter::Adapter;
use crate::catalog::job::{self, Ended};

/// Where jobs are counted. OpenTelemetry has no names for them, so the catalogue's set `job` serves under both choices; with the
/// catalogue's names they are requests of the provider `background` as well.
#[derive(Clone, Copy)]
pub(super) struct Metrics {
    jobs: &'static job::Metrics,
    background: Option<&'static Adapter>,
}

impl Metrics {
    pub(super) fn chosen() -> Self {
        static BACKGROUND: OnceLock<Adapter> = OnceLock::new();
        let background =
            (metric_names() == MetricNames::Catalog).then(|| BACKGROUND.get_or_init(|| Adapter::new("background")));
        Self { jobs: job::Metrics::get(), background }
    }

    /// A job waited so long before it began.
    pub(super) fn waited(self, name: &str, how_long: Duration) {
        self.jobs.waited(name, how_long);
    }
}

/// A job under way. Where it ends, its span is current.
pub(super) struct Watch {
    name: Cow<'static, str>,
    metrics: Metrics,
    started: Instant,
    over: bool,
}

impl Watch {
    pub(super) fn start(name: Cow<'static, str>, metrics: Metrics) -> Self {
        metrics.jobs.began(&name);
        if let Some(background) = metrics.background {
            background.record_request_start();
        }
        Self { name, metrics, started: Instant::now(), over: false }
    }

    pub(super) fn end(&mut self, failure: Option<Failure<'_>>) {
        if let Some(failure) = &failure {
            failure.record();
        }
        let how = if failure.is_some() { Ended::Failed } else { Ended::Completed };
        self.measure(how, failure.map(|failure| failure.error_type));
    }

    fn measure(&mut self, how: Ended, error_type: Option<&str>) {
        self.over = true;
        let took = self.started.elapsed();
        self.metrics.jobs.ended(&self.name, how, took);
        if let Some(background) = self.metrics.background {
            match error_type {
                None => background.record_request_success(&self.name, took),
                Some(error_type) => background.record_request_error(&self.name, error_type),
            }
            background.record_request_end();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.over {
            let error_type = outcome::record_dropped();
            let how = if error_type == outcome::CANCELLED { Ended::Cancelled } else { Ended::Failed };
            self.measure(how, Some(error_type));
        }
    }
}
