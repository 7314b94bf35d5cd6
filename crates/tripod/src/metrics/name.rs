//! Names of instruments: OpenTelemetry's syntax, checked where an instrument is made.

use crate::Error;

/// The longest name, in characters.
const MAX_LENGTH: usize = 255;

/// Whether a name is allowed, and if not, what would be.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on_well = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte));
    if starts_well && goes_on_well && name.len() <= MAX_LENGTH {
        return Ok(());
    }
    let allowed = "a letter first, then letters, digits, `_`, `.`, `-` and `/`, all ASCII, 255 at most";
    Err(Error::MetricName { name: name.to_owned(), allowed })
}

/// What names are compared by: OpenTelemetry's are the same whatever their case.
pub(crate) fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_opentelemetrys_syntax_and_the_error_says_which() {
        for name in ["a", "http.server.request/duration-p99_s", &"x".repeat(255)] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "1st", "_hidden", "with space", "größe", "a:b", &"x".repeat(256)] {
            let message = check(name).unwrap_err().to_string();
            assert!(message.contains(&format!("{name:?}")) && message.contains("letter"), "{message}");
        }
    }
}
