//! Warnings and infos that an evaluation leaves beside its value, each text once, in the words of Prometheus.

use std::collections::BTreeSet;

use crate::error::line_and_column;

/// Notes kept of each kind; a query over many odd series must not grow without bound.
const MAX_NOTES: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: BTreeSet<String>,
    infos: BTreeSet<String>,
}

impl Notes {
    pub(crate) fn warn(&mut self, query: &str, position: usize, text: &str) {
        add(&mut self.warnings, format!("PromQL warning: {text} {}", place(query, position)));
    }

    pub(crate) fn info(&mut self, query: &str, position: usize, text: &str) {
        add(&mut self.infos, format!("PromQL info: {text} {}", place(query, position)));
    }

    pub(crate) fn into_lists(self) -> (Vec<String>, Vec<String>) {
        (self.warnings.into_iter().collect(), self.infos.into_iter().collect())
    }
}

fn add(notes: &mut BTreeSet<String>, note: String) {
    if notes.len() < MAX_NOTES {
        notes.insert(note);
    }
}

fn place(query: &str, position: usize) -> String {
    let (line, column) = line_and_column(query, position);
    format!("({line}:{column})")
}

/// ` for metric name "x"`, or nothing when the name is not known.
pub(crate) fn for_metric(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" for metric name {name:?}") }
}
