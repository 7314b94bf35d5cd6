//! Functions that change or sort by labels.

use std::cmp::Ordering;

use super::{Column, Evaluator, Expr, Grid, QueryError, merge_same_labels};
use crate::eval::{label_name, string};
use crate::{Labels, METRIC_NAME};

impl Evaluator<'_> {
    pub(super) fn label_replace(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let (target, replacement) = (label_name(&args[1])?, string(&args[2])?);
        let (source, pattern) = (string(&args[3])?, string(&args[4])?);
        let regex = regex::Regex::new(&format!("^(?s:{pattern})$")).map_err(|error| {
            QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}: {error}"))
        })?;
        let columns = self.vector(&args[0], grid)?;
        relabelled(columns, &target, |labels| {
            let captures = regex.captures(labels.get(&source))?;
            let mut value = String::new();
            captures.expand(&replacement, &mut value);
            Some(labels.with(&target, &value))
        })
    }

    pub(super) fn label_join(&self, args: &[Expr], grid: Grid) -> Result<Vec<Column>, QueryError> {
        let (target, separator) = (label_name(&args[1])?, string(&args[2])?);
        let sources = args[3..].iter().map(string).collect::<Result<Vec<_>, _>>()?;
        let columns = self.vector(&args[0], grid)?;
        relabelled(columns, &target, |labels| {
            let values: Vec<&str> = sources.iter().map(|source| labels.get(source)).collect();
            Some(labels.with(&target, &values.join(&separator)))
        })
    }

    pub(super) fn sort_by_label(&self, args: &[Expr], grid: Grid, descending: bool) -> Result<Vec<Column>, QueryError> {
        let names = args[1..].iter().map(string).collect::<Result<Vec<_>, _>>()?;
        let mut columns = self.vector(&args[0], grid)?;
        columns.sort_by(|a, b| {
            let by_names = names.iter().map(|name| natural(a.labels.get(name), b.labels.get(name)));
            let ascending = by_names.fold(Ordering::Equal, Ordering::then).then_with(|| a.labels.cmp(&b.labels));
            if descending { ascending.reverse() } else { ascending }
        });
        Ok(columns)
    }
}

fn relabelled(
    mut columns: Vec<Column>,
    target: &str,
    change: impl Fn(&Labels) -> Option<Labels>,
) -> Result<Vec<Column>, QueryError> {
    for column in &mut columns {
        if let Some(labels) = change(&column.labels) {
            // A name that was written anew is not the one that was to go.
            column.drop_name &= target != METRIC_NAME;
            column.labels = labels;
        }
    }
    merge_same_labels(columns)
}

/// Text order in which runs of digits compare as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (Some(first), Some(second)) = (a.chars().next(), b.chars().next()) else {
            return a.len().cmp(&b.len());
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let ((x, rest_a), (y, rest_b)) = (digits(a), digits(b));
            let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                Ordering::Equal => (a, b) = (rest_a, rest_b),
                different => return different,
            }
        } else if first != second {
            return first.cmp(&second);
        } else {
            (a, b) = (&a[first.len_utf8()..], &b[second.len_utf8()..]);
        }
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_labels_sort_as_numbers() {
        let mut names = ["cpu10", "cpu9", "cpu", "b", "cpu010"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["b", "cpu", "cpu9", "cpu10", "cpu010"]);
    }
}
