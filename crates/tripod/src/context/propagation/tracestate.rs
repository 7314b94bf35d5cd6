//! W3C's `tracestate`: what other systems along the way say of the trace, passed on as it came.
//!
//! Only a sampler changes an entry, OpenTelemetry's own ([`super::ot`]); otherwise the order and all entries stay. A list that is malformed is dropped as a whole, as the
//! specification allows; of one that is long, 512 characters are passed on, the least that it asks for: entries
//! over 128 characters go first, then the last ones, which are the oldest.

use std::sync::Arc;

/// Entries that a list may have.
const MAX_ENTRIES: usize = 32;

/// Characters that are passed on.
const MAX_LEN: usize = 512;

/// Entries longer than this go first when a list is too long.
const LONG_ENTRY: usize = 128;

/// Characters of a key, and of a value.
const MAX_PART: usize = 256;

/// Joins the headers of one request; `None` when there is nothing to pass on.
pub(super) fn join<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Arc<str>> {
    let mut entries: Vec<&str> = Vec::new();
    for entry in headers.flat_map(|header| header.split(',')).map(trim).filter(|entry| !entry.is_empty()) {
        if entries.len() == MAX_ENTRIES || !is_valid(entry) {
            return None;
        }
        entries.push(entry);
    }
    limited(entries)
}

/// A list of these entries, as many as may be passed on.
pub(super) fn limited(mut entries: Vec<&str>) -> Option<Arc<str>> {
    entries.truncate(MAX_ENTRIES);
    shorten(&mut entries);
    (!entries.is_empty()).then(|| entries.join(",").into())
}

fn trim(entry: &str) -> &str {
    entry.trim_matches([' ', '\t'])
}

fn is_valid(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else { return false };
    let key_is_valid = key.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'));
    let value_is_valid = !value.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~' if byte != b'='));
    key.len() <= MAX_PART && value.len() <= MAX_PART && key_is_valid && value_is_valid
}

fn shorten(entries: &mut Vec<&str>) {
    let len = |entries: &[&str]| entries.iter().map(|entry| entry.len() + 1).sum::<usize>().saturating_sub(1);
    while len(entries) > MAX_LEN {
        let longest_last = entries.iter().rposition(|entry| entry.len() > LONG_ENTRY);
        entries.remove(longest_last.unwrap_or(entries.len() - 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(headers: &[&str]) -> Option<String> {
        join(headers.iter().copied()).map(|state| state.to_string())
    }

    #[test]
    fn several_headers_are_one_list_in_their_order() {
        assert_eq!(joined(&["a=1 , b=2", "", "t@v=x y/z!,"]).unwrap(), "a=1,b=2,t@v=x y/z!");
        assert_eq!(joined(&["", " , "]), None);
        assert_eq!(joined(&[]), None);
    }

    #[test]
    fn a_malformed_list_is_dropped_as_a_whole() {
        for bad in ["a", "=1", "A=1", "a=", "a=b=c", "a=é", "_a=1", "a b=1", "a=\u{7f}"] {
            assert_eq!(joined(&["ok=1", bad]), None, "{bad}");
        }
        assert_eq!(joined(&[&format!("{}=1", "k".repeat(257))]), None);
        let entries: Vec<String> = (0..33).map(|n| format!("k{n}=v")).collect();
        assert!(joined(&[&entries[..32].join(",")]).is_some());
        assert_eq!(joined(&[&entries.join(",")]), None);
    }

    #[test]
    fn of_a_list_that_is_too_long_the_long_entries_go_first_and_then_the_last() {
        let long = format!("long={}", "x".repeat(200));
        let entries: Vec<String> = (0..12).map(|n| format!("k{n:02}={}", "v".repeat(36))).collect();
        let list = joined(&[&long, &entries.join(",")]).unwrap();
        assert_eq!(list, entries.join(","), "491 characters");
        let entries: Vec<String> = (0..20).map(|n| format!("k{n:02}={}", "v".repeat(36))).collect();
        assert_eq!(joined(&[&entries.join(",")]).unwrap(), entries[..12].join(","));
    }
}
