//! Series in memory: what tests evaluate on, those of this crate and the unit tests of rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Histogram, Labels, MatchOp, Matcher, Selection, SeriesRef, SeriesSource, SourceError, Visit};

/// A series with all its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, metric name included.
    pub labels: Labels,
    /// Times and numbers, in order of time.
    pub floats: Vec<(i64, f64)>,
    /// Times and native histograms, in order of time.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// A source over a map.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    series: BTreeMap<Labels, Series>,
}

impl Memory {
    /// Adds samples to a series; those of a time that is there already win.
    pub fn add(&mut self, series: Series) {
        let empty = Series { labels: series.labels.clone(), floats: Vec::new(), histograms: Vec::new() };
        let kept = self.series.entry(series.labels).or_insert(empty);
        kept.floats.extend(series.floats);
        kept.histograms.extend(series.histograms);
        kept.floats.sort_by_key(|(time, _)| *time);
        kept.histograms.sort_by_key(|(time, _)| *time);
    }

    /// All series.
    pub fn all(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }
}

impl SeriesSource for Memory {
    fn select(&self, wanted: &Selection<'_>, visit: &mut Visit<'_>) -> Result<(), SourceError> {
        let tests = wanted.matchers.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
        for series in self.series.values().filter(|series| tests.iter().all(|test| test(&series.labels))) {
            let found = SeriesRef {
                labels: &series.labels,
                floats: within(&series.floats, wanted),
                histograms: within(&series.histograms, wanted),
            };
            let is_empty = found.floats.is_empty() && found.histograms.is_empty();
            if !is_empty && visit(found).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn within<'a, T>(samples: &'a [(i64, T)], wanted: &Selection<'_>) -> &'a [(i64, T)] {
    let from = samples.partition_point(|(time, _)| *time < wanted.start_ms);
    let to = samples.partition_point(|(time, _)| *time <= wanted.end_ms);
    &samples[from..to.max(from)]
}

type Test = Box<dyn Fn(&Labels) -> bool>;

fn compile(matcher: &Matcher) -> Result<Test, SourceError> {
    let (name, value) = (matcher.name.clone(), matcher.value.clone());
    let regex = || regex::Regex::new(&format!("^(?s:{value})$")).map_err(|error| SourceError(error.to_string()));
    Ok(match matcher.op {
        MatchOp::Equal => Box::new(move |labels| labels.get(&name) == value),
        MatchOp::NotEqual => Box::new(move |labels| labels.get(&name) != value),
        MatchOp::Regex => {
            let regex = regex()?;
            Box::new(move |labels| regex.is_match(labels.get(&name)))
        }
        MatchOp::NotRegex => {
            let regex = regex()?;
            Box::new(move |labels| !regex.is_match(labels.get(&name)))
        }
    })
}
