//! A batch's series, as remote write sends them.

use std::convert::Infallible;
use std::sync::Arc;

use tripod_wire::prometheus::names;
use tripod_wire::prometheus::remote_write::MetricType;
use tripod_wire::prometheus::series::{self, NativeHistogram, Pair, STALE_NAN, Sample, Sink, Value};

/// The characters that an exemplar's labels may have in all, by OpenMetrics.
const MAX_EXEMPLAR_CHARS: usize = 128;

/// Sorted by name.
pub(super) type Labels = Arc<[Pair]>;

/// What is known of a metric.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: MetricType,
    pub(super) help: String,
    /// In Prometheus' word.
    pub(super) unit: String,
}

/// A sample of a series.
#[derive(Debug)]
pub(super) struct Series {
    /// Its place among the families.
    pub(super) family: usize,
    pub(super) labels: Labels,
    pub(super) time: i64,
    /// 0 when not known.
    pub(super) created: i64,
    pub(super) value: Value,
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Debug)]
pub(super) struct Exemplar {
    pub(super) labels: Vec<Pair>,
    pub(super) time: i64,
    pub(super) value: f64,
}

/// The series of a batch, those of a point in a row.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) families: Vec<Family>,
    pub(super) series: Vec<Series>,
    /// For each point, where its series end.
    points: Vec<usize>,
}

impl Gathered {
    /// Ends a series.
    pub(super) fn end(&mut self, labels: Labels, time: i64, is_native: bool) {
        if self.families.is_empty() {
            self.families.push(Family::default());
        }
        let value = if is_native { Value::Native(NativeHistogram::stale()) } else { Value::Float(STALE_NAN) };
        self.series.push(Series { family: 0, labels, time, created: 0, value, exemplars: Vec::new() });
        self.points.push(self.series.len());
    }

    /// Series in runs of at most so many, or of one point where that alone has more; each with the number of its points.
    pub(super) fn runs(&self, most: usize) -> Vec<(u64, &[Series])> {
        let (mut runs, mut begin, mut end, mut points) = (Vec::new(), 0, 0, 0);
        for point in &self.points {
            if point - begin > most && points > 0 {
                runs.push((points, &self.series[begin..end]));
                (begin, points) = (end, 0);
            }
            (end, points) = (*point, points + 1);
        }
        if points > 0 {
            runs.push((points, &self.series[begin..end]));
        }
        runs
    }
}

impl Sink for Gathered {
    type Labels = Labels;
    type About = usize;
    type Error = Infallible;

    fn labels(&mut self, pairs: impl Iterator<Item = Pair>) -> Labels {
        let mut pairs: Vec<Pair> = pairs.filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        pairs.into()
    }

    fn about(&mut self, family: &series::Family<'_>) -> usize {
        let (name, help, unit) = (family.name.to_owned(), family.help.to_owned(), names::unit_word(family.unit));
        self.families.push(Family { name, kind: family.kind, help, unit });
        self.families.len() - 1
    }

    fn write(&mut self, family: &usize, labels: Labels, sample: Sample<'_>) {
        let Sample { time, created, value, exemplars } = sample;
        let exemplars = exemplars.iter().map(exemplar).collect();
        self.series.push(Series { family: *family, labels, time, created, value, exemplars });
    }

    fn end_point(&mut self) {
        self.points.push(self.series.len());
    }
}

/// What the series does not say goes along as far as there is room for all of it.
fn exemplar(exemplar: &series::Exemplar<'_>) -> Exemplar {
    let mut labels: Vec<Pair> = Vec::new();
    if exemplar.span_id.is_valid() {
        labels.push(("span_id".into(), exemplar.span_id.to_string().into()));
    }
    if exemplar.trace_id.is_valid() {
        labels.push(("trace_id".into(), exemplar.trace_id.to_string().into()));
    }
    let chars = |pairs: &[Pair]| -> usize { pairs.iter().map(|(n, v)| n.chars().count() + v.chars().count()).sum() };
    let own: Vec<Pair> = names::labels(exemplar.attributes).into_iter().map(|(n, v)| (n.into(), v.into())).collect();
    if chars(&labels) + chars(&own) <= MAX_EXEMPLAR_CHARS {
        labels.extend(own);
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        labels.dedup_by(|later, first| later.0 == first.0);
    }
    Exemplar { labels, time: exemplar.time, value: exemplar.value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_whole_points_and_no_more_series_than_it_may() {
        let mut gathered = Gathered::default();
        // Points of 1, 3, 5, 1 and 1 series.
        for (series, points) in [(1, 1), (3, 1), (5, 1), (1, 2)] {
            for _ in 0..points {
                for _ in 0..series {
                    gathered.write(
                        &0,
                        Arc::default(),
                        Sample { time: 1, created: 0, value: Value::Float(1.0), exemplars: vec![] },
                    );
                }
                gathered.end_point();
            }
        }
        let sizes = |most| gathered.runs(most).iter().map(|(points, run)| (*points, run.len())).collect::<Vec<_>>();
        assert_eq!(sizes(4), [(2, 4), (1, 5), (2, 2)]);
        assert_eq!(sizes(100), [(5, 11)]);
        assert_eq!(sizes(1), [(1, 1), (1, 3), (1, 5), (1, 1), (1, 1)]);
        assert!(Gathered::default().runs(4).is_empty());
    }
}
