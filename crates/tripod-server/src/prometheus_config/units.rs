//! Durations and sizes as Prometheus' configuration writes them.

use std::time::Duration;

use tripod_promql::{DURATION_UNITS, parse_duration};

/// Units of size; as in Prometheus all are powers of two.
const SIZES: [(&str, u32); 7] = [("B", 0), ("K", 10), ("M", 20), ("G", 30), ("T", 40), ("P", 50), ("E", 60)];

/// Reads `15s`, `1h30m`, `0`: whole numbers with units, larger ones first.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("is {text:?} but must be a duration like 30s, 5m or 1h30m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    // What the original can count: 64 bits of nanoseconds.
    let millis = parse_duration(text).filter(|millis| *millis <= i64::MAX / 1_000_000).ok_or_else(wrong)?;
    Ok(Duration::from_millis(millis.unsigned_abs()))
}

/// A duration as Prometheus writes it: `1m`, `1h30m`, `0s`.
pub(crate) fn format_duration(time: Duration) -> String {
    let mut millis = time.as_millis() as u64;
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    for (at, (unit, length)) in DURATION_UNITS.into_iter().enumerate() {
        let length = length.unsigned_abs();
        // Years and weeks only where nothing is left over.
        if millis >= length && (at > 1 || millis.is_multiple_of(length)) {
            out.extend([(millis / length).to_string().as_str(), unit]);
            millis %= length;
        }
    }
    out
}

/// Reads `10MB`, `512KiB`, `0`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("is {text:?} but must be a size like 10MB or 512KiB");
    if text == "0" {
        return Ok(0);
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let letter = unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B').filter(|rest| !rest.is_empty()));
    let (_, shift) = SIZES.iter().find(|(name, _)| *name == letter.unwrap_or(unit)).ok_or_else(wrong)?;
    let bytes = number.parse::<f64>().map_err(|_| wrong())? * (1_u64 << shift) as f64;
    if bytes < 9e18 { Ok(bytes as u64) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_units_in_order() {
        for (text, seconds) in [("0", 0), ("15s", 15), ("1h30m", 5400), ("1d", 86_400), ("1y", 31_536_000)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!(duration("1s500ms"), Ok(Duration::from_millis(1500)));
        for wrong in ["", "15", "1.5s", "30m1h", "1s1s", "-1s", "1 s", "1x", "99999999999999999999s", "300000y"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["0s", "15s", "1m30s", "1h", "1d", "1w", "1y", "8d", "250ms"] {
            assert_eq!(format_duration(duration(text).unwrap_or_default()), text);
        }
    }

    #[test]
    fn sizes_are_powers_of_two() {
        for (text, bytes) in
            [("0", 0), ("10B", 10), ("1KB", 1024), ("1KiB", 1024), ("1.5MB", 3 << 19), ("2GiB", 2 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "10", "MB", "1XB", "-1MB", "99999EB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
