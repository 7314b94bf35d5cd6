//! What is wrong with a query, PromQL or TraceQL, with a caret below the place.

use super::text::{plain, width};

/// What stands before the place.
const PREFIXES: [&str; 2] = ["invalid parameter \"query\": ", "invalid TraceQL query: "];

/// The server's reason; where it names a line and a column of the query, that line of it and a caret.
pub(crate) fn marked(query: &str, reason: &str) -> String {
    let reason = PREFIXES.iter().find_map(|prefix| reason.strip_prefix(prefix)).unwrap_or(reason);
    let Some((line, column, said)) = place(reason) else { return reason.to_owned() };
    let Some(text) = line.checked_sub(1).and_then(|line| query.lines().nth(line)) else { return reason.to_owned() };
    // Columns are bytes; one past the end is the end.
    let before = text.get(..column.saturating_sub(1).min(text.len())).unwrap_or(text);
    format!("{said}\n  {}\n  {}^", plain(text), " ".repeat(width(&plain(before))))
}

/// `1:8: what` or `at position 8: what` as line, column and the rest.
fn place(reason: &str) -> Option<(usize, usize, &str)> {
    if let Some((position, said)) = reason.strip_prefix("at position ").and_then(|rest| rest.split_once(':')) {
        return Some((1, position.parse().ok()?, said.trim()));
    }
    let (line, rest) = reason.split_once(':')?;
    let (column, said) = rest.split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?, said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_the_fault() {
        let reason = "invalid parameter \"query\": 1:11: parse error: unexpected \")\", expected \"]\"";
        let expected = "parse error: unexpected \")\", expected \"]\"\n  rate(up[5m)\n            ^";
        assert_eq!(marked("rate(up[5m)", reason), expected);
        assert_eq!(marked("sum(\n  up up)", "2:6: parse error: x"), "parse error: x\n    up up)\n       ^");
        assert_eq!(marked("{a=\"注文\"} x", "1:13: parse error: x"), "parse error: x\n  {a=\"注文\"} x\n            ^");
    }

    #[test]
    fn traceql_has_positions() {
        let reason = "invalid TraceQL query: at position 2: x is no intrinsic";
        assert_eq!(marked("{x=1}", reason), "x is no intrinsic\n  {x=1}\n   ^");
    }

    #[test]
    fn what_names_no_place_is_said_as_it_is() {
        for reason in ["it took too long", "1:x: y", "9:9: beyond", "0:1: before", "1:2", ""] {
            assert_eq!(marked("up", reason), reason);
        }
        assert_eq!(marked("up", "1:99: end"), "end\n  up\n    ^");
        assert_eq!(marked("ü", "1:2: within a letter"), "within a letter\n  ü\n   ^");
    }
}
