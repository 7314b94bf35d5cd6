//! OpenTelemetry's own entry in `tracestate`, `ot`: with what probability a trace is sampled (`th`), and the random number that decides
//! where it is not the trace's id (`rv`).
//!
//! The other sub-keys of the entry, and the entries of others, stay as they came. An entry that is changed goes to the front, as W3C
//! asks.

use std::sync::Arc;

use super::tracestate;

const KEY: &str = "ot=";
const THRESHOLD: &str = "th";
const RANDOMNESS: &str = "rv";

/// Digits of a number of 56 bits.
const DIGITS: usize = 14;

/// Characters of the entry's value.
const MAX_LEN: usize = 256;

/// The number that decides on the trace, if it was given one.
pub(crate) fn randomness(trace_state: &str) -> Option<u64> {
    let digits = value(trace_state, RANDOMNESS)?;
    if digits.len() == DIGITS { number(digits) } else { None }
}

/// The numbers below this are not sampled, if that is known.
pub(crate) fn threshold(trace_state: &str) -> Option<u64> {
    let digits = value(trace_state, THRESHOLD)?;
    let missing = DIGITS.checked_sub(digits.len())?;
    Some(number(digits)? << (4 * missing))
}

/// The list with this threshold, or without one; `None` when nothing is left.
pub(crate) fn with_threshold(trace_state: &str, threshold: Option<u64>) -> Option<Arc<str>> {
    let others = entries(trace_state).filter(|entry| !entry.starts_with(KEY));
    let kept = parts(trace_state).filter(|part| key(part) != THRESHOLD).collect::<Vec<_>>().join(";");
    let threshold = threshold.map(|threshold| format!("{THRESHOLD}:{}", digits(threshold)));
    // Where there is no room for both, the older part stays.
    let room = MAX_LEN.saturating_sub(kept.len() + usize::from(!kept.is_empty()));
    let threshold = threshold.filter(|threshold| threshold.len() <= room).unwrap_or_default();
    let separator = if threshold.is_empty() || kept.is_empty() { "" } else { ";" };
    let own = format!("{KEY}{threshold}{separator}{kept}");
    let mut list = Vec::new();
    if own.len() > KEY.len() {
        list.push(&*own);
    }
    others.for_each(|entry| list.push(entry));
    tracestate::limited(list)
}

/// A number of 56 bits without the zeros at its end.
fn digits(number: u64) -> String {
    let digits = format!("{number:0DIGITS$x}");
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

fn number(digits: &str) -> Option<u64> {
    let are_digits = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if are_digits { u64::from_str_radix(digits, 16).ok() } else { None }
}

fn entries(trace_state: &str) -> impl Iterator<Item = &str> {
    trace_state.split(',').map(|entry| entry.trim_matches([' ', '\t'])).filter(|entry| !entry.is_empty())
}

/// The parts `key:value` of the entry.
fn parts(trace_state: &str) -> impl Iterator<Item = &str> {
    let entry = entries(trace_state).find_map(|entry| entry.strip_prefix(KEY)).unwrap_or_default();
    entry.split(';').filter(|part| !part.is_empty())
}

fn key(part: &str) -> &str {
    part.split(':').next().unwrap_or_default()
}

fn value<'a>(trace_state: &'a str, wanted: &str) -> Option<&'a str> {
    parts(trace_state).find(|part| key(part) == wanted).and_then(|part| part.split_once(':')).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_numbers_are_read_where_they_are_well_formed() {
        let state = "other=ot=th:1,ot=rv:00000000000abc;x:y;th:c,last=1";
        assert_eq!((randomness(state), threshold(state)), (Some(0xabc), Some(0xc << 52)));
        assert_eq!(threshold("ot=th:0"), Some(0));
        for bad in
            ["", "ot", "ot=", "ot=th", "ot=th:", "ot=th:C", "ot=th:g", "ot=th:123456789abcdef", "xot=th:1", "ot=th:+1"]
        {
            assert_eq!(threshold(bad), None, "{bad}");
        }
        for bad in ["ot=rv:abc", "ot=rv:0123456789ABCD", "ot=rv:0123456789abcde", "ot=rv:0123456789abc-"] {
            assert_eq!(randomness(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_others_wrote_stays() {
        let set = |state: &str, threshold| with_threshold(state, threshold).map(|state| state.to_string());
        assert_eq!(set("", Some(0xe666 << 40)).unwrap(), "ot=th:e666");
        assert_eq!(set("a=1,b=2", Some(0)).unwrap(), "ot=th:0,a=1,b=2");
        assert_eq!(set("a=1,ot=p:8;th:1;r:62,b=2", Some(8 << 52)).unwrap(), "ot=th:8;p:8;r:62,a=1,b=2");
        assert_eq!(set("a=1,ot=p:8;th:1;r:62,b=2", None).unwrap(), "ot=p:8;r:62,a=1,b=2");
        assert_eq!((set("ot=th:1", None), set("", None)), (None, None));
        let full = format!("ot=x:{}", "y".repeat(250));
        assert_eq!(set(&full, Some(1 << 52)).unwrap(), full, "there is no room");
    }

    proptest! {
        #[test]
        fn any_list_can_take_any_threshold_and_keeps_everything_else(
            entries in proptest::collection::vec("[a-z]{1,5}=[!-+./0-9:;<>?a-z]{1,20}", 0..8),
            ot in proptest::option::of("(th:[0-9a-f]{1,14}|x:[a-z]{0,9}|rv:[0-9a-f]{14}|)(;[a-z]{1,2}:[a-z0-9]{0,9}){0,3}"),
            at in 0_usize..8,
            new in proptest::option::of(0_u64..1 << 56),
        ) {
            let mut all: Vec<String> = entries.into_iter().filter(|entry| !entry.starts_with("ot=")).collect();
            let others = all.join(",");
            if let Some(ot) = ot {
                all.insert(at.min(all.len()), format!("ot={ot}"));
            }
            let before = all.join(",");
            let after = with_threshold(&before, new).map_or_else(String::new, |state| state.to_string());
            prop_assert_eq!(threshold(&after), new);
            prop_assert_eq!(randomness(&after), randomness(&before));
            let without_own = after.split(',').filter(|entry| !entry.starts_with("ot=")).collect::<Vec<_>>().join(",");
            prop_assert_eq!(without_own, others);
            prop_assert!(after.matches("ot=").count() <= before.matches("ot=").count() + 1);
        }

        #[test]
        fn any_text_is_survived(state in "\\PC{0,300}", new in proptest::option::of(0_u64..1 << 56)) {
            let _ = (randomness(&state), threshold(&state));
            if let Some(state) = with_threshold(&state, new) {
                prop_assert!(state.len() <= 512);
            }
        }
    }
}
