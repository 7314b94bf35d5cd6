//! A body's template as people read it: its first line, with one hole for a value of several parts, such as an address or a time.

use crate::PATTERN_HOLE;
use crate::logs::body::HOLE;

/// A longer line is cut off.
const MAX_BYTES: usize = 512;

/// What may stand between two parts of one value.
const WITHIN: &[u8] = b"-:./,+_";

/// The pattern of a template.
pub(super) fn pattern_of(template: &[u8]) -> String {
    let line_end = memchr::memchr2(b'\n', b'\r', template).unwrap_or(template.len());
    let mut end = line_end.min(MAX_BYTES);
    while end > 0 && end < template.len() && is_continuation(template[end]) {
        end -= 1;
    }
    let mut pattern = String::with_capacity(end);
    let mut pieces = joined(&template[..end]).into_iter();
    pattern.push_str(&String::from_utf8_lossy(&pieces.next().unwrap_or_default()));
    for piece in pieces {
        pattern.push_str(PATTERN_HOLE);
        pattern.push_str(&String::from_utf8_lossy(&piece));
    }
    if end < template.len() && !pattern.ends_with(PATTERN_HOLE) {
        pattern.push_str(PATTERN_HOLE);
    }
    pattern
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// What stands before, between and behind holes; holes that are parts of one value are one.
fn joined(template: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    let mut holes = template.split(|byte| *byte == HOLE).peekable();
    while let Some(piece) = holes.next() {
        let is_inner = !pieces.is_empty() && holes.peek().is_some();
        let is_within = piece.is_empty() || matches!(piece, [one] if WITHIN.contains(one)) || piece == b"T";
        if !(is_inner && is_within) {
            pieces.push(piece.to_owned());
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(template: &str) -> String {
        pattern_of(template.replace('#', "\0").as_bytes())
    }

    #[test]
    fn values_of_several_parts_are_one_hole() {
        assert_eq!(pattern("took #.#ms, v#"), "took <_>ms, v<_>");
        assert_eq!(pattern("from #.#.#.#:# at #-#-#T#:#:#.#Z"), "from <_> at <_>Z");
        assert_eq!(pattern("#-#-#-#-# ok"), "<_> ok");
        assert_eq!(pattern("# # (#)"), "<_> <_> (<_>)");
        assert_eq!(pattern("plain"), "plain");
        assert_eq!(pattern(""), "");
    }

    #[test]
    fn a_pattern_is_about_the_first_line_and_not_endless() {
        assert_eq!(pattern("panic at #\n  frame # of #"), "panic at <_>");
        assert_eq!(pattern("it failed\n  frame"), "it failed<_>");
        let long = pattern(&"ä".repeat(400));
        assert_eq!(long, format!("{}<_>", "ä".repeat(256)));
    }
}
