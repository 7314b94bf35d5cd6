//! Variables in values: `${NAME}`, `${env:NAME}`, `${NAME:-otherwise}`; `$$` is a dollar.

/// The text with its variables' values, which are taken as they are; one that is not set is empty. `None` when there is a `${`
/// that is none of the above.
pub(super) fn substitute(text: &str, variables: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (reference, after) = after.split_once('}')?;
            let reference = reference.strip_prefix("env:").unwrap_or(reference);
            let (name, otherwise) = reference.split_once(":-").unwrap_or((reference, ""));
            let named = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            if !named {
                return None;
            }
            let value = variables(name).filter(|value| !value.is_empty());
            out.push_str(value.as_deref().unwrap_or(otherwise));
            rest = after;
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_a_doubled_dollar_is_one() {
        let variables = |name: &str| match name {
            "HOST" => Some("otlp".to_owned()),
            "NESTED" => Some("${HOST}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let substitute = |text| substitute(text, &variables);
        for (text, expected) in [
            ("plain $5", "plain $5"),
            ("http://${HOST}:4318", "http://otlp:4318"),
            ("${env:HOST}${HOST}", "otlpotlp"),
            ("${MISSING:-http://a:1}", "http://a:1"),
            ("${EMPTY:-other}", "other"),
            ("a${MISSING}b", "ab"),
            ("$${HOST} $$$${X}", "${HOST} $${X}"),
            ("${NESTED}", "${HOST}"),
        ] {
            assert_eq!(substitute(text).as_deref(), Some(expected), "{text}");
        }
        for wrong in ["${HOST", "${1A}", "${a b}", "${file:HOST}", "${}"] {
            assert_eq!(substitute(wrong), None, "{wrong}");
        }
    }
}
