//! The answer over a range: a chart, and below it a line a series with its course in small and its least, mean, largest and last value.

use std::time::Duration;

use serde_json::Value;

use super::instant::heading;
use super::series::{Labels, Told, labels};
use crate::outcome::Failure;
use crate::render::chart::{self, Line, chart};
use crate::render::spark::spark;
use crate::render::style::{COLORS, Style};
use crate::render::table::{Cell, Column, table};
use crate::render::units::number;
use crate::terminal::Terminal;

/// Columns of a course in small.
const SPARK: usize = 24;
/// More points than this are no chart's.
const MAX_POINTS: u64 = 20_000;

/// From when until when, and how finely.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) step: Duration,
}

/// A series on the grid of the query's points.
struct Course {
    values: Vec<Option<f64>>,
}

/// Draws an answer.
pub(super) fn show(data: &Value, span: Span, height: usize, terminal: Terminal) -> Result<String, Failure> {
    let result = data["result"].as_array().ok_or_else(|| Failure::Answer("it has no result".to_owned()))?;
    let courses: Vec<Course> = result.iter().map(|series| Course::of(series, span)).collect();
    let time = chart::Span { start: span.start, end: span.end };
    // Without colours, lines in one chart can't be told apart: then only one has one.
    let drawn = if terminal.painter.0 { COLORS } else { 1 };
    let mut out = String::new();
    if drawn >= courses.len() || terminal.painter.0 {
        let lines: Vec<Line<'_>> = courses
            .iter()
            .take(drawn)
            .enumerate()
            .map(|(at, course)| Line { values: &course.values, style: Style::Nth(at) })
            .collect();
        out += &chart(&lines, time, terminal.drawing(), height, terminal.painter);
        out.push('\n');
    }
    out += &legend(&labels(result), &courses, drawn, terminal);
    Ok(out)
}

impl Course {
    /// Values at the points that they have times of; of a native histogram, how much it counted.
    fn of(series: &Value, span: Span) -> Self {
        let step = span.step.as_millis().max(1) as f64;
        let start = (span.start / 1_000_000) as f64;
        let points = ((span.end - span.start) / 1_000_000 / (step as u64).max(1) + 1).min(MAX_POINTS) as usize;
        let mut values = vec![None; points];
        let floats = series["values"].as_array().into_iter().flatten();
        let histograms = series["histograms"].as_array().into_iter().flatten();
        for sample in floats.chain(histograms) {
            let at = sample[0].as_f64().map(|seconds| ((seconds * 1000.0 - start) / step).round());
            let text = sample[1].as_str().or(sample[1]["count"].as_str());
            let value = text.and_then(|text| text.parse::<f64>().ok());
            if let Some(slot) = at.filter(|at| *at >= 0.0).and_then(|at| values.get_mut(at as usize)) {
                *slot = value;
            }
        }
        Self { values }
    }

    fn known(&self) -> impl Iterator<Item = f64> {
        self.values.iter().flatten().copied()
    }
}

fn legend(all: &[Labels], courses: &[Course], drawn: usize, terminal: Terminal) -> String {
    let told = Told::of(all);
    let mut columns = vec![Column::new("")];
    columns.extend(told.names.iter().map(|name| Column::new(heading(name)).least(8)));
    columns.push(Column::new("").spare(4));
    columns.extend(
        [("MIN", 2), ("MEAN", 3), ("MAX", 1), ("LAST", 0)].map(|(head, spare)| Column::new(head).right().spare(spare)),
    );
    let charted = drawn >= courses.len() || terminal.painter.0;
    let row = |(at, (labels, course)): (usize, (&Labels, &Course))| {
        let style = if at < drawn { Style::Nth(at) } else { Style::Plain };
        let (mut least, mut most, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0_u32);
        course.known().for_each(|value| {
            (least, most, sum, count) = (least.min(value), most.max(value), sum + value, count + 1);
        });
        let last = course.known().last();
        let shown = |value: f64| Cell::new(&if count == 0 { String::new() } else { number(value) });
        let mut row = vec![Cell::styled(if charted && at < drawn { "━━" } else { "" }, style)];
        row.extend(told.names.iter().map(|name| Cell::new(labels.get(name).map_or("", String::as_str))));
        row.push(Cell::styled(&spark(&course.values, SPARK), style));
        row.extend([least, sum / f64::from(count.max(1)), most].map(shown));
        row.push(Cell::styled(&last.map(number).unwrap_or_default(), Style::Bold));
        row
    };
    let rows: Vec<Vec<Cell>> = all.iter().zip(courses).enumerate().map(row).collect();
    let head = told.head().map(|head| terminal.painter.paint(Style::Dim, &head) + "\n").unwrap_or_default();
    head + &table(&columns, &rows, terminal.width, terminal.painter)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::style::Painter;

    const START: u64 = 1_795_237_200;

    fn data(series: &[&str]) -> Value {
        let value = |at: u64, of: usize| (50.0 + 40.0 * (at as f64 / 9.0 + of as f64).sin()).to_string();
        let values = |of: usize| (0..=60).map(|at| json!([START + at * 60, value(at, of)])).collect::<Value>();
        let one =
            |(of, name): (usize, &&str)| json!({ "metric": { "service": name, "job": "shop" }, "values": values(of) });
        json!({ "resultType": "matrix", "result": series.iter().enumerate().map(one).collect::<Value>() })
    }

    fn shown(data: &Value, width: usize, colors: bool) -> String {
        let span =
            Span { start: START * 1_000_000_000, end: (START + 3600) * 1_000_000_000, step: Duration::from_secs(60) };
        show(data, span, 6, Terminal { width: Some(width), painter: Painter(colors) }).expect("it can be shown")
    }

    #[test]
    fn one_series_is_a_chart_and_a_line() {
        insta::assert_snapshot!("a_range_of_one_series", shown(&data(&["checkout"]), 80, false));
        insta::assert_snapshot!("a_range_of_40_columns", shown(&data(&["checkout"]), 40, false));
    }

    #[test]
    fn several_series_without_colours_are_lines_alone() {
        insta::assert_snapshot!("a_range_of_three_series", shown(&data(&["checkout", "payment", "注文"]), 80, false));
    }

    #[test]
    fn several_series_have_the_colours_of_their_lines() {
        let text = shown(&data(&["checkout", "payment"]), 80, true);
        assert!(text.contains("\x1b[36m━━\x1b[0m") && text.contains("\x1b[33m━━\x1b[0m"), "{text}");
    }

    #[test]
    fn what_is_missing_or_no_number_is_left_out() {
        let data = json!({ "resultType": "matrix", "result": [{ "metric": {}, "values": [[START, "NaN"], ["x", "1"], [START + 60, "2"], [-9e9, "3"]] }] });
        let text = shown(&data, 60, false);
        assert!(text.lines().last().is_some_and(|line| line.ends_with('2')), "{text}");
    }
}
