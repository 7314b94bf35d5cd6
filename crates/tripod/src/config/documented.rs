//! `docs/reference/configuration.md` and the code say the same.

use std::collections::BTreeSet;

use super::env::variables;

const REFERENCE: &str = include_str!("../../../../docs/reference/configuration.md");
const BUILDER: &str = include_str!("builder.rs");

/// What stands in backticks in the tables' rows.
fn quoted_in_tables() -> BTreeSet<&'static str> {
    let rows = REFERENCE.lines().filter(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn every_variable_that_is_read_is_in_a_table_and_no_other() {
    let read: BTreeSet<String> = variables::all().collect();
    let quoted = quoted_in_tables();
    let missing: Vec<_> = read.iter().filter(|name| !quoted.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
    let foreign: Vec<_> = quoted.iter().filter(|name| name.starts_with("OTEL_") && !read.contains(**name)).collect();
    assert!(foreign.is_empty(), "documented but not read: {foreign:?}");
}

#[test]
fn every_method_of_the_builder_is_in_a_table() {
    let methods = BUILDER.lines().filter_map(|line| line.trim().strip_prefix("pub fn ")?.split(['(', '<']).next());
    let quoted = quoted_in_tables();
    let missing: Vec<_> = methods.filter(|method| *method != "start" && !quoted.contains(method)).collect();
    assert!(missing.is_empty(), "not documented: {missing:?}");
}

#[cfg(feature = "yaml")]
#[test]
fn the_file_that_is_shown_is_understood_whole() {
    let file = REFERENCE.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let notices = super::yaml::notices_of(file).unwrap();
    assert!(notices.is_empty(), "{notices:?}");
}
