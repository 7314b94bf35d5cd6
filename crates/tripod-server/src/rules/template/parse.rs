//! From tokens to the tree of a template.

use std::collections::BTreeMap;

use super::TemplateError;
use super::functions;
use super::lex::{Kind, Token, lex};
use super::tree::{Branch, Command, Node, Operand, OperandKind, Pipeline};

/// How deep actions and parentheses may be nested; evaluation stays far from the end of a thread's stack.
const MAX_DEPTH: usize = 64;

/// Words that are no functions.
const KEYWORDS: [&str; 10] = ["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];

/// The steps of a template, and those of the templates it defines.
pub(super) struct Parsed {
    pub(super) main: Vec<Node>,
    pub(super) defined: BTreeMap<String, Vec<Node>>,
}

/// Parses a template.
pub(super) fn parse(name: &str, text: &str) -> Result<Parsed> {
    let tokens = lex(name, text)?;
    let mut parser = Parser {
        name,
        text,
        tokens,
        next: 0,
        variables: vec!["$".to_owned()],
        defined: BTreeMap::new(),
        depth: 0,
        ranges: 0,
    };
    let (main, end) = parser.list(true)?;
    match end {
        Stop::Text => Ok(Parsed { main, defined: parser.defined }),
        Stop::End => parser.error("unexpected {{end}}"),
        Stop::Else => parser.error("unexpected {{else}}"),
    }
}

/// What ends a list of steps.
#[derive(Clone, Copy, PartialEq)]
enum Stop {
    Text,
    End,
    Else,
}

struct Parser<'a> {
    name: &'a str,
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    /// Those that can be named here.
    variables: Vec<String>,
    defined: BTreeMap<String, Vec<Node>>,
    depth: usize,
    ranges: usize,
}

type Result<T> = std::result::Result<T, TemplateError>;

impl Parser<'_> {
    fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        let at = self.tokens[self.next.saturating_sub(1).min(self.tokens.len() - 1)].at;
        Err(TemplateError::parse(self.name, self.text, at, message.into()))
    }

    fn peek(&self) -> &Kind {
        &self.tokens[self.next.min(self.tokens.len() - 1)].kind
    }

    fn at(&self) -> usize {
        self.tokens[self.next.min(self.tokens.len() - 1)].at
    }

    fn take(&mut self) -> Token {
        let token = self.tokens[self.next.min(self.tokens.len() - 1)].clone();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while *self.peek() == Kind::Space {
            self.next += 1;
        }
    }

    fn unexpected<T>(&mut self, place: &str) -> Result<T> {
        let shown = match self.take().kind {
            Kind::Text(text) => format!("{text:?}"),
            Kind::Open => "{{".to_owned(),
            Kind::Close => "\"}}\"".to_owned(),
            Kind::Space => "\" \"".to_owned(),
            Kind::Word(word) if KEYWORDS.contains(&word.as_str()) => format!("<{word}>"),
            Kind::Word(word) | Kind::Variable(word) | Kind::Number(word) => format!("{word:?}"),
            Kind::Field(name) => format!("\".{name}\""),
            Kind::Dot => "<.>".to_owned(),
            Kind::Quoted(_, written) | Kind::Char(_, written) => format!("{written:?}"),
            Kind::Assign => "\"=\"".to_owned(),
            Kind::Declare => "\":=\"".to_owned(),
            Kind::Comma => "\",\"".to_owned(),
            Kind::Pipe => "\"|\"".to_owned(),
            Kind::OpenParen => "\"(\"".to_owned(),
            Kind::CloseParen => "\")\"".to_owned(),
            Kind::End => "EOF".to_owned(),
        };
        self.error(format!("unexpected {shown} in {place}"))
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return self.error(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Steps up to `{{end}}`, `{{else`, or the end of the text. After `{{else` the parser stands right behind the word.
    fn list(&mut self, top: bool) -> Result<(Vec<Node>, Stop)> {
        let mut nodes = Vec::new();
        loop {
            match self.take().kind {
                Kind::End => return if top { Ok((nodes, Stop::Text)) } else { self.error("unexpected EOF") },
                Kind::Text(text) => nodes.push(Node::Text(text)),
                _ => {
                    self.skip_space();
                    let word = match self.peek() {
                        Kind::Word(word) => word.clone(),
                        _ => String::new(),
                    };
                    match word.as_str() {
                        "end" => {
                            self.take();
                            self.close("end")?;
                            return Ok((nodes, Stop::End));
                        }
                        "else" => {
                            self.take();
                            return Ok((nodes, Stop::Else));
                        }
                        "define" if top => self.define()?,
                        "define" => return self.unexpected("command"),
                        word if KEYWORDS.contains(&word) => {
                            self.take();
                            nodes.push(self.deeper(|parser| parser.keyword(word))?);
                        }
                        _ => {
                            let pipeline = self.pipeline("command", &Kind::Close)?;
                            nodes.push(Node::Action(pipeline));
                        }
                    }
                }
            }
        }
    }

    fn close(&mut self, place: &str) -> Result<()> {
        self.skip_space();
        if *self.peek() == Kind::Close {
            self.take();
            return Ok(());
        }
        self.unexpected(place)
    }

    fn keyword(&mut self, word: &str) -> Result<Node> {
        match word {
            "if" => Ok(Node::If(self.branch("if")?)),
            "with" => Ok(Node::With(self.branch("with")?)),
            "range" => {
                self.ranges += 1;
                let branch = self.branch("range");
                self.ranges -= 1;
                Ok(Node::Range(branch?))
            }
            "template" => {
                let (at, name) = self.template_name("template clause")?;
                self.skip_space();
                let pipeline = if *self.peek() == Kind::Close {
                    self.take();
                    None
                } else {
                    Some(self.pipeline("template clause", &Kind::Close)?)
                };
                Ok(Node::Template(at, name, pipeline))
            }
            "block" => {
                let (at, name) = self.template_name("block clause")?;
                let pipeline = self.pipeline("block clause", &Kind::Close)?;
                self.body(&name)?;
                Ok(Node::Template(at, name, Some(pipeline)))
            }
            _ if self.ranges == 0 => self.error(format!("{{{{{word}}}}} outside {{{{range}}}}")),
            _ => {
                self.close(word)?;
                Ok(if word == "break" { Node::Break } else { Node::Continue })
            }
        }
    }

    fn template_name(&mut self, place: &str) -> Result<(usize, String)> {
        self.skip_space();
        let at = self.at();
        match self.peek().clone() {
            Kind::Quoted(name, _) => {
                self.take();
                Ok((at, name))
            }
            _ => self.unexpected(place),
        }
    }

    fn define(&mut self) -> Result<()> {
        self.take();
        let (_, name) = self.template_name("define clause")?;
        self.close("define clause")?;
        self.deeper(|parser| parser.body(&name))
    }

    /// The steps of a template that is defined here, which sees none of the variables around it.
    fn body(&mut self, name: &str) -> Result<()> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, end) = self.list(false)?;
        if end != Stop::End {
            return self.error(format!("unexpected {{{{else}}}} in define clause {name:?}"));
        }
        (self.variables, self.ranges) = (variables, ranges);
        self.defined.insert(name.to_owned(), nodes);
        Ok(())
    }

    fn branch(&mut self, word: &str) -> Result<Branch> {
        let visible = self.variables.len();
        let pipeline = self.pipeline(word, &Kind::Close)?;
        let (then, end) = self.list(false)?;
        let otherwise = if end == Stop::Else { self.otherwise(word)? } else { Vec::new() };
        self.variables.truncate(visible);
        Ok(Branch { pipeline, then, otherwise })
    }

    /// What follows `{{else`: `}}…{{end}}`, or ` if …}}` up to the same end.
    fn otherwise(&mut self, word: &str) -> Result<Vec<Node>> {
        self.skip_space();
        if matches!(self.peek(), Kind::Word(next) if next == word) && word != "range" {
            self.take();
            return Ok(vec![self.deeper(|parser| parser.keyword(word))?]);
        }
        self.close("else")?;
        match self.list(false)? {
            (nodes, Stop::End) => Ok(nodes),
            _ => self.error("expected end; found {{else}}"),
        }
    }

    fn pipeline(&mut self, place: &str, end: &Kind) -> Result<Pipeline> {
        self.skip_space();
        let at = self.at();
        let (variables, assigns) = self.declaration(place)?;
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == end {
                self.take();
                break;
            }
            if matches!(self.peek(), Kind::Pipe) {
                return self.unexpected(place);
            }
            commands.push(self.command(place, end)?);
            self.skip_space();
            if *self.peek() == Kind::Pipe {
                self.take();
            }
        }
        if commands.is_empty() {
            return self.error(format!("missing value for {place}"));
        }
        if let Some(late) = commands[1..].iter().find(|command| !can_take_value(command)) {
            let number = commands.iter().position(|command| std::ptr::eq(command, late)).unwrap_or(0) + 1;
            return self.error(format!("non executable command in pipeline stage {number}"));
        }
        if !assigns {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipeline { at, variables, assigns, commands })
    }

    /// `$x :=`, `$x =` or `$k, $v :=`.
    fn declaration(&mut self, place: &str) -> Result<(Vec<String>, bool)> {
        let start = self.next;
        let mut variables = Vec::new();
        while let Kind::Variable(name) = self.peek().clone() {
            self.take();
            self.skip_space();
            variables.push(name);
            match self.peek() {
                Kind::Comma if place == "range" && variables.len() == 1 => {
                    self.take();
                    self.skip_space();
                }
                Kind::Declare => {
                    self.take();
                    return Ok((variables, false));
                }
                Kind::Assign => {
                    self.take();
                    for name in &variables {
                        self.check_variable(name)?;
                    }
                    return Ok((variables, true));
                }
                Kind::Comma => return self.error(format!("too many declarations in {place}")),
                _ => break,
            }
        }
        self.next = start;
        Ok((Vec::new(), false))
    }

    fn check_variable(&self, name: &str) -> Result<()> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        self.error(format!("undefined variable {name:?}"))
    }

    fn command(&mut self, place: &str, end: &Kind) -> Result<Command> {
        let at = self.at();
        let mut args = Vec::new();
        loop {
            self.skip_space();
            if self.peek() == end || *self.peek() == Kind::Pipe {
                break;
            }
            args.push(self.operand(place)?);
            match self.peek() {
                Kind::Space | Kind::Pipe => {}
                kind if kind == end => {}
                _ => return self.unexpected("operand"),
            }
        }
        if args.is_empty() { self.error("empty command") } else { Ok(Command { at, args }) }
    }

    fn operand(&mut self, place: &str) -> Result<Operand> {
        let Token { at, kind } = self.take();
        let kind = match kind {
            Kind::Word(word) => match word.as_str() {
                "true" | "false" => OperandKind::Bool(word == "true"),
                "nil" => OperandKind::Nil,
                name if functions::is_known(name) => OperandKind::Function(word),
                name => return self.error(format!("function {name:?} not defined")),
            },
            Kind::Dot => OperandKind::Dot,
            Kind::Field(name) => OperandKind::Field(vec![name]),
            Kind::Variable(name) => {
                self.check_variable(&name)?;
                OperandKind::Variable(name, Vec::new())
            }
            Kind::Number(text) => self.number(text)?,
            Kind::Char(code, written) => OperandKind::Int(code, written),
            Kind::Quoted(value, written) => OperandKind::Text(value, written),
            Kind::OpenParen => {
                let pipeline = self.deeper(|parser| parser.pipeline("parenthesized pipeline", &Kind::CloseParen))?;
                OperandKind::Pipeline(Box::new(pipeline))
            }
            _ => {
                self.next -= 1;
                return self.unexpected(place);
            }
        };
        self.fields(Operand { at, kind })
    }

    /// `.a.b` right behind an operand. What has fields stands where the first of those behind it does.
    fn fields(&mut self, operand: Operand) -> Result<Operand> {
        let at = self.at();
        let mut names = Vec::new();
        while let Kind::Field(name) = self.peek().clone() {
            self.take();
            names.push(name);
        }
        if names.is_empty() {
            return Ok(operand);
        }
        let kind = match operand.kind {
            OperandKind::Field(first) => OperandKind::Field(first.into_iter().chain(names).collect()),
            OperandKind::Variable(name, _) => OperandKind::Variable(name, names),
            OperandKind::Bool(_)
            | OperandKind::Int(..)
            | OperandKind::Float(..)
            | OperandKind::Text(..)
            | OperandKind::Nil
            | OperandKind::Dot => return self.error(format!("unexpected . after term {:?}", operand.to_string())),
            _ => OperandKind::Chain(Box::new(operand), names),
        };
        Ok(Operand { at, kind })
    }

    fn number(&self, text: String) -> Result<OperandKind> {
        let plain = text.replace('_', "");
        let (sign, digits) = match plain.strip_prefix(['+', '-']) {
            Some(digits) => (if plain.starts_with('-') { "-" } else { "" }, digits),
            None => ("", plain.as_str()),
        };
        let lower = digits.to_ascii_lowercase();
        let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find(|(prefix, _)| lower.starts_with(prefix));
        if let Some((_, radix)) = radix {
            return match i64::from_str_radix(&format!("{sign}{}", &digits[2..]), radix) {
                Ok(value) => Ok(OperandKind::Int(value, text)),
                Err(_) => self.error(format!("bad number syntax: {text:?}")),
            };
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // A leading zero means octal, as everywhere in Go.
            let radix = if digits.len() > 1 && digits.starts_with('0') { 8 } else { 10 };
            return match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
                Ok(value) => Ok(OperandKind::Int(value, text)),
                Err(_) => self.error(format!("integer overflow: {text:?}")),
            };
        }
        match plain.parse::<f64>() {
            Ok(value) if value.is_finite() && !lower.contains(['n', 'i']) => Ok(OperandKind::Float(value, text)),
            _ => self.error(format!("bad number syntax: {text:?}")),
        }
    }
}

/// Whether the value before `|` can be given to it: constants take none.
fn can_take_value(command: &Command) -> bool {
    let kind = command.args.first().map(|operand| &operand.kind);
    !matches!(
        kind,
        Some(
            OperandKind::Bool(_)
                | OperandKind::Int(..)
                | OperandKind::Float(..)
                | OperandKind::Text(..)
                | OperandKind::Nil
                | OperandKind::Dot
        )
    )
}
