//! Small pieces of text for people: times, durations, fields, colours, and what is not safe to print made safe.

use std::fmt::Write;

use tripod_wire::otlp::{AnyValue, KeyValue};

/// Whether and how parts of a line are coloured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paint {
    pub(crate) on: bool,
}

impl Paint {
    pub(crate) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// A log's level, padded to the longest one.
    pub(crate) fn level(self, level: &str) -> String {
        let code = match level {
            "TRACE" | "DEBUG" => "2",
            "INFO" => "32",
            "WARN" => "33",
            _ => "31",
        };
        self.with(code, &format!("{level:<5}"))
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Nanoseconds since the Unix epoch by RFC 3339, in UTC, to the millisecond.
pub(crate) fn time(unix_nanos: u64) -> String {
    format!("{}.{:03}Z", time_in_seconds(unix_nanos), unix_nanos / 1_000_000 % 1000)
}

/// The same to the nanosecond.
#[cfg(feature = "events")]
pub(crate) fn time_in_nanos(unix_nanos: u64) -> String {
    format!("{}.{:09}Z", time_in_seconds(unix_nanos), unix_nanos % 1_000_000_000)
}

fn time_in_seconds(unix_nanos: u64) -> String {
    let seconds = unix_nanos / 1_000_000_000;
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// What [`time_in_nanos`] has shown; `None` of anything else.
#[cfg(feature = "events")]
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second, nanos) = (number(11..13)?, number(14..16)?, number(17..19)?, number(20..29)?);
    let month = usize::try_from(month).ok().filter(|month| (1..=12).contains(month))?;
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leap_days(year) > leap_days(year.checked_sub(1)?);
    let days = year.checked_sub(1970)? * 365 + leap_days(year - 1) - leap_days(1969)
        + BEFORE_MONTH[month - 1]
        + u64::from(is_leap && month > 2)
        + day.checked_sub(1)?;
    let time = (((days * 24 + hour) * 60 + minute) * 60 + second).checked_mul(1_000_000_000)?.checked_add(nanos)?;
    (time_in_nanos(time) == text).then_some(time)
}

/// Year, month and day of a day since 1970-01-01. Years are counted from March, so that the leap day is a year's last.
fn date(day: u64) -> (u64, u64, u64) {
    const DAYS_IN_400_YEARS: u64 = 146_097;
    // From 0000-03-01.
    let day = day + 719_468;
    let (era, of_era) = (day / DAYS_IN_400_YEARS, day % DAYS_IN_400_YEARS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year + u64::from(month <= 2), month, of_year - (153 * from_march + 2) / 5 + 1)
}

/// A duration to three digits: `950 ns`, `12.3 ms`, `4.50 s`.
pub(crate) fn duration(nanos: u64) -> String {
    let (value, unit) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (nanos as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (nanos as f64 / 1e6, "ms"),
        _ => (nanos as f64 / 1e9, "s"),
    };
    let digits = match value {
        ..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// Text without control characters, which could change what the terminal shows elsewhere; lines and tabs stay.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !matches!(character, '\n' | '\t') {
            let _ = write!(out, "{}", character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// `key=value`, quoted where its end could not be seen otherwise.
pub(crate) fn field(attribute: &KeyValue) -> String {
    let key = clean(&attribute.key).replace('\n', " ");
    match &attribute.value {
        AnyValue::String(text)
            if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"') =>
        {
            format!("{key}={text:?}")
        }
        value => format!("{key}={}", clean(&value.to_string())),
    }
}

/// The text behind `indent`, line by line.
pub(crate) fn indented(text: &str, indent: &str) -> String {
    clean(text).lines().flat_map(|line| [indent, line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_right_on_leap_days_and_at_ends_of_years() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(time(1_735_689_599_999_000_000), "2024-12-31T23:59:59.999Z");
        assert_eq!(time(1_795_246_440_123_456_789), "2026-11-21T07:34:00.123Z");
    }

    #[cfg(feature = "events")]
    #[test]
    fn a_time_is_read_back_and_what_is_none_is_not() {
        for day in 0..80_000 {
            let time_of = day * 86_400_000_000_000 + 86_399_123_456_789;
            assert_eq!(parse_time(&time_in_nanos(time_of)), Some(time_of));
        }
        for wrong in
            ["", "2026-11-21T07:34:00Z", "2026-02-29T00:00:00.000000000Z", "2026-11-21 07:34:00.123456789Z", "äöü"]
        {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_have_three_digits() {
        let shown = [999, 1_234, 12_345_678, 123_456_789, 4_500_000_000].map(duration);
        assert_eq!(shown, ["999 ns", "1.23 µs", "12.3 ms", "123 ms", "4.50 s"]);
    }

    #[test]
    fn what_would_move_a_terminals_cursor_is_shown_instead() {
        assert_eq!(clean("a\x1b[2Jb\r"), "a\\u{1b}[2Jb\\r");
        assert_eq!(field(&KeyValue::new("k", "two words")), "k=\"two words\"");
    }
}
