//! Recording rules: what an expression gives, as series of their own.

use std::collections::{BTreeMap, HashSet};

use tripod_promql::{METRIC_NAME, VectorSample};

use super::ground::RuleSample;

/// The samples of a recording rule: those of its expression, under its name and with its labels.
///
/// # Errors
/// When two of them would be of the same series, or there are more than `limit` (0: any number).
pub(super) fn samples(
    name: &str,
    labels: &BTreeMap<String, String>,
    limit: usize,
    vector: Vec<VectorSample>,
) -> Result<Vec<RuleSample>, String> {
    let mut seen = HashSet::with_capacity(vector.len());
    let mut samples = Vec::with_capacity(vector.len());
    for sample in vector {
        let own = labels.iter().fold(sample.labels.with(METRIC_NAME, name), |all, (name, value)| all.with(name, value));
        if !seen.insert(own.clone()) {
            return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
        }
        samples.push(RuleSample { labels: own, time: sample.time, value: sample.value });
    }
    if limit > 0 && samples.len() > limit {
        return Err(format!("exceeded limit of {limit} with {} series", samples.len()));
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use tripod_promql::{Labels, SampleValue};

    use super::*;

    fn vector(names: &[&str]) -> Vec<VectorSample> {
        let sample = |name: &&str| VectorSample {
            labels: Labels::new([(METRIC_NAME, *name), ("job", "a")]),
            time: 5,
            value: SampleValue::Float(1.0),
        };
        names.iter().map(sample).collect()
    }

    #[test]
    fn the_name_and_the_labels_are_those_of_the_rule() {
        let labels = [("team".to_owned(), "x".to_owned()), ("job".to_owned(), String::new())].into();
        let samples = samples("r", &labels, 0, vector(&["up"])).unwrap();
        assert_eq!(samples[0].labels.to_string(), r#"{__name__="r", team="x"}"#);
    }

    #[test]
    fn two_samples_of_one_series_and_more_than_the_limit_are_errors() {
        let error = samples("r", &BTreeMap::new(), 0, vector(&["up", "down"])).unwrap_err();
        assert!(error.contains("same labelset"));
        let mut two = vector(&["up", "up"]);
        two[1].labels = two[1].labels.with("job", "b");
        assert_eq!(samples("r", &BTreeMap::new(), 1, two).unwrap_err(), "exceeded limit of 1 with 2 series");
    }
}
