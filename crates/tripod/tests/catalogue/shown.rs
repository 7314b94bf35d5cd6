//! The page for Prometheus, read back.

use std::collections::{BTreeMap, BTreeSet};

use tripod::metrics::{PrometheusFormat, render_prometheus};

/// Families by their names.
#[derive(Debug, Default)]
pub(crate) struct Page(pub(crate) BTreeMap<String, Family>);

#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    /// With what follows the family's name: `_count`, `_bucket`.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Page {
    pub(crate) fn now() -> Self {
        let mut out = Vec::new();
        render_prometheus(PrometheusFormat::Text, &mut out);
        let (mut page, mut current) = (Self::default(), String::new());
        for line in String::from_utf8(out).unwrap().lines() {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                let (name, kind) = of.split_once(' ').unwrap();
                name.clone_into(&mut current);
                page.0.insert(current.clone(), Family { kind: kind.to_owned(), samples: Vec::new() });
            } else if !line.starts_with('#') {
                page.0.get_mut(&current).expect("a type comes first").samples.push(sample(line));
            }
        }
        page
    }

    /// What a metric's series are with these labels among theirs; nothing where there is none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let samples = self.0.values().flat_map(|family| &family.samples).filter(|sample| sample.name == name);
        let has = |sample: &&Sample| {
            labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|own| own == value))
        };
        samples.filter(has).map(|sample| sample.value).sum()
    }
}

impl Sample {
    /// The labels that are the caller's.
    pub(crate) fn own_labels(&self) -> BTreeSet<String> {
        self.labels.keys().filter(|key| *key != "le").cloned().collect()
    }
}

/// A line `name{key="value",…} 1`, whose values have neither quotes nor commas.
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let pairs = labels.trim_end_matches('}').split(',').filter_map(|pair| pair.split_once('='));
    let labels = pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned())).collect();
    Sample { name: name.to_owned(), labels, value: value.parse().unwrap() }
}
