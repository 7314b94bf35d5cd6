//! Whether the catalogue has what a query asks for.
//!
//! A query is followed from its selectors upwards with the labels that its series have at each place, so that `by (…)`, `on (…)` and
//! legends are known to name some. A name that stands in several sets (`pipeline_executions_total`) is of that whose labels are matched.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tripod::catalog::{Metric, metrics};
use tripod::metrics::InstrumentKind;
use tripod_promql::{Engine, QueryError, similar_names};

/// Labels that every series has, by who sent it.
const OF_THE_TARGET: [&str; 2] = ["instance", "job"];

/// What Grafana puts in the place of its variables, where what takes it has to be a duration.
const DURATIONS: [&str; 3] = ["$__rate_interval", "$__interval", "$__range"];

/// What is wrong with a query.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}")]
    Syntax(String),
    #[error("the catalogue has no {0:?}; near it are {1:?}")]
    Metric(String, Vec<String>),
    #[error("{0:?} has no label {1:?}")]
    Label(String, String),
    #[error("no label {0:?} is left here; there are {1:?}")]
    Gone(String, BTreeSet<String>),
    #[error("{0:?} is a {1}: it goes {2} rate() or increase()")]
    Rate(String, &'static str, &'static str),
    #[error("this generator does not know how to follow {0}")]
    Unknown(String),
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        Self::Syntax(error.to_string())
    }
}

/// What a query of the catalogue gives.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Checked {
    /// The labels of its series.
    pub(crate) labels: BTreeSet<String>,
    /// The metrics it asks for, by their names in Prometheus, and what the catalogue says of them.
    pub(crate) metrics: BTreeMap<String, &'static str>,
}

/// Follows a query as it stands in a panel, with Grafana's variables in it.
pub(crate) fn check(query: &str) -> Result<Checked, Error> {
    let query = DURATIONS.iter().fold(query.to_owned(), |query, name| query.replace(name, "5m"));
    let mut checked = Checked::default();
    checked.labels = checked.follow(&Engine::syntax_tree(&query)?, false)?;
    Ok(checked)
}

/// Checks that a metric has a label, for what lists its values.
pub(crate) fn check_label(metric: &str, label: &str) -> Result<(), Error> {
    let found = find(metric)?;
    let has = |(metric, _): &(&Metric, Series)| metric.prometheus_labels().any(|name| name == label);
    let known = OF_THE_TARGET.contains(&label) || found.iter().any(has);
    known.then_some(()).ok_or_else(|| Error::Label(metric.to_owned(), label.to_owned()))
}

/// Which of a metric's series a name stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Series {
    Plain,
    Bucket,
    SumOrCount,
}

/// The metrics of a name, with which series of them it is.
fn find(name: &str) -> Result<Vec<(&'static Metric, Series)>, Error> {
    let of = |metric: &'static Metric| {
        let own = metric.prometheus_name();
        let distribution = matches!(metric.kind, InstrumentKind::Histogram | InstrumentKind::Summary);
        let series = match name.strip_prefix(&own)? {
            "" if metric.kind != InstrumentKind::Histogram => Series::Plain,
            "_bucket" if metric.kind == InstrumentKind::Histogram => Series::Bucket,
            "_sum" | "_count" if distribution => Series::SumOrCount,
            _ => return None,
        };
        Some((metric, series))
    };
    let found: Vec<_> = metrics().filter_map(of).collect();
    if found.is_empty() {
        let names: Vec<String> = metrics().map(Metric::prometheus_name).collect();
        let near = similar_names(name, names.iter().map(String::as_str));
        return Err(Error::Metric(name.to_owned(), near));
    }
    Ok(found)
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn among<'a>(labels: &BTreeSet<String>, wanted: impl Iterator<Item = &'a str>) -> Result<BTreeSet<String>, Error> {
    let is_there = |label: &str| {
        let found = labels.get(label).cloned();
        found.ok_or_else(|| Error::Gone(label.to_owned(), labels.clone()))
    };
    wanted.map(is_there).collect()
}

impl Checked {
    /// The labels of what a part of the tree gives; `rated` within `rate()` and its like.
    fn follow(&mut self, node: &Value, rated: bool) -> Result<BTreeSet<String>, Error> {
        match node["type"].as_str().unwrap_or_default() {
            "numberLiteral" | "stringLiteral" => Ok(BTreeSet::new()),
            "parenExpr" | "unaryExpr" => self.follow(&node["expr"], rated),
            "vectorSelector" | "matrixSelector" => self.select(node, rated),
            "call" => self.call(node),
            "aggregation" => {
                let inner = self.follow(&node["expr"], false)?;
                let grouping = among(&inner, texts(&node["grouping"]))?;
                let kept = ["topk", "bottomk"].contains(&node["op"].as_str().unwrap_or_default());
                Ok(match node["without"].as_bool() {
                    _ if kept => inner,
                    Some(true) => &inner - &grouping,
                    _ => grouping,
                })
            }
            "binaryExpr" => {
                let (left, right) = (self.follow(&node["lhs"], false)?, self.follow(&node["rhs"], false)?);
                let matching = &node["matching"];
                if matching.is_null() {
                    return Ok(if left.is_empty() { right } else { left });
                }
                let both = &left & &right;
                if matching["on"] == true {
                    return among(&both, texts(&matching["labels"]));
                }
                if left != right {
                    return Err(Error::Unknown("two sides of other labels".to_owned()));
                }
                Ok(left)
            }
            other => Err(Error::Unknown(other.to_owned())),
        }
    }

    fn call(&mut self, node: &Value) -> Result<BTreeSet<String>, Error> {
        let name = node["func"]["name"].as_str().unwrap_or_default();
        let rated = ["rate", "irate", "increase"].contains(&name);
        let mut labels = BTreeSet::new();
        for argument in node["args"].as_array().into_iter().flatten() {
            labels.append(&mut self.follow(argument, rated)?);
        }
        match name {
            "rate" | "irate" | "increase" | "clamp_min" | "clamp_max" | "deriv" | "avg_over_time" | "max_over_time" => {
            }
            "histogram_quantile" => {
                if !labels.remove("le") {
                    return Err(Error::Gone("le".to_owned(), labels));
                }
            }
            other => return Err(Error::Unknown(format!("{other}()"))),
        }
        Ok(labels)
    }

    fn select(&mut self, node: &Value, rated: bool) -> Result<BTreeSet<String>, Error> {
        let name = node["name"].as_str().unwrap_or_default();
        let matched: Vec<&str> =
            node["matchers"].as_array().into_iter().flatten().filter_map(|m| m["name"].as_str()).collect();
        let matched = || matched.iter().copied().filter(|name| *name != "__name__");
        let labels = |(metric, series): &(&Metric, Series)| -> BTreeSet<String> {
            let target = OF_THE_TARGET.iter().map(ToString::to_string);
            let bucket = (*series == Series::Bucket).then(|| "le".to_owned());
            metric.prometheus_labels().chain(target).chain(bucket).collect()
        };
        let found = find(name)?;
        let is_it = |one: &&(&Metric, Series)| matched().all(|label| labels(one).contains(label));
        let Some((metric, series)) = found.iter().find(is_it) else {
            let known = labels(&found[0]);
            let missing = matched().find(|label| !known.contains(*label)).unwrap_or_default();
            return Err(Error::Label(name.to_owned(), missing.to_owned()));
        };
        let (counts, kind) = match metric.kind {
            InstrumentKind::Gauge | InstrumentKind::UpDownCounter => (false, "gauge"),
            _ => (true, metric.prometheus_type()),
        };
        if counts != rated {
            return Err(Error::Rate(name.to_owned(), kind, if counts { "into" } else { "without" }));
        }
        self.metrics.insert(metric.prometheus_name(), metric.description);
        Ok(labels(&(metric, *series)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(query: &str) -> Vec<String> {
        check(query).unwrap().labels.into_iter().collect()
    }

    #[test]
    fn labels_are_those_that_are_left() {
        assert_eq!(labels("adapter_success_rate"), ["instance", "job", "provider"]);
        assert_eq!(labels("sum by (provider) (rate(adapter_errors_total[$__rate_interval])) / 2"), ["provider"]);
        let quantile = "histogram_quantile(0.95, sum by (le, job) (rate(adapter_request_duration_seconds_bucket[5m])))";
        assert_eq!(labels(quantile), ["job"]);
        assert_eq!(labels("sum(rate(llm_cost_dollars_total[5m])) * 60"), [""; 0]);
    }

    #[test]
    fn a_name_of_two_sets_is_of_the_one_whose_labels_are_matched() {
        let by = |matched: &str, by: &str| {
            check(&format!("sum by ({by}) (rate(pipeline_executions_total{{{matched}=~\"$pipeline\"}}[5m]))"))
        };
        assert!(by("pipeline_id", "trigger_mode").is_ok());
        assert!(by("pipeline_name", "pipeline_name").is_ok());
        assert!(matches!(by("pipeline_name", "trigger_mode"), Err(Error::Gone(label, _)) if label == "trigger_mode"));
    }

    #[test]
    fn what_the_catalogue_does_not_have_is_named() {
        let error = |query: &str| check(query).unwrap_err().to_string();
        assert!(error("rate(adapter_request_total[5m])").contains("adapter_requests_total"));
        assert_eq!(error("adapter_success_rate{host=\"a\"}"), "\"adapter_success_rate\" has no label \"host\"");
        assert!(error("sum by (host) (adapter_success_rate)").contains("no label \"host\" is left here"));
        assert!(error("rate(adapter_success_rate[5m])").contains("a gauge: it goes without rate()"));
        assert!(error("adapter_errors_total").contains("a counter: it goes into rate()"));
        assert!(
            error("rate(adapter_request_duration_seconds[5m])").contains("no \"adapter_request_duration_seconds\"")
        );
        assert!(error("sum(").contains("1:"));
        let without_le = "histogram_quantile(0.9, sum by (job) (rate(adapter_request_duration_seconds_bucket[5m])))";
        assert!(error(without_le).contains("\"le\""));
        assert_eq!(check_label("adapter_success_rate", "provider"), Ok(()));
        assert!(check_label("adapter_success_rate", "pipeline_id").is_err());
    }
}
