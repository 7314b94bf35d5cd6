//! The tokens of SQL: just enough to tell literals and comments from all the rest, in the dialects where they differ.
//!
//! A wrong turn at a quote would take what is inside for what is outside, so where a dialect leaves open how a quote is meant, the rest of
//! the text counts as a literal.

/// How a database reads quotes, backslashes and comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// PostgreSQL and what speaks its protocol.
    Postgres,
    /// SQLite.
    Sqlite,
    /// MySQL and MariaDB.
    MySql,
    /// Any other: what is ambiguous counts as a literal.
    Other,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a plain identifier.
    Word,
    /// An identifier in quotes.
    Quoted,
    /// In double quotes: an identifier, or text where there is none of that name.
    Doubtful,
    /// A string, a number, or what may be one.
    Literal,
    /// Where a value is bound.
    Placeholder,
    /// Any other character.
    Symbol,
    /// White space and comments.
    Space,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
}

impl Token<'_> {
    pub(super) fn is(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }
}

/// The tokens of a text, which together are the text.
pub(super) struct Tokens<'a> {
    dialect: Dialect,
    text: &'a str,
}

pub(super) fn tokens(dialect: Dialect, text: &str) -> Tokens<'_> {
    Tokens { dialect, text }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let (kind, len) = self.measure()?;
        // Only ASCII ends a token, so this is always a boundary.
        let (text, rest) = self.text.split_at_checked(len).unwrap_or((self.text, ""));
        self.text = rest;
        Some(Token { kind, text })
    }
}

impl Tokens<'_> {
    fn measure(&self) -> Option<(Kind, usize)> {
        let bytes = self.text.as_bytes();
        let (first, second) = (*bytes.first()?, bytes.get(1).copied().unwrap_or_default());
        let found = match first {
            _ if first.is_ascii_whitespace() => (Kind::Space, run(bytes, |byte| byte.is_ascii_whitespace())),
            b'-' if second == b'-' && self.dashes_comment(bytes) => (Kind::Space, line(bytes)),
            b'#' if self.dialect == Dialect::MySql => (Kind::Space, line(bytes)),
            b'/' if second == b'*' => (Kind::Space, self.comment(bytes)),
            b'\'' => (Kind::Literal, self.string(bytes, 0, self.dialect == Dialect::MySql)),
            b'"' => self.double_quoted(bytes),
            b'`' if self.dialect != Dialect::Postgres => {
                let kind = if self.dialect == Dialect::Other { Kind::Doubtful } else { Kind::Quoted };
                closed(bytes, b'`').map_or((Kind::Literal, bytes.len()), |len| (kind, len))
            }
            b'[' if self.dialect == Dialect::Sqlite => {
                closed(bytes, b']').map_or((Kind::Literal, bytes.len()), |len| (Kind::Quoted, len))
            }
            b'$' => self.dollar(bytes),
            b'?' => (Kind::Placeholder, self.question_mark(bytes)),
            b':' if second == b':' => (Kind::Symbol, 2),
            b':' | b'@' if is_start(second) => (Kind::Placeholder, 1 + run(&bytes[1..], is_part)),
            b'.' if second.is_ascii_digit() => (Kind::Literal, number(bytes)),
            _ if first.is_ascii_digit() => (Kind::Literal, number(bytes)),
            _ if is_start(first) => self.word(bytes),
            _ => (Kind::Symbol, 1),
        };
        Some(found)
    }

    /// MySQL asks for white space behind it; others would take what MySQL does for a comment.
    fn dashes_comment(&self, bytes: &[u8]) -> bool {
        self.dialect != Dialect::MySql
            || bytes.get(2).is_some_and(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
    }

    fn comment(&self, bytes: &[u8]) -> usize {
        let nests = match self.dialect {
            Dialect::Postgres => true,
            Dialect::Sqlite | Dialect::MySql => false,
            // Who knows: one that seems to nest never ends.
            Dialect::Other => true,
        };
        let (mut at, mut depth) = (2, 1);
        while at < bytes.len() {
            match bytes.get(at..at + 2) {
                Some(b"*/") => {
                    (at, depth) = (at + 2, depth - 1);
                    if depth == 0 {
                        return at;
                    }
                }
                Some(b"/*") if self.dialect == Dialect::Other => return bytes.len(),
                Some(b"/*") if nests => (at, depth) = (at + 2, depth + 1),
                _ => at += 1,
            }
        }
        bytes.len()
    }

    /// A string whose quote is at `open`; to the end where it is not closed.
    fn string(&self, bytes: &[u8], open: usize, backslashes: bool) -> usize {
        let quote = bytes[open];
        let mut at = open + 1;
        while let Some(&byte) = bytes.get(at) {
            if byte == b'\\' {
                if self.dialect == Dialect::Other {
                    return bytes.len();
                }
                at += if backslashes { 2 } else { 1 };
            } else if byte != quote {
                at += 1;
            } else if bytes.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                return at + 1;
            }
        }
        bytes.len()
    }

    fn double_quoted(&self, bytes: &[u8]) -> (Kind, usize) {
        match self.dialect {
            Dialect::Postgres => closed(bytes, b'"').map_or((Kind::Literal, bytes.len()), |len| (Kind::Quoted, len)),
            Dialect::MySql => (Kind::Doubtful, self.string(bytes, 0, true)),
            Dialect::Sqlite | Dialect::Other => (Kind::Doubtful, self.string(bytes, 0, false)),
        }
    }

    /// `$1`, `$name`, or the string `$tag$ … $tag$`.
    fn dollar(&self, bytes: &[u8]) -> (Kind, usize) {
        let digits = run(&bytes[1..], |byte| byte.is_ascii_digit());
        if digits > 0 {
            return (Kind::Placeholder, 1 + digits);
        }
        let tag = 1 + run(&bytes[1..], |byte| is_part(byte) && byte != b'$');
        let is_string = matches!(self.dialect, Dialect::Postgres | Dialect::Other) && bytes.get(tag) == Some(&b'$');
        if is_string {
            let delimiter = &bytes[..=tag];
            let rest = &bytes[delimiter.len()..];
            let end = rest.windows(delimiter.len()).position(|part| part == delimiter);
            return (Kind::Literal, end.map_or(bytes.len(), |end| end + 2 * delimiter.len()));
        }
        if tag > 1 { (Kind::Placeholder, tag) } else { (Kind::Symbol, 1) }
    }

    /// `?` or `?3`, which PostgreSQL doesn't know.
    fn question_mark(&self, bytes: &[u8]) -> usize {
        if self.dialect == Dialect::Postgres { 1 } else { 1 + run(&bytes[1..], |byte| byte.is_ascii_digit()) }
    }

    /// A word, or the string that it begins: `E'…'`, `x'…'`.
    fn word(&self, bytes: &[u8]) -> (Kind, usize) {
        let len = run(bytes, is_part);
        let is_prefix = len == 1 && b"bBeEnNxX".contains(&bytes[0]);
        if is_prefix && bytes.get(1) == Some(&b'\'') {
            let escapes =
                self.dialect == Dialect::MySql || self.dialect == Dialect::Postgres && matches!(bytes[0], b'e' | b'E');
            return (Kind::Literal, self.string(bytes, 1, escapes));
        }
        let is_truth = |word: &[u8]| word.eq_ignore_ascii_case(b"true") || word.eq_ignore_ascii_case(b"false");
        (if is_truth(&bytes[..len]) { Kind::Literal } else { Kind::Word }, len)
    }
}

/// How long the beginning is that is so.
fn run(bytes: &[u8], is_so: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_so(*byte)).unwrap_or(bytes.len())
}

fn line(bytes: &[u8]) -> usize {
    run(bytes, |byte| byte != b'\n')
}

fn is_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_part(byte: u8) -> bool {
    is_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// A number with all that clings to it: `1.5e-3`, `0xff`, `1_000`.
fn number(bytes: &[u8]) -> usize {
    let clings = |byte: u8| byte == b'.' || is_part(byte) && byte != b'$';
    let mut len = run(bytes, clings);
    let is_exponent = |len: usize| matches!(bytes[len - 1], b'e' | b'E') && !bytes[..len].contains(&b'x');
    while is_exponent(len)
        && matches!(bytes.get(len), Some(b'+' | b'-'))
        && bytes.get(len + 1).is_some_and(u8::is_ascii_digit)
    {
        len += 1 + run(&bytes[len + 1..], clings);
    }
    len
}

/// How long a quoted identifier is, with quotes doubled within it; none where it is not closed.
fn closed(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        if byte != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) && quote != b']' {
            at += 2;
        } else {
            return Some(at + 1);
        }
    }
    None
}
