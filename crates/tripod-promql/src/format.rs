//! Numbers as Prometheus writes them.

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

#[cfg(test)]
mod tests {
    use super::*;

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
