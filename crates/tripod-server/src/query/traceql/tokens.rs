//! A text in pieces: numbers, texts, names, operators, each with where it stands.

use super::ParseError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    Text(String),
    /// A word: `name`, `span:status`, `count`.
    Word(String),
    /// An attribute: its scope (nothing for `.key`) and its key.
    Attribute(String, String),
    /// One of [`SYMBOLS`].
    Symbol(&'static str),
    End,
}

/// The longest come first.
const SYMBOLS: [&str; 26] = [
    "&&", "||", "!=", "=~", "!~", ">=", "<=", ">>", "<<", "{", "}", "(", ")", "=", ">", "<", "~", "!", "|", "+", "-",
    "*", "/", "%", "^", ",",
];

/// The longest query that is read, in bytes.
const MAX_LENGTH: usize = 16 << 10;

/// A token, and where it begins, in characters.
pub(super) type Placed = (Token, usize);

/// The tokens of a text; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, ParseError> {
    if text.len() > MAX_LENGTH {
        let reason = format!("the query is {} bytes long, at most {MAX_LENGTH} are read", text.len());
        return Err(ParseError { position: 0, reason });
    }
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let is_end = token.0 == Token::End;
        tokens.push(token);
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
}

/// Whether a character may be in an attribute's name that is not quoted.
fn in_attribute(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,\"`".contains(c)
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn error<T>(position: usize, reason: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { position, reason: reason.into() })
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let start = self.at;
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn next(&mut self) -> Result<Placed, ParseError> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let Some(c) = self.peek() else { return Ok((Token::End, start)) };
        let after = self.chars.get(start + 1).copied();
        let token = match c {
            '"' | '`' => Token::Text(self.text(c)?),
            '0'..='9' => self.number()?,
            '.' if after.is_some_and(|c| c.is_ascii_digit()) && !self.looks_like_attribute() => self.number()?,
            '.' => self.attribute(String::new())?,
            c if c.is_alphabetic() || c == '_' => self.word()?,
            _ => self.symbol()?,
        };
        Ok((token, start))
    }

    /// Whether what begins with a point and a digit goes on as a name: `.5xx`.
    fn looks_like_attribute(&self) -> bool {
        let rest = self.chars[self.at + 1..].iter().take_while(|c| in_attribute(**c));
        rest.clone().any(|c| c.is_alphabetic())
            && !rest.collect::<String>().chars().all(|c| "0123456789nsmuµh.".contains(c))
    }

    fn symbol(&mut self) -> Result<Token, ParseError> {
        let rest: String = self.chars[self.at..].iter().take(2).collect();
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            self.at += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        let c = rest.chars().next().unwrap_or_default();
        Self::error(self.at, format!("{c:?} is not part of the language"))
    }

    /// A name, an intrinsic with its scope, or an attribute.
    fn word(&mut self) -> Result<Token, ParseError> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
        match self.peek() {
            Some('.') => self.attribute(word),
            Some(':') => {
                self.at += 1;
                let name = self.take_while(|c| c.is_alphanumeric() || c == '_');
                Ok(Token::Word(format!("{word}:{name}")))
            }
            _ => Ok(Token::Word(word)),
        }
    }

    /// `.key` with the point to come; parts of it may be quoted.
    fn attribute(&mut self, scope: String) -> Result<Token, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut key = String::new();
        while let Some(c) = self.peek() {
            if c == '"' {
                key.push_str(&self.text(c)?);
            } else if in_attribute(c) {
                key.push(c);
                self.at += 1;
            } else {
                break;
            }
        }
        if key.is_empty() {
            return Self::error(start, "an attribute's name is expected after the point");
        }
        Ok(Token::Attribute(scope, key))
    }

    /// A text in quotes: with escapes in `"…"`, as it is in `` `…` ``.
    fn text(&mut self, quote: char) -> Result<String, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.peek() else { return Self::error(start, "the text is not closed") };
            self.at += 1;
            match c {
                c if c == quote => return Ok(text),
                '\\' if quote == '"' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let at = self.at;
        let c = self.peek();
        self.at += 1;
        let digits = match c {
            Some('n') => return Ok('\n'),
            Some('t') => return Ok('\t'),
            Some('r') => return Ok('\r'),
            Some(c @ ('"' | '\\' | '\'')) => return Ok(c),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => return Self::error(at, "an escape is one of \\n \\t \\r \\\" \\\\ \\x00 \\u0000 \\U00000000"),
        };
        let hex: String = self.chars.iter().skip(self.at).take(digits).collect();
        self.at += digits;
        match u32::from_str_radix(&hex, 16).ok().filter(|_| hex.len() == digits).and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => Self::error(at, format!("{hex:?} is not the number of a character in {digits} hex digits")),
        }
    }

    /// A number, or a duration as Go writes it.
    fn number(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let mut text = self.take_while(|c| c.is_ascii_digit() || c == '.');
        // 1e9, 1.5e-3
        if self.peek().is_some_and(|c| c == 'e' || c == 'E') {
            text.push('e');
            self.at += 1;
            if let Some(sign @ ('+' | '-')) = self.peek() {
                text.push(sign);
                self.at += 1;
            }
            text.push_str(&self.take_while(|c| c.is_ascii_digit()));
        }
        if self.peek().is_some_and(char::is_alphabetic) {
            text.push_str(&self.take_while(|c| c.is_alphanumeric() || c == '.'));
            let nanos =
                super::super::time::parse_go_duration(&text).ok().and_then(|one| i64::try_from(one.as_nanos()).ok());
            return match nanos {
                Some(nanos) => Ok(Token::Duration(nanos)),
                None => {
                    Self::error(start, format!("{text:?} is neither a number nor a duration like 1.5s, 100ms or 1h30m"))
                }
            };
        }
        if let Ok(whole) = text.parse() {
            return Ok(Token::Int(whole));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Token::Float(value)),
            _ => Self::error(start, format!("{text:?} is not a number")),
        }
    }
}
