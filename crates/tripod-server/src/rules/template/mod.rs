//! Templates of labels and annotations: the part of Go's `text/template` that Prometheus' rules use, with Prometheus' functions.
//!
//! - [`lex`] and [`parse`] read a template once, when its rule is loaded; [`exec`] fills it in at each evaluation.
//! - [`functions`] are Prometheus' and Go's own; [`gofmt`] writes values as Go does.
//!
//! A template that fails gives a text that says so, in Go's words, since people look those up; it never ends a rule. Steps, text
//! and nesting are bounded: a template comes from a file, but what it repeats comes from data.

mod exec;
mod functions;
mod gofmt;
mod lex;
mod parse;
mod tree;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use tripod_promql::VectorSample;

use self::exec::Execution;
pub(crate) use self::functions::{link, query_escape};
use self::tree::Node;
pub(crate) use self::value::AlertData;
use self::value::Value;

/// What every template of an alert begins with.
const VARIABLES: &str =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Asks a query at the time of the evaluation.
pub(crate) type Ask<'a> = &'a dyn Fn(&str) -> Result<Vec<VectorSample>, String>;

/// A template of an alerting rule, ready to be filled in.
#[derive(Debug)]
pub(crate) struct Template {
    name: String,
    text: String,
    main: Vec<Node>,
    defined: BTreeMap<String, Vec<Node>>,
}

/// What is wrong with a template, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}: {message}")]
pub(crate) struct TemplateError {
    name: String,
    line: usize,
    message: String,
}

impl TemplateError {
    fn parse(name: &str, text: &str, at: usize, message: String) -> Self {
        let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        Self { name: name.to_owned(), line, message }
    }
}

/// What a template is filled in with.
pub(crate) struct Filling<'a> {
    /// What stands behind `.`.
    pub(crate) data: Arc<AlertData>,
    /// When the rule is evaluated, milliseconds since the Unix epoch.
    pub(crate) now: i64,
    /// Asks queries.
    pub(crate) ask: Ask<'a>,
}

impl Template {
    /// Reads a label or annotation of the alerting rule `rule`.
    ///
    /// # Errors
    /// What is wrong, and in which line of the text.
    pub(crate) fn parse(rule: &str, text: &str) -> Result<Self, TemplateError> {
        let name = format!("__alert_{rule}");
        let text = format!("{VARIABLES}{text}");
        let parsed = parse::parse(&name, &text)?;
        Ok(Self { name, text, main: parsed.main, defined: parsed.defined })
    }

    /// The text; where that fails, one that says why.
    pub(crate) fn expand(&self, filling: &Filling<'_>) -> String {
        let data = Value::Alert(Arc::clone(&filling.data));
        let execution = Execution::new(&self.name, &self.text, &self.defined, filling);
        match execution.run(&self.main, &data) {
            Ok(text) => text,
            Err(reason) => format!("<error expanding template: error executing template {}: {reason}>", self.name),
        }
    }
}

#[cfg(test)]
mod tests;
