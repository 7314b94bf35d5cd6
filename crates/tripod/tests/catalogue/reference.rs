//! `docs/reference/catalogue.md` has the catalogue's tables. `UPDATE_DOCS=1 cargo test` writes them anew.

use std::fmt::Write;
use std::{env, fs};

use tripod::catalog;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/catalogue.md");

const INTRODUCTION: &str = "# The catalogue's metrics

What `tripod::catalog` records, by set. [How to use it](../how-to/instrument/catalogue.md).

Names are those that Prometheus knows, in queries and dashboards; a name in brackets is the instrument's own, where it is another: counters
end in `_total`, as OpenMetrics has it, and OpenTelemetry's names get underscores and their unit.

This page is written by a test: `UPDATE_DOCS=1 cargo test -p tripod --all-features --test catalogue reference`.
";

fn written() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut set = "";
    for metric in catalog::metrics() {
        if metric.set != set {
            set = metric.set;
            write!(page, "\n## `{set}`\n\n| metric | type | labels | unit | what |\n|---|---|---|---|---|\n").unwrap();
        }
        let name = metric.prometheus_name();
        let own = if name == metric.name { String::new() } else { format!(" (`{}`)", metric.name) };
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, unit) = (metric.prometheus_type(), metric.unit);
        let unit = if unit.is_empty() { String::new() } else { format!("`{unit}`") };
        writeln!(page, "| `{name}`{own} | {kind} | {} | {unit} | {} |", labels.join(", "), metric.description).unwrap();
    }
    page
}

#[test]
fn the_reference_lists_every_metric_as_it_is() {
    let now = written();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &now).unwrap();
    }
    let known = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(known == now, "docs/reference/catalogue.md is not what the catalogue says: UPDATE_DOCS=1 writes it anew");
}
