//! What stands around range aggregations: PromQL's words, passed on as they are.

use super::{FUNCTIONS, Function, Grouping, Metric, RangeAggregation, read_grouping};
use crate::query::logql::ParseError;
use crate::query::logql::lexer::Cursor;

/// The label by which a range aggregation is selected; its value is the number.
pub(crate) const LEAF: &str = "__range_aggregation__";

/// Range aggregations in one query.
const MAX_LEAVES: usize = 32;

/// Reads a metric.
pub(in crate::query::logql) fn read(query: &str) -> Result<Metric, ParseError> {
    let mut cursor = Cursor::new(query);
    let mut metric = Metric { text: String::with_capacity(query.len()), leaves: Vec::new() };
    let mut before = Before::Other;
    while !cursor.at_end() {
        let start = cursor.offset();
        if let Some(word) = cursor.word() {
            if FUNCTIONS.iter().any(|(name, ..)| *name == word) && cursor.peek() == Some('(') {
                let mut leaf = RangeAggregation::read(word, &mut cursor)?;
                if let Before::Sum(grouping) = std::mem::replace(&mut before, Before::Other) {
                    sum_at_once(&mut leaf, grouping, cursor.clone());
                }
                if metric.leaves.len() == MAX_LEAVES {
                    return Err(cursor.error_at(start, format!("a query has at most {MAX_LEAVES} range aggregations")));
                }
                let selector = format!(" {{{LEAF}=\"{}\"}} ", metric.leaves.len());
                metric.text.push_str(&selector);
                metric.leaves.push(leaf);
                continue;
            }
            if word == "offset" {
                return Err(cursor.error_at(start, "an offset stands behind a range, within the range aggregation"));
            }
            before = if word == "sum" { take_sum(&mut cursor) } else { Before::Other };
            metric.text.push(' ');
            metric.text.push_str(cursor.since(start));
            continue;
        }
        match cursor.peek() {
            Some('"' | '`') => {
                cursor.text()?;
                metric.text.push_str(cursor.since(start));
            }
            Some('{') => {
                let reason = "a selector of lines can't be calculated with: put it into a range aggregation like count_over_time({...}[5m])";
                return Err(cursor.error(reason));
            }
            Some('[' | '@') => {
                return Err(cursor.unexpected(
                    "an operator; ranges stand within range aggregations, and LogQL has no subqueries and no @",
                ));
            }
            _ => match cursor.number_with_unit_unsigned() {
                Some(number) => {
                    metric.text.push(' ');
                    metric.text.push_str(number);
                }
                None => metric.text.extend(cursor.bump()),
            },
        }
        before = Before::Other;
    }
    Ok(metric)
}

/// What stands right before the next word.
enum Before {
    Other,
    /// The parenthesis of a `sum`, with the grouping that stands before it.
    Sum(Option<Grouping>),
}

/// Takes what stands between `sum` and its argument: `(`, or `by (a) (`.
fn take_sum(cursor: &mut Cursor<'_>) -> Before {
    let mut ahead = cursor.clone();
    match read_grouping(&mut ahead) {
        Ok(grouping) if ahead.take("(") => {
            *cursor = ahead;
            Before::Sum(grouping)
        }
        _ => Before::Other,
    }
}

/// Lets a range aggregation that stands alone within `sum` make the sum's series: else each line with a trace id would be one.
fn sum_at_once(leaf: &mut RangeAggregation, before: Option<Grouping>, mut after: Cursor<'_>) {
    let adds_up = matches!(
        leaf.function,
        Function::Count | Function::Rate | Function::Bytes | Function::BytesRate | Function::Sum
    );
    let untouched = leaf.grouping == Grouping::Without(Vec::new());
    if !adds_up || !untouched || !after.take(")") {
        return;
    }
    let grouping = match before {
        Some(grouping) => grouping,
        None => match read_grouping(&mut after) {
            Ok(grouping) => grouping.unwrap_or(Grouping::By(Vec::new())),
            Err(_) => return,
        },
    };
    leaf.grouping = grouping;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(query: &str) -> Metric {
        read(query).unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    #[test]
    fn what_is_around_a_range_aggregation_stays() {
        let read = metric(r#"topk(2, sum by (level) (count_over_time({a="b"} |= "x" [5m])) / 3.5) > bool 1"#);
        let words: Vec<_> = read.text.split_whitespace().collect();
        assert_eq!(words.join(" "), r#"topk( 2, sum by (level) ( {__range_aggregation__="0"} )/ 3.5)> bool 1"#);
        assert_eq!(read.leaves[0].range, 300_000);
    }

    #[test]
    fn a_sum_is_made_at_once() {
        let by = |names: &[&str]| Grouping::By(names.iter().map(|name| (*name).to_owned()).collect());
        for (query, grouping) in [
            (r#"sum by (a, b) (rate({x="y"}[1m]))"#, by(&["a", "b"])),
            (r#"sum(rate({x="y"}[1m])) by (a)"#, by(&["a"])),
            (r#"sum(rate({x="y"}[1m]))"#, by(&[])),
            (r#"sum(rate({x="y"}[1m]) * 2)"#, Grouping::Without(vec![])),
            (r#"max(rate({x="y"}[1m]))"#, Grouping::Without(vec![])),
            (r#"sum without (a) (count_over_time({x="y"}[1m]))"#, Grouping::Without(vec!["a".to_owned()])),
            (r#"sum(max_over_time({x="y"} | unwrap a [1m]))"#, Grouping::Without(vec![])),
            (r#"sum by (a) (2 * rate({x="y"}[1m]))"#, Grouping::Without(vec![])),
        ] {
            assert_eq!(metric(query).leaves[0].grouping, grouping, "{query}");
        }
    }

    #[test]
    fn ranges_offsets_and_unwraps_are_read() {
        let read = metric(
            r#"quantile_over_time(0.9, {a="b"} | json | unwrap duration(took) | __error__="" [1m] offset 5m) by (path)"#,
        );
        let leaf = &read.leaves[0];
        assert_eq!((leaf.function, leaf.range, leaf.offset), (Function::Quantile(0.9), 60_000, 300_000));
        assert_eq!(leaf.grouping, Grouping::By(vec!["path".to_owned()]));
        assert_eq!(metric(r#"rate({a="b"}[1m] |= "x")"#).leaves[0].lines.stages.len(), 1);
    }

    #[test]
    fn what_can_not_be_is_said() {
        for (query, reason) in [
            (r#"rate({a="b"})"#, "expected a range like [5m]"),
            (r#"sum_over_time({a="b"}[1m])"#, "needs numbers"),
            (r#"bytes_rate({a="b"} | unwrap x [1m])"#, "takes no | unwrap"),
            (r#"sum({a="b"})"#, "put it into a range aggregation"),
            (r#"rate({a="b"}[1m])[5m:1m]"#, "no subqueries"),
            (r#"rate({a="b"}[0s])"#, "at least one millisecond"),
            (r#"rate({a="b"}[1000y])"#, "hundred years"),
        ] {
            let error = read(query).unwrap_err().to_string();
            assert!(error.contains(reason), "{query}: {error}");
        }
    }
}
