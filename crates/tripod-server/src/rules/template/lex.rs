//! From the text of a template to tokens: what stands outside of `{{` and `}}`, and the words within.

use super::TemplateError;

/// A token, and the byte where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Text between actions.
    Text(String),
    /// `{{`
    Open,
    /// `}}`
    Close,
    Space,
    /// A function's name or a keyword.
    Word(String),
    /// `.name`
    Field(String),
    /// `.`
    Dot,
    /// `$` or `$name`
    Variable(String),
    /// As it is written.
    Number(String),
    /// What it stands for, and how it is written.
    Quoted(String, String),
    /// A character constant: its code, and how it is written.
    Char(i64, String),
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Comma,
    Pipe,
    OpenParen,
    CloseParen,
    End,
}

/// Splits a template into tokens.
pub(super) fn lex(name: &str, text: &str) -> Result<Vec<Token>, TemplateError> {
    Lexer { name, text, at: 0, tokens: Vec::new() }.run()
}

struct Lexer<'a> {
    name: &'a str,
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn run(mut self) -> Result<Vec<Token>, TemplateError> {
        let mut trim = false;
        loop {
            let rest = self.rest();
            let open = rest.find("{{");
            let mut text = &rest[..open.unwrap_or(rest.len())];
            let text_at = self.at;
            let trims_before = open.is_some_and(|open| trims_left(&rest[open + 2..]));
            if trim {
                text = text.trim_start_matches(is_space);
            }
            if trims_before {
                text = text.trim_end_matches(is_space);
            }
            if !text.is_empty() {
                self.tokens.push(Token { at: text_at, kind: Kind::Text(text.to_owned()) });
            }
            let Some(open) = open else { break };
            self.at += open;
            trim = self.action(trims_before)?;
        }
        self.tokens.push(Token { at: self.text.len(), kind: Kind::End });
        Ok(self.tokens)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, TemplateError> {
        Err(TemplateError::parse(self.name, self.text, self.at, message.into()))
    }

    fn push(&mut self, length: usize, kind: Kind) {
        self.tokens.push(Token { at: self.at, kind });
        self.at += length;
    }

    /// From `{{` to behind `}}`; whether white space after it goes.
    fn action(&mut self, trimmed: bool) -> Result<bool, TemplateError> {
        let start = self.at;
        self.at += if trimmed { 4 } else { 2 };
        if self.rest().starts_with("/*") {
            return self.comment();
        }
        self.tokens.push(Token { at: start, kind: Kind::Open });
        let mut parens = 0_usize;
        loop {
            let rest = self.rest();
            if let Some(after) = rest.strip_prefix(is_space).filter(|_| trims_right(rest)) {
                return self.close(rest.len() - after.len() + 1, parens).map(|()| true);
            }
            if rest.starts_with("}}") {
                return self.close(0, parens).map(|()| false);
            }
            match rest.chars().next() {
                None => return self.error("unclosed action"),
                Some('(') => parens += 1,
                Some(')') if parens == 0 => return self.error("unexpected right paren"),
                Some(')') => parens -= 1,
                Some(_) => {}
            }
            self.token()?;
        }
    }

    fn close(&mut self, skipped: usize, parens: usize) -> Result<(), TemplateError> {
        if parens > 0 {
            return self.error("unclosed left paren");
        }
        self.at += skipped;
        self.push(2, Kind::Close);
        Ok(())
    }

    fn comment(&mut self) -> Result<bool, TemplateError> {
        let Some(end) = self.rest()[2..].find("*/") else { return self.error("unclosed comment") };
        self.at += 2 + end + 2;
        let rest = self.rest();
        if rest.starts_with("}}") {
            self.at += 2;
            return Ok(false);
        }
        if trims_right(rest) {
            self.at += 4;
            return Ok(true);
        }
        self.error("comment ends before closing delimiter")
    }

    fn token(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return self.error("unclosed action") };
        match first {
            c if is_space(c) => {
                let mut length = rest.find(|c| !is_space(c)).unwrap_or(rest.len());
                // The last of it belongs to ` -}}`.
                if rest[length..].starts_with("-}}") && length > 1 {
                    length -= 1;
                }
                self.push(length, Kind::Space);
            }
            '(' => self.push(1, Kind::OpenParen),
            ')' => self.push(1, Kind::CloseParen),
            '|' => self.push(1, Kind::Pipe),
            ',' => self.push(1, Kind::Comma),
            '=' => self.push(1, Kind::Assign),
            ':' if rest.starts_with(":=") => self.push(2, Kind::Declare),
            ':' => return self.error("expected :="),
            '"' => return self.quoted(),
            '`' => return self.raw(),
            '\'' => return self.character(),
            '$' => {
                let name = word(&rest[1..]);
                self.push(1 + name.len(), Kind::Variable(format!("${name}")));
                return self.check_end();
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let name = word(&rest[1..]);
                let kind = if name.is_empty() { Kind::Dot } else { Kind::Field(name.to_owned()) };
                self.push(1 + name.len(), kind);
                return self.check_end();
            }
            c if c.is_ascii_digit() || matches!(c, '.' | '+' | '-') => return self.number(),
            c if c.is_alphabetic() || c == '_' => {
                let name = word(rest);
                self.push(name.len(), Kind::Word(name.to_owned()));
                return self.check_end();
            }
            c => return self.error(format!("unexpected {c:?} in action")),
        }
        Ok(())
    }

    /// A name ends where something else may begin.
    fn check_end(&mut self) -> Result<(), TemplateError> {
        match self.rest().chars().next() {
            Some(c) if !is_space(c) && !matches!(c, '.' | ',' | '|' | ':' | ')' | '(' | '}' | '=') => {
                self.error(format!("bad character U+{:04X} {c:?}", c as u32))
            }
            _ => Ok(()),
        }
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let digits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
        let mut length = 0;
        let mut before = ' ';
        for c in rest.chars() {
            let sign = matches!(c, '+' | '-') && (length == 0 || matches!(before, 'e' | 'E' | 'p' | 'P'));
            if !digits(c) && !sign {
                break;
            }
            length += c.len_utf8();
            before = c;
        }
        let text = rest[..length].to_owned();
        if !text.contains(|c: char| c.is_ascii_digit()) {
            return self.error(format!("bad number syntax: {text:?}"));
        }
        self.push(length, Kind::Number(text));
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), TemplateError> {
        match unquote(self.rest(), '"') {
            Some((value, length)) => {
                let written = self.rest()[..length].to_owned();
                self.push(length, Kind::Quoted(value, written));
                Ok(())
            }
            None => self.error("unterminated quoted string"),
        }
    }

    fn raw(&mut self) -> Result<(), TemplateError> {
        let Some(end) = self.rest()[1..].find('`') else { return self.error("unterminated raw quoted string") };
        let written = self.rest()[..end + 2].to_owned();
        self.push(end + 2, Kind::Quoted(written[1..=end].to_owned(), written));
        Ok(())
    }

    fn character(&mut self) -> Result<(), TemplateError> {
        let Some((value, length)) = unquote(self.rest(), '\'') else {
            return self.error("unterminated character constant");
        };
        let written = self.rest()[..length].to_owned();
        let mut chars = value.chars();
        let (Some(c), None) = (chars.next(), chars.next()) else {
            return self.error(format!("malformed character constant: {written}"));
        };
        self.push(length, Kind::Char(i64::from(u32::from(c)), written));
        Ok(())
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Whether what follows `{{` is `- `.
fn trims_left(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

/// Whether what follows is ` -}}`.
fn trims_right(rest: &str) -> bool {
    rest.strip_prefix(is_space).is_some_and(|rest| rest.starts_with("-}}"))
}

fn word(text: &str) -> &str {
    &text[..text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())]
}

/// A quoted text at the start: what it stands for, and its length as it is written.
fn unquote(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value: Vec<u8> = Vec::new();
    let mut at = 1;
    loop {
        let c = text.get(at..)?.chars().next()?;
        at += c.len_utf8();
        match c {
            '\n' => return None,
            '\\' => at += escape(text.get(at..)?, &mut value)?,
            c if c == quote => return Some((String::from_utf8_lossy(&value).into_owned(), at)),
            c => value.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
}

/// What stands behind a backslash; its length.
fn escape(rest: &str, value: &mut Vec<u8>) -> Option<usize> {
    let code = |from: usize, digits: usize, radix: u32| u32::from_str_radix(rest.get(from..from + digits)?, radix).ok();
    let c = rest.chars().next()?;
    let (byte, length) = match c {
        'a' => (7, 1),
        'b' => (8, 1),
        'f' => (12, 1),
        'n' => (b'\n', 1),
        'r' => (b'\r', 1),
        't' => (b'\t', 1),
        'v' => (11, 1),
        '\\' | '\'' | '"' => (c as u8, 1),
        'x' => (u8::try_from(code(1, 2, 16)?).ok()?, 3),
        '0'..='7' => (u8::try_from(code(0, 3, 8)?).ok()?, 3),
        'u' | 'U' => {
            let digits = if c == 'u' { 4 } else { 8 };
            let c = char::from_u32(code(1, digits, 16)?)?;
            value.extend(c.encode_utf8(&mut [0; 4]).bytes());
            return Some(1 + digits);
        }
        _ => return None,
    };
    value.push(byte);
    Some(length)
}
