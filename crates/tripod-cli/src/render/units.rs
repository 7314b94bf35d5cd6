//! Numbers, durations and times for people.

use tripod_server::format_time;

/// Nanoseconds: `41.7ms`, `1.23s`, `2m05s`.
pub(crate) fn duration(nanos: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let value = nanos as f64 / unit as f64;
        let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
        format!("{}{name}", trimmed(&format!("{value:.decimals$}")))
    };
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..999_500 => scaled(1_000, "µs"),
        999_500..999_500_000 => scaled(1_000_000, "ms"),
        999_500_000..60_000_000_000 => scaled(1_000_000_000, "s"),
        _ => {
            let seconds = nanos / 1_000_000_000;
            match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
                (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
                (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
            }
        }
    }
}

/// A number in few signs: `0.0031`, `12.5`, `1.2k`, `3.4M`.
pub(crate) fn number(value: f64) -> String {
    const LARGE: [(f64, &str); 5] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let size = value.abs();
    if !value.is_finite() {
        return if value.is_nan() { "NaN".to_owned() } else { format!("{}Inf", if value > 0.0 { "+" } else { "-" }) };
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e18).contains(&size) {
        return format!("{value:.2e}");
    }
    let short = |value: f64| {
        let digits_before = value.abs().log10().floor().max(-4.0) as i32 + 1;
        let decimals = usize::try_from(3 - digits_before).unwrap_or(0);
        trimmed(&format!("{value:.decimals$}"))
    };
    match LARGE.iter().find(|(unit, _)| size >= *unit * 0.9995) {
        Some((unit, name)) => format!("{}{name}", short(value / unit)),
        None => short(value),
    }
}

/// Without zeros behind the point that say nothing.
fn trimmed(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

/// A time of day in UTC: `05:29:07.123`.
pub(crate) fn time_of_day(nanos: u64) -> String {
    format_time(nanos)[11..23].to_owned()
}

/// A day and a time in UTC: `2026-11-21 05:29:07.123`.
pub(crate) fn date_and_time(nanos: u64) -> String {
    let text = format_time(nanos);
    format!("{} {}", &text[..10], &text[11..23])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_three_digits_and_a_unit() {
        let expected = [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1µs"),
            (41_700, "41.7µs"),
            (999_600, "1ms"),
            (13_698_501, "13.7ms"),
            (403_270_157, "403ms"),
            (999_700_000, "1s"),
            (1_234_000_000, "1.23s"),
            (59_900_000_000, "59.9s"),
            (125_000_000_000, "2m05s"),
            (7_384_000_000_000, "2h03m"),
        ];
        for (nanos, text) in expected {
            assert_eq!(duration(nanos), text, "{nanos}");
        }
    }

    #[test]
    fn a_number_has_three_digits() {
        let expected = [
            (0.0, "0"),
            (1.0, "1"),
            (-12.34, "-12.3"),
            (0.766_666, "0.767"),
            (0.0031, "0.0031"),
            (0.000_02, "2.00e-5"),
            (999.0, "999"),
            (999.9, "1k"),
            (1234.0, "1.23k"),
            (183_649.0, "184k"),
            (5e6, "5M"),
            (1e20, "1.00e20"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in expected {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time_of_day(1_795_238_947_123_456_789), "05:29:07.123");
        assert_eq!(date_and_time(1_795_238_947_123_456_789), "2026-11-21 05:29:07.123");
    }
}
