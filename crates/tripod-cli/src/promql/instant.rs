//! The answer at one time: a table of labels and values.

use serde_json::Value;

use super::series::{Labels, Told, labels};
use crate::outcome::Failure;
use crate::render::style::Style;
use crate::render::table::{Cell, Column, table};
use crate::render::text::plain;
use crate::terminal::Terminal;

/// Draws an answer of any type.
pub(super) fn show(data: &Value, terminal: Terminal) -> Result<String, Failure> {
    let unknown = || Failure::Answer(format!("it is of the type {}", data["resultType"]));
    match data["resultType"].as_str() {
        Some("scalar" | "string") => Ok(format!("{}\n", plain(data["result"][1].as_str().ok_or_else(unknown)?))),
        Some("vector") => Ok(vector(data["result"].as_array().ok_or_else(unknown)?, terminal)),
        Some("matrix") => Ok(matrix(data["result"].as_array().ok_or_else(unknown)?, terminal)),
        _ => Err(unknown()),
    }
}

fn vector(result: &[Value], terminal: Terminal) -> String {
    let values: Vec<String> = result.iter().map(value).collect();
    with_labels(result, &values, terminal)
}

/// Of a range selector: how many samples each series has, and the newest.
fn matrix(result: &[Value], terminal: Terminal) -> String {
    let newest = |series: &Value| {
        let samples = series["values"].as_array().or(series["histograms"].as_array());
        let last = samples.and_then(|samples| samples.last()).map(|sample| text(&sample[1])).unwrap_or_default();
        format!("{last} (of {})", samples.map_or(0, Vec::len))
    };
    let values: Vec<String> = result.iter().map(newest).collect();
    with_labels(result, &values, terminal)
}

fn with_labels(result: &[Value], values: &[String], terminal: Terminal) -> String {
    let all = labels(result);
    let told = Told::of(&all);
    let mut columns: Vec<Column> = told.names.iter().map(|name| Column::new(heading(name)).least(8)).collect();
    columns.push(Column::new("VALUE").right());
    let row = |(labels, value): (&Labels, &String)| {
        let label = |name: &String| Cell::new(labels.get(name).map_or("", String::as_str));
        told.names.iter().map(label).chain([Cell::styled(value, Style::Bold)]).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<Cell>> = all.iter().zip(values).map(row).collect();
    let head = told.head().map(|head| terminal.painter.paint(Style::Dim, &head) + "\n").unwrap_or_default();
    head + &table(&columns, &rows, terminal.width, terminal.painter)
}

/// What stands above the values of a label.
pub(super) fn heading(name: &str) -> &str {
    if name == "__name__" { "METRIC" } else { name }
}

/// A sample's value, exact.
fn value(series: &Value) -> String {
    if series["histogram"].is_array() { text(&series["histogram"][1]) } else { text(&series["value"][1]) }
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => {
            format!("count {}, sum {}", value["count"].as_str().unwrap_or("?"), value["sum"].as_str().unwrap_or("?"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::render::style::Painter;

    fn shown(data: &Value, width: Option<usize>) -> String {
        show(data, Terminal { width, painter: Painter(false) }).expect("it can be shown")
    }

    #[test]
    fn labels_that_tell_series_apart_are_columns() {
        let series = |service: &str, code: &str, value: &str| json!({ "metric": { "__name__": "requests_total", "job": "shop", "service": service, "code": code }, "value": [1, value] });
        let data = json!({ "resultType": "vector", "result": [
            series("checkout", "200", "1234567.125"), series("payment-gateway-of-the-south", "500", "0"), series("注文", "\x1b[31m", "NaN"),
        ] });
        insta::assert_snapshot!("an_instant_vector", shown(&data, None));
        insta::assert_snapshot!("an_instant_vector_of_40_columns", shown(&data, Some(40)));
    }

    #[test]
    fn every_type_of_answer_is_shown() {
        assert_eq!(shown(&json!({ "resultType": "scalar", "result": [1, "42"] }), None), "42\n");
        assert_eq!(shown(&json!({ "resultType": "string", "result": [1, "a\nb"] }), None), "a\\nb\n");
        let histogram = json!({ "resultType": "vector", "result": [{ "metric": {}, "histogram": [1, { "count": "5", "sum": "2.5" }] }] });
        assert_eq!(shown(&histogram, None), "           VALUE\ncount 5, sum 2.5\n");
        let matrix =
            json!({ "resultType": "matrix", "result": [{ "metric": { "a": "b" }, "values": [[1, "5"], [2, "6"]] }] });
        assert_eq!(shown(&matrix, None), "a     VALUE\nb  6 (of 2)\n");
        assert!(show(&json!({ "resultType": "streams" }), Terminal { width: None, painter: Painter(false) }).is_err());
    }
}
