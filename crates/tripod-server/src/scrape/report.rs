//! What there is to say of a scrape itself: `up`, how long it took, how much it had.

use tripod_store::{Labels, Samples, SeriesWrite};
use tripod_wire::prometheus::series::STALE_NAN;

use super::page::Counts;
use super::target::Target;
use crate::prometheus_config::scrape::ScrapeConfig;

/// How a scrape went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) up: bool,
    pub(super) seconds: f64,
    pub(super) counts: Counts,
    pub(super) body_bytes: usize,
}

/// The series that a target's scrapes are reported in.
#[derive(Debug)]
pub(super) struct Reports {
    series: Vec<Labels>,
    timeout: f64,
    sample_limit: f64,
}

impl Reports {
    pub(super) fn new(config: &ScrapeConfig, target: &Target) -> Self {
        Self { timeout: target.timeout.as_secs_f64(), ..Self::of(config, &target.labels) }
    }

    /// Of a target of which only the labels are left.
    pub(super) fn of(config: &ScrapeConfig, target: &Labels) -> Self {
        let mut names = vec![
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        ];
        if config.extra_metrics {
            names.extend(["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"]);
        }
        let labels = |name: &str| Labels::new(std::iter::once(("__name__", name)).chain(target.iter()));
        Self {
            series: names.into_iter().map(labels).collect(),
            timeout: 0.0,
            sample_limit: config.limits.samples as f64,
        }
    }

    /// Adds a report to a batch.
    pub(super) fn write(&self, report: &Report, time: i64, writes: &mut Vec<SeriesWrite>) {
        let Report { up, seconds, counts, body_bytes } = *report;
        let values = [
            f64::from(u8::from(up)),
            seconds,
            counts.scraped as f64,
            counts.kept as f64,
            counts.added as f64,
            self.timeout,
            self.sample_limit,
            body_bytes as f64,
        ];
        writes.extend(self.series.iter().zip(values).map(|(labels, value)| sample(labels, time, value)));
    }

    /// Ends the series: the target is gone.
    pub(super) fn end(&self, time: i64, writes: &mut Vec<SeriesWrite>) {
        writes.extend(self.series.iter().map(|labels| sample(labels, time, STALE_NAN)));
    }
}

fn sample(labels: &Labels, time: i64, value: f64) -> SeriesWrite {
    let samples = Samples { floats: vec![(time, value)], ..Samples::default() };
    SeriesWrite { labels: labels.clone(), samples, exemplars: Vec::new(), metadata: None }
}
