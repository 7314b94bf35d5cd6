//! Function calls: arguments are evaluated, then the function runs over columns or windows.

mod histograms;
mod info;
mod labels;

use std::sync::Arc;

use super::column::merge_same_labels;
use super::extended::ExtendedRange;
use super::{Column, EachColumn, Evaluator, Grid, Sample};
use crate::ast::{Expr, Kind, ValueType};
use crate::functions::over_time::{Computed, OverTime, Scope};
use crate::functions::rate::{self, Change};
use crate::functions::{date, native, over_time};
use crate::{Labels, MatchOp, Matcher, QueryError, STALE_NAN, is_stale, parse};

impl Evaluator<'_> {
    pub(super) fn call(
        &self,
        function: &str,
        args: &[Expr],
        grid: Grid,
        each: &mut EachColumn<'_>,
    ) -> Result<(), QueryError> {
        if let Some(compute) = over_time::resolve(function) {
            return self.call_over_time(function, compute, args, grid, each);
        }
        if let Some(compute) = elementwise(function) {
            return self.call_elementwise(&args[0], grid, compute, each);
        }
        self.call_on_vectors(function, args, grid)?.into_iter().try_for_each(each)
    }

    /// Functions that need all columns of their arguments at once, or never have many.
    fn call_on_vectors(&self, function: &str, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        if let Some(compute) = date::resolve(function) {
            return self.call_date(args, grid, compute);
        }
        if let Some(read) = native::resolve(function) {
            return self.call_native(function, &args[0], grid, read);
        }
        match function {
            "vector" => Ok(vec![Column::of_floats(Labels::empty(), self.scalar(&args[0], grid)?)]),
            "timestamp" => self.timestamp(&args[0], grid),
            "info" => self.info_labels(args, grid),
            "absent" => self.absent(&args[0], grid),
            "absent_over_time" => self.absent_over_time(&args[0], grid),
            "clamp" | "clamp_min" | "clamp_max" => self.clamp(function, args, grid),
            "round" => self.round(args, grid),
            "sort" | "sort_desc" => self.sort(&args[0], grid, function == "sort_desc"),
            "sort_by_label" | "sort_by_label_desc" => self.sort_by_label(args, grid, function == "sort_by_label_desc"),
            "label_replace" => self.label_replace(args, grid),
            "label_join" => self.label_join(args, grid),
            "histogram_quantile" => self.histogram_quantile(args, grid),
            "histogram_quantiles" => self.histogram_quantiles(args, grid),
            "histogram_fraction" => self.histogram_fraction(args, grid),
            _ => Err(QueryError::Execution(format!("function {function:?} is not implemented"))),
        }
    }

    pub(super) fn scalar_call(&self, function: &str, args: &[Expr], grid: Grid) -> Result<Vec<f64>, QueryError> {
        let query = self.grid;
        let constant = |value: f64| Ok(vec![value; grid.count]);
        match function {
            "time" => Ok((0..grid.count).map(|i| grid.time(i) as f64 / 1000.0).collect()),
            "pi" => constant(std::f64::consts::PI),
            "start" => constant(query.start as f64 / 1000.0),
            "end" => constant((query.start + self.range) as f64 / 1000.0),
            "range" => constant(self.range as f64 / 1000.0),
            "step" => constant(if self.is_range_query() { query.step as f64 / 1000.0 } else { 0.0 }),
            "min_of" | "max_of" => {
                let (a, b) = (self.scalar(&args[0], grid)?, self.scalar(&args[1], grid)?);
                let choose = if function == "min_of" { f64::min } else { f64::max };
                let or_nan = |(a, b): (f64, f64)| if a.is_nan() || b.is_nan() { f64::NAN } else { choose(a, b) };
                Ok(a.into_iter().zip(b).map(or_nan).collect())
            }
            _ => {
                let columns = self.vector(&args[0], grid)?;
                Ok((0..grid.count).map(|i| only_float(&columns, i)).collect())
            }
        }
    }

    fn is_range_query(&self) -> bool {
        self.grid.count > 1 || self.range > 0
    }

    fn call_over_time(
        &self,
        function: &str,
        compute: OverTime,
        args: &[Expr],
        grid: Grid,
        each: &mut EachColumn<'_>,
    ) -> Result<(), QueryError> {
        let matrix = args.iter().find(|arg| arg.value_type() == ValueType::Matrix).unwrap_or(&args[0]);
        let mut params = Vec::new();
        for arg in args.iter().filter(|arg| arg.value_type() == ValueType::Scalar) {
            params.push(self.scalar(arg, grid)?);
        }
        Self::check_parameters(function, &params)?;
        if let Some(range) = extended_range(matrix) {
            return self.drop_names_of_each(has_one_name(matrix), each, |each| {
                self.call_extended(function, &range, grid, each)
            });
        }
        let change = Change::of(function);
        let quantile = function == "quantile_over_time";
        // Of a subquery Prometheus no longer knows where it stands.
        let position = if matches!(matrix.kind, Kind::Subquery { .. }) { 0 } else { matrix.position };
        let produce = |each: &mut EachColumn<'_>| {
            self.ranges(matrix, grid, &mut |series| {
                let mut column = Column::empty(series.labels.clone(), grid.count);
                column.drop_name = series.drop_name;
                let name = if series.drop_name { "" } else { series.labels.name() };
                match change {
                    Some(change) if series.histograms.is_empty() => {
                        rate::of_floats(&series, change, &mut column.floats);
                    }
                    _ => series.each_window(|i, window| {
                        self.work(window.len())?;
                        let at = |n: usize| params.get(n).map_or(0.0, |values: &Vec<f64>| values[i]);
                        let params = [at(0), at(1)];
                        let scope = Scope { evaluator: self, position, name, params };
                        if quantile && !window.floats.is_empty() {
                            self.check_quantile(args[0].position, params[0]);
                        }
                        match if window.is_empty() { None } else { compute(&window, &scope) } {
                            None => {}
                            Some(Computed::Float(value)) => column.floats[i] = value,
                            Some(Computed::Histogram(histogram)) => column.set_histogram(i, Arc::new(histogram)),
                        }
                        Ok(())
                    })?,
                }
                if column.is_empty() {
                    return Ok(());
                }
                let counts = matches!(change, Some(Change::Rate | Change::Increase));
                if counts && !name.is_empty() && column.floats.iter().any(|value| !is_stale(*value)) {
                    self.note_unlikely_counter(position, name);
                }
                each(column)
            })
        };
        if matches!(function, "last_over_time" | "first_over_time") {
            return produce(each);
        }
        self.drop_names_of_each(has_one_name(matrix), each, produce)
    }

    fn note_unlikely_counter(&self, position: usize, name: &str) {
        if !["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix)) {
            let text =
                format!("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}");
            self.info(position, &text);
        }
    }

    fn check_parameters(function: &str, params: &[Vec<f64>]) -> Result<(), QueryError> {
        if function == "double_exponential_smoothing" {
            for (values, kind) in params.iter().zip(["smoothing", "trend"]) {
                if let Some(bad) = values.iter().find(|value| !(**value > 0.0 && **value < 1.0)) {
                    let message = format!("invalid {kind} factor. Expected: 0 < factor < 1, got: {bad}");
                    return Err(QueryError::Execution(message));
                }
            }
        }
        Ok(())
    }

    /// Numbers are changed one by one; histograms are left out.
    fn call_elementwise(
        &self,
        arg: &Expr,
        grid: Grid,
        compute: fn(f64) -> f64,
        each: &mut EachColumn<'_>,
    ) -> Result<(), QueryError> {
        self.drop_names_of_each(has_one_name(arg), each, |each| {
            self.columns(arg, grid, &mut |mut column| {
                column.drop_histograms();
                column.map_floats(compute);
                if column.is_empty() { Ok(()) } else { each(column) }
            })
        })
    }

    fn call_date(&self, args: &[Expr], grid: Grid, compute: fn(f64) -> f64) -> Result<Vec<Column>, QueryError> {
        let compute_or_nan = move |time: f64| if time.is_finite() { compute(time) } else { f64::NAN };
        let Some(arg) = args.first() else {
            let times = (0..grid.count).map(|i| compute_or_nan(grid.time(i).div_euclid(1000) as f64));
            return Ok(vec![Column::of_floats(Labels::empty(), times.collect())]);
        };
        let mut columns = self.vector(arg, grid)?;
        for column in &mut columns {
            column.drop_histograms();
            column.map_floats(compute_or_nan);
        }
        self.drop_names(without_empty(columns))
    }

    fn call_native(
        &self,
        function: &str,
        arg: &Expr,
        grid: Grid,
        read: fn(&crate::Histogram) -> f64,
    ) -> Result<Vec<Column>, QueryError> {
        // As in Prometheus, where these read histograms without their buckets, and learn of resets on the way.
        let detect = matches!(function, "histogram_count" | "histogram_sum" | "histogram_avg");
        let before = self.detect_resets.replace(detect || self.detect_resets.get());
        let columns = self.vector(arg, grid);
        self.detect_resets.set(before);
        let mut columns = columns?;
        for column in &mut columns {
            for i in 0..grid.count {
                column.floats[i] = match column.get(i) {
                    Some(Sample::Histogram(histogram)) => read(histogram),
                    _ => STALE_NAN,
                };
            }
            column.drop_histograms();
        }
        self.drop_names(without_empty(columns))
    }

    fn timestamp(&self, arg: &Expr, grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut columns = Vec::new();
        let mut stamp = |mut column: Column, times: &[i64]| {
            self.spend(grid.count)?;
            let stamps =
                times.iter().enumerate().map(|(i, time)| if column.has(i) { *time as f64 / 1000.0 } else { STALE_NAN });
            column.floats = stamps.collect();
            column.drop_histograms();
            columns.push(column);
            Ok(())
        };
        if let Kind::Vector(selector) = &arg.kind {
            self.newest(selector, grid, &mut stamp)?;
        } else {
            let times: Vec<i64> = (0..grid.count).map(|i| grid.time(i)).collect();
            self.columns(arg, grid, &mut |column| stamp(column, &times))?;
        }
        self.drop_names(columns)
    }

    fn absent(&self, arg: &Expr, grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut present = vec![false; grid.count];
        self.columns(arg, grid, &mut |column| {
            present.iter_mut().enumerate().for_each(|(i, present)| *present |= column.has(i));
            Ok(())
        })?;
        Ok(absence(arg, present.into_iter()))
    }

    fn absent_over_time(&self, arg: &Expr, grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut present = vec![false; grid.count];
        self.ranges(arg, grid, &mut |series| {
            series.each_window(|i, window| {
                present[i] |= !window.is_empty();
                Ok(())
            })
        })?;
        Ok(absence(arg, present.into_iter()))
    }

    fn clamp(&self, function: &str, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut columns = self.vector(&args[0], grid)?;
        let first = self.scalar(&args[1], grid)?;
        let (min, max) = match function {
            "clamp" => (first, self.scalar(&args[2], grid)?),
            "clamp_min" => (first, vec![f64::INFINITY; grid.count]),
            _ => (vec![f64::NEG_INFINITY; grid.count], first),
        };
        for column in &mut columns {
            column.drop_histograms();
            for (i, value) in column.floats.iter_mut().enumerate().filter(|(_, value)| !is_stale(**value)) {
                let (min, max) = (min[i], max[i]);
                *value = if min > max { STALE_NAN } else { greater(min, -greater(-max, -*value)) };
            }
        }
        self.drop_names(without_empty(columns))
    }

    fn round(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut columns = self.vector(&args[0], grid)?;
        let nearest = args.get(1).map_or_else(|| Ok(vec![1.0; grid.count]), |arg| self.scalar(arg, grid))?;
        for column in &mut columns {
            column.drop_histograms();
            for (i, value) in column.floats.iter_mut().enumerate().filter(|(_, value)| !is_stale(**value)) {
                // The inverse is exact where the fraction is not: 0.1 is none, 10 is.
                let inverse = 1.0 / nearest[i];
                *value = (*value * inverse + 0.5).floor() / inverse;
            }
        }
        self.drop_names(without_empty(columns))
    }

    fn sort(&self, arg: &Expr, grid: Grid, descending: bool) -> Result<Vec<Column>, QueryError> {
        let mut columns = self.vector(arg, grid)?;
        // Histograms have no order, and are left out.
        columns.iter_mut().for_each(Column::drop_histograms);
        let mut columns = without_empty(columns);
        if grid.count == 1 {
            columns.sort_by(|a, b| {
                let (a, b) = (a.floats[0], b.floats[0]);
                let ascending = a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal);
                a.is_nan().cmp(&b.is_nan()).then(if descending { ascending.reverse() } else { ascending })
            });
        }
        Ok(columns)
    }
}

/// The greater of two numbers: that which is infinite, else NaN where one of them is.
fn greater(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// A range vector that is anchored or smoothed.
fn extended_range(matrix: &Expr) -> Option<ExtendedRange<'_>> {
    let Kind::Matrix { selector, range } = &matrix.kind else { return None };
    let extended = selector.extended?;
    Some(ExtendedRange { selector, range: *range, extended, position: matrix.position })
}

fn without_empty(mut columns: Vec<Column>) -> Vec<Column> {
    columns.retain(|column| !column.is_empty());
    columns
}

/// Whether all series of an expression are known to have one name, or none.
fn has_one_name(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Vector(selector) | Kind::Matrix { selector, .. } => {
            let fixes = |m: &Matcher| m.name == crate::METRIC_NAME && m.op == MatchOp::Equal;
            selector.matchers.iter().any(fixes)
        }
        Kind::Subquery { expr, .. } => has_one_name(expr),
        Kind::Call { function, args } => match *function {
            "last_over_time" | "first_over_time" => has_one_name(&args[0]),
            function => over_time::resolve(function).is_some() || elementwise(function).is_some(),
        },
        _ => false,
    }
}

/// The value of the only number at a step; histograms do not count.
fn only_float(columns: &[Column], i: usize) -> f64 {
    let mut present = columns.iter().map(|column| column.floats[i]).filter(|value| !is_stale(*value));
    match (present.next(), present.next()) {
        (Some(value), None) => value,
        _ => f64::NAN,
    }
}

/// One where nothing is present, with the labels that the selector fixes.
fn absence(arg: &Expr, present: impl Iterator<Item = bool>) -> Vec<Column> {
    let floats: Vec<f64> = present.map(|present| if present { STALE_NAN } else { 1.0 }).collect();
    let column = Column::of_floats(fixed_labels(arg), floats);
    if column.is_empty() { Vec::new() } else { vec![column] }
}

fn fixed_labels(arg: &Expr) -> Labels {
    let (Kind::Vector(selector) | Kind::Matrix { selector, .. }) = &arg.kind else { return Labels::empty() };
    let mut fixed: Vec<(&str, &str)> = Vec::new();
    let mut equal = Vec::new();
    // As in Prometheus: the first `=` fixes a label, and whatever else is said of it afterwards takes it back. It looks at what
    // excludes series last.
    let excludes =
        |matcher: &&Matcher| matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex) && !matcher.value.is_empty();
    let mut matchers: Vec<&Matcher> = selector.matchers.iter().filter(|m| m.name != crate::METRIC_NAME).collect();
    matchers.sort_by_key(excludes);
    for Matcher { name, op, value } in matchers {
        if *op == MatchOp::Equal && !equal.contains(&name) {
            equal.push(name);
            fixed.push((name, value));
        } else {
            fixed.retain(|(other, _)| other != name);
        }
    }
    Labels::new(fixed)
}

/// Functions of one number.
fn elementwise(function: &str) -> Option<fn(f64) -> f64> {
    Some(match function {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sqrt" => f64::sqrt,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "sgn" => |value| if value == 0.0 || value.is_nan() { value } else { value.signum() },
        _ => return None,
    })
}
