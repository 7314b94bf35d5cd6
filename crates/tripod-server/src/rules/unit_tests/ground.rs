//! Series in memory, which come as time goes by: no rule sees what is still to come.

use std::sync::{Arc, PoisonError, RwLock};

use tripod_promql::notation::{Item, parse_series};
use tripod_promql::{Engine, Histogram, Labels, Memory, Output, QueryError, ResetHint, SampleValue, Series};

use super::file::InputSeries;
use crate::rules::ground::{Ground, RuleSample};

/// What the rules of a test stand on.
pub(super) struct TestGround {
    memory: RwLock<Memory>,
    engine: Engine,
    coming: Vec<Coming>,
    /// When the next samples come, milliseconds since the Unix epoch.
    next: i64,
    interval: i64,
}

/// A series, and what of it has not come yet.
struct Coming {
    labels: Labels,
    items: std::vec::IntoIter<Item>,
    /// The sample before, if it was a histogram that counts.
    before: Option<Arc<Histogram>>,
}

impl Coming {
    fn next(&mut self) -> Option<SampleValue> {
        match self.items.next()? {
            Item::Nothing => None,
            Item::Float(value) => {
                self.before = None;
                Some(SampleValue::Float(value))
            }
            Item::Histogram(histogram, _) => Some(SampleValue::Histogram(self.kept(&histogram))),
        }
    }

    /// A histogram with what Prometheus' store knows of resets when it is read again: that there was none since the one before, or nothing.
    fn kept(&mut self, histogram: &Arc<Histogram>) -> Arc<Histogram> {
        let hint = match (histogram.reset_hint, &self.before) {
            (ResetHint::Gauge, _) => ResetHint::Gauge,
            (_, Some(before)) if !histogram.is_reset_since(before) => ResetHint::NotReset,
            _ => ResetHint::Unknown,
        };
        let kept = Arc::new(Histogram { reset_hint: hint, ..histogram.as_ref().clone() });
        self.before = (hint != ResetHint::Gauge).then(|| Arc::clone(&kept));
        kept
    }
}

impl TestGround {
    pub(super) fn new(series: &[InputSeries], start: i64, interval: i64) -> Result<Self, String> {
        let read = |one: &InputSeries| {
            let line = format!("{} {}", one.series, one.values);
            let (labels, items) = parse_series(&line).map_err(|reason| format!("series {:?}: {reason}", one.series))?;
            Ok(Coming { labels, items: items.into_iter(), before: None })
        };
        let coming = series.iter().map(read).collect::<Result<Vec<_>, String>>()?;
        let (memory, engine) = (RwLock::default(), Engine::default());
        Ok(Self { memory, engine, coming, next: start, interval: interval.max(1) })
    }

    /// Lets all samples up to a time come.
    pub(super) fn load_until(&mut self, at: i64) {
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        while self.next <= at && self.coming.iter().any(|coming| coming.items.len() > 0) {
            for coming in &mut self.coming {
                let Some(value) = coming.next() else { continue };
                memory.add(series(RuleSample { labels: coming.labels.clone(), time: self.next, value }));
            }
            self.next += self.interval;
        }
    }
}

fn series(sample: RuleSample) -> Series {
    let (mut floats, mut histograms) = (Vec::new(), Vec::new());
    match sample.value {
        SampleValue::Float(value) => floats.push((sample.time, value)),
        SampleValue::Histogram(histogram) => histograms.push((sample.time, histogram)),
    }
    Series { labels: sample.labels, floats, histograms }
}

impl Ground for TestGround {
    fn query(&self, query: &str, at: i64) -> Result<Output, QueryError> {
        self.engine.instant(&*self.memory.read().unwrap_or_else(PoisonError::into_inner), query, at)
    }

    fn append(&self, samples: Vec<RuleSample>) -> Result<(), String> {
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        samples.into_iter().for_each(|sample| memory.add(series(sample)));
        Ok(())
    }

    fn last(&self, _: &Labels) -> Result<Option<(i64, f64)>, String> {
        Ok(None)
    }
}
