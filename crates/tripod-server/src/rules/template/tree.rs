//! What a template is made of, and how its parts are written: errors show the part that failed.

use std::fmt;

/// One step of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Branch),
    Range(Branch),
    With(Branch),
    /// Byte where the name stands, name, data.
    Template(usize, String, Option<Pipeline>),
    Break,
    Continue,
}

/// A condition with its two ways.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) pipeline: Pipeline,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `$x := a | b`.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) at: usize,
    /// Variables that are set.
    pub(super) variables: Vec<String>,
    /// `=` instead of `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A function or value, and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) args: Vec<Operand>,
}

/// A value as it is written.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) kind: OperandKind,
}

#[derive(Debug, Clone)]
pub(super) enum OperandKind {
    Bool(bool),
    Int(i64, String),
    Float(f64, String),
    /// The text, and how it is written.
    Text(String, String),
    Nil,
    Dot,
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Function(String),
    Pipeline(Box<Pipeline>),
    /// Fields of what is in parentheses.
    Chain(Box<Operand>, Vec<String>),
}

fn fields(f: &mut fmt::Formatter<'_>, names: &[String]) -> fmt::Result {
    names.iter().try_for_each(|name| write!(f, ".{name}"))
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            OperandKind::Bool(value) => write!(f, "{value}"),
            OperandKind::Int(_, text) | OperandKind::Float(_, text) | OperandKind::Text(_, text) => f.write_str(text),
            OperandKind::Nil => f.write_str("nil"),
            OperandKind::Dot => f.write_str("."),
            OperandKind::Field(names) => fields(f, names),
            OperandKind::Variable(name, names) => {
                f.write_str(name)?;
                fields(f, names)
            }
            OperandKind::Function(name) => f.write_str(name),
            OperandKind::Pipeline(pipeline) => write!(f, "({pipeline})"),
            OperandKind::Chain(operand, names) => {
                write!(f, "{operand}")?;
                fields(f, names)
            }
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, operand) in self.args.iter().enumerate() {
            write!(f, "{}{operand}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            write!(f, "{}{command}", if i > 0 { " | " } else { "" })?;
        }
        Ok(())
    }
}
