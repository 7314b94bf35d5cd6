//! Quantiles and fractions over classic and native histograms in one vector.

use std::collections::HashMap;

use super::{Column, Evaluator, Expr, Grid, QueryError, Sample, merge_same_labels, parse};
use crate::eval::label_name;
use crate::functions::classic::{self, ClassicBucket};
use crate::functions::native::{self, NanEffect};
use crate::notes::for_metric;
use crate::{Histogram, Labels, format_float};

/// The columns of one histogram: its classic buckets by bound, and itself if it is native.
struct Family {
    labels: Labels,
    drop_name: bool,
    buckets: Vec<(f64, usize)>,
    native: Vec<usize>,
}

/// What is computed from a histogram at a step.
trait Measure {
    fn classic(&self, i: usize, buckets: &mut Vec<ClassicBucket>) -> (f64, bool);
    fn native(&self, i: usize, histogram: &Histogram) -> (f64, Option<NanEffect>);
}

struct Quantiles(Vec<f64>);

impl Measure for Quantiles {
    fn classic(&self, i: usize, buckets: &mut Vec<ClassicBucket>) -> (f64, bool) {
        let quantile = classic::quantile(self.0[i], buckets);
        (quantile.value, quantile.forced_monotonic)
    }

    fn native(&self, i: usize, histogram: &Histogram) -> (f64, Option<NanEffect>) {
        native::quantile(self.0[i], histogram)
    }
}

struct Fractions {
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Measure for Fractions {
    fn classic(&self, i: usize, buckets: &mut Vec<ClassicBucket>) -> (f64, bool) {
        (classic::fraction(self.lower[i], self.upper[i], buckets), false)
    }

    fn native(&self, i: usize, histogram: &Histogram) -> (f64, Option<NanEffect>) {
        native::fraction(self.lower[i], self.upper[i], histogram)
    }
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let quantiles = self.scalar(&args[0], grid)?;
        quantiles.iter().for_each(|q| self.check_quantile(args[0].position, *q));
        let columns = self.vector(&args[1], grid)?;
        self.measure(&args[1], &columns, grid, &Quantiles(quantiles))
    }

    /// Several quantiles at once, told apart by a label.
    pub(super) fn histogram_quantiles(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let columns = self.vector(&args[0], grid)?;
        let label = label_name(&args[1])?;
        let mut results = Vec::new();
        for arg in &args[2..] {
            let quantiles = self.scalar(arg, grid)?;
            quantiles.iter().for_each(|q| self.check_quantile(arg.position, *q));
            let name = format_float(quantiles[0]);
            let measured = self.measure(&args[0], &columns, grid, &Quantiles(quantiles))?;
            results.extend(
                measured.into_iter().map(|column| Column { labels: column.labels.with(&label, &name), ..column }),
            );
        }
        merge_same_labels(results)
    }

    pub(super) fn histogram_fraction(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let (lower, upper) = (self.scalar(&args[0], grid)?, self.scalar(&args[1], grid)?);
        let columns = self.vector(&args[2], grid)?;
        self.measure(&args[2], &columns, grid, &Fractions { lower, upper })
    }

    fn measure(
        &self,
        arg: &Expr,
        columns: &[Column],
        grid: Grid,
        measure: &dyn Measure,
    ) -> Result<Vec<Column>, QueryError> {
        let mut results = Vec::new();
        for family in self.families(arg, columns, grid) {
            self.spend(grid.count)?;
            let name = family.labels.name();
            let mut result = Column::empty(family.labels.clone(), grid.count);
            result.drop_name = family.drop_name;
            let mut buckets = Vec::with_capacity(family.buckets.len());
            for i in 0..grid.count {
                buckets.clear();
                let present = family.buckets.iter().filter_map(|(upper, at)| match columns[*at].get(i) {
                    Some(Sample::Float(count)) => Some(ClassicBucket { upper: *upper, count }),
                    _ => None,
                });
                buckets.extend(present);
                let native = family.native.iter().find_map(|at| match columns[*at].get(i) {
                    Some(Sample::Histogram(histogram)) => Some(histogram),
                    _ => None,
                });
                match native {
                    Some(_) if !buckets.is_empty() => {
                        let metric = for_metric(name);
                        self.warn(
                            arg.position,
                            &format!("vector contains a mix of classic and native histograms{metric}"),
                        );
                    }
                    Some(histogram) => {
                        let (value, nans) = measure.native(i, histogram);
                        result.floats[i] = value;
                        if let Some(nans) = nans {
                            self.info(arg.position, &format!("{}{}", nans.text(), for_metric(name)));
                        }
                    }
                    None if buckets.is_empty() => {}
                    None => {
                        let (value, forced) = measure.classic(i, &mut buckets);
                        result.floats[i] = value;
                        if forced {
                            self.note_forced(arg, name);
                        }
                    }
                }
            }
            if !result.is_empty() {
                results.push(result);
            }
        }
        self.drop_names(results)
    }

    fn note_forced(&self, arg: &Expr, name: &str) {
        let name = if name.is_empty() { parse::selector_name(arg) } else { name };
        let text = format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}",
            for_metric(name)
        );
        self.info(arg.position, &text);
    }

    /// Groups a vector into histograms: classic buckets by all labels but `le`.
    fn families(&self, arg: &Expr, columns: &[Column], grid: Grid) -> Vec<Family> {
        let mut at: HashMap<Labels, usize> = HashMap::new();
        let mut families: Vec<Family> = Vec::new();
        for (index, column) in columns.iter().enumerate() {
            let has_floats = (0..grid.count).any(|i| matches!(column.get(i), Some(Sample::Float(_))));
            let has_native = column.histograms.iter().any(Option::is_some);
            let bound = column.labels.get("le");
            let parsed = parse_bound(bound);
            if has_floats && parsed.is_none() {
                let metric = for_metric(column.labels.name());
                let text = format!("bucket label \"le\" is missing or has a malformed value of {bound:?}{metric}");
                self.warn(arg.position, &text);
            }
            let mut join = |labels: Labels, add: &mut dyn FnMut(&mut Family)| {
                let key = if column.drop_name { labels.without_name() } else { labels.clone() };
                let family = *at.entry(key).or_insert_with(|| {
                    let drop_name = column.drop_name;
                    families.push(Family { labels, drop_name, buckets: Vec::new(), native: Vec::new() });
                    families.len() - 1
                });
                add(&mut families[family]);
            };
            if let (true, Some(upper)) = (has_floats, parsed) {
                join(column.labels.filter(|name| name != "le"), &mut |family| family.buckets.push((upper, index)));
            }
            if has_native {
                join(column.labels.clone(), &mut |family| family.native.push(index));
            }
        }
        families
    }
}

fn parse_bound(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        _ => text.parse().ok(),
    }
}
