//! JSON for programs, harmless on a terminal too: what JSON may have raw but a terminal acts on is escaped, which means the same.

use std::fmt::Write as _;

use serde_json::Value;

use super::text::is_command;

/// A value on a line of its own.
pub(crate) fn line(value: &Value) -> String {
    escaped(&value.to_string()) + "\n"
}

/// JSON text as it is, but for characters that do something to a terminal; JSON has them only within texts.
pub(crate) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // Below U+0080 only what stands between the values, and DEL, is left raw by who writes JSON.
        match c {
            '\n' => out.push(c),
            // Writing to a String can't fail.
            c if is_command(c) => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped_and_means_the_same() {
        let value = Value::from("a\x1b[0m\u{9b}1m\u{7f}\u{202e}\nü");
        let text = line(&value);
        assert_eq!(text, "\"a\\u001b[0m\\u009b1m\\u007f\\u202e\\nü\"\n");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
