//! Fills a template in: walks its tree, and writes into one text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions::{self, Parameter};
use super::tree::{Branch, Command, Node, Operand, OperandKind, Pipeline};
use super::value::Value;
use super::{Filling, gofmt};

/// Steps of one expansion.
const MAX_STEPS: usize = 1_000_000;
/// Bytes of one text.
const MAX_TEXT: usize = 1 << 20;
/// Templates that call each other.
const MAX_CALLS: usize = 32;

/// What an expansion has reached.
pub(super) struct Execution<'a> {
    name: &'a str,
    text: &'a str,
    defined: &'a BTreeMap<String, Vec<Node>>,
    pub(super) filling: &'a Filling<'a>,
    out: String,
    variables: Vec<(String, Value)>,
    steps: usize,
    calls: usize,
    /// Where the evaluation stands, for errors.
    place: (usize, String),
}

/// How a list of steps ended.
#[derive(PartialEq)]
enum Flow {
    Done,
    Break,
    Continue,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Execution<'a> {
    pub(super) fn new(
        name: &'a str,
        text: &'a str,
        defined: &'a BTreeMap<String, Vec<Node>>,
        filling: &'a Filling<'a>,
    ) -> Self {
        let place = (0, String::new());
        let (out, variables) = (String::new(), Vec::new());
        Self { name, text, defined, filling, out, variables, steps: 0, calls: 0, place }
    }

    pub(super) fn run(mut self, main: &[Node], data: &Value) -> Result<String> {
        self.variables.push(("$".to_owned(), data.clone()));
        self.list(main, data)?;
        Ok(self.out)
    }

    fn at(&mut self, at: usize, shown: &dyn ToString) {
        self.place = (at, shown.to_string());
    }

    fn error<T>(&self, message: &str) -> Result<T> {
        let (at, shown) = &self.place;
        let before = &self.text[..(*at).min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        // Long parts are shown by their beginning, as in Go.
        let mut shown = shown.as_str();
        let cut: String = shown.chars().take(17).collect();
        let long = format!("{cut}...");
        if shown.chars().count() > 20 {
            shown = &long;
        }
        let name = self.name;
        Err(format!("template: {name}:{line}:{column}: executing {name:?} at <{shown}>: {message}"))
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return self.error(&format!("more than {MAX_STEPS} steps"));
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > MAX_TEXT {
            return self.error(&format!("more than {MAX_TEXT} bytes of text"));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn list(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow> {
        for node in nodes {
            self.step()?;
            let flow = match node {
                Node::Text(text) => self.write(text).map(|()| Flow::Done),
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.write(&gofmt::plain(&value))?;
                    }
                    Ok(Flow::Done)
                }
                Node::If(branch) => self.branch(branch, dot, false),
                Node::With(branch) => self.branch(branch, dot, true),
                Node::Range(branch) => self.range(branch, dot),
                Node::Template(at, name, pipeline) => self.template(*at, name, pipeline.as_ref(), dot),
                Node::Break => Ok(Flow::Break),
                Node::Continue => Ok(Flow::Continue),
            }?;
            if flow != Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    fn branch(&mut self, branch: &Branch, dot: &Value, with: bool) -> Result<Flow> {
        let visible = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = if value.is_true() {
            self.list(&branch.then, if with { &value } else { dot })
        } else {
            self.list(&branch.otherwise, dot)
        };
        self.variables.truncate(visible);
        flow
    }

    fn range(&mut self, branch: &Branch, dot: &Value) -> Result<Flow> {
        let visible = self.variables.len();
        let pipeline = &branch.pipeline;
        let value = self.commands(pipeline, dot)?;
        self.at(pipeline.at, pipeline);
        let pairs: Vec<(Value, Value)> = match &value {
            Value::Vector(items) => {
                items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), item.clone())).collect()
            }
            Value::Labels(labels) => labels.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            Value::Map(map) => map.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect(),
            Value::Int(count) => (0..(*count).min(MAX_STEPS as i64)).map(|i| (Value::Int(i), Value::Int(i))).collect(),
            Value::Nil => Vec::new(),
            other => return self.error(&format!("range can't iterate over {}", gofmt::plain(other))),
        };
        if pairs.is_empty() {
            let flow = self.list(&branch.otherwise, dot);
            self.variables.truncate(visible);
            return flow;
        }
        for (key, item) in pairs {
            match (pipeline.variables.as_slice(), pipeline.assigns) {
                ([], _) => {}
                ([one], false) => self.variables.push((one.clone(), item.clone())),
                ([one], true) => self.assign(one, item.clone()),
                ([first, second, ..], assigns) => {
                    for (name, value) in [(first, key), (second, item.clone())] {
                        if assigns {
                            self.assign(name, value);
                        } else {
                            self.variables.push((name.clone(), value));
                        }
                    }
                }
            }
            self.step()?;
            let flow = self.list(&branch.then, &item)?;
            self.variables.truncate(visible);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Done)
    }

    fn template(&mut self, at: usize, name: &str, pipeline: Option<&Pipeline>, dot: &Value) -> Result<Flow> {
        let shown = match pipeline {
            Some(pipeline) => format!("{{{{template {} {pipeline}}}}}", gofmt::quote(name)),
            None => format!("{{{{template {}}}}}", gofmt::quote(name)),
        };
        self.at(at, &shown);
        let defined = self.defined;
        let Some(nodes) = defined.get(name) else {
            return self.error(&format!("template {name:?} not defined"));
        };
        let data = match pipeline {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::Nil,
        };
        self.call_template(nodes, &data)?;
        Ok(Flow::Done)
    }

    fn call_template(&mut self, nodes: &[Node], data: &Value) -> Result<()> {
        if self.calls == MAX_CALLS {
            return self.error(&format!("more than {MAX_CALLS} templates that call each other"));
        }
        self.calls += 1;
        let variables = std::mem::replace(&mut self.variables, vec![("$".to_owned(), data.clone())]);
        let flow = self.list(nodes, data);
        self.variables = variables;
        self.calls -= 1;
        flow.map(|_| ())
    }

    /// `tmpl "name" data`: the text of a template that is defined here.
    pub(super) fn text_of_template(&mut self, name: &str, data: &Value) -> Result<Value> {
        let defined = self.defined;
        let Some(nodes) = defined.get(name) else { return Err(format!("template {name:?} not defined")) };
        let before = std::mem::take(&mut self.out);
        let called = self.call_template(nodes, data);
        let text = std::mem::replace(&mut self.out, before);
        called.map(|()| text.into())
    }

    fn assign(&mut self, name: &str, value: Value) {
        if let Some((_, slot)) = self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            *slot = value;
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone());
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value> {
        self.at(pipeline.at, pipeline);
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last.take(), dot)?);
        }
        Ok(last.unwrap_or(Value::Nil))
    }

    fn command(&mut self, command: &Command, last: Option<Value>, dot: &Value) -> Result<Value> {
        self.step()?;
        let Some((first, args)) = command.args.split_first() else { return self.error("empty command") };
        if let OperandKind::Function(name) = &first.kind {
            self.at(first.at, first);
            return self.call(name, command, args, last, dot);
        }
        let given = !args.is_empty() || last.is_some();
        match &first.kind {
            OperandKind::Field(names) | OperandKind::Variable(_, names) | OperandKind::Chain(_, names) if given => {
                self.at(first.at, first);
                match names.last() {
                    Some(name) => self.error(&format!("{name} is not a method but has arguments")),
                    None => self.error(&format!("can't give argument to non-function {first}")),
                }
            }
            OperandKind::Pipeline(pipeline) if !given => self.pipeline(pipeline, dot),
            _ if given => {
                self.at(first.at, first);
                self.error(&format!("can't give argument to non-function {first}"))
            }
            OperandKind::Nil => {
                self.at(first.at, first);
                self.error("nil is not a command")
            }
            _ => self.operand(first, dot),
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value> {
        self.at(operand.at, operand);
        match &operand.kind {
            OperandKind::Bool(value) => Ok(Value::Bool(*value)),
            OperandKind::Int(value, _) => Ok(Value::Int(*value)),
            OperandKind::Float(value, _) => Ok(Value::Float(*value)),
            OperandKind::Text(value, _) => Ok(value.as_str().into()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Field(names) => self.fields(dot.clone(), names),
            OperandKind::Variable(name, names) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                match found.map(|(_, value)| value.clone()) {
                    Some(value) => self.fields(value, names),
                    None => self.error(&format!("undefined variable: {name}")),
                }
            }
            OperandKind::Function(name) => {
                let command = Command { at: operand.at, args: vec![operand.clone()] };
                self.call(name, &command, &[], None, dot)
            }
            OperandKind::Pipeline(pipeline) => self.pipeline(pipeline, dot),
            OperandKind::Chain(inner, names) => {
                let value = self.operand(inner, dot)?;
                self.at(operand.at, operand);
                self.fields(value, names)
            }
        }
    }

    fn fields(&mut self, mut value: Value, names: &[String]) -> Result<Value> {
        let mut any = false;
        for name in names {
            let next_any = value.is_any(name);
            value = match value.field(name) {
                Ok(value) => value,
                Err(_) if any => return self.error(&format!("can't evaluate field {name} in type interface {{}}")),
                Err(reason) => return self.error(&reason),
            };
            any = next_any;
        }
        Ok(value)
    }

    fn call(
        &mut self,
        name: &str,
        command: &Command,
        args: &[Operand],
        last: Option<Value>,
        dot: &Value,
    ) -> Result<Value> {
        if matches!(name, "and" | "or") {
            return self.short_circuit(name == "or", args, last, dot);
        }
        let Some(function) = functions::find(name) else {
            return self.error(&format!("{name:?} is not a defined function"));
        };
        let (fixed, given) = (function.parameters.len(), args.len() + usize::from(last.is_some()));
        if function.rest.is_none() && given != fixed {
            return self.error(&format!("wrong number of args for {name}: want {fixed} got {given}"));
        }
        if given < fixed {
            return self.error(&format!("wrong number of args for {name}: want at least {fixed} got {given}"));
        }
        let place = self.place.clone();
        let parameter = |i: usize| function.parameters.get(i).copied().or(function.rest).unwrap_or(Parameter::Any);
        let mut values = Vec::with_capacity(given);
        for (i, operand) in args.iter().enumerate() {
            values.push(self.argument(operand, parameter(i), dot)?);
        }
        if let Some(last) = last {
            self.place = place;
            let wanted = parameter(args.len());
            values.push(self.check_type(last, wanted)?);
        }
        match (function.call)(self, &values) {
            Ok(value) => Ok(value),
            // What failed inside of a template that was called says where already.
            Err(reason) if reason.starts_with("template: ") => Err(reason),
            Err(reason) => {
                self.at(command.at, command);
                self.error(&format!("error calling {name}: {reason}"))
            }
        }
    }

    /// `and` and `or` evaluate no further than they have to.
    fn short_circuit(&mut self, or: bool, args: &[Operand], last: Option<Value>, dot: &Value) -> Result<Value> {
        let mut value = None;
        for operand in args {
            let next = self.operand(operand, dot)?;
            if next.is_true() == or {
                return Ok(next);
            }
            value = Some(next);
        }
        if let Some(value) = last.or(value) {
            return Ok(value);
        }
        let name = if or { "or" } else { "and" };
        self.error(&format!("wrong number of args for {name}: want at least 1 got 0"))
    }

    fn argument(&mut self, operand: &Operand, wanted: Parameter, dot: &Value) -> Result<Value> {
        let constant = matches!(
            operand.kind,
            OperandKind::Bool(_)
                | OperandKind::Int(..)
                | OperandKind::Float(..)
                | OperandKind::Text(..)
                | OperandKind::Nil
        );
        let value = self.operand(operand, dot)?;
        self.at(operand.at, operand);
        if !constant {
            return self.check_type(value, wanted);
        }
        match (wanted, value) {
            (Parameter::Any, value) => Ok(value),
            (Parameter::Text, value @ Value::Text(_)) => Ok(value),
            (Parameter::Text, _) => self.error(&format!("expected string; found {operand}")),
            (_, Value::Nil) => self.error(&format!("cannot assign nil to {}", wanted.type_name())),
            (_, _) => self.error(&format!("can't handle {operand} for arg of type {}", wanted.type_name())),
        }
    }

    fn check_type(&mut self, value: Value, wanted: Parameter) -> Result<Value> {
        let fits = match wanted {
            Parameter::Any => true,
            Parameter::Text => matches!(value, Value::Text(_)),
            Parameter::Sample => matches!(value, Value::Sample(_)),
            Parameter::Vector => matches!(value, Value::Vector(_)),
        };
        if fits {
            return Ok(value);
        }
        let (wanted, got) = (wanted.type_name(), value.type_name());
        match value {
            Value::Nil => self.error(&format!("invalid value; expected {wanted}")),
            _ => self.error(&format!("wrong type for value; expected {wanted}; got {got}")),
        }
    }

    /// Asks a query; series without a text become samples.
    pub(super) fn ask(&self, query: &str) -> Result<Value> {
        let samples = (self.filling.ask)(query)?;
        let samples = samples
            .into_iter()
            .map(|sample| Value::Sample(Arc::new(super::value::Sample { labels: sample.labels, value: sample.value })));
        Ok(Value::Vector(Arc::new(samples.collect())))
    }
}
