//! Numbers, durations and texts as Prometheus writes them.

use std::fmt::Write as _;

/// The shortest text that reads back as the same number, without an exponent.
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

/// Go's `%g`: the shortest text, with an exponent when it is below -4 or at least 21.
pub(crate) fn format_float_general(value: f64) -> String {
    if !value.is_finite() || value == 0.0 {
        return format_float(value);
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return format_float(value);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A duration such as `1h30m`; whole weeks and years only where nothing is left over.
pub(crate) fn format_duration(milliseconds: i64) -> String {
    const UNITS: [(&str, u64, bool); 7] = [
        ("y", 365 * 86_400_000, true),
        ("w", 7 * 86_400_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1000, false),
        ("ms", 1, false),
    ];
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let mut text = if milliseconds < 0 { "-".to_owned() } else { String::new() };
    let mut rest = milliseconds.unsigned_abs();
    for (unit, length, exact) in UNITS {
        if rest >= length && (!exact || rest.is_multiple_of(length)) {
            let _ = write!(text, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    text
}

/// A text in quotes that reads back as the same.
pub(crate) fn quote(text: &str) -> String {
    quote_bytes(text.as_bytes())
}

/// The same for bytes, those that are no text as `\xNN`.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => quoted += "\\\"",
                '\\' => quoted += "\\\\",
                '\n' => quoted += "\\n",
                '\r' => quoted += "\\r",
                '\t' => quoted += "\\t",
                '\x07' => quoted += "\\a",
                '\x08' => quoted += "\\b",
                '\x0b' => quoted += "\\v",
                '\x0c' => quoted += "\\f",
                c if c.is_ascii_control() => {
                    let _ = write!(quoted, "\\x{:02x}", u32::from(c));
                }
                c if c.is_control() => {
                    let _ = write!(quoted, "\\u{:04x}", u32::from(c));
                }
                c => quoted.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(quoted, "\\x{byte:02x}");
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_in_their_largest_units() {
        let shown: Vec<_> =
            [0, 300_000, 5_400_000, 8 * 86_400_000, 14 * 86_400_000, -1].into_iter().map(format_duration).collect();
        assert_eq!(shown, ["0s", "5m", "1h30m", "8d", "2w", "-1ms"]);
    }

    #[test]
    fn texts_are_quoted_byte_by_byte() {
        assert_eq!(quote_bytes(b"a\"\\\n\xc5z\x01"), r#""a\"\\\n\xc5z\x01""#);
        assert_eq!(quote("é"), "\"é\"");
    }

    #[test]
    fn numbers_read_as_in_prometheus() {
        let shown: Vec<_> =
            [1.0, -0.5, 1e21, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].into_iter().map(format_float).collect();
        assert_eq!(shown, ["1", "-0.5", "1000000000000000000000", "+Inf", "-Inf", "NaN"]);
        assert_eq!(format_float_general(1e21), "1e+21");
        assert_eq!(format_float_general(0.00001), "1e-05");
        assert_eq!(format_float_general(0.001), "0.001");
    }
}
