//! Texts of others on a terminal: harmless, and as many columns wide as they are.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character would do something to a terminal rather than stand in it: control characters, and what turns the direction of
/// writing or breaks lines.
pub(super) fn is_command(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text that does nothing but stand where it is written: commands to a terminal are written out.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => plain.push_str("\\n"),
            '\r' => plain.push_str("\\r"),
            '\t' => plain.push_str("\\t"),
            // Writing to a String can't fail.
            c if is_command(c) && (c as u32) < 0x100 => drop(write!(plain, "\\x{:02x}", c as u32)),
            c if is_command(c) => drop(write!(plain, "\\u{{{:x}}}", c as u32)),
            c => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

/// Columns that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text of at most so many columns; what was longer ends with `…`.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    let (mut taken, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > room {
            break;
        }
        end = at + c.len_utf8();
    }
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Spaces that bring a text to so many columns.
pub(crate) fn fill(text: &str, columns: usize) -> String {
    " ".repeat(columns.saturating_sub(width(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_to_a_terminal_are_written_out() {
        assert_eq!(plain("order 5 failed"), "order 5 failed");
        assert_eq!(plain("a\x1b[2J\x07b\r\n\tc"), "a\\x1b[2J\\x07b\\r\\n\\tc");
        assert_eq!(plain("\u{9b}31m \u{202e}txt\u{2028}"), "\\x9b31m \\u{202e}txt\\u{2028}");
        assert_eq!(plain("übergröße 注文 👩‍🚀"), "übergröße 注文 👩‍🚀");
    }

    #[test]
    fn a_text_is_cut_at_columns_not_at_letters() {
        assert_eq!(cut("checkout", 8), "checkout");
        assert_eq!(cut("checkout", 5), "chec…");
        assert_eq!(cut("注文処理", 5), "注文…");
        assert_eq!(cut("注文処理", 4), "注…");
        assert_eq!(cut("checkout", 1), "…");
        assert_eq!(cut("checkout", 0), "");
        assert_eq!((width("注文"), fill("注文", 5).len()), (4, 1));
    }

    #[test]
    fn no_text_is_wider_than_it_was_cut_to() {
        let texts = ["", "a", "e\u{301}e\u{301}e\u{301}", "👩‍🚀👩‍🚀", "注a文b処", "\u{200b}\u{200b}x", "🇩🇪🇫🇷"];
        for text in texts {
            for columns in 0..12 {
                assert!(width(&cut(text, columns)) <= columns, "{text:?} in {columns}");
            }
        }
    }
}
