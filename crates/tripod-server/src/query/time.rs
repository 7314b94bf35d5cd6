//! Times in requests and answers: numbers since the Unix epoch, and RFC 3339.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tripod_promql::parse_duration;

const NANOS: i128 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Now, nanoseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads a time as nanoseconds since the Unix epoch: a number of seconds (with or without a fraction), of milli-, micro- or
/// nanoseconds (told apart by their size), or an RFC 3339 text.
pub(crate) fn parse(text: &str) -> Result<i128, String> {
    if text.bytes().filter(|b| *b == b'-').count() >= 2 && text.contains(':') {
        return parse_rfc3339(text).ok_or_else(|| format!("{text:?} is not a time like 2026-11-21T05:29:07.5Z"));
    }
    if let Ok(whole) = text.parse::<i64>() {
        let unit = match whole.unsigned_abs() {
            0..100_000_000_000 => NANOS,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        return Ok(i128::from(whole) * unit);
    }
    if let Some(exact) = parse_decimal_seconds(text) {
        return Ok(exact);
    }
    match text.parse::<f64>() {
        // Saturates at the ends of what fits.
        Ok(seconds) if seconds.is_finite() => Ok((seconds * 1e9).clamp(-1e28, 1e28) as i128),
        _ => Err(format!("{text:?} is neither a number since the Unix epoch nor an RFC 3339 time")),
    }
}

/// The same, as the store has times: what is before or behind them is the first or the last one.
pub fn parse_time(text: &str) -> Result<u64, String> {
    parse(text).map(clamp_nanos)
}

/// `1700000000.123456789`, without the rounding of a float.
fn parse_decimal_seconds(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.')?;
    let negative = whole.starts_with('-');
    let seconds: i64 = whole.parse().ok()?;
    let nanos = i128::from(parse_fraction(fraction)?);
    Some(i128::from(seconds) * NANOS + if negative { -nanos } else { nanos })
}

/// The digits after the point, as nanoseconds; further digits are cut off.
fn parse_fraction(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    padded.parse().ok()
}

fn parse_rfc3339(text: &str) -> Option<i128> {
    if !text.is_ascii() {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separator = |at: usize, allowed: &[u8]| text.as_bytes().get(at).is_some_and(|b| allowed.contains(b));
    let separators =
        separator(4, b"-") && separator(7, b"-") && separator(10, b"Tt ") && separator(13, b":") && separator(16, b":");
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !separators || !in_range {
        return None;
    }
    let rest = &text[19..];
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("0", rest),
    };
    let seconds = days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second - parse_zone(zone)?;
    Some(i128::from(seconds) * NANOS + i128::from(parse_fraction(fraction)?))
}

/// `Z` or `+01:00`, as seconds east of Greenwich.
fn parse_zone(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since the Unix epoch of a day of the Gregorian calendar. Years are counted from March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// A time of the store as RFC 3339 in UTC with nanoseconds: `2026-11-21T05:29:07.123456789Z`.
pub fn format_time(nanos: u64) -> String {
    format_rfc3339(nanos)
}

/// The inverse of [`days_from_civil`].
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// A time as RFC 3339 in UTC with nanoseconds.
pub(crate) fn format_rfc3339(nanos: u64) -> String {
    let (seconds, nanos) = ((nanos / 1_000_000_000) as i64, nanos % 1_000_000_000);
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// Nanoseconds as the store has them.
pub(crate) fn clamp_nanos(nanos: i128) -> u64 {
    u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
}

/// Nanoseconds as milliseconds, rounded down, as series have them.
pub(crate) fn to_millis(nanos: i128) -> i64 {
    let millis = nanos.div_euclid(1_000_000);
    i64::try_from(millis).unwrap_or(if millis < 0 { i64::MIN } else { i64::MAX })
}

/// A duration as Jaeger and Go write it: `1.2s`, `100ms`, `500us`, `1h30m`.
pub(crate) fn parse_go_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration like 1.2s, 100ms or 500us");
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = tail;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// A step or timeout as Prometheus has it: a number of seconds, or `1m30s`. In milliseconds.
pub(crate) fn parse_prometheus_duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is neither a number of seconds nor a duration like 30s or 5m");
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1000.0).round();
        return if millis.abs() < 9e15 { Ok(millis as i64) } else { Err(wrong()) };
    }
    parse_duration(text).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        let same = 1_795_238_947_123_000_000_i128;
        for text in
            ["1795238947.123", "1795238947123", "1795238947123000", "1795238947123000000", "2026-11-21T05:29:07.123Z"]
        {
            assert_eq!(parse(text).unwrap(), same, "{text}");
        }
        assert_eq!(parse("1795238947.123456789").unwrap(), 1_795_238_947_123_456_789);
        assert_eq!(parse("1.5e9").unwrap(), 1_500_000_000 * NANOS);
        assert_eq!(parse("-1.5").unwrap(), -1_500_000_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "NaN",
            "2026-13-01T00:00:00Z",
            "2026-11-21T05:29Z",
            "2026-11-21T05:29:07",
            "2026-11-21T05:29:07.Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_zone_is_taken_into_account() {
        assert_eq!(parse("2026-11-21T06:29:07+01:00").unwrap(), parse("2026-11-21T05:29:07Z").unwrap());
    }

    #[test]
    fn a_time_survives_the_way_to_text_and_back() {
        for nanos in [0, 951_782_399_999_999_999, 951_782_400_000_000_000, 1_795_238_947_123_456_789, u64::MAX] {
            assert_eq!(parse(&format_rfc3339(nanos)).unwrap(), i128::from(nanos));
        }
        assert_eq!(format_rfc3339(1_795_238_947_000_000_001), "2026-11-21T05:29:07.000000001Z");
    }

    #[test]
    fn durations_are_read_as_jaeger_and_prometheus_write_them() {
        assert_eq!(parse_go_duration("1.2s"), Ok(Duration::from_millis(1200)));
        assert_eq!(parse_go_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_go_duration("500us"), Ok(Duration::from_micros(500)));
        assert!(
            parse_go_duration("5").is_err() && parse_go_duration("fast").is_err() && parse_go_duration("").is_err()
        );
        assert_eq!(parse_prometheus_duration("0.5"), Ok(500));
        assert_eq!(parse_prometheus_duration("1m30s"), Ok(90_000));
        assert!(parse_prometheus_duration("30m1h").is_err() && parse_prometheus_duration("").is_err());
        assert!(parse_prometheus_duration("5 minutes").is_err() && parse_prometheus_duration("NaN").is_err());
    }
}
