//! Spans of time on the command line: `7d`, `36h`, `200ms`.

use std::time::Duration;

/// A hundred years: clocks can add it to any time.
const MAX_MILLISECONDS: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// Reads a whole number above 0 and a unit: `ms`, `s`, `m`, `h`, `d` or `w`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time like 200ms, 90s, 30m, 36h, 7d or 2w");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        "w" => 7 * 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    let milliseconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    let allowed = milliseconds.filter(|time| (1..=MAX_MILLISECONDS).contains(time));
    allowed.map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse("1w"), parse("7d"));
        for wrong in ["", "7", "d", "0d", "-1h", "1.5h", "3 d", "101w4", "6000w", "99999999999999999w"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
