//! Warnings and infos that an evaluation leaves beside its value, each text once, in the words of Prometheus.

use std::collections::BTreeMap;

use crate::error::line_and_column;

/// Notes kept of each kind; a query over many odd series must not grow without bound.
const MAX_NOTES: usize = 100;

/// Texts with the place that each was last said of.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    warnings: BTreeMap<String, usize>,
    infos: BTreeMap<String, usize>,
}

impl Notes {
    pub(crate) fn warn(&mut self, position: usize, text: &str) {
        add(&mut self.warnings, position, text);
    }

    pub(crate) fn info(&mut self, position: usize, text: &str) {
        add(&mut self.infos, position, text);
    }

    pub(crate) fn into_lists(self, query: &str) -> (Vec<String>, Vec<String>) {
        let list = |kind: &str, notes: BTreeMap<String, usize>| {
            let line = |(text, position)| format!("PromQL {kind}: {text} {}", place(query, position));
            notes.into_iter().map(line).collect()
        };
        (list("warning", self.warnings), list("info", self.infos))
    }
}

fn add(notes: &mut BTreeMap<String, usize>, position: usize, text: &str) {
    if let Some(place) = notes.get_mut(text) {
        *place = position;
    } else if notes.len() < MAX_NOTES {
        notes.insert(text.to_owned(), position);
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
