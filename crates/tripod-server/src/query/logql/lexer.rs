//! The words of LogQL. One cursor over the text serves the selector, the stages and what is around range aggregations.

use super::ParseError;

/// A position in a query.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'q> {
    query: &'q str,
    at: usize,
}

impl<'q> Cursor<'q> {
    pub(super) fn new(query: &'q str) -> Self {
        Self { query, at: 0 }
    }

    /// Where it stands, in bytes.
    pub(super) fn offset(&self) -> usize {
        self.at
    }

    /// The text from `start` to here.
    pub(super) fn since(&self, start: usize) -> &'q str {
        &self.query[start..self.at]
    }

    pub(super) fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    pub(super) fn error(&self, reason: impl Into<String>) -> ParseError {
        ParseError::at(self.query, self.at, reason)
    }

    pub(super) fn error_at(&self, offset: usize, reason: impl Into<String>) -> ParseError {
        ParseError::at(self.query, offset, reason)
    }

    /// "unexpected X, expected Y" for what comes next.
    pub(super) fn unexpected(&mut self, expected: &str) -> ParseError {
        self.skip_space();
        let word: String = self.rest().chars().take_while(|c| !c.is_whitespace()).take(20).collect();
        let found = if word.is_empty() { "end of query".to_owned() } else { format!("{word:?}") };
        self.error(format!("syntax error: unexpected {found}, expected {expected}"))
    }

    /// Skips white space and comments.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    pub(super) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    /// The next character that is not space.
    pub(super) fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.rest().chars().next()
    }

    /// Takes `text` if it comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Takes a word if it comes next as a whole one.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let before = self.clone();
        if self.word().is_some_and(|found| found.eq_ignore_ascii_case(word)) {
            return true;
        }
        *self = before;
        false
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), ParseError> {
        if self.take(text) { Ok(()) } else { Err(self.unexpected(&format!("{text:?}"))) }
    }

    /// One character, whatever it is.
    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// A name: letters, digits, `_`, `:` and, as OpenTelemetry has them, dots; not beginning with a digit.
    pub(super) fn word(&mut self) -> Option<&'q str> {
        self.skip_space();
        let rest = self.rest();
        let begins = rest.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
        let end = rest.find(|c: char| !goes_on(c)).unwrap_or(rest.len());
        if !begins {
            return None;
        }
        self.at += end;
        Some(&rest[..end])
    }

    /// A label's name, which may be quoted.
    pub(super) fn name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Some('"' | '`') => self.text(),
            _ => self.word().map(str::to_owned).ok_or_else(|| self.unexpected("a label's name")),
        }
    }

    /// A text in quotes or backticks.
    pub(super) fn text(&mut self) -> Result<String, ParseError> {
        self.skip_space();
        let start = self.at;
        match self.peek() {
            Some('`') => {
                self.at += 1;
                let end = self.rest().find('`').ok_or_else(|| self.error_at(start, "this backtick is not closed"))?;
                let text = self.rest()[..end].to_owned();
                self.at += end + 1;
                Ok(text)
            }
            Some('"') => {
                self.at += 1;
                self.quoted(start)
            }
            _ => Err(self.unexpected("a text in quotes")),
        }
    }

    fn quoted(&mut self, start: usize) -> Result<String, ParseError> {
        let mut text = Vec::new();
        loop {
            let here = self.at;
            match self.bump() {
                None | Some('\n') => return Err(self.error_at(start, "this quote is not closed")),
                Some('"') => break,
                Some('\\') => self.escape(here, &mut text)?,
                Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        String::from_utf8(text).map_err(|_| self.error_at(start, "the escapes of this text make no UTF-8"))
    }

    /// Go's escapes.
    fn escape(&mut self, start: usize, text: &mut Vec<u8>) -> Result<(), ParseError> {
        let escaped = self.bump();
        let plain = match escaped {
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('r') => b'\r',
            Some('a') => 7,
            Some('b') => 8,
            Some('f') => 12,
            Some('v') => 11,
            Some(c @ ('\\' | '"' | '\'')) => c as u8,
            _ => 0,
        };
        if plain > 0 {
            text.push(plain);
            return Ok(());
        }
        let (digits, radix) = match escaped {
            Some('x') => (2, 16),
            Some('u') => (4, 16),
            Some('U') => (8, 16),
            Some('0'..='7') => {
                self.at -= 1;
                (3, 8)
            }
            _ => return Err(self.error_at(start, "there is no such escape; a backslash is written \\\\")),
        };
        let number = self.rest().get(..digits).and_then(|digits| u32::from_str_radix(digits, radix).ok());
        let wrong = || self.error_at(start, format!("this escape needs {digits} digits"));
        let number = number.ok_or_else(wrong)?;
        if matches!(escaped, Some('u' | 'U')) {
            let c = char::from_u32(number).ok_or_else(wrong)?;
            text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            text.push(u8::try_from(number).map_err(|_| wrong())?);
        }
        self.at += digits;
        Ok(())
    }

    /// The same, of which a sign is no part.
    pub(super) fn number_with_unit_unsigned(&mut self) -> Option<&'q str> {
        let signed = matches!(self.peek(), Some('-' | '+'));
        if signed { None } else { self.number_with_unit() }
    }

    /// A number, with what may follow it as a unit: `5`, `1.5s`, `10KB`, `-3e2`.
    pub(super) fn number_with_unit(&mut self) -> Option<&'q str> {
        self.skip_space();
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['-', '+']));
        let digits = rest[sign..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let end = rest[sign..].find(|c: char| !(c.is_alphanumeric() || c == '.')).map_or(rest.len(), |end| end + sign);
        if !digits {
            return None;
        }
        // The sign of an exponent.
        let end = match rest[end..].chars().next() {
            Some('-' | '+') if rest[..end].ends_with(['e', 'E']) && !rest[..end].contains("0x") => {
                let tail = &rest[end + 1..];
                end + 1 + tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())
            }
            _ => end,
        };
        self.at += end;
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_gos_escapes_or_backticks() {
        for (written, meant) in
            [(r#""a\n\t\"\\""#, "a\n\t\"\\"), (r"`a\n`", "a\\n"), (r#""\u00e4\x41\101""#, "äAA"), (r#"  """#, "")]
        {
            assert_eq!(Cursor::new(written).text().unwrap(), meant, "{written}");
        }
        for (wrong, reason) in [
            (r#""open"#, "line 1, col 1: this quote is not closed"),
            (r#""a\q""#, "line 1, col 3: there is no such escape"),
            (r#""\xff""#, "no UTF-8"),
            ("`open", "backtick"),
            ("x", "unexpected \"x\", expected a text"),
        ] {
            let error = Cursor::new(wrong).text().unwrap_err().to_string();
            assert!(error.contains(reason), "{wrong}: {error}");
        }
    }

    #[test]
    fn comments_are_space() {
        let mut cursor = Cursor::new(" # one\n  # two\n x.y:z{");
        assert_eq!(cursor.word(), Some("x.y:z"));
        assert_eq!(cursor.peek(), Some('{'));
    }

    #[test]
    fn numbers_bring_their_units() {
        for (text, number) in
            [("5)", "5"), ("1.5s ", "1.5s"), ("-2e-3)", "-2e-3"), ("10KiB|", "10KiB"), ("1h30m]", "1h30m")]
        {
            assert_eq!(Cursor::new(text).number_with_unit(), Some(number), "{text}");
        }
        assert_eq!(Cursor::new("x").number_with_unit(), None);
    }
}
