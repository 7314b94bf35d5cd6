//! `info`: adds the labels of info metrics (`target_info` unless others are named) to the series of the same job and instance.

use std::collections::HashMap;

use super::{Column, Evaluator, Expr, Grid, QueryError, merge_same_labels};
use crate::ast::{Kind, Selector, TimeShift};
use crate::{Labels, METRIC_NAME, MatchOp, Matcher};

/// The labels by which a series finds its info metrics.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Info series with the times of their samples.
type Infos = Vec<(Column, Vec<i64>)>;

impl Evaluator<'_> {
    pub(super) fn info_labels(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let base = self.vector(&args[0], grid)?;
        let (names, data) = matchers(args.get(1))?;
        let selector = Selector {
            position: args[0].position,
            matchers: names.iter().chain(&data).cloned().collect(),
            shift: TimeShift::default(),
            extended: None,
        };
        let mut infos = Infos::new();
        self.newest(&selector, grid, &mut |column, times| {
            self.spend(grid.count)?;
            infos.push((column, times.to_vec()));
            Ok(())
        })?;
        if infos.iter().any(|(info, _)| info.histograms.iter().any(Option::is_some)) {
            return Err(QueryError::execution("info sample should be float"));
        }
        let mut judged: HashMap<String, bool> = HashMap::new();
        let mut is_info = |name: &str| {
            judged.get(name).copied().unwrap_or_else(|| {
                let accepted = names.iter().all(|matcher| matcher.accepts(name));
                judged.insert(name.to_owned(), accepted);
                accepted
            })
        };
        let mut by_target: HashMap<Labels, Vec<usize>> = HashMap::new();
        for (at, (info, _)) in infos.iter().enumerate() {
            by_target.entry(target(&info.labels)).or_default().push(at);
        }
        let optional = data.iter().all(Matcher::accepts_empty);
        let mut results = Vec::new();
        for column in base {
            self.spend(grid.count)?;
            if is_info(column.labels.name()) {
                results.push(column);
                continue;
            }
            let candidates = by_target.get(&target(&column.labels)).map_or(&[][..], Vec::as_slice);
            enrich(&column, candidates, &infos, &data, optional, &mut results)?;
        }
        merge_same_labels(results)
    }
}

/// Matchers of the info metrics' names, and of their other labels.
fn matchers(arg: Option<&Expr>) -> Result<(Vec<Matcher>, Vec<Matcher>), QueryError> {
    let (mut names, data) = match arg.map(|arg| &arg.kind) {
        None => (Vec::new(), Vec::new()),
        Some(Kind::Vector(selector)) => {
            selector.matchers.iter().cloned().partition(|matcher| matcher.name == METRIC_NAME)
        }
        Some(_) => return Err(QueryError::execution("the second argument of info() must be a label selector")),
    };
    let name = |op, value: &str| Matcher { name: METRIC_NAME.to_owned(), op, value: value.to_owned() };
    if names.is_empty() {
        names.push(name(MatchOp::Equal, "target_info"));
    } else if names.iter().all(|matcher| matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex)) {
        // What is not excluded is no reason to take any metric for one with information.
        names.push(name(MatchOp::Regex, ".+_info"));
    }
    Ok((names, data))
}

fn target(labels: &Labels) -> Labels {
    labels.filter(|name| IDENTIFYING.contains(&name))
}

/// Splits a column by the labels that its info series give it over time.
fn enrich(
    column: &Column,
    candidates: &[usize],
    infos: &Infos,
    data: &[Matcher],
    optional: bool,
    results: &mut Vec<Column>,
) -> Result<(), QueryError> {
    let count = column.floats.len();
    let mut at: HashMap<Vec<usize>, usize> = HashMap::new();
    for i in 0..count {
        let Some(sample) = column.get(i) else { continue };
        let present = newest_by_name(candidates, infos, i)?;
        if present.is_empty() && !optional {
            continue;
        }
        let result = if let Some(result) = at.get(&present) {
            *result
        } else {
            let labels = with_data(&column.labels, present.iter().map(|at| &infos[*at].0.labels), data)?;
            results.push(Column { drop_name: column.drop_name, ..Column::empty(labels, count) });
            at.insert(present, results.len() - 1);
            results.len() - 1
        };
        results[result].set(i, sample);
    }
    Ok(())
}

/// Of each info metric the series with the newest sample at a step: labels change while the old series is not stale yet.
fn newest_by_name(candidates: &[usize], infos: &Infos, i: usize) -> Result<Vec<usize>, QueryError> {
    let mut newest: Vec<usize> = Vec::new();
    for at in candidates.iter().copied().filter(|at| infos[*at].0.has(i)) {
        let name = infos[at].0.labels.name();
        let Some(known) = newest.iter_mut().find(|known| infos[**known].0.labels.name() == name) else {
            newest.push(at);
            continue;
        };
        match infos[at].1[i].cmp(&infos[*known].1[i]) {
            std::cmp::Ordering::Greater => *known = at,
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                let (a, b) = (&infos[*known].0.labels, &infos[at].0.labels);
                return Err(QueryError::Execution(format!(
                    "found duplicate series for info metric: existing {a}, new {b}"
                )));
            }
        }
    }
    Ok(newest)
}

/// The labels with those that are asked for (all, if none is) and not there yet. Info series must not contradict each other.
fn with_data<'a>(
    labels: &Labels,
    infos: impl Iterator<Item = &'a Labels>,
    data: &[Matcher],
) -> Result<Labels, QueryError> {
    let wanted =
        |name: &str| name != METRIC_NAME && (data.is_empty() || data.iter().any(|matcher| matcher.name == name));
    let mut enriched = labels.clone();
    for (name, value) in infos.flat_map(Labels::iter).filter(|(name, _)| wanted(name) && labels.get(name).is_empty()) {
        let known = enriched.get(name);
        if !known.is_empty() && known != value {
            return Err(QueryError::Execution(format!("conflicting label: {name}")));
        }
        enriched = enriched.with(name, value);
    }
    Ok(enriched)
}
