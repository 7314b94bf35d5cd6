//! Series in memory: what tests evaluate on, those of this crate and the unit tests of rules.

use std::collections::BTreeMap;

use crate::{Labels, MatchOp, Matcher, Series, SeriesSource, SourceError};

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
    fn select(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Result<Vec<Series>, SourceError> {
        let tests = matchers.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
        let matching = self.series.values().filter(|series| tests.iter().all(|test| test(&series.labels)));
        let within = |time: i64| (start_ms..=end_ms).contains(&time);
        Ok(matching
            .map(|series| Series {
                labels: series.labels.clone(),
                floats: series.floats.iter().copied().filter(|(time, _)| within(*time)).collect(),
                histograms: series.histograms.iter().filter(|(time, _)| within(*time)).cloned().collect(),
            })
            .filter(|series| !series.floats.is_empty() || !series.histograms.is_empty())
            .collect())
    }
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
