//! A line on its way through the stages, and its labels: those of its stream, what else is known of it, and what stages found in it.

use std::sync::Arc;

/// The label that says why a stage could not read a line.
pub(crate) const ERROR: &str = "__error__";
/// The label that says more of it.
pub(crate) const ERROR_DETAILS: &str = "__error_details__";

/// Where a label comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// What the line's stream is known by: its resource.
    Stream,
    /// What came with the line: its attributes, trace and level.
    Metadata,
    /// What a stage found or made.
    Parsed,
}

/// A label of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: Arc<str>,
    pub(crate) value: Arc<str>,
    pub(crate) origin: Origin,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    pub(crate) line: String,
    labels: Vec<Label>,
}

impl Entry {
    /// A line with the labels of its stream.
    pub(crate) fn new(time: u64, line: String, stream: &[Label]) -> Self {
        Self { time, line, labels: stream.to_vec() }
    }

    pub(crate) fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// The value of a label; empty when it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.labels.iter().find(|label| &*label.name == name).map_or("", |label| &label.value)
    }

    /// The value of a label of the stream; empty when it is not there.
    pub(crate) fn stream_label(&self, name: &str) -> &str {
        let mut stream = self.labels.iter().filter(|label| label.origin == Origin::Stream);
        stream.find(|label| &*label.name == name).map_or("", |label| &label.value)
    }

    /// Adds what came with the line, unless the stream says it already.
    pub(crate) fn add_metadata(&mut self, name: Arc<str>, value: Arc<str>) {
        if !self.labels.iter().any(|label| label.name == name) {
            self.labels.push(Label { name, value, origin: Origin::Metadata });
        }
    }

    /// Adds what a parser found. What the line had before keeps its name: the find is then called `…_extracted`. Of two finds of one
    /// name the first counts.
    pub(super) fn extract(&mut self, name: &str, value: &str) {
        let known = self.labels.iter().find(|label| &*label.name == name);
        match known.map(|label| label.origin) {
            None => self.put(name, value),
            Some(Origin::Parsed) => {}
            Some(Origin::Stream | Origin::Metadata) => {
                let name = format!("{name}_extracted");
                if !self.labels.iter().any(|label| *label.name == *name) {
                    self.put(&name, value);
                }
            }
        }
    }

    fn put(&mut self, name: &str, value: &str) {
        self.labels.push(Label { name: name.into(), value: value.into(), origin: Origin::Parsed });
    }

    /// Sets a label, whoever it was of before; an empty value removes it.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.labels.retain(|label| &*label.name != name);
        if !value.is_empty() {
            self.put(name, value);
        }
    }

    /// Keeps only the labels that pass.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Label) -> bool) {
        self.labels.retain(keep);
    }

    /// Marks the line as one that a stage could not read; the first reason stays.
    pub(super) fn fail(&mut self, kind: &str, details: &str) {
        if self.get(ERROR).is_empty() {
            self.put(ERROR, kind);
            self.put(ERROR_DETAILS, details);
        }
    }
}

/// A name as a label may have it: what is no letter, digit or `_` becomes `_`.
pub(crate) fn label_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 1);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_find_does_not_hide_what_was_known() {
        let job = Label { name: "job".into(), value: "api".into(), origin: Origin::Stream };
        let mut entry = Entry::new(0, String::new(), &[job]);
        entry.add_metadata("job".into(), "x".into());
        entry.extract("job", "y");
        entry.extract("status", "1");
        entry.extract("status", "2");
        let labels: Vec<_> = entry.labels().iter().map(|label| (&*label.name, &*label.value)).collect();
        assert_eq!(labels, [("job", "api"), ("job_extracted", "y"), ("status", "1")]);
    }

    #[test]
    fn any_name_becomes_a_labels_name() {
        assert_eq!(label_name("k8s.pod-name"), "k8s_pod_name");
        assert_eq!(label_name("1st"), "_1st");
    }
}
