//! Series in memory, which come as time goes by: no rule sees what is still to come.

use std::sync::{PoisonError, RwLock};

use tripod_promql::notation::{Item, parse_series};
use tripod_promql::{Engine, Labels, Memory, Output, QueryError, SampleValue, Series};

use super::file::InputSeries;
use crate::rules::ground::{Ground, RuleSample};

/// What the rules of a test stand on.
pub(super) struct TestGround {
    memory: RwLock<Memory>,
    engine: Engine,
    /// Series, and what of them has not come yet.
    coming: Vec<(Labels, std::vec::IntoIter<Item>)>,
    /// When the next samples come, milliseconds since the Unix epoch.
    next: i64,
    interval: i64,
}

impl TestGround {
    pub(super) fn new(series: &[InputSeries], start: i64, interval: i64) -> Result<Self, String> {
        let read = |one: &InputSeries| {
            let line = format!("{} {}", one.series, one.values);
            let (labels, items) = parse_series(&line).map_err(|reason| format!("series {:?}: {reason}", one.series))?;
            Ok((labels, items.into_iter()))
        };
        let coming = series.iter().map(read).collect::<Result<Vec<_>, String>>()?;
        let (memory, engine) = (RwLock::default(), Engine::default());
        Ok(Self { memory, engine, coming, next: start, interval: interval.max(1) })
    }

    /// Lets all samples up to a time come.
    pub(super) fn load_until(&mut self, at: i64) {
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        while self.next <= at && self.coming.iter().any(|(_, items)| items.len() > 0) {
            for (labels, items) in &mut self.coming {
                let value = match items.next() {
                    Some(Item::Float(value)) => SampleValue::Float(value),
                    Some(Item::Histogram(histogram, _)) => SampleValue::Histogram(histogram),
                    Some(Item::Nothing) | None => continue,
                };
                memory.add(series(RuleSample { labels: labels.clone(), time: self.next, value }));
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
