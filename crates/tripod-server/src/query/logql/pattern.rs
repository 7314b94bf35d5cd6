//! Patterns of lines: `<ip> - <user> [<_>] "<method> <path>"`. What stands between the captures must stand in the line; a capture takes
//! all up to it.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `<name>`; `<_>` has no name.
    Capture(Option<String>),
}

impl Pattern {
    /// A pattern that finds labels.
    pub(super) fn of_parser(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text)?;
        if !pattern.0.iter().any(|part| matches!(part, Part::Capture(Some(_)))) {
            return Err("the pattern has no capture like <name>".to_owned());
        }
        Ok(pattern)
    }

    /// A pattern that lines match or not, whose captures have no names.
    pub(super) fn of_filter(text: &str) -> Result<Self, String> {
        let pattern = Self::read(text)?;
        if pattern.0.iter().any(|part| matches!(part, Part::Capture(Some(_)))) {
            return Err("in a filter, captures have no names: write <_>".to_owned());
        }
        Ok(pattern)
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some((name, tail)) = capture(rest) {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                } else if matches!(parts.last(), Some(Part::Capture(_))) {
                    return Err(
                        "between two captures there must be a text that tells where the first one ends".to_owned()
                    );
                }
                let name = (name != "_").then(|| name.to_owned());
                if name.is_some() && parts.contains(&Part::Capture(name.clone())) {
                    return Err(format!("the capture <{}> occurs twice", name.unwrap_or_default()));
                }
                parts.push(Part::Capture(name));
                rest = tail;
            } else {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        if parts.is_empty() {
            return Err("the pattern is empty".to_owned());
        }
        Ok(Self(parts))
    }

    /// Calls `found` with the captures of a line, as far as it matches.
    pub(super) fn captures<'p, 'l>(&'p self, line: &'l str, mut found: impl FnMut(&'p str, &'l str)) -> bool {
        let mut rest = line;
        let mut open: Option<&Option<String>> = None;
        for part in &self.0 {
            match part {
                Part::Capture(name) => open = Some(name),
                Part::Literal(text) => {
                    // At the beginning the text must stand at once.
                    let at = if open.is_some() {
                        rest.find(text.as_str())
                    } else {
                        rest.starts_with(text.as_str()).then_some(0)
                    };
                    let Some(at) = at else { return false };
                    if let Some(Some(name)) = open.take() {
                        found(name, &rest[..at]);
                    }
                    rest = &rest[at + text.len()..];
                }
            }
        }
        if let Some(Some(name)) = open {
            found(name, rest);
        }
        true
    }

    /// Whether a line matches from its beginning to its end.
    pub(super) fn matches(&self, line: &str) -> bool {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return false };
        let ends_well = match last {
            Part::Literal(text) => line.ends_with(text.as_str()),
            Part::Capture(_) => true,
        };
        let begins_well = match first {
            Part::Literal(text) => line.starts_with(text.as_str()),
            Part::Capture(_) => true,
        };
        begins_well && ends_well && self.captures(line, |_, _| {})
    }
}

/// `<name>` at the beginning of a text, and what follows.
fn capture(text: &str) -> Option<(&str, &str)> {
    let (name, tail) = text.strip_prefix('<')?.split_once('>')?;
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_take_all_up_to_what_follows_them() {
        let pattern = Pattern::of_parser(r#"<ip> - [<_>] "<method> <path>" <status>"#).unwrap();
        let mut found = Vec::new();
        assert!(pattern.captures(r#"1.2.3.4 - [now] "GET /a b" 200"#, |name, value| found.push((name, value))));
        assert_eq!(found, [("ip", "1.2.3.4"), ("method", "GET"), ("path", "/a b"), ("status", "200")]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, reason) in [("", "empty"), ("<a><b>", "between two"), ("plain", "no capture"), ("<a> <a>", "twice")]
        {
            assert!(Pattern::of_parser(text).unwrap_err().contains(reason), "{text}");
        }
        assert!(Pattern::of_filter("<a> x").unwrap_err().contains("no names"));
    }

    #[test]
    fn a_filter_is_about_the_whole_line() {
        let pattern = Pattern::of_filter("took <_>ms").unwrap();
        assert!(pattern.matches("took 5ms"));
        assert!(!pattern.matches("it took 5ms"));
        assert!(!pattern.matches("took 5ms!"));
    }
}
