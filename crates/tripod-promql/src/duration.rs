//! Durations as Prometheus writes them in queries, parameters and files: `15s`, `1h30m`.

/// Units in the order in which they must come, with their milliseconds.
pub const DURATION_UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Milliseconds of whole numbers with units that fall from years to milliseconds, each at most once.
///
/// ```
/// assert_eq!(tripod_promql::parse_duration("1h30m"), Some(5_400_000));
/// assert_eq!(tripod_promql::parse_duration("30m1h"), None);
/// ```
pub fn parse_duration(text: &str) -> Option<i64> {
    let (mut total, mut rest, mut next) = (0_i64, text, 0);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, tail) = tail.split_at(tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len()));
        let at = next + DURATION_UNITS[next..].iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(DURATION_UNITS[at].1)?)?;
        (rest, next) = (tail, at + 1);
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn units_fall_and_come_once() {
        let year = 365 * 86_400_000;
        for (text, millis) in [("0s", 0), ("15s", 15_000), ("1y2w3d4h5m6s7ms", year + 1_483_506_007), ("1s500ms", 1500)]
        {
            assert_eq!(parse_duration(text), Some(millis), "{text}");
        }
        for wrong in ["", "15", "s", "1.5s", "30m1h", "1s1s", "-1s", "1 s", "1x", "1S", "99999999999999999999s", "1mö"]
        {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
