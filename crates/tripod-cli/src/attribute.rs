//! An attribute on the command line: `http.route=/orders`.

/// A key and the value that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) key: String,
    pub(crate) value: String,
}

/// Reads a key and a value; what stands behind the first `=` is the value.
pub(crate) fn parse(text: &str) -> Result<Attribute, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Attribute { key: key.to_owned(), value: value.to_owned() }),
        _ => Err("expected a key and a value, like http.route=/orders".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        let attribute = |key: &str, value: &str| Ok(Attribute { key: key.to_owned(), value: value.to_owned() });
        assert_eq!(parse("a=b=c"), attribute("a", "b=c"));
        assert_eq!(parse("a="), attribute("a", ""));
        assert!(parse("a").is_err() && parse("=b").is_err());
    }
}
